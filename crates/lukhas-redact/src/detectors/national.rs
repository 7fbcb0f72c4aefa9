// SPDX-License-Identifier: Apache-2.0
//! National numbers with check digits. None is in a profile; each is asked for by its entity.

use crate::check::national;
use crate::context::Context;
use crate::detector::Detector;

pub(super) const TABLE: &[Detector] = &[
    // NHS Data Dictionary, "NHS Number": weights 10 to 2, modulus 11.
    Detector::pii("UK_NHS", "uk_nhs", r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}")
        .checked(national::uk_nhs)
        .with_context(Context::Raises(&["nhs", "patient", "health"]))
        .with_score(0.6),
    // Real Decreto 1553/2005: the letter is the number modulo 23.
    Detector::pii("ES_NIF", "es_nif", r"(?i)[0-9xyz][0-9]{7}-?[a-z]").checked(national::es_nif),
    // PESEL: weights 1, 3, 7, 9, modulus 10.
    Detector::pii("PL_PESEL", "pl_pesel", r"[0-9]{11}")
        .checked(national::pl_pesel)
        .with_context(Context::Raises(&["pesel"]))
        .with_score(0.6),
    // UIDAI: 12 digits, the first not 0 or 1, the last by Verhoeff's scheme.
    Detector::pii(
        "IN_AADHAAR",
        "in_aadhaar",
        r"[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}",
    )
    .checked(national::in_aadhaar)
    .with_context(Context::Raises(&["aadhaar", "aadhar", "uidai"]))
    .with_score(0.6),
    // Receita Federal, CPF: two digits modulo 11.
    Detector::pii(
        "BR_CPF",
        "br_cpf",
        r"[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2}",
    )
    .checked(national::br_cpf)
    .with_context(Context::Raises(&["cpf"]))
    .with_score(0.65),
];

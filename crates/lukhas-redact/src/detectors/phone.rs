// SPDX-License-Identifier: Apache-2.0
//! Telephone numbers. They come last, for they have the least of a form.

use crate::check::phone;
use crate::context::Context;
use crate::detector::Detector;

const WORDS: &[&str] = &[
    "phone",
    "phones",
    "telephone",
    "tel",
    "mobile",
    "cell",
    "cellphone",
    "call",
    "calling",
    "sms",
    "fax",
    "whatsapp",
    "dial",
    "desk",
    "message",
    "messages",
    "answering",
    "registered",
    "reach",
    "hotline",
    "landline",
    "telefon",
    "handy",
    "mobil",
    "téléphone",
    "portable",
    "teléfono",
];

pub(super) const TABLE: &[Detector] = &[
    // ITU-T E.164: a country code, 15 digits at most. Also with 00 or 011 in the place of the `+`.
    Detector::pii(
        "PHONE_NUMBER",
        "phone_international",
        r"(?:\+|00[ -]?|011[ -])[1-9](?:[ ./()-]{0,2}[0-9]){6,14}(?: ?(?:x|ext\.?|#) ?[0-9]{1,6})?",
    )
    .checked(phone::international)
    .with_context(Context::Raises(WORDS))
    .with_score(0.75),
    // North American Numbering Plan, with its separators.
    Detector::pii(
        "PHONE_NUMBER",
        "phone_nanp",
        r"(?:1[ .-]?)?(?:\([0-9]{3}\)[ .-]?|[0-9]{3}[ ./-])[0-9]{3}[ .-][0-9]{4}(?: ?(?:x|ext\.?|#) ?[0-9]{1,6})?",
    )
    .checked(phone::north_american)
    .with_context(Context::Raises(WORDS))
    .with_score(0.6),
    // National numbers with their trunk prefix 0: most of Europe, Australia, Israel, India.
    Detector::pii(
        "PHONE_NUMBER",
        "phone_trunk",
        r"\(?0[0-9]{1,5}\)?[ ./-][0-9]{2,8}(?:[ .-][0-9]{2,4}){0,4}",
    )
    .checked(phone::trunk)
    .with_context(Context::Raises(WORDS))
    .with_score(0.5),
    // Other groups, if a word says what they are.
    Detector::pii(
        "PHONE_NUMBER",
        "phone_grouped",
        r"(?:\([0-9]{1,5}\)[ .-]?|[0-9]{1,5}[ .-])[0-9]{2,8}(?:[ .-][0-9]{2,4}){0,4}(?: ?(?:x|ext\.?) ?[0-9]{1,6})?",
    )
    .checked(phone::grouped)
    .with_context(Context::Required(WORDS))
    .with_score(0.4),
    // Digits alone, if a word says what they are.
    Detector::pii("PHONE_NUMBER", "phone_digits", r"[0-9]{7,12}")
        .checked(phone::digits_alone)
        .with_context(Context::Required(WORDS))
        .with_score(0.4),
];

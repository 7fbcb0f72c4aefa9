// SPDX-License-Identifier: Apache-2.0
//! What makes a value of a match: check digits, ranges that are given out, signs of chance.

pub(crate) mod card;
pub(crate) mod crypto;
pub(crate) mod email;
pub(crate) mod iban;
pub(crate) mod ip;
pub(crate) mod key;
pub(crate) mod national;
pub(crate) mod phone;
pub(crate) mod secret;
pub(crate) mod us;

mod digits;
mod entropy;

#[cfg(test)]
mod tests;

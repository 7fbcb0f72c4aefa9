// SPDX-License-Identifier: Apache-2.0
//! OpenAI's Chat Completions.

mod answer;
mod plain;
mod request;

pub(super) use answer::ChatReader;
pub(super) use request::request;

// SPDX-License-Identifier: Apache-2.0
//! OpenAI's Responses.

mod answer;
mod request;

pub(super) use answer::ResponsesReader;
pub(super) use request::request;

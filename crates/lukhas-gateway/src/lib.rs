// SPDX-License-Identifier: Apache-2.0
//! The OpenAI-compatible facade: route table, admission, streaming, errors and the OpenAPI document.

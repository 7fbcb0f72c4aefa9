// SPDX-License-Identifier: Apache-2.0
//! What answers the routes.

pub(crate) mod admin;
pub(crate) mod chat;
pub(crate) mod embeddings;
pub(crate) mod models;
pub(crate) mod operations;
mod query;
pub(crate) mod responses;

pub(crate) use query::check_query;

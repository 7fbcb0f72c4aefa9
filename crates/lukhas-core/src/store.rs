// SPDX-License-Identifier: Apache-2.0
//! Answers that outlive their request.

use std::sync::Arc;

use bytes::Bytes;

use crate::{BoxFuture, Item};

/// A response as it is kept.
#[derive(Clone, Debug)]
pub struct StoredResponse {
    /// Identifier (`resp_…`).
    pub id: String,
    /// The response it continued.
    pub previous: Option<String>,
    /// The answer as the client got it: a JSON object.
    pub body: Bytes,
    /// The items of its request, identifiers given.
    pub input: Vec<Item>,
    /// The items of its answer, identifiers given.
    pub output: Vec<Item>,
}

/// Keeps responses for their tenant.
///
/// Every method takes the tenant first; what belongs to another tenant does not exist. A `put`
/// that has returned is visible to the next call.
pub trait ResponseStore: Send + Sync {
    /// Name for readiness checks, such as `memory`.
    fn name(&self) -> &'static str;

    /// Keeps `response`.
    fn put<'a>(
        &'a self,
        tenant: &'a str,
        response: StoredResponse,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The response `id`.
    fn get<'a>(
        &'a self,
        tenant: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Arc<StoredResponse>>, StoreError>>;

    /// Removes the response `id`; false when there is none. Later responses that continued it
    /// keep their conversation.
    fn delete<'a>(
        &'a self,
        tenant: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// The conversation before and up to the input of response `id`, oldest first: what its model
    /// was given.
    fn context<'a>(
        &'a self,
        tenant: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<Item>>, StoreError>>;

    /// Whether it works now.
    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// The store failed; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store failed: {0}")]
pub struct StoreError(pub String);

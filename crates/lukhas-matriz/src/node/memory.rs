// SPDX-License-Identifier: Apache-2.0
//! Memory: recalls the conversation so far.

#[cfg(test)]
mod tests;

use std::mem;
use std::sync::Arc;

use lukhas_core::{Item, Principal, ResponseStore, RunError, RunErrorKind, RunRequest};

use super::Wait;
use crate::matriz::Parts;

/// Puts the stored conversation that the request continues before its new items.
///
/// `None` when it continues none. Only the principal's tenant is searched. The request then holds
/// all there is, and continues nothing any more.
pub(crate) fn recall(
    parts: &Parts,
    principal: &Arc<Principal>,
    request: &mut RunRequest,
) -> Option<Wait> {
    let previous = request.previous.take()?;
    request.original = None;
    let store = parts.store.clone();
    let principal = Arc::clone(principal);
    let mut request = mem::take(request);
    Some(Box::pin(async move {
        let conversation = match store {
            Some(store) => conversation(&*store, &principal.tenant, &previous).await?,
            None => None,
        };
        let mut items = conversation.ok_or_else(|| not_found(&previous))?;
        items.append(&mut request.items);
        request.items = items;
        Ok(request)
    }))
}

/// What the model of response `id` was given, and what it answered.
async fn conversation(
    store: &dyn ResponseStore,
    tenant: &str,
    id: &str,
) -> Result<Option<Vec<Item>>, RunError> {
    let failed = |error| {
        tracing::error!(store = store.name(), %error, "a conversation could not be recalled");
        RunError::new(
            RunErrorKind::Internal,
            "The stored conversation could not be read.",
        )
    };
    let Some(response) = store.get(tenant, id).await.map_err(failed)? else {
        return Ok(None);
    };
    let Some(mut items) = store.context(tenant, id).await.map_err(failed)? else {
        return Ok(None);
    };
    items.extend_from_slice(&response.output);
    Ok(Some(items))
}

fn not_found(id: &str) -> RunError {
    let message = format!("Previous response with id `{id}` not found.");
    RunError::new(RunErrorKind::PreviousResponseNotFound, message)
        .with_param("previous_response_id")
}

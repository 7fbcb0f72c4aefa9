// SPDX-License-Identifier: Apache-2.0
//! Thought: chooses the provider that will answer.

use std::sync::Arc;

use lukhas_core::{Principal, Provider, RunError, RunRequest};

use crate::matriz::Parts;

/// The provider of the request's model, which from here on bears the provider's own name.
pub(crate) fn choose(
    parts: &Parts,
    principal: &Principal,
    request: &mut RunRequest,
) -> Result<Arc<dyn Provider>, RunError> {
    let Some(route) = parts.catalog.route(principal, &request.model) else {
        return Err(RunError::model_not_found(&request.model));
    };
    if *request.model != *route.model {
        request.model = String::from(&*route.model);
    }
    Ok(Arc::clone(&route.provider))
}

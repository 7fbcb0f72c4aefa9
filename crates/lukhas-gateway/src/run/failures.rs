// SPDX-License-Identifier: Apache-2.0
//! What went wrong in a stream, for the log: its status was sent before.

use std::sync::{Arc, Mutex, PoisonError};

use lukhas_core::Id;

use crate::ApiError;

/// The failures of one stream, in order. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failures(Arc<Mutex<Vec<ApiError>>>);

impl Failures {
    pub(crate) fn note(&self, error: ApiError) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.push(error);
    }

    /// Says in the log what of them is a defect of ours, and gives the code of the first.
    pub(crate) fn log(&self, request_id: Id) -> Option<&'static str> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.iter().for_each(|error| error.log(request_id));
        failures.first().map(|error| error.code().as_str())
    }
}

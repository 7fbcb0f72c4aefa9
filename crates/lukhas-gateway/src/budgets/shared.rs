// SPDX-License-Identifier: Apache-2.0
//! Budgets that replicas share: the same accounts, kept elsewhere.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use lukhas_observability::{Metrics, SharedLimitMetrics};
use lukhas_reliability::{Account, AccountBalance, SharedLedger, SharedRefused, SharedReservation};

use crate::limits::OnFailure;
use crate::{ApiError, ErrorCode};

/// Budgets that replicas share.
#[derive(Clone)]
pub struct SharedBudgets {
    /// Where they are counted.
    pub ledger: Arc<dyn SharedLedger>,
    /// What is done while that cannot be asked.
    pub on_failure: OnFailure,
}

/// The same, at work.
pub(super) struct Sharing {
    pub(super) budgets: SharedBudgets,
    metrics: SharedLimitMetrics,
}

/// Why nothing is reserved.
pub(super) enum Unreserved {
    /// The account of the line has too little left.
    Exceeded(usize, AccountBalance),
    Refused(ApiError),
}

impl Sharing {
    pub(super) fn new(budgets: SharedBudgets, metrics: &Metrics) -> Self {
        Self {
            budgets,
            metrics: metrics.shared_limits(),
        }
    }

    /// Reserves so much in each account; `None` when this process decides alone.
    pub(super) async fn reserve(
        &self,
        wanted: &[(Account, u64)],
        now: SystemTime,
    ) -> Result<Option<Box<dyn SharedReservation>>, Unreserved> {
        let reserved = self.budgets.ledger.reserve(wanted, now).await;
        match (reserved, self.budgets.on_failure) {
            (Ok(reserved), _) => Ok(Some(reserved)),
            (Err(SharedRefused::Exceeded { index, balance }), _) => {
                Err(Unreserved::Exceeded(index, balance))
            }
            (Err(SharedRefused::Unreachable(_)), OnFailure::Deny) => {
                self.metrics.denied();
                let error = ApiError::new(ErrorCode::StoreUnavailable, UNREACHABLE);
                Err(Unreserved::Refused(error))
            }
            (Err(SharedRefused::Unreachable(_)), OnFailure::Local) => {
                self.metrics.local();
                Ok(None)
            }
        }
    }
}

const UNREACHABLE: &str = "The budgets that cover this request cannot be checked now: what the \
                           servers count them in cannot be reached. Retry shortly.";

impl fmt::Debug for SharedBudgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedBudgets")
            .field("on_failure", &self.on_failure)
            .finish_non_exhaustive()
    }
}

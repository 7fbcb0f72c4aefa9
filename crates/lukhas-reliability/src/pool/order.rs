// SPDX-License-Identifier: Apache-2.0
//! The endpoints for the attempts at one request.

use std::fmt;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::{Lease, Pool};

/// The endpoints for the attempts at one request, one after another.
///
/// None comes twice while another is left that can be called; after that, the one tried longest
/// ago comes first.
pub struct Order<T> {
    pool: Pool<T>,
    /// Drawn from the caller's randomness, so that a retry needs none.
    rng: SmallRng,
    /// Where the attempts before the latest went: no memory is taken for the first.
    tried: Vec<usize>,
    latest: Option<usize>,
}

impl<T> Order<T> {
    /// An order in which nothing has been tried.
    pub(super) fn new(pool: Pool<T>, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self {
            pool,
            rng: SmallRng::from_rng(rng),
            tried: Vec::new(),
            latest: None,
        }
    }

    /// The endpoint for the next attempt.
    pub fn next_lease(&mut self) -> Lease<T> {
        self.tried.extend(self.latest.take());
        let lease = Lease::take(&self.pool.shared, &self.tried, &mut self.rng);
        self.latest = Some(lease.index());
        lease
    }
}

impl<T: fmt::Debug> fmt::Debug for Order<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order")
            .field("pool", &self.pool)
            .field("tried", &self.tried)
            .field("latest", &self.latest)
            .finish_non_exhaustive()
    }
}

// SPDX-License-Identifier: Apache-2.0
//! Leave to make a call.

use std::sync::Arc;

use lukhas_reliability::{Charge, SharedPermit, Slot};

use super::Limits;
use super::question::Settlement;
use crate::redis::scale::Amount;

/// Leave to make a call, which holds things until this is gone.
pub(super) struct Permit {
    pub(super) limits: Arc<Limits>,
    pub(super) slots: Vec<Slot>,
    pub(super) charges: Vec<Charge>,
}

impl Permit {
    /// What has to be said when the call has ended, which used `used(i)` of its charge `i`.
    fn settlements(&self, used: &dyn Fn(usize) -> u64) -> Vec<Settlement> {
        let slots = self.slots.iter().map(|slot| Settlement {
            id: slot.id(),
            held: Amount::SLOT,
            used: Amount::SLOT.nothing(),
        });
        let charges = self.charges.iter().enumerate();
        let held = charges.filter(|(_, charge)| charge.is_held());
        let held = held.map(|(index, charge)| {
            let quota = charge.bucket().quota();
            Settlement {
                id: charge.bucket().id(),
                held: Amount::of(quota, charge.cost()),
                used: Amount::of(quota, used(index)),
            }
        });
        slots.chain(held).collect()
    }

    fn end(&mut self, used: &dyn Fn(usize) -> u64) {
        let settlements = self.settlements(used);
        self.slots.clear();
        self.charges.clear();
        if !settlements.is_empty() {
            self.limits.settle(settlements);
        }
    }
}

impl SharedPermit for Permit {
    fn charges(&self) -> &[Charge] {
        &self.charges
    }

    fn settle(mut self: Box<Self>, used: &dyn Fn(usize) -> u64) {
        self.end(used);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.end(&|_| 0);
    }
}

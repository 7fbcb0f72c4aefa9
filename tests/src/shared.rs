// SPDX-License-Identifier: Apache-2.0
//! Limits and budgets that replicas share, kept in this process: so that the clock of a test can stand
//! still.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::SystemTime;

use lukhas_core::BoxFuture;
use lukhas_reliability::{
    Account, Charge, ConcurrencyLimiter, ConcurrencyPermit, Ledger, Limiter, Refused, Reservation,
    SharedCall, SharedLedger, SharedLimiter, SharedPermit, SharedRefusal, SharedRefused,
    SharedReservation, Unreachable,
};

/// Limits and budgets that replicas share, kept in this process. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct SharedHere(Arc<Here>);

#[derive(Debug, Default)]
struct Here {
    rates: Limiter,
    concurrency: ConcurrencyLimiter,
    ledger: Ledger,
    is_gone: AtomicBool,
    asked: AtomicUsize,
}

struct Permit {
    here: SharedHere,
    charges: Vec<Charge>,
    is_settled: bool,
    _slots: ConcurrencyPermit,
}

impl SharedHere {
    /// Has it be there or not.
    pub fn set_reachable(&self, is_reachable: bool) {
        self.0.is_gone.store(!is_reachable, Ordering::SeqCst);
    }

    /// What the budgets are counted in.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    /// How often it was asked.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    fn take(&self, call: SharedCall) -> Result<Box<dyn SharedPermit>, SharedRefusal> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        self.check().map_err(SharedRefusal::Unreachable)?;
        let SharedCall {
            slots,
            mut charges,
            mut spent,
        } = call;
        let here = &*self.0;
        let mut give_back = || {
            for charge in &mut spent {
                here.rates.refund(charge);
                let standing = here.rates.standing(charge.bucket());
                charge.checked(charge.admitted_at(), standing);
            }
            std::mem::take(&mut spent)
        };
        let slots = here.concurrency.acquire(slots);
        let slots = slots.map_err(|no_slot| SharedRefusal::NoSlot {
            no_slot,
            spent: give_back(),
        })?;
        if let Err(denied) = here.rates.check(&mut charges) {
            return Err(SharedRefusal::Denied {
                denied,
                charges,
                spent: give_back(),
            });
        }
        Ok(Box::new(Permit {
            here: self.clone(),
            charges,
            is_settled: false,
            _slots: slots,
        }))
    }
}

impl SharedLimiter for SharedHere {
    fn name(&self) -> &'static str {
        "here"
    }

    fn admit(
        &self,
        call: SharedCall,
    ) -> BoxFuture<'_, Result<Box<dyn SharedPermit>, SharedRefusal>> {
        Box::pin(async {
            // Like any that is not here.
            tokio::task::yield_now().await;
            self.take(call)
        })
    }

    fn check(&self) -> Result<(), Unreachable> {
        if self.0.is_gone.load(Ordering::SeqCst) {
            return Err(Unreachable("it is gone".into()));
        }
        Ok(())
    }
}

impl Permit {
    fn end(&mut self, used: &dyn Fn(usize) -> u64) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        let held = self.charges.iter().enumerate();
        for (index, charge) in held.filter(|(_, charge)| charge.is_held()) {
            self.here.0.rates.settle(charge, used(index));
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

impl SharedLedger for SharedHere {
    fn reserve(
        &self,
        wanted: &[(Account, u64)],
        now: SystemTime,
    ) -> BoxFuture<'_, Result<Box<dyn SharedReservation>, SharedRefused>> {
        let wanted = wanted.to_vec();
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.0.asked.fetch_add(1, Ordering::SeqCst);
            self.check().map_err(SharedRefused::Unreachable)?;
            let wanted: Vec<_> = wanted.iter().map(|(it, amount)| (it, *amount)).collect();
            match self.0.ledger.reserve(&wanted, now) {
                Ok(reserved) => Ok(Box::new(Reserved(reserved)) as _),
                Err(Refused::Exceeded { index, balance }) => {
                    Err(SharedRefused::Exceeded { index, balance })
                }
                Err(other) => panic!("{other}"),
            }
        })
    }
}

#[derive(Debug)]
struct Reserved(Reservation);

impl SharedReservation for Reserved {
    fn settle(self: Box<Self>, actual: &dyn Fn(usize) -> u64) {
        self.0.settle(actual).expect("it is in memory");
    }
}

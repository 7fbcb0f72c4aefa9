// SPDX-License-Identifier: Apache-2.0
//! What every [`ResponseStore`] must do.

mod fixture;
mod idempotency;
mod rules;

use lukhas_core::ResponseStore;

use self::fixture::Probe;

pub use self::idempotency::check_idempotency;

/// A rule that a store broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {detail}")]
pub struct Violation {
    /// The rule, as a sentence.
    pub rule: &'static str,
    /// What was seen instead.
    pub detail: String,
}

/// Checks that `store` keeps the rules of every [`ResponseStore`], for the tests of one.
///
/// They are, beyond the documentation of the trait:
/// - a response comes back as it was put, its body byte for byte;
/// - putting an identifier again replaces the response, and takes nothing away from those that
///   continued the one before;
/// - a response whose previous one is not there (any more) when it is put can be fetched, but has
///   no context, and neither have those that continue it: half a conversation is not shown as a
///   whole one;
/// - an identifier that cannot exist, whatever its characters, is not found, not an error.
///
/// The suite writes some 1,100 small responses under tenants of its own (`conformance-…`), and
/// expects to find none there.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), lukhas_store::Violation> {
/// lukhas_store::check_conformance(&lukhas_store::MemoryStore::default()).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The first [`Violation`].
pub async fn check_conformance(store: &dyn ResponseStore) -> Result<(), Violation> {
    let probe = |rule| Probe::new(store, rule);
    rules::is_healthy(probe("a store has a name and works")).await?;
    rules::comes_back(probe("a response comes back as it was put")).await?;
    rules::not_found(probe("what was never put is not found")).await?;
    rules::conversation(probe("the context is the conversation up to the input")).await?;
    rules::branches(probe("a response can be continued more than once")).await?;
    rules::delete(probe("a deleted response is gone, once")).await?;
    rules::survives_delete(probe("later responses keep their conversation")).await?;
    rules::replace(probe("putting again replaces")).await?;
    rules::lost(probe("half a conversation is not a context")).await?;
    rules::tenants(probe("another tenant's response does not exist")).await?;
    rules::long(probe("a long conversation is whole and in order")).await
}

#[cfg(test)]
mod tests;

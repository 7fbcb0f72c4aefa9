// SPDX-License-Identifier: Apache-2.0
//! What happens to a conversation that may not fit.

use lukhas_core::{RunError, RunRequest, Tokenizer};

use super::Limits;
use super::units::Units;
use super::weight::Count;

/// Refuses `request` if its input exceeds the limit.
pub(super) async fn refuse(
    tokenizer: &dyn Tokenizer,
    limits: Limits,
    request: &RunRequest,
) -> Result<(), RunError> {
    let mut count = Count::up_to(limits.hard, tokenizer);
    count.add_frame(request).await;
    for item in &request.items {
        if count.is_over() {
            break;
        }
        count.add_item(item).await;
    }
    within(limits, &count)
}

/// Drops the oldest items of `request` until the rest fits; refuses it when what must stay does
/// not.
pub(super) async fn shorten(
    tokenizer: &dyn Tokenizer,
    limits: Limits,
    request: &mut RunRequest,
) -> Result<(), RunError> {
    let kept = kept(tokenizer, limits, request).await?;
    let dropped = kept.iter().filter(|kept| !**kept).count();
    if dropped > 0 {
        tracing::debug!(
            dropped,
            kept = kept.len() - dropped,
            "shortened the conversation"
        );
        let mut kept = kept.into_iter();
        request.items.retain(|_| kept.next().unwrap_or(true));
    }
    Ok(())
}

/// Which items stay: the fixed ones, then from the newest on as many as fit. Older ones than the
/// first that does not fit are not even counted.
async fn kept(
    tokenizer: &dyn Tokenizer,
    limits: Limits,
    request: &RunRequest,
) -> Result<Vec<bool>, RunError> {
    let units = Units::of(&request.items);
    let mut kept = vec![false; request.items.len()];
    let mut count = Count::up_to(limits.hard, tokenizer);
    count.add_frame(request).await;
    for place in units.fixed().flatten() {
        count.add_item(&request.items[*place]).await;
        kept[*place] = true;
    }
    within(limits, &count)?;
    count.limit(limits.soft);
    for unit in units.loose().rev() {
        for place in unit {
            count.add_item(&request.items[*place]).await;
        }
        if count.is_over() {
            break;
        }
        for place in unit {
            kept[*place] = true;
        }
    }
    Ok(kept)
}

fn within(limits: Limits, count: &Count<'_>) -> Result<(), RunError> {
    if count.is_over() {
        return Err(limits.exceeded(count.tokens()));
    }
    Ok(())
}

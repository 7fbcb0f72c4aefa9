// SPDX-License-Identifier: Apache-2.0
//! Requests that carry the same `Idempotency-Key` are paid for once.

use super::*;

in_every_place! {
    an_answer_is_paid_for_once_however_often_it_is_given,
    a_budget_that_is_used_up_withholds_no_answer_and_its_denial_is_none,
    whoever_joins_an_answer_reserves_nothing,
    a_run_that_nobody_comes_back_for_is_settled_with_what_it_used,
}

impl Budgeted {
    /// Whether the answer, which is read to its end, had been given before.
    async fn is_given_again(&self, key: &str, asked: &(&str, Value)) -> bool {
        let response = self.keyed(key, asked).await;
        assert_eq!(response.status(), 200);
        let is_given_again = response.headers().contains_key("idempotent-replayed");
        response.into_body().collect().await.expect("a whole body");
        is_given_again
    }
}

fn stream(max_output_tokens: u64) -> (&'static str, Value) {
    let mut body = response(max_output_tokens);
    body["stream"] = json!(true);
    ("/v1/responses", body)
}

async fn an_answer_is_paid_for_once_however_often_it_is_given(place: Place) {
    let budget = Budgeted::new(place, rule(Some(100_000), None)).await;
    let embed = json!({"model": "text-embedding-3-small", "input": "one two three"});
    for asked in [
        ("/v1/responses", response(100)),
        stream(100),
        ("/v1/chat/completions", chat(false)),
        ("/v1/chat/completions", chat(true)),
        ("/v1/embeddings", embed),
    ] {
        let before = budget.balance(BudgetUnit::Tokens);
        let key = asked.1.to_string().len().to_string();
        assert!(!budget.is_given_again(&key, &asked).await);
        let first = budget.settled_since(before, BudgetUnit::Tokens);
        assert!(first > 0, "{asked:?}");
        assert!(budget.is_given_again(&key, &asked).await);
        assert_eq!(budget.settled_since(before, BudgetUnit::Tokens), first);
    }
}

async fn a_budget_that_is_used_up_withholds_no_answer_and_its_denial_is_none(place: Place) {
    let budget = Budgeted::new(place, rule(Some(130), None)).await;
    let asked = ("/v1/responses", response(100));
    assert!(!budget.is_given_again("first", &asked).await);
    assert_eq!(budget.keyed("second", &asked).await.status(), 429);
    assert!(budget.is_given_again("first", &asked).await);
    // December.
    budget.clock.store(12 * 3_600, Ordering::SeqCst);
    assert!(!budget.is_given_again("second", &asked).await);
}

async fn whoever_joins_an_answer_reserves_nothing(place: Place) {
    let second = Duration::from_secs(1);
    let budget = Budgeted::slow(place, rule(Some(130), None), second).await;
    let before = budget.balance(BudgetUnit::Tokens);
    let first = budget.keyed("k", &stream(100)).await;
    let held = budget.balance(BudgetUnit::Tokens);
    assert!(held.reserved > 100, "{held:?}");
    let joined = budget.keyed("k", &stream(100)).await;
    assert_eq!(joined.status(), 200);
    assert_eq!(budget.balance(BudgetUnit::Tokens), held);
    for answer in [joined, first] {
        answer.into_body().collect().await.expect("a whole stream");
    }
    let once = budget.settled_since(before, BudgetUnit::Tokens);
    assert!((1..100).contains(&once), "{once}");
}

async fn a_run_that_nobody_comes_back_for_is_settled_with_what_it_used(place: Place) {
    let second = Duration::from_secs(1);
    let budget = Budgeted::slow(place, rule(Some(1_000), None), 20 * second).await;
    let mut answer = budget.keyed("k", &stream(500)).await.into_body();
    read_to("output_text.delta", &mut answer).await;
    drop(answer);
    tokio::time::sleep(second).await;
    let held = budget.balance(BudgetUnit::Tokens);
    assert!(held.reserved > 500, "it lingers: {held:?}");
    // Half a minute is what it lingers.
    tokio::time::sleep(30 * second).await;
    let left = budget.balance(BudgetUnit::Tokens);
    assert_eq!(left.reserved, 0);
    assert!((1..100).contains(&left.settled), "{left:?}");
}

// SPDX-License-Identifier: Apache-2.0
//! Budgets that replicas share, and what is done while they cannot be asked.

use super::*;

async fn replica(here: &SharedHere, on_failure: OnFailure, rule: BudgetRule) -> Budgeted {
    let shared = SharedBudgets {
        ledger: Arc::new(here.clone()),
        on_failure,
    };
    let ledger = here.ledger().clone();
    Budgeted::keeping(ledger, Some(shared), rule, Options::default()).await
}

/// What a server says of requests that were decided without what replicas share.
async fn fallbacks(budget: &Budgeted, outcome: &str) -> u64 {
    let metrics = budget.server.client.get("/metrics").await.text();
    let name = format!("lukhas_limits_fallback_total{{outcome=\"{outcome}\"}} ");
    let count = metrics.lines().find_map(|line| line.strip_prefix(&name));
    count.map_or(0, |count| count.parse().expect("a number"))
}

#[tokio::test]
async fn replicas_that_share_spend_one_budget() {
    let here = SharedHere::default();
    let rule = rule(Some(250), None);
    let one = replica(&here, OnFailure::Deny, rule.clone()).await;
    let other = replica(&here, OnFailure::Deny, rule).await;
    let mut statuses = Vec::new();
    for replica in [&one, &other, &one, &other] {
        for _ in 0..10 {
            statuses.push(replica.ask("/v1/responses", &response(100)).await.0);
        }
    }
    let balance = one.balance(BudgetUnit::Tokens);
    assert!(
        balance.settled <= 250 && balance.reserved == 0,
        "{balance:?}"
    );
    let granted = statuses.iter().take_while(|status| **status == 200).count();
    assert!(granted > 1 && statuses[granted..].iter().all(|it| *it == 429));
}

#[tokio::test]
async fn what_cannot_be_asked_about_is_denied() {
    let here = SharedHere::default();
    let rule = BudgetRule {
        projects: vec!["default".into()],
        ..rule(Some(1_000), None)
    };
    let budget = replica(&here, OnFailure::Deny, rule).await;
    here.set_reachable(false);
    let answer = budget
        .head(&budget.server.client, "/v1/responses", &response(100))
        .await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    let (_, body) = budget.ask("/v1/responses", &response(100)).await;
    let error = json!({
        "message": "The budgets that cover this request cannot be checked now: what the servers count \
                    them in cannot be reached. Retry shortly.",
        "type": "server_error", "param": null, "code": "store_unavailable",
    });
    assert_eq!(body["error"], error);
    assert_eq!(fallbacks(&budget, "denied").await, 2);
    // Whom no budget covers is served, and so is everybody when it is back.
    let stranger = &budget.server.stranger;
    let other = budget.head(stranger, "/v1/responses", &response(100)).await;
    assert_eq!(other.status(), 200);
    here.set_reachable(true);
    assert_eq!(budget.ask("/v1/responses", &response(100)).await.0, 200);
    assert_eq!(fallbacks(&budget, "denied").await, 2);
    // Whether this process could record anything is neither here nor there.
    let ready = budget.server.client.get("/readyz").await;
    let checks = &ready.json()["checks"];
    assert!(
        checks["redis"].is_null() && checks["budgets"].is_null(),
        "{checks}"
    );
}

#[tokio::test]
async fn where_that_is_wanted_each_replica_then_spends_alone() {
    let here = SharedHere::default();
    let budget = replica(&here, OnFailure::Local, rule(Some(130), None)).await;
    let asked = response(100);
    let ask = || budget.ask("/v1/responses", &asked);
    assert_eq!(ask().await.0, 200);
    assert_eq!(ask().await.0, 429);
    let before = budget.balance(BudgetUnit::Tokens);
    here.set_reachable(false);
    // What it spends now is its own, from nothing.
    assert_eq!(ask().await.0, 200);
    assert_eq!(ask().await.0, 429);
    assert_eq!(fallbacks(&budget, "local").await, 2);
    assert_eq!(budget.balance(BudgetUnit::Tokens), before);
    here.set_reachable(true);
    assert_eq!(ask().await.0, 429);
}

#[tokio::test]
async fn a_request_is_settled_where_it_was_reserved() {
    let here = SharedHere::default();
    let budget = replica(&here, OnFailure::Local, rule(Some(1_000), None)).await;
    let mut body = response(100);
    body["stream"] = json!(true);
    let answer = budget
        .head(&budget.server.client, "/v1/responses", &body)
        .await;
    let held = budget.balance(BudgetUnit::Tokens);
    assert!(held.reserved > 100, "{held:?}");
    here.set_reachable(false);
    answer.into_body().collect().await.expect("a whole stream");
    let settled = budget.balance(BudgetUnit::Tokens);
    assert!(settled.reserved == 0 && settled.settled > 0, "{settled:?}");
}

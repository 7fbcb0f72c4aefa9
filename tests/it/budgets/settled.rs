// SPDX-License-Identifier: Apache-2.0
//! What a request used is settled when it ends, however it ends, and before its client knows.

use lukhas_mock::{MockOptions, MockServer};
use lukhas_providers::Dialect;
use lukhas_tests::{Patience, routed, upstream};

use super::*;

in_every_place! {
    every_way_to_end_settles_what_was_used,
    embeddings_are_settled,
    what_was_used_is_settled_before_the_client_reads_the_end,
    a_client_that_leaves_pays_for_what_it_heard,
}

fn chat_of(model: &str) -> Value {
    let message = json!({"role": "user", "content": SAID});
    json!({"model": model, "stream": true, "messages": [message]})
}

async fn every_way_to_end_settles_what_was_used(place: Place) {
    let budget = Budgeted::new(place, rule(Some(100_000), Some(10_u64.pow(12)))).await;
    let both = [BudgetUnit::Tokens, BudgetUnit::Money];
    let stand = || both.map(|unit| budget.balance(unit));
    let since =
        |before: [AccountBalance; 2]| [0, 1].map(|at| budget.settled_since(before[at], both[at]));
    let cost = |input: u64, output: u64| 2_000_000 * input + 10_000_000 * output;

    let before = stand();
    let (_, body) = budget.ask("/v1/responses", &response(100)).await;
    let (input, output) = (
        tokens(&body, "input_tokens"),
        tokens(&body, "output_tokens"),
    );
    assert!(input > 0 && output > 0);
    assert_eq!(
        since(before),
        [input + output, cost(input, output)],
        "whole"
    );

    let before = stand();
    let (_, cut) = budget.ask("/v1/responses", &response(16)).await;
    let said = tokens(&cut, "output_tokens");
    assert_eq!(
        since(before),
        [input + said, cost(input, said)],
        "incomplete"
    );

    let before = stand();
    let (_, body) = budget.ask("/v1/chat/completions", &chat(false)).await;
    let (input, output) = (
        tokens(&body, "prompt_tokens"),
        tokens(&body, "completion_tokens"),
    );
    // Each choice pays for its input; tokens are those of `usage`.
    let three = [input + output, cost(3 * input, output)];
    assert_eq!(since(before), three, "three choices");

    let before = stand();
    let stream = budget
        .head(&budget.server.client, "/v1/chat/completions", &chat(true))
        .await;
    stream.into_body().collect().await.expect("a whole stream");
    assert_eq!(since(before), three, "three choices, streamed");

    let before = stand();
    let mut wrong = chat(false);
    wrong["model"] = json!("nobody");
    assert_eq!(budget.ask("/v1/chat/completions", &wrong).await.0, 404);
    assert_eq!(since(before), [0, 0], "a request that fails uses nothing");
}

async fn embeddings_are_settled(place: Place) {
    let budget = Budgeted::new(place, rule(Some(1_000), None)).await;
    let before = budget.balance(BudgetUnit::Tokens);
    let embed = json!({"model": "text-embedding-3-small", "input": "one two three"});
    let (status, body) = budget.ask("/v1/embeddings", &embed).await;
    assert_eq!(status, 200);
    let used = tokens(&body, "total_tokens");
    assert_eq!(budget.settled_since(before, BudgetUnit::Tokens), used);
    let huge = json!({"model": "text-embedding-3-small", "input": "word ".repeat(2_000)});
    assert_eq!(budget.ask("/v1/embeddings", &huge).await.0, 429);
}

async fn what_was_used_is_settled_before_the_client_reads_the_end(place: Place) {
    let budget = Budgeted::new(place, rule(Some(1_000_000), None)).await;
    for (words, key) in [(3, None), (20_000, None), (3, Some("k"))] {
        let before = budget.balance(BudgetUnit::Tokens);
        let body = json!({
            "model": MODEL, "input": "word ".repeat(words), "store": false, "stream": true,
            "max_output_tokens": 50_000,
        });
        let path = "/v1/responses";
        let answer = match key {
            None => budget.head(&budget.server.client, path, &body).await,
            Some(key) => budget.keyed(key, &(path, body)).await,
        };
        // Whoever drops it has everything settled.
        let mut answer = answer.into_body();
        let text = read_to("event: response.completed", &mut answer).await;
        assert!(text.len() > words);
        assert!(
            budget.settled_since(before, BudgetUnit::Tokens) > 0,
            "{words} {key:?}"
        );
    }
}

#[tokio::test]
async fn what_an_upstream_says_in_its_own_words_ends_no_earlier() {
    let chat = (
        "/v1/chat/completions",
        chat_of("mock"),
        "\"finish_reason\":\"stop\"",
    );
    let asked = json!({"model": "mock", "input": SAID, "stream": true});
    let response = ("/v1/responses", asked, "event: response.completed");
    for dialect in [Dialect::Chat, Dialect::Responses, Dialect::Messages] {
        let mock = MockServer::start(MockOptions::default()).await;
        let mock = mock.expect("a mock");
        let patience = Patience::default();
        let upstream = upstream(dialect, &mock.url(), patience);
        let options = Options {
            other: Some(Arc::new(routed([(upstream, None)], patience))),
            ..Options::default()
        };
        let budget = Budgeted::with(Place::Own, rule(Some(100_000), None), options).await;
        for (path, body, end) in [&chat, &response] {
            let before = budget.balance(BudgetUnit::Tokens);
            let client = &budget.server.client;
            let mut answer = budget.head(client, path, body).await.into_body();
            read_to(end, &mut answer).await;
            let settled = budget.settled_since(before, BudgetUnit::Tokens);
            assert!(settled > 0, "{dialect:?} {path}");
        }
    }
}

async fn a_client_that_leaves_pays_for_what_it_heard(place: Place) {
    let rule = rule(Some(1_000), None);
    let budget = Budgeted::slow(place, rule, Duration::from_millis(10)).await;
    let mut body = response(500);
    body["stream"] = json!(true);
    let answer = budget
        .head(&budget.server.client, "/v1/responses", &body)
        .await;
    let mut answer = answer.into_body();
    for _ in 0..2 {
        answer.frame().await.expect("a piece").expect("a piece");
    }
    let held = budget.balance(BudgetUnit::Tokens);
    assert!(held.reserved > 500 && held.settled == 0, "{held:?}");
    drop(answer);
    let left = budget.balance(BudgetUnit::Tokens);
    assert_eq!(left.reserved, 0);
    assert!((1..100).contains(&left.settled), "{left:?}");
}

// SPDX-License-Identifier: Apache-2.0
//! Tokens: held as an estimate, settled with what was used, however the request ends.

use super::*;

in_every_place! {
    what_was_used_is_taken_when_it_is_known,
    every_way_to_end_settles,
    a_client_that_leaves_gives_back_what_it_did_not_use,
    what_can_never_be_admitted_is_not_to_be_tried_again,
    ten_minutes_admit_as_many_tokens_as_the_rule_says,
}

/// A rule of 1,000 tokens a minute, of every kind that `set` sets.
fn tokens(set: impl FnOnce(&mut LimitRule, Option<Quota>)) -> LimitRule {
    let mut rule = LimitRule {
        name: "tokens".into(),
        per: vec![Per::Key],
        ..LimitRule::default()
    };
    set(&mut rule, quota(1_000, 60, 1_000));
    rule
}

/// What is left of the tokens, told by a request that uses none of them.
async fn left(server: &TestServer) -> u64 {
    let counted = ask(
        server,
        "/v1/responses/input_tokens",
        Some(&json!({
            "model": "lukhas-matriz", "input": "x",
        })),
    )
    .await;
    let (limit, left, _) = counted.tokens.expect("a standing");
    assert_eq!(limit, 1_000);
    left
}

fn used(body: &Value, kind: &str) -> u64 {
    body["usage"][kind].as_u64().expect("a number")
}

async fn what_was_used_is_taken_when_it_is_known(place: Place) {
    for (set, kind) in [
        (
            (|rule, quota| rule.tokens = quota) as fn(&mut LimitRule, _),
            "total_tokens",
        ),
        (|rule, quota| rule.input_tokens = quota, "input_tokens"),
        (|rule, quota| rule.output_tokens = quota, "output_tokens"),
    ] {
        let server = server(place, [tokens(set)]).await;
        let mut body = response();
        body["max_output_tokens"] = json!(500);
        let answer = ask(&server, "/v1/responses", Some(&body)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let (_, held, _) = answer.tokens.expect("a standing");
        let input = used(&answer.body, "input_tokens");
        let estimate = match kind {
            "total_tokens" => 500 + input,
            "input_tokens" => input,
            _ => 500,
        };
        assert_eq!(held, 1_000 - estimate, "{kind}");
        assert_eq!(
            left(&server).await,
            1_000 - used(&answer.body, kind),
            "{kind}"
        );
    }
}

async fn every_way_to_end_settles(place: Place) {
    let server = server(place, [tokens(|rule, quota| rule.tokens = quota)]).await;
    let chat = |stream: bool, n: u32| {
        json!({
            "model": "gpt-4o-mini", "n": n, "stream": stream, "max_tokens": 100,
            "messages": [{"role": "user", "content": "Say one two three four five six"}],
        })
    };
    let reset = || advance(Duration::from_secs(60));
    let path = "/v1/chat/completions";

    let whole = ask(&server, path, Some(&chat(false, 3))).await;
    let total = used(&whole.body, "total_tokens");
    assert_eq!(
        left(&server).await,
        1_000 - total,
        "whole, of three choices"
    );
    reset().await;

    let streamed = head(&server, &server.client, path, Some(&chat(true, 3))).await;
    streamed
        .into_body()
        .collect()
        .await
        .expect("a whole stream");
    assert_eq!(left(&server).await, 1_000 - total, "streamed");
    reset().await;

    let wrong =
        json!({"model": "nobody", "max_tokens": 100, "messages": chat(false, 1)["messages"]});
    assert_eq!(ask(&server, path, Some(&wrong)).await.status, 404);
    assert_eq!(
        left(&server).await,
        1_000,
        "a request that fails uses nothing"
    );

    let embed = json!({"model": "text-embedding-3-small", "input": "one two three"});
    let embedded = ask(&server, "/v1/embeddings", Some(&embed)).await;
    assert_eq!(
        left(&server).await,
        1_000 - used(&embedded.body, "total_tokens")
    );
}

async fn a_client_that_leaves_gives_back_what_it_did_not_use(place: Place) {
    let rule = tokens(|rule, quota| rule.tokens = quota);
    let server = TestServer::with(Options {
        token_delay: Duration::from_millis(10),
        ..options(place, [rule])
    })
    .await;
    let mut body = response();
    body["stream"] = json!(true);
    body["max_output_tokens"] = json!(500);
    let answer = head(&server, &server.client, "/v1/responses", Some(&body)).await;
    let mut answer = answer.into_body();
    for _ in 0..2 {
        answer.frame().await.expect("a piece").expect("a piece");
    }
    assert!(left(&server).await < 500, "held while it is under way");
    drop(answer);
    let left = left(&server).await;
    assert!((900..1_000).contains(&left), "{left}");
}

async fn what_can_never_be_admitted_is_not_to_be_tried_again(place: Place) {
    let wide = LimitRule {
        requests: quota(1, 3_600, 10),
        ..rule("wide", &[])
    };
    let server = server(place, [wide, tokens(|rule, quota| rule.tokens = quota)]).await;
    let mut body = response();
    body["max_output_tokens"] = json!(2_000);
    let denied = ask(&server, "/v1/responses", Some(&body)).await;
    assert_eq!((denied.status, denied.retry_after), (429, None));
    assert_eq!(denied.should_retry.as_deref(), Some("false"));
    assert_eq!(denied.requests, told(10, 10, "0s"), "it is given back");
    assert_eq!(denied.tokens, told(1_000, 1_000, "0s"));
    let message = denied.body["error"]["message"].as_str().expect("a message");
    assert!(
        message
            .contains("more than rate limit `tokens` ever admits at once: 1000 tokens per minute"),
        "{message}"
    );
    assert_eq!(left(&server).await, 1_000);
    // Nobody is refused for a bound that was not named.
    let answer = ask(&server, "/v1/responses", Some(&response())).await;
    assert_eq!(answer.status, 200);
}

async fn ten_minutes_admit_as_many_tokens_as_the_rule_says(place: Place) {
    let server = server(place, [tokens(|rule, quota| rule.tokens = quota)]).await;
    let mut body = response();
    body["max_output_tokens"] = json!(40);
    let (begun, mut total) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(600) {
        let answer = ask(&server, "/v1/responses", Some(&body)).await;
        match answer.retry_after {
            None => total += used(&answer.body, "total_tokens"),
            Some((_, ms)) => {
                assert_eq!(answer.status, 429);
                advance(Duration::from_millis(ms)).await;
                let again = ask(&server, "/v1/responses", Some(&body)).await;
                assert_eq!(
                    again.status, 200,
                    "whoever comes back when told is admitted"
                );
                total += used(&again.body, "total_tokens");
            }
        }
    }
    let expected: u64 = 1_000 * 11;
    assert!(total <= expected, "{total}");
    assert!(total.abs_diff(expected) * 100 <= expected, "{total}");
}

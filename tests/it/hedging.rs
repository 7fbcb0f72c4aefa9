// SPDX-License-Identifier: Apache-2.0
//! A second attempt beside one that is slow to begin.

use std::sync::Arc;
use std::time::Duration;

use lukhas_mock::{Ending, Fault, Injection, MockOptions, MockServer, MockStats, Rule};
use lukhas_providers::Dialect;
use lukhas_tests::{Patience, TestServer, routed, upstream};
use serde_json::{Value, json};
use tokio::time::Instant;

const HEDGING: Patience = Patience {
    read: Duration::from_secs(10),
    total: Duration::from_secs(30),
    attempts: 3,
    budget: 1.0,
    hedge_after: Some(Duration::from_millis(50)),
    continuations: 0,
};

/// What came of one request to a model over `targets`.
struct Seen {
    status: u16,
    text: String,
    took: Duration,
    /// How each attempt ended, in the order in which they were asked.
    endings: Vec<(String, Ending)>,
}

async fn ask(targets: &[&str], patience: Patience, stream: bool) -> Seen {
    let mock = MockServer::start(MockOptions::default()).await;
    let mock = mock.expect("a mock");
    let targets = targets.iter().map(|model| {
        let upstream = upstream(Dialect::Chat, &mock.url(), patience);
        (upstream, Some(*model))
    });
    let server = TestServer::before(Arc::new(routed(targets, patience))).await;
    let request = json!({
        "model": "public",
        "stream": stream,
        "messages": [{"role": "user", "content": "Say one two"}],
    });
    let start = Instant::now();
    let answer = server.client.post("/v1/chat/completions", &request).await;
    let took = start.elapsed();
    // The other connection is closed at once: not when it would have been given up.
    let all_over = |stats: &MockStats| {
        let mut recent = stats.recent.iter();
        recent.all(|request| request.ending != Ending::Running)
    };
    let stats = mock.wait_until(all_over).await;
    assert!(start.elapsed() < took + Duration::from_secs(2));
    let mut recent = stats.recent;
    recent.sort_by_key(|request| request.number);
    let text = if stream {
        let events = answer.events().into_iter();
        events.map(|event| event.data).collect()
    } else {
        answer.text()
    };
    Seen {
        status: answer.status,
        text,
        took,
        endings: recent.into_iter().map(|r| (r.model, r.ending)).collect(),
    }
}

/// How the attempts at a streamed answer of `targets` ended.
#[track_caller]
fn check(seen: &Seen, status: u16, expected: &[(&str, Ending)]) {
    assert_eq!(seen.status, status, "{}", seen.text);
    let found: Vec<_> = seen.endings.iter().map(|(m, e)| (m.as_str(), *e)).collect();
    assert_eq!(found, expected, "{}", seen.text);
}

const LEFT: Ending = Ending::ClientLeft;
const ANSWERED: Ending = Ending::Answered;

#[tokio::test]
async fn the_second_attempt_is_the_answer_when_the_first_is_slow() {
    let slow = "mock+slow_first=5s";
    for slow in [slow, "mock+slow_head=5s", "mock+stall@0"] {
        let seen = ask(&[slow, "plain"], HEDGING, true).await;
        check(&seen, 200, &[(slow, LEFT), ("plain", ANSWERED)]);
        assert!(seen.took < Duration::from_secs(4), "{:?}", seen.took);
    }
    // With one target it is asked twice.
    let once = "mock+slow_first=5sx1";
    let seen = ask(&[once], HEDGING, true).await;
    check(&seen, 200, &[(once, LEFT), (once, ANSWERED)]);
}

#[tokio::test]
async fn the_first_attempt_is_the_answer_when_it_begins_first() {
    let (late, later) = ("mock+slow_first=300ms", "mock+slow_first=5s");
    let seen = ask(&[late, later], HEDGING, true).await;
    check(&seen, 200, &[(late, ANSWERED), (later, LEFT)]);
    // It also goes on when the second one fails.
    let seen = ask(&[late, "mock+400"], HEDGING, true).await;
    check(&seen, 200, &[(late, ANSWERED), ("mock+400", ANSWERED)]);
}

#[tokio::test]
async fn without_an_answer_the_last_failure_counts() {
    let (first, second) = ("mock+slow_head=300ms+503", "mock+slow_head=100ms+500");
    let seen = ask(&[first, second, "plain"], HEDGING, true).await;
    // A third attempt would need credit, and the one request has brought in one.
    check(&seen, 503, &[(first, ANSWERED), (second, ANSWERED)]);
}

#[tokio::test]
async fn there_is_one_second_attempt_at_most_and_none_where_it_does_not_help() {
    let slow = "mock+slow_first=400ms";
    let seen = ask(&[slow, slow, slow], HEDGING, true).await;
    assert_eq!(seen.endings.len(), 2);
    let alone = |patience, model: &'static str, stream| async move {
        let seen = ask(&[model, "plain"], patience, stream).await;
        assert_eq!(seen.endings.len(), 1, "{patience:?} {model} {stream}");
        assert_eq!(seen.status, 200, "{}", seen.text);
    };
    // Whatever has begun, a whole answer, without credit, without an attempt left, and when off.
    let patient = Patience {
        hedge_after: Some(Duration::from_millis(500)),
        ..HEDGING
    };
    alone(patient, "mock+delay=250ms", true).await;
    alone(HEDGING, "mock+slow_first=200ms", false).await;
    for patience in [
        Patience {
            budget: 0.1,
            ..HEDGING
        },
        Patience {
            attempts: 1,
            ..HEDGING
        },
        Patience {
            hedge_after: None,
            ..HEDGING
        },
    ] {
        alone(patience, "mock+slow_first=200ms", true).await;
    }
    // Without the time for an answer.
    let (read, total) = (Duration::from_millis(90), Duration::from_millis(90));
    let hurried = Patience {
        read,
        total,
        ..HEDGING
    };
    let seen = ask(&[slow, "plain"], hurried, true).await;
    check(&seen, 504, &[(slow, LEFT)]);
}

#[tokio::test]
async fn nothing_is_said_twice() {
    for _ in 0..20 {
        let even = "mock+slow_first=60ms";
        let seen = ask(&[even, "plain"], HEDGING, true).await;
        let chunks = seen.text.replace("[DONE]", "");
        let chunks = serde_json::Deserializer::from_str(&chunks).into_iter::<Value>();
        let said: String = chunks
            .filter_map(|chunk| {
                let delta = &chunk.expect("JSON")["choices"][0]["delta"]["content"];
                delta.as_str().map(str::to_owned)
            })
            .collect();
        assert_eq!(said, "one two");
    }
}

/// Both attempts fail, a third one is slow: it is not hedged again, though there is credit and time.
#[tokio::test]
async fn one_answer_is_hedged_once() {
    let failing = |model: &str, status| Rule {
        model: Some(model.to_owned()),
        contains: Some("count".to_owned()),
        faults: [
            Fault::SlowHead(Duration::from_millis(150)),
            Fault::Status {
                status,
                retry_after: None,
            },
        ]
        .map(|fault| Injection { fault, first: None })
        .into(),
        ..Rule::default()
    };
    let slow = Rule {
        model: Some("third".to_owned()),
        faults: vec![Injection {
            fault: Fault::SlowFirst(Duration::from_millis(300)),
            first: None,
        }],
        ..Rule::default()
    };
    let rules = vec![failing("first", 503), failing("second", 500), slow];
    let mock = MockServer::start(MockOptions::default().with_rules(rules)).await;
    let mock = mock.expect("a mock");
    let patience = Patience {
        attempts: 9,
        ..HEDGING
    };
    let targets = ["first", "second", "third", "fourth"].map(|model| {
        let upstream = upstream(Dialect::Chat, &mock.url(), patience);
        (upstream, Some(model))
    });
    let server = TestServer::before(Arc::new(routed(targets, patience))).await;
    for said in ["Say one", "Say one", "Say one", "Say one", "count"] {
        if said == "count" {
            mock.reset();
        }
        let request = json!({
            "model": "public",
            "stream": true,
            "messages": [{"role": "user", "content": said}],
        });
        let answer = server.client.post("/v1/chat/completions", &request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let mut asked: Vec<_> = mock.stats().recent;
    asked.sort_by_key(|request| request.number);
    let asked: Vec<_> = asked.iter().map(|request| &request.model).collect();
    assert_eq!(asked, ["first", "second", "third"]);
}

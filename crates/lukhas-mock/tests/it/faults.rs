// SPDX-License-Identifier: Apache-2.0
//! Every fault in every dialect, on the wire.

mod expected;

use lukhas_mock::{Dialect, FAULTS, Injection, MockOptions, Rule};
use serde_json::json;

use crate::client::{CASES, Case, End, Wire, start, start_with};

/// A text of seven words: seven content events when it is streamed.
const TEXT: &str = "Say one two three four five six seven.";

/// What the same request is answered without and with a fault.
pub(crate) struct Seen {
    pub(crate) case: Case,
    pub(crate) plain: Wire,
    pub(crate) faulty: Wire,
    /// Seconds from the request to the end of the answer.
    pub(crate) seconds: u64,
}

async fn see(case: Case, faults: &[&str]) -> Seen {
    // The rule leaves the body of the request as it is, so that the answers can be compared.
    let faults: Vec<Injection> = faults.iter().map(|text| text.parse().unwrap()).collect();
    let rule = Rule {
        faults,
        ..Rule::default()
    };
    let body = case.body("any", TEXT);
    let plain = case.send(&start(MockOptions::default()).await, &body).await;
    assert_eq!((plain.status(), plain.end), (200, End::Proper));
    let server = start_with(rule).await;
    let begun = tokio::time::Instant::now();
    let faulty = case.send(&server, &body).await;
    Seen {
        case,
        plain,
        faulty,
        seconds: begun.elapsed().as_secs(),
    }
}

/// The name of a fault, the fault as it is asked for, and what is to be seen.
type Row = (&'static str, &'static str, fn(&Seen));

/// One row for each row of [`FAULTS`].
const ROWS: &[Row] = &[
    ("clean_cut", "clean_cut@3", expected::clean_cut),
    ("tcp_cut", "tcp_cut@3", expected::tcp_cut),
    ("stall", "stall@3", expected::stall),
    ("garbage", "garbage@3", expected::garbage),
    ("error_event", "error_event@3", expected::error_event),
    ("slow_head", "slow_head=40s", expected::slow),
    ("slow_first", "slow_first=40s", expected::slow),
    ("delay", "delay=9s", expected::delay),
    ("400", "400", |seen| expected::status(seen, 400, None)),
    ("401", "401", |seen| expected::status(seen, 401, None)),
    ("403", "403", |seen| expected::status(seen, 403, None)),
    ("404", "404", |seen| expected::status(seen, 404, None)),
    ("408", "408", |seen| expected::status(seen, 408, None)),
    ("409", "409", |seen| expected::status(seen, 409, None)),
    ("413", "413", |seen| expected::status(seen, 413, None)),
    ("422", "422", |seen| expected::status(seen, 422, None)),
    ("429", "429=7", |seen| {
        expected::status(seen, 429, Some("7"))
    }),
    ("500", "500", |seen| expected::status(seen, 500, None)),
    ("502", "502", |seen| expected::status(seen, 502, None)),
    ("503", "503=3", |seen| {
        expected::status(seen, 503, Some("3"))
    }),
    ("504", "504", |seen| expected::status(seen, 504, None)),
    ("529", "529", |seen| expected::status(seen, 529, None)),
    (
        "reset_before_head",
        "reset_before_head",
        expected::reset_before_head,
    ),
    (
        "reset_after_head",
        "reset_after_head",
        expected::reset_after_head,
    ),
    ("redirect", "redirect", expected::redirect),
    (
        "duplicate_terminal",
        "duplicate_terminal",
        expected::duplicate_terminal,
    ),
    ("after_terminal", "after_terminal", expected::after_terminal),
    ("usage_tail", "usage_tail", expected::usage_tail),
    ("no_done", "no_done", expected::no_done),
    ("empty_stream", "empty_stream", expected::empty_stream),
    ("empty_body", "empty_body", expected::empty_body),
    ("html", "html", expected::html),
    ("huge_body", "huge_body", expected::huge_body),
    ("huge_line", "huge_line", expected::huge_line),
    ("deep_json", "deep_json", expected::deep_json),
    ("unknown_event", "unknown_event", expected::unknown_event),
    ("gzip", "gzip", expected::gzip),
    (
        "wrong_content_type",
        "wrong_content_type",
        expected::wrong_content_type,
    ),
];

#[tokio::test(start_paused = true)]
async fn every_fault_of_every_dialect_is_seen() {
    let tested: Vec<_> = ROWS.iter().map(|(name, _, _)| *name).collect();
    let known: Vec<_> = FAULTS.iter().map(|info| info.name).collect();
    assert_eq!(tested, known);
    for (name, fault, check) in ROWS {
        assert!(fault.starts_with(name));
        for case in CASES {
            println!("{fault} {case:?}");
            check(&see(case, &[fault]).await);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_name_of_a_model_asks_for_the_same() {
    let server = start(MockOptions::default()).await;
    for case in CASES {
        let body = case.body("mock+slow_head=5s+tcp_cut@0", TEXT);
        let begun = tokio::time::Instant::now();
        let wire = case.send(&server, &body).await;
        assert_eq!((wire.status(), wire.end), (200, End::Reset));
        assert_eq!(begun.elapsed().as_secs(), 5);
    }
}

#[tokio::test]
async fn an_unknown_fault_is_a_400_that_lists_the_known_ones() {
    let server = start(MockOptions::default()).await;
    for case in CASES {
        let wire = case.send(&server, &case.body("mock+bang", TEXT)).await;
        assert_eq!(wire.status(), 400);
        let message = wire.json()["error"]["message"].clone();
        let message = message.as_str().unwrap();
        assert!(message.starts_with("unknown fault `bang`; there are"));
        for info in FAULTS {
            assert!(message.contains(&format!("`{}`", info.example())));
        }
    }
}

#[tokio::test]
async fn a_count_limits_a_fault_to_the_first_requests_of_its_model() {
    let server = start(MockOptions::default()).await;
    let case = CASES[1];
    let mut seen = Vec::new();
    for model in ["mock+503x2", "mock+503x2", "mock+500x1", "mock+503x2"] {
        let wire = case.send(&server, &case.body(model, TEXT)).await;
        seen.push(wire.status());
    }
    assert_eq!(seen, [503, 503, 500, 200]);
    server.reset();
    let wire = case.send(&server, &case.body("mock+503x2", TEXT)).await;
    assert_eq!(wire.status(), 503);
}

#[tokio::test(start_paused = true)]
async fn faults_go_together() {
    let case = CASES[0];
    let cut = |fault| async move { see(case, fault).await };

    let seen = cut(&["garbage@1", "clean_cut@2"]).await;
    let mut events = expected::up_to_content(&seen.plain, 2);
    let garbage = "data: {\"this is\": not JSON\n\n".to_owned();
    events.insert(events.len() - 1, garbage);
    assert_eq!(seen.faulty.events(), events);

    let seen = cut(&["stall@5", "tcp_cut@2"]).await;
    assert_eq!(
        seen.faulty.events(),
        expected::up_to_content(&seen.plain, 2)
    );
    assert_eq!(seen.faulty.end, End::Reset);

    let seen = cut(&["clean_cut@1", "slow_head=3s", "503"]).await;
    assert_eq!((seen.faulty.status(), seen.seconds), (503, 3));

    let seen = cut(&["503x1", "500"]).await;
    assert_eq!(seen.faulty.status(), 503);

    let seen = cut(&["gzip", "tcp_cut@1"]).await;
    let inflated = expected::inflated(&seen.faulty.body);
    let events = expected::up_to_content(&seen.plain, 1);
    assert_eq!(String::from_utf8(inflated).unwrap(), events.concat());
}

#[tokio::test(start_paused = true)]
async fn a_cut_behind_the_last_content_is_still_a_cut() {
    for case in CASES {
        let seen = see(case, &["clean_cut@1000"]).await;
        assert_eq!(seen.faulty.end, End::Proper);
        assert!(seen.plain.body.starts_with(&seen.faulty.body));
        assert!(seen.faulty.body.len() < seen.plain.body.len());
        if case.stream {
            let all = expected::up_to_content(&seen.plain, 7);
            assert_eq!(seen.faulty.events(), all);
        }
    }
}

#[tokio::test]
async fn faults_leave_the_connection_to_the_next_request() {
    use crate::client::{read, request};
    use tokio::io::AsyncWriteExt;

    let server = start(MockOptions::default()).await;
    let mut stream = tokio::net::TcpStream::connect(server.address())
        .await
        .unwrap();
    for model in ["mock+clean_cut@1", "mock+503", "mock+empty_body", "mock"] {
        let body = CASES[0].body(model, TEXT).to_string();
        let request = request(CASES[0].path(), &body);
        stream.write_all(request.as_bytes()).await.unwrap();
        let wire = read(&mut stream).await;
        assert_eq!(wire.end, End::Proper, "{model}");
    }
    assert_eq!(server.stats().connections.accepted, 1);
}

#[tokio::test]
async fn bodies_that_are_no_requests_are_refused_in_the_dialect() {
    let server = start(MockOptions::default()).await;
    for case in CASES {
        for (body, status) in [("{", 400), ("[]", 400), ("", 400)] {
            let wire = crate::client::post(server.address(), case.path(), body).await;
            assert_eq!(wire.status(), status);
            let error = &wire.json()["error"];
            assert_eq!(error["type"], "invalid_request_error");
            let is_anthropic = wire.json().get("type") == Some(&json!("error"));
            assert_eq!(is_anthropic, case.dialect == Dialect::Messages);
        }
    }
}

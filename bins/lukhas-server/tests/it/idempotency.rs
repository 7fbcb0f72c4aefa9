// SPDX-License-Identifier: Apache-2.0
//! Every setting of `idempotency`, and a stop with a run that lingers, in the real process.

use tokio::time::Instant;

use crate::http::{Answer, Client};
use crate::process::{PATIENCE, Server, Setup};

/// A server with `settings` of `idempotency`, and others behind them.
fn server(settings: &str, rest: &str) -> Server {
    let yaml = format!("reliability: null\nidempotency: {{{settings}}}\n{rest}");
    Setup::serve(&yaml).start()
}

fn send(client: &mut Client, key: &str, stream: bool, text: &str) {
    let header = format!("idempotency-key: {key}\r\n");
    let body = format!(r#"{{"model":"lukhas-matriz","stream":{stream},"input":"{text}"}}"#);
    client.send_post_with("/v1/responses", &header, &body);
}

/// Asks for `text` to be echoed, whole.
fn ask(server: &Server, key: &str, text: &str) -> Answer {
    let mut client = server.connect();
    send(&mut client, key, false, text);
    client.answer()
}

/// Whether the answer had been given before.
#[track_caller]
fn is_replayed(answer: &Answer) -> bool {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.head.contains("idempotent-replayed: true\r\n")
}

#[test]
fn an_answer_is_kept_for_so_long_and_without_time_the_header_is_passed_over() {
    let kept = server("", "");
    assert!(!is_replayed(&ask(&kept, "k", "one")));
    assert!(is_replayed(&ask(&kept, "k", "one")));

    let short = server("ttl_s: 1", "");
    let first = ask(&short, "k", "one");
    let start = Instant::now();
    while is_replayed(&ask(&short, "k", "one")) {
        assert!(start.elapsed() < PATIENCE);
    }
    assert_ne!(ask(&short, "k", "one").body, first.body);

    let off = server("ttl_s: 0", "");
    assert!(!is_replayed(&ask(&off, "k", "one")));
    assert!(!is_replayed(&ask(&off, "k", "one")));
    assert!(!is_replayed(&ask(&off, "k", "another")));
    assert!(!is_replayed(&ask(&off, "no key", "one")));
    let metrics = off.get("/metrics").body;
    assert!(!metrics.contains("lukhas_idempotency"), "{metrics}");
}

#[test]
fn fifty_connections_of_all_threads_read_one_run() {
    let mock = Setup::new(&["mock", "--listen", "127.0.0.1:0"]).start();
    let upstream = format!("base_url: \"http://127.0.0.1:{}/v1\"", mock.port);
    let server = server(
        "",
        &format!("limits: []\nupstreams: {{up: {{{upstream}}}}}\nmodels: {{other: up}}"),
    );
    let body = r#"{"model":"mock+delay=10ms","stream":true,"input":"Say one two three four five"}"#;
    let mut clients: Vec<_> = (0..50).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send_post_with("/v1/responses", "idempotency-key: k\r\n", body);
    }
    let mut bodies = clients.iter_mut().map(|client| {
        let head = client.read_to(b"\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        // The frames of a body are its connection's own affair.
        let text = client.read_to(b"data: [DONE]\n\n");
        let lines = text.lines();
        let lines = lines.filter(|line| line.starts_with("data: ") || line.starts_with("event: "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    });
    let first = bodies.next().unwrap();
    assert!(first.len() > 20, "{first:?}");
    assert!(bodies.all(|body| body == first));
    let stats = mock.get("/__mock/stats").body;
    assert!(stats.contains(r#""count":1}"#), "{stats}");
}

#[test]
fn so_many_answers_are_kept() {
    for (settings, first_is_kept) in [("max_entries: 2", false), ("max_entries: 3", true)] {
        let server = server(settings, "");
        for key in ["a", "b", "c"] {
            assert!(!is_replayed(&ask(&server, key, "one")));
        }
        assert!(is_replayed(&ask(&server, "c", "one")));
        assert_eq!(is_replayed(&ask(&server, "a", "one")), first_is_kept);
    }
}

#[test]
fn an_answer_under_way_does_not_go_for_another() {
    let server = server("max_entries: 1", "engine: {token_delay_ms: 60000}");
    let mut first = server.connect();
    send(&mut first, "a", true, "one");
    first.read_to(b"response.created");
    let refused = ask(&server, "b", "one");
    assert_eq!(refused.status, 503);
    assert!(
        refused.body.contains(r#""code":"overloaded""#),
        "{}",
        refused.body
    );
    let metrics = server.get("/metrics").body;
    let full = "lukhas_idempotency_claims_total{outcome=\"full\"} 1\n";
    assert!(metrics.contains(full), "{metrics}");
}

#[test]
fn so_many_bytes_are_kept() {
    let text = "word ".repeat(5_000);
    for (bytes, first_is_kept) in [(65_536, false), (1_048_576, true)] {
        let server = server(&format!("max_bytes: {bytes}, max_entry_bytes: 60000"), "");
        for key in ["a", "b", "c"] {
            assert!(!is_replayed(&ask(&server, key, text.trim())));
        }
        assert!(is_replayed(&ask(&server, "c", text.trim())));
        assert_eq!(is_replayed(&ask(&server, "a", text.trim())), first_is_kept);
    }
}

#[test]
fn an_answer_is_kept_up_to_its_size() {
    let text = "word ".repeat(1_000);
    for (bytes, is_kept) in [(2_048, false), (4_194_304, true)] {
        let server = server(&format!("max_entry_bytes: {bytes}"), "");
        for stream in [true, false] {
            let key = stream.to_string();
            let mut first = server.connect();
            send(&mut first, &key, stream, text.trim());
            if stream {
                let read = first.read_to(b"data: [DONE]\n\n");
                assert!(read.contains("event: response.completed\n"), "{read}");
            } else {
                let answer = first.answer();
                assert!(answer.body.contains(text.trim()), "{}", answer.body);
            }
            let mut again = server.connect();
            send(&mut again, &key, stream, text.trim());
            let head = again.read_to(b"\r\n\r\n");
            if is_kept {
                assert!(head.contains("idempotent-replayed: true\r\n"), "{head}");
            } else {
                assert!(head.starts_with("HTTP/1.1 409 "), "{head}");
                assert!(head.contains("x-should-retry: false\r\n"), "{head}");
                let body = again.read_to(b"}}");
                assert!(body.contains(r#""code":"conflict""#), "{body}");
                assert!(body.contains("larger than what is kept"), "{body}");
            }
        }
    }
}

#[test]
fn one_answer_cannot_be_larger_than_all() {
    let yaml = "reliability: null\nidempotency:\n  max_bytes: 70000\n  max_entry_bytes: 70001\n";
    let ended = Setup::serve(yaml).run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let place = "lukhas.yaml:4:20: `idempotency.max_entry_bytes`: `70001` is more than \
                 `idempotency.max_bytes`, which is 70000\n  help: lower it, or raise \
                 `idempotency.max_bytes`";
    assert!(ended.err.contains(place), "{}", ended.err);
}

/// Waits until so many runs are under way.
#[track_caller]
fn wait_for_runs(server: &Server, runs: usize) {
    let line = format!("\nlukhas_runs_in_flight {runs}\n");
    let start = Instant::now();
    while !server.get("/metrics").body.contains(&line) {
        assert!(start.elapsed() < PATIENCE, "there are never {runs} runs");
    }
}

/// The identifier of the response in `text`.
fn response_id(text: &str) -> &str {
    let start = text.find("resp_").unwrap();
    &text[start..start + 37]
}

#[test]
fn a_run_goes_on_without_clients_for_so_long() {
    for (linger, is_found) in [(0, false), (3_600_000, true)] {
        let settings = format!("linger_ms: {linger}");
        let server = server(&settings, "engine: {token_delay_ms: 200}");
        let mut first = server.connect();
        send(&mut first, "k", true, "one two three");
        let begun = first.read_to(b"output_text.delta");
        drop(first);
        if !is_found {
            wait_for_runs(&server, 0);
        }
        let mut back = server.connect();
        send(&mut back, "k", true, "one two three");
        let answer = back.read_to(b"data: [DONE]\n\n");
        assert!(answer.contains("event: response.completed\n"), "{answer}");
        let is_same = response_id(&answer) == response_id(&begun);
        assert_eq!(is_same, is_found, "{begun}\n{answer}");
    }
}

#[test]
fn a_stop_waits_for_a_run_whose_client_has_left() {
    let server = server("", "engine: {token_delay_ms: 200}");
    let text = "one two three four five six";
    let mut first = server.connect();
    send(&mut first, "k", true, text);
    let begun = first.read_to(b"output_text.delta");
    drop(first);
    server.signal("TERM");
    while server.get("/readyz").status != 503 {}
    // It is asked for again, and is there.
    let mut back = server.connect();
    send(&mut back, "k", true, text);
    let rest = back.rest();
    assert_eq!(response_id(&rest), response_id(&begun));
    assert!(rest.contains("event: response.completed\n"), "{rest}");
    assert!(rest.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"), "{rest}");
    assert_eq!(server.wait().0, Some(0));
}

#[test]
fn a_run_that_nobody_waits_for_is_ended_when_a_stop_takes_too_long() {
    let server = server(
        "linger_ms: 3600000",
        "engine: {token_delay_ms: 60000}\nserver: {drain_timeout_ms: 100}",
    );
    let mut first = server.connect();
    send(&mut first, "k", true, "one two three");
    first.read_to(b"response.created");
    drop(first);
    wait_for_runs(&server, 1);
    server.signal("TERM");
    let (code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("ending what still runs"), "{log}");
}

#[test]
fn a_run_that_was_carried_out_and_failed_is_not_carried_out_again() {
    // What it made cannot be kept as a response.
    let server = server(
        "",
        "store: {max_bytes: 1048576}\nengine: {context_window: 10000000}",
    );
    let text = "word ".repeat(120_000);
    let first = ask(&server, "k", text.trim());
    assert_eq!(first.status, 500, "{}", first.body);
    let again = ask(&server, "k", text.trim());
    assert_eq!((again.status, again.body), (500, first.body));
    assert!(again.head.contains("idempotent-replayed: true\r\n"));
}

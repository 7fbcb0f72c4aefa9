// SPDX-License-Identifier: Apache-2.0
//! Stopping.

use crate::http::Client;
use crate::process::{Server, Setup};

/// A server whose answers take a few milliseconds a word.
fn slow(milliseconds: u32, rest: &str) -> Server {
    Setup::serve(&format!(
        "engine: {{token_delay_ms: {milliseconds}}}\nserver: {{{rest}}}"
    ))
    .start()
}

fn streams(server: &Server, count: usize, words: usize) -> Vec<Client> {
    let text = "word ".repeat(words);
    let mut clients: Vec<_> = (0..count).map(|_| server.connect()).collect();
    clients
        .iter_mut()
        .for_each(|client| client.send_stream(text.trim()));
    clients.iter_mut().for_each(Client::first_piece);
    clients
}

/// Waits until the server says that it is stopping.
fn wait_for_drain(server: &Server) {
    while server.get("/readyz").status != 503 {}
}

#[test]
fn without_work_it_ends_at_once() {
    for signal in ["TERM", "INT"] {
        let server = slow(0, "drain_timeout_ms: 3600000");
        let mut idle = server.connect();
        assert_eq!(idle.get("/healthz").status, 200);
        let mut new = server.connect();
        server.signal(signal);
        assert_eq!(server.wait().0, Some(0));
        assert_eq!(idle.rest(), "");
        assert_eq!(new.rest(), "");
    }
}

#[test]
fn a_drain_truncates_no_stream_and_takes_no_new_run() {
    let server = slow(20, "drain_timeout_ms: 3600000");
    let mut idle = server.connect();
    assert_eq!(idle.get("/readyz").status, 200);
    let streams = streams(&server, 50, 60);
    server.signal("TERM");
    wait_for_drain(&server);
    assert_eq!(idle.rest(), "", "connections at rest are closed");
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/v1/models").status, 200);
    let body = r#"{"model":"lukhas-matriz","input":"hello"}"#;
    let refused = server.connect().post("/v1/responses", body);
    assert_eq!(refused.status, 503);
    assert!(
        refused.body.contains(r#""code":"overloaded""#),
        "{}",
        refused.body
    );
    assert!(
        refused.head.contains("connection: close"),
        "{}",
        refused.head
    );
    for mut stream in streams {
        let rest = stream.rest();
        assert!(rest.contains("event: response.completed\n"), "{rest}");
        assert!(rest.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"), "{rest}");
    }
    assert_eq!(server.wait().0, Some(0));
}

/// Asserts that each stream was ended with an error its client can read.
#[track_caller]
fn ended_by_error(streams: Vec<Client>) {
    for mut stream in streams {
        let rest = stream.rest();
        assert!(rest.contains("event: response.failed\n"), "{rest}");
        assert!(!rest.contains("response.completed"), "{rest}");
        assert!(rest.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"), "{rest}");
    }
}

#[test]
fn a_second_signal_ends_streams_with_an_error() {
    let server = slow(1_000, "drain_timeout_ms: 3600000");
    let streams = streams(&server, 5, 1000);
    server.signal("TERM");
    wait_for_drain(&server);
    server.signal("TERM");
    ended_by_error(streams);
    assert_eq!(server.wait().0, Some(0));
}

#[test]
fn a_drain_that_takes_too_long_ends_streams_with_an_error() {
    let server = slow(1_000, "drain_timeout_ms: 200");
    let streams = streams(&server, 5, 1000);
    server.signal("TERM");
    ended_by_error(streams);
    assert_eq!(server.wait().0, Some(0));
}

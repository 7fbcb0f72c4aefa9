// SPDX-License-Identifier: Apache-2.0
//! Clients that are slow, greedy or many.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use tokio::time::Instant;

use crate::process::{Server, Setup};

fn server(limits: &str) -> Server {
    Setup::serve(&format!("server: {{{limits}}}")).start()
}

/// Asserts that the server closes silently, not before `milliseconds` have passed.
#[track_caller]
fn closes_after(milliseconds: u64, act: impl FnOnce() -> String) {
    let start = Instant::now();
    assert_eq!(act(), "");
    let passed = start.elapsed();
    assert!(passed >= Duration::from_millis(milliseconds), "{passed:?}");
}

#[test]
fn slow_heads_are_closed() {
    let server = server("header_read_timeout_ms: 300, idle_timeout_ms: 60000");
    for start in ["", "GET /healthz HT", "PRI * HTTP/2.0\r\n\r\n"] {
        closes_after(250, || {
            let mut client = server.connect();
            client.send(start);
            client.rest()
        });
    }
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn slow_bodies_are_408() {
    let server = server("body_read_timeout_ms: 300");
    let mut client = server.connect();
    client.send(format!(
        "POST /v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{",
        server.key()
    ));
    assert_eq!(client.answer().status, 408);
    assert_eq!(client.rest(), "");
}

#[test]
fn connections_at_rest_are_closed() {
    let server = server("idle_timeout_ms: 300, header_read_timeout_ms: 60000");
    let mut client = server.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/healthz").status, 200);
    }
    closes_after(250, || client.rest());
}

#[test]
fn large_heads_are_431() {
    let server = server("max_header_bytes: 8192");
    let mut client = server.connect();
    client.send(format!(
        "GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}\r\n",
        "y".repeat(100_000)
    ));
    assert_eq!(client.answer().status, 431);
    assert_eq!(client.rest(), "");
}

#[test]
fn large_bodies_are_413_even_to_clients_that_send_all_of_them() {
    let server = server("max_body_bytes: 2048");
    let mut client = server.connect();
    let body = format!("{{\"input\": \"{}\"}}", "x".repeat(5_000_000));
    client.send_post("/v1/responses", &body);
    assert_eq!(client.answer().status, 413);
}

#[test]
fn clients_that_do_not_read_lose_their_connection() {
    let server = Setup::serve(
        "server: {stream_write_timeout_ms: 300, drain_timeout_ms: 3600000}\n\
         engine: {context_window: 10000000}",
    )
    .start();
    let mut client = server.connect();
    client.send_stream(&"word ".repeat(100_000));
    client.first_piece();
    server.signal("TERM");
    // It would wait for an hour for the stream to end by itself.
    let (code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(!client.rest().contains("[DONE]"));
}

#[test]
fn connections_beyond_the_limit_wait_for_a_place() {
    let server = server("max_connections: 2");
    let mut first = server.connect();
    let mut second = server.connect();
    assert_eq!(first.get("/healthz").status, 200);
    assert_eq!(second.get("/healthz").status, 200);
    let mut third = server.connect();
    third.send_get("/healthz");
    for _ in 0..20 {
        assert_eq!(first.get("/healthz").status, 200);
    }
    third.stream.set_nonblocking(true).unwrap();
    let error = third.stream.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    third.stream.set_nonblocking(false).unwrap();
    drop(second);
    assert_eq!(third.answer().status, 200);
}

#[test]
fn running_out_of_files_is_survived() {
    let server = Setup::serve("log: {filter: warn}").start_with_files(32);
    let mut clients: Vec<_> = (0..60).map(|_| server.connect()).collect();
    // The first were accepted and are served.
    assert_eq!(clients[0].get("/healthz").status, 200);
    // The last was not.
    let last = clients.last_mut().unwrap();
    last.send_get("/healthz");
    let mut last = clients.pop().unwrap();
    drop(clients);
    assert_eq!(last.answer().status, 200);
    let log = server.stop();
    let warnings = log.matches("cannot accept connections").count();
    assert!((1..100).contains(&warnings), "{log}");
}

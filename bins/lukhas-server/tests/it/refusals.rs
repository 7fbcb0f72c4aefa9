// SPDX-License-Identifier: Apache-2.0
//! Bytes that are no request: an answer in the API's shape all the same, then the end.

use serde_json::Value;

use crate::http::{Answer, Client};
use crate::process::{Server, Setup};

fn server() -> Server {
    Setup::serve("server: {max_header_bytes: 131072}").start()
}

/// Reads a refusal and the end of the connection.
#[track_caller]
fn check(mut client: Client, shown: &str, status: u16, code: &str) -> Answer {
    let answer = client.answer();
    let body: Value = serde_json::from_str(&answer.body)
        .unwrap_or_else(|_| panic!("{shown}: {}{}", answer.head, answer.body));
    let error = &body["error"];
    let kind = "invalid_request_error";
    let seen = (
        answer.status,
        error["code"].as_str(),
        error["type"].as_str(),
    );
    assert_eq!(seen, (status, Some(code), Some(kind)), "{shown}");
    assert_eq!(client.rest(), "", "{shown}");
    answer
}

/// Bytes that are refused with 400.
fn malformed() -> Vec<Vec<u8>> {
    let lines = [
        "GET",
        "GET /",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 more",
        "GET / HTTP/3.7",
        "GET / XTTP/1.1",
        "G@T / HTTP/1.1",
        "GET /\u{1} HTTP/1.1",
        "get me something",
        "{\"model\":\"x\"}",
    ];
    let headers = [
        "na me: x",
        "name : x",
        ": x",
        "no colon",
        "(name): x",
        "n\u{0}me: x",
        "name: a\u{1}b",
        "name: a\rb",
        " folded: x",
        "content-length: many",
        "content-length: -1",
        "content-length: +1",
        "content-length: 1, 2",
        "content-length: 99999999999999999999",
        "content-length: 1\r\ncontent-length: 2",
        "transfer-encoding: gzip",
        "transfer-encoding: chunked, gzip",
    ];
    let lines = lines.map(|line| format!("{line}\r\nhost: x\r\n\r\n").into_bytes());
    let headers = headers.map(|line| format!("POST / HTTP/1.1\r\n{line}\r\n\r\n").into_bytes());
    let others: [&[u8]; 4] = [
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"\xff\xfe\xfd\r\n\r\n",
        b"\0\0\0\0",
        b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n",
    ];
    lines
        .into_iter()
        .chain(headers)
        .chain(others.map(<[u8]>::to_vec))
        .collect()
}

#[test]
fn what_is_not_http_is_malformed() {
    let server = server();
    for bytes in malformed() {
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let mut client = server.connect();
        client.send(&bytes);
        check(client, &shown, 400, "malformed_request");
    }
    assert_eq!(server.get("/healthz").status, 200);
    let metrics = server.get("/metrics").body;
    let counted = format!(
        "lukhas_http_requests_total{{route=\"unmatched\",method=\"ANY\",code=\"400\"}} {}",
        malformed().len()
    );
    assert!(metrics.contains(&counted), "{metrics}");
}

#[test]
fn what_is_too_large_is_told_so() {
    let server = server();
    let large = format!("x: {}\r\n", "y".repeat(140_000));
    let many: String = (0..101).map(|number| format!("x{number}: y\r\n")).collect();
    for headers in [large, many] {
        let mut client = server.connect();
        client.send(format!("GET /healthz HTTP/1.1\r\n{headers}\r\n"));
        let shown = &headers[..20];
        check(client, shown, 431, "request_header_fields_too_large");
    }
    let mut client = server.connect();
    let path = "x".repeat(70_000);
    client.send(format!("GET /{path} HTTP/1.1\r\nhost: x\r\n\r\n"));
    check(client, "a long path", 414, "uri_too_long");
}

#[test]
fn a_refusal_is_whole() {
    let server = server();
    let mut client = server.connect();
    client.send("HELLO\r\n\r\n");
    let Answer { head, body, .. } = check(client, "HELLO", 400, "malformed_request");
    let mut lines: Vec<_> = head.lines().map(shape).collect();
    lines.sort_unstable();
    insta::assert_snapshot!(format!("{}\n\n{body}", lines.join("\n").trim()));
}

/// A line of a head, without what differs from one to the next.
fn shape(line: &str) -> String {
    let Some((name, value)) = line.split_once(": ") else {
        return line.to_owned();
    };
    let value = match name {
        "date" if value.ends_with(" GMT") => "(a date)",
        "x-request-id" if value.starts_with("req_") => "req_…",
        "openai-processing-ms" if value.parse::<u64>().is_ok() => "(a number)",
        _ => value,
    };
    format!("{name}: {value}")
}

#[test]
fn requests_before_a_bad_one_are_answered_whole() {
    let server = server();
    let key = server.key();
    let body = r#"{"model":"lukhas-matriz","input":"hello"}"#;
    let good = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let lost = "GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut client = server.connect();
    client.send(format!(
        "{good}{lost}{good}GET / HTTP/1.1\r\nb@d name: x\r\n\r\n{good}"
    ));
    for status in [200, 404, 200] {
        let answer = client.answer();
        assert_eq!(answer.status, status, "{}", answer.body);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert!(body.is_object());
    }
    check(client, "the last", 400, "malformed_request");
}

/// RFC 9112, section 6.3, lets a server take the transfer coding and close.
#[test]
fn of_two_lengths_the_transfer_coding_counts_and_the_connection_ends() {
    let server = server();
    let key = server.key();
    let body = r#"{"model":"lukhas-matriz","input":"hello"}"#;
    let mut client = server.connect();
    client.send(format!(
        "POST /v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n\
         {:x}\r\n{body}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
        body.len()
    ));
    let answer = client.answer();
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(
        answer.head.contains("\r\nconnection: close\r\n"),
        "{}",
        answer.head
    );
    assert_eq!(client.rest(), "", "what follows is not taken for a request");
}

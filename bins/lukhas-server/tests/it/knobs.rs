// SPDX-License-Identifier: Apache-2.0
//! Every setting of `timeouts` and `retry` changes what clients see of an upstream.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::http::Answer;
use crate::process::{Server, Setup};

fn mock() -> Server {
    Setup::new(&["mock", "--listen", "127.0.0.1:0"]).start()
}

/// A server with `settings` before the upstream at `port`.
fn before(port: u16, settings: &str) -> Server {
    let upstream = format!("base_url: \"http://127.0.0.1:{port}/v1\"");
    let yaml = format!(
        "reliability: null\nupstreams: {{up: {{{upstream}}}}}\nmodels: {{other: up}}\n{settings}"
    );
    Setup::serve(&yaml).start()
}

fn ask(server: &Server, model: &str, stream: bool) -> Answer {
    let messages = r#"[{"role":"user","content":"Say one"}]"#;
    let body = format!(r#"{{"model":"{model}","stream":{stream},"messages":{messages}}}"#);
    server.connect().post("/v1/chat/completions", &body)
}

/// `model` is answered with `statuses` under the settings beside them. A request that succeeds comes
/// first: it saves up for retries.
#[track_caller]
fn check(model: &str, stream: bool, statuses: &[(&str, u16)]) {
    for (settings, expected) in statuses {
        let mock = mock();
        let server = before(mock.port, settings);
        assert_eq!(ask(&server, "plain", false).status, 200);
        let answer = ask(&server, model, stream);
        assert_eq!(answer.status, *expected, "{settings}: {}", answer.body);
    }
}

#[test]
fn a_budget_pays_for_retries() {
    check(
        "mock+503x1",
        false,
        &[
            ("retry: {budget: 1.0, base_s: 0.001}", 200),
            ("retry: {budget: 0, base_s: 0.001}", 503),
        ],
    );
}

#[test]
fn attempts_are_counted() {
    check(
        "mock+503x1",
        false,
        &[
            ("retry: {budget: 1, base_s: 0.001, max_attempts: 2}", 200),
            ("retry: {budget: 1, base_s: 0.001, max_attempts: 1}", 503),
        ],
    );
}

#[test]
fn waits_grow_by_the_factor_from_the_base_to_the_most() {
    let short = "timeouts: {total_ms: 3000, read_ms: 3000}\n";
    let with = |retry: &str| format!("{short}retry: {{budget: 1, jitter: 0, {retry}}}");
    // What would be waited for longer than the answer may take is not waited for.
    let (long, short) = (with("base_s: 10"), with("base_s: 0.001"));
    check("mock+503x1", false, &[(&long, 503), (&short, 200)]);
    let steep = with("base_s: 0.1, factor: 100");
    let (flat, capped) = (
        with("base_s: 0.1, factor: 1"),
        with("base_s: 0.1, factor: 100, max_s: 0.1"),
    );
    check(
        "mock+503x2",
        false,
        &[(&steep, 503), (&flat, 200), (&capped, 200)],
    );
}

#[test]
fn reading_takes_no_longer_than_it_may() {
    check(
        "mock+slow_first=1s",
        true,
        &[
            ("timeouts: {read_ms: 100}", 504),
            ("timeouts: {read_ms: 20000}", 200),
        ],
    );
}

#[test]
fn an_answer_takes_no_longer_than_it_may() {
    check(
        "mock+slow_head=1s",
        false,
        &[
            (
                "timeouts: {read_ms: 100, connect_ms: 100, total_ms: 300}",
                504,
            ),
            (
                "timeouts: {read_ms: 100, connect_ms: 100, total_ms: 20000}",
                200,
            ),
        ],
    );
}

/// How often an upstream is asked beside a slow attempt, under `settings`.
fn hedges(settings: &str) -> String {
    let mock = mock();
    let server = before(mock.port, settings);
    ask(&server, "mock+slow_first=300ms", true);
    let metrics = server.get("/metrics").body;
    let series = "lukhas_upstream_hedges_total{upstream=\"up\"} ";
    let mut lines = metrics.lines();
    let count = lines.find_map(|line| line.strip_prefix(series));
    count.unwrap().to_owned()
}

#[test]
fn an_answer_that_is_slow_to_begin_is_asked_for_twice_if_so_configured() {
    assert_eq!(hedges("retry: {budget: 1}"), "0");
    assert_eq!(hedges("retry: {budget: 1, hedge_after_ms: 50}"), "1");
    assert_eq!(hedges("retry: {budget: 1, hedge_after_ms: 5000}"), "0");
}

#[test]
fn connecting_takes_no_longer_than_it_may() {
    // A queue that is full and never emptied: further connections get no answer.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let _queued = TcpStream::connect(address).unwrap();
    for (limit, shown) in [(50, "within 0.05 s"), (250, "within 0.25 s")] {
        let settings = format!("timeouts: {{connect_ms: {limit}}}");
        let answer = ask(&before(address.port(), &settings), "m", false);
        assert_eq!(answer.status, 504, "{}", answer.body);
        assert!(answer.body.contains(shown), "{}", answer.body);
    }
}

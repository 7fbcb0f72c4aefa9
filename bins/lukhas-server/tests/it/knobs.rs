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

/// What a client sees of a text that breaks off once, under `settings`.
fn cut_once(settings: &str, times: u32) -> String {
    let mock = mock();
    let server = before(mock.port, settings);
    // Requests that succeed save up for what is paid.
    (0..4).for_each(|_| assert_eq!(ask(&server, "plain", false).status, 200));
    let messages = r#"[{"role":"user","content":"Say one two three"}]"#;
    let model = format!("mock+tcp_cut@1x{times}");
    let body = format!(r#"{{"model":"{model}","stream":true,"messages":{messages}}}"#);
    let mut client = server.connect();
    client.send_post("/v1/chat/completions", &body);
    client.read_to(b"[DONE]")
}

#[test]
fn a_text_that_breaks_off_is_gone_on_with_as_often_as_configured() {
    let failed = |seen: &str| seen.contains("upstream_truncated");
    let marked = |seen: &str, times: u32| {
        let mark = format!("\"finish_reason\":\"stop\",\"lukhas_continuations\":{times}}}");
        seen.contains(&mark) && seen.contains("three")
    };
    assert!(failed(&cut_once("retry: {budget: 1}", 1)));
    let on = "retry: {budget: 1, max_continuations: 2}";
    assert!(marked(&cut_once(on, 1), 1));
    assert!(marked(&cut_once(on, 2), 2));
    let once = "retry: {budget: 1, max_continuations: 1}";
    assert!(marked(&cut_once(once, 1), 1));
    assert!(failed(&cut_once(once, 2)));
}

#[test]
fn a_model_may_have_its_own_way() {
    let mock = mock();
    let url = format!("\"http://127.0.0.1:{}/v1\"", mock.port);
    let targets = |own: &str, fault: &str| {
        format!("{{{own}, targets: [{{upstream: up, model: \"mock+{fault}\"}}]}}")
    };
    let yaml = format!(
        "reliability: null\nretry: {{budget: 1, hedge_after_ms: 9000}}\n\
         upstreams: {{up: {{base_url: {url}}}}}\n\
         models: {{other: up, table: {{cut: {}, slow: {}}}}}\n",
        targets("max_continuations: 1", "tcp_cut@1x1"),
        targets("hedge_after_ms: 50", "slow_first=400ms"),
    );
    let server = Setup::serve(&yaml).start();
    for model in ["cut", "slow", "mock+tcp_cut@1"] {
        let messages = r#"[{"role":"user","content":"Say one two three"}]"#;
        let body = format!(r#"{{"model":"{model}","stream":true,"messages":{messages}}}"#);
        let mut client = server.connect();
        client.send_post("/v1/chat/completions", &body);
        let seen = client.read_to(b"[DONE]");
        assert_eq!(
            seen.contains("lukhas_continuations"),
            model == "cut",
            "{seen}"
        );
    }
    let metrics = server.get("/metrics").body;
    for counted in ["hedges", "continuations"] {
        let series = format!("lukhas_upstream_{counted}_total{{upstream=\"up\"}} 1\n");
        assert!(metrics.contains(&series), "{series}");
    }
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

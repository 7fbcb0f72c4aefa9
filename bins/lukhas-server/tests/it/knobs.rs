// SPDX-License-Identifier: Apache-2.0
//! Every setting of `timeouts`, of `retry` and of a model changes what clients see of an upstream.

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

/// A stream of `model` to its last byte, comments among its lines; the server has a heartbeat.
fn stream(model: &str, api: &str, settings: &str) -> Vec<String> {
    let mock = mock();
    let server = before(mock.port, settings);
    let input = match api {
        "responses" => r#""input":"Say one two""#,
        _ => r#""messages":[{"role":"user","content":"Say one two"}]"#,
    };
    let body = format!(r#"{{"model":"{model}","stream":true,{input}}}"#);
    let mut client = server.connect();
    client.send_post(&format!("/v1/{api}"), &body);
    let answer = client.read_to(b"data: [DONE]\n\n");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("text/event-stream"), "{answer}");
    let lines = answer.lines().filter(|line| line.starts_with([':', 'd']));
    let lines = lines.filter(|line| !line.starts_with("date"));
    lines.map(str::to_owned).collect()
}

const ALIVE: &str = ": keep-alive";

fn comments(lines: &[String]) -> usize {
    lines.iter().filter(|line| *line == ALIVE).count()
}

#[test]
fn a_silent_stream_says_that_it_is_alive() {
    let often = "timeouts: {heartbeat_ms: 100}";
    let chat = stream("mock+slow_first=1s", "chat/completions", often);
    assert_eq!(&chat[..2], [ALIVE, ALIVE], "{chat:?}");
    let responses = stream("mock+slow_first=1s", "responses", often);
    assert_eq!(&responses[..2], [ALIVE, ALIVE], "{responses:?}");

    let between = stream("mock+delay=400ms", "chat/completions", often);
    let first = between.iter().position(|line| line.contains("one"));
    let after = &between[first.expect("a first piece")..];
    assert!(comments(after) >= 2, "{between:?}");

    for seldom in ["timeouts: {heartbeat_ms: 0}", "timeouts: {}"] {
        let silent = stream("mock+slow_first=1s", "chat/completions", seldom);
        assert_eq!(comments(&silent), 0, "{silent:?}");
    }
}

#[test]
fn what_fails_after_the_first_heartbeat_is_an_error_event() {
    let model = "mock+slow_first=20s";
    let with = |beat: u32| format!("timeouts: {{read_ms: 500, heartbeat_ms: {beat}}}");
    for (api, failed) in [
        ("chat/completions", "\"error\""),
        ("responses", "response.failed"),
    ] {
        let lines = stream(model, api, &with(100));
        let [.., failure, done] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        assert_eq!(done, "data: [DONE]");
        assert!(failure.contains(failed), "{failure}");
        assert!(failure.contains("upstream_timeout"), "{failure}");
        assert!(comments(&lines) > 0, "{lines:?}");
    }
    // Before it, it has its true status.
    check(model, true, &[(&with(0), 504), (&with(5000), 504)]);
}

/// A server that has the model `m`, which is `settings`, before the upstream at `port`.
fn with_model(port: u16, settings: &str) -> Server {
    let yaml = format!(
        "upstreams: {{up: {{base_url: \"http://127.0.0.1:{port}/v1\"}}}}\n\
         models:\n  table:\n    m: {settings}\nretry: {{budget: 1}}\n"
    );
    Setup::serve(&yaml).start()
}

#[test]
fn an_answer_has_at_most_the_tokens_it_may_have() {
    let mock = mock();
    let target = "targets: [{upstream: up, model: mock}]";
    let limited = with_model(mock.port, &format!("{{max_output_tokens: 2, {target}}}"));
    let free = with_model(mock.port, &format!("{{{target}}}"));
    let post = |server: &Server, path: &str, field: &str| {
        let body = match path {
            "/v1/responses" => format!(r#"{{"model":"m","input":"Say a b c d"{field}}}"#),
            _ => format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":"Say a b c d"}}]{field}}}"#
            ),
        };
        server.connect().post(path, &body)
    };
    for (path, field, cut) in [
        (
            "/v1/responses",
            "max_output_tokens",
            "\"reason\":\"max_output_tokens\"",
        ),
        (
            "/v1/chat/completions",
            "max_completion_tokens",
            "\"finish_reason\":\"length\"",
        ),
    ] {
        let more = format!(r#","{field}":3"#);
        let refused = post(&limited, path, &more);
        assert_eq!(refused.status, 400, "{}", refused.body);
        let shown = "`m` gives at most 2 tokens in an answer, but 3 were asked for.";
        assert!(refused.body.contains(shown), "{}", refused.body);
        let named = format!(r#""param":"{field}""#);
        assert!(refused.body.contains(&named), "{}", refused.body);
        let within = format!(r#","{field}":2"#);
        for (server, field, is_cut) in [
            (&limited, "", true),
            (&limited, within.as_str(), true),
            (&free, "", false),
        ] {
            let answer = post(server, path, field);
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!(
                answer.body.contains(cut),
                is_cut,
                "{field}: {}",
                answer.body
            );
        }
    }
}

#[test]
fn a_target_may_take_its_own_time() {
    let mock = mock();
    for (model, own, stream, expected) in [
        ("mock+slow_first=1s", "read_ms: 100", true, 504),
        ("mock+slow_first=1s", "read_ms: 20000", true, 200),
        (
            "mock+slow_head=4s",
            "read_ms: 100, total_ms: 1100",
            false,
            504,
        ),
        ("mock+slow_head=1s", "total_ms: 20000", false, 200),
    ] {
        let target = format!("{{targets: [{{upstream: up, model: {model}, {own}}}]}}");
        let server = with_model(mock.port, &target);
        let answer = ask(&server, "m", stream);
        assert_eq!(answer.status, expected, "{own}: {}", answer.body);
    }
    // One that takes too long leaves time for the next.
    let server = with_model(
        mock.port,
        "{targets: [{upstream: up, model: mock+slow_head=9s, read_ms: 100, total_ms: 1100}, {upstream: up, model: mock}]}",
    );
    assert_eq!(ask(&server, "m", true).status, 200);
    assert_eq!(ask(&server, "m", false).status, 200);
}

#[test]
fn what_answers_cost_is_counted_by_the_price_of_who_gave_them() {
    let script = "\
rules:
  - match: {model: dear}
    reply: {text: Yes.}
    usage: {input_tokens: 1000000, cached_tokens: 400000, output_tokens: 200000}
";
    let arguments = ["mock", "--listen", "127.0.0.1:0", "--script", "script.yaml"];
    let mock = Setup::new(&arguments).file("script.yaml", script).start();
    let server = with_model(
        mock.port,
        "{price: {input: \"2.50\", cached_input: \"1.25\", output: \"10\"}, targets: [{upstream: up, model: dear}]}",
    );
    let cost = |server: &Server| -> Option<String> {
        let metrics = server.get("/metrics").body;
        let line = metrics
            .lines()
            .find(|line| line.starts_with("lukhas_cost_usd_total"));
        line.map(str::to_owned)
    };
    assert_eq!(cost(&server), None);
    for (stream, expected) in [(false, "4.0"), (true, "8.0")] {
        if stream {
            let mut client = server.connect();
            client.send_post(
                "/v1/chat/completions",
                r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"Say one"}]}"#,
            );
            client.read_to(b"data: [DONE]\n\n");
        } else {
            assert_eq!(ask(&server, "m", false).status, 200);
        }
        let line = format!("lukhas_cost_usd_total{{model=\"m\"}} {expected}");
        assert_eq!(cost(&server).as_deref(), Some(line.as_str()));
    }
    let embedded = r#"{"model":"m","input":"one"}"#;
    assert_eq!(
        server.connect().post("/v1/embeddings", embedded).status,
        200
    );
    let line = "lukhas_cost_usd_total{model=\"m\"} 10.5";
    assert_eq!(cost(&server).as_deref(), Some(line));

    // The price is that of the target that answered.
    let server = with_model(
        mock.port,
        "{price: {input: \"1\", output: \"1\"}, targets: [{upstream: up, model: dear, price: {input: \"0\", output: \"5\"}}]}",
    );
    assert_eq!(ask(&server, "m", false).status, 200);
    let line = "lukhas_cost_usd_total{model=\"m\"} 1.0";
    assert_eq!(cost(&server).as_deref(), Some(line));
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

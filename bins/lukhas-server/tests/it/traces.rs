// SPDX-License-Identifier: Apache-2.0
//! Spans of the real process, at a receiver.

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::Value;

use crate::http::Answer;
use crate::process::{Server, Setup};
use crate::receiver::{Receiver, attribute, hex};
use crate::reload::eventually;

const ASK: &str = r#"{"model":"lukhas-matriz","input":"Say one two three","temperature":0.5,"max_output_tokens":50}"#;
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn serve(receiver: &Receiver) -> Setup {
    Setup::new(&["serve", "--listen", "127.0.0.1:0"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.url())
}

fn ask(server: &Server, headers: &str, path: &str, body: &str) -> Answer {
    let mut client = server.connect();
    client.send_post_with(path, headers, body);
    client.answer()
}

/// The only span whose name is `name`.
#[track_caller]
fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let mut found = spans.iter().filter(|span| span.name == name);
    let first = found.next();
    assert!(found.next().is_none(), "several are called {name}");
    let names = || spans.iter().map(|span| &*span.name).collect::<Vec<_>>();
    first.unwrap_or_else(|| panic!("none is called {name}: {:?}", names()))
}

#[track_caller]
fn check_within(inner: &Span, outer: &Span) {
    assert_eq!(
        inner.parent_span_id, outer.span_id,
        "{} in {}",
        inner.name, outer.name
    );
    assert_eq!(inner.trace_id, outer.trace_id);
    assert!(inner.start_time_unix_nano >= outer.start_time_unix_nano);
    assert!(
        inner.end_time_unix_nano <= outer.end_time_unix_nano,
        "{}",
        inner.name
    );
    assert!(inner.end_time_unix_nano >= inner.start_time_unix_nano);
}

#[test]
fn a_request_is_a_tree_of_spans_in_the_trace_of_its_client() {
    let receiver = Receiver::start();
    let server = serve(&receiver)
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-team=a")
        .start();
    let answer = ask(
        &server,
        &format!("traceparent: {PARENT}\r\n"),
        "/v1/responses",
        ASK,
    );
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    server.stop();
    let spans = receiver.spans();
    assert_eq!(spans.len(), 3, "{spans:#?}");
    let request = named(&spans, "POST /v1/responses");
    assert_eq!(hex(&request.trace_id), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(hex(&request.parent_span_id), "00f067aa0ba902b7");
    assert_eq!(request.kind(), SpanKind::Server);
    let told = format!(
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01",
        hex(&request.span_id)
    );
    assert!(answer.head.contains(&told), "{}", answer.head);
    let run = named(&spans, "invoke_agent matriz");
    check_within(run, request);
    assert_eq!(run.kind(), SpanKind::Internal);
    let call = named(&spans, "chat lukhas-matriz");
    check_within(call, run);
    assert_eq!(call.kind(), SpanKind::Client);
    let usage = &body["usage"];
    for (span, name, value) in [
        (request, "http.request.method", "POST"),
        (request, "http.route", "/v1/responses"),
        (request, "http.response.status_code", "200"),
        (request, "openinference.span.kind", "CHAIN"),
        (run, "gen_ai.operation.name", "invoke_agent"),
        (run, "openinference.span.kind", "AGENT"),
        (call, "gen_ai.operation.name", "chat"),
        (call, "gen_ai.provider.name", "lukhas"),
        (call, "gen_ai.request.model", "lukhas-matriz"),
        (call, "gen_ai.request.temperature", "0.5"),
        (call, "gen_ai.request.max_tokens", "50"),
        (call, "gen_ai.response.id", body["id"].as_str().unwrap()),
        (call, "openinference.span.kind", "LLM"),
        (
            call,
            "gen_ai.usage.input_tokens",
            &usage["input_tokens"].to_string(),
        ),
        (
            call,
            "gen_ai.usage.output_tokens",
            &usage["output_tokens"].to_string(),
        ),
        (
            call,
            "llm.token_count.total",
            &usage["total_tokens"].to_string(),
        ),
    ] {
        assert_eq!(attribute(span, name).as_deref(), Some(value), "{name}");
    }
    let reasons = attribute(call, "gen_ai.response.finish_reasons").unwrap();
    assert!(reasons.contains("\"stop\""), "{reasons}");
    let head = &receiver.heads()[0].to_lowercase();
    assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
    assert!(
        head.contains("x-team: a\r\n") && head.contains("application/x-protobuf"),
        "{head}"
    );
}

#[test]
fn a_trace_goes_on_in_the_upstream() {
    let receiver = Receiver::start();
    let aliases = "models: {aliases: {far: lukhas-matriz, far-embed: lukhas-lexical-hash-1024}}\n";
    let key = "b".repeat(24);
    let behind = serve(&receiver)
        .config(aliases)
        .env("LUKHAS_API_TOKEN", &key)
        .start();
    let server = serve(&receiver)
        .env("OPENAI_API_KEY", &key)
        .env(
            "OPENAI_BASE_URL",
            &format!("http://127.0.0.1:{}/v1", behind.port),
        )
        .start();
    let chat = r#"{"model":"far","stream":true,"messages":[{"role":"user","content":"Say one"}]}"#;
    let embed = r#"{"model":"far-embed","input":"one"}"#;
    for (path, body) in [("/v1/chat/completions", chat), ("/v1/embeddings", embed)] {
        let mut client = server.connect();
        client.send_post_with(path, "connection: close\r\n", body);
        let answer = client.rest();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    server.stop();
    behind.stop();
    let spans = receiver.spans();
    let roots: Vec<_> = spans
        .iter()
        .filter(|span| span.parent_span_id.is_empty())
        .collect();
    assert_eq!(roots.len(), 2, "{roots:#?}");
    let requests = spans.iter().filter(|span| span.kind() == SpanKind::Server);
    let behind: Vec<_> = requests
        .filter(|span| !span.parent_span_id.is_empty())
        .collect();
    assert_eq!(behind.len(), 2, "{behind:#?}");
    for request in behind {
        let call = spans
            .iter()
            .find(|span| span.span_id == request.parent_span_id)
            .unwrap();
        check_within(request, call);
        assert_eq!(call.kind(), SpanKind::Client);
        assert_eq!(
            attribute(call, "gen_ai.provider.name").as_deref(),
            Some("other")
        );
    }
}

#[test]
fn what_is_not_sampled_is_not_sent_and_says_so() {
    let receiver = Receiver::start();
    let server = serve(&receiver).start();
    let parent = PARENT.replace("-01", "-00");
    let answer = ask(
        &server,
        &format!("traceparent: {parent}\r\n"),
        "/v1/responses",
        ASK,
    );
    let told = answer
        .head
        .lines()
        .find_map(|line| line.strip_prefix("traceparent: "));
    assert!(told.unwrap().ends_with("-00"), "{told:?}");
    server.stop();
    assert!(receiver.spans().is_empty());
}

#[test]
fn a_receiver_that_fails_costs_spans_and_no_request() {
    let receiver = Receiver::start();
    receiver.answer("503 Service Unavailable");
    let server = serve(&receiver).start();
    let check = || {
        let readiness: Value = serde_json::from_str(&server.get("/readyz").body).unwrap();
        assert_eq!(readiness["status"], "ready");
        readiness["checks"]["traces"].clone()
    };
    assert_eq!(check()["status"], "ok");
    assert_eq!(ask(&server, "", "/v1/responses", ASK).status, 200);
    eventually("a warning", || check()["status"] == "warning");
    assert_eq!(check()["reason"], "spans cannot be sent: the log says why");
    let metrics = server.get("/metrics").body;
    let lost = metrics
        .lines()
        .find_map(|line| line.strip_prefix("lukhas_events_dropped_total{sink=\"traces\"} "));
    assert!(lost.unwrap().parse::<u32>().unwrap() > 0, "{lost:?}");
    receiver.answer("200 OK");
    eventually("all is well", || {
        assert_eq!(ask(&server, "", "/v1/responses", ASK).status, 200);
        check()["status"] == "ok"
    });
    let log = server.stop();
    assert_eq!(
        log.matches("spans cannot be sent, and are lost").count(),
        1,
        "{log}"
    );
    assert!(log.contains("spans can be sent again"), "{log}");
}

const CONTENT: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";

#[test]
fn what_is_said_is_in_spans_where_somebody_wants_it() {
    const SAID: &str = r#"{"model":"lukhas-matriz","instructions":"Be brief","input":"Say one to ada@example.com"}"#;
    for (wanted, is_shown) in [("true", true), ("SPAN_ONLY", true), ("false", false)] {
        let receiver = Receiver::start();
        let server = serve(&receiver).env(CONTENT, wanted).start();
        assert_eq!(ask(&server, "", "/v1/responses", SAID).status, 200);
        server.stop();
        let spans = receiver.spans();
        let call = named(&spans, "chat lukhas-matriz");
        let said = |name: &str| attribute(call, name).map(|it| serde_json::from_str(&it).unwrap());
        let input: Option<Value> = said("gen_ai.input.messages");
        assert_eq!(input.is_some(), is_shown, "{wanted}");
        let Some(input) = input else { continue };
        let text = "Say one to [REDACTED:EMAIL_ADDRESS]";
        assert_eq!(input[0]["role"], "user");
        assert_eq!(input[0]["parts"][0]["content"], text);
        let output: Value = said("gen_ai.output.messages").unwrap();
        assert_eq!(output[0]["finish_reason"], "stop");
        let answer = output[0]["parts"][0]["content"].as_str().unwrap();
        assert!(
            answer.contains("one to [REDACTED:EMAIL_ADDRESS]"),
            "{answer}"
        );
        let instructions: Value = said("gen_ai.system_instructions").unwrap();
        assert_eq!(instructions[0]["content"], "Be brief");
        assert_eq!(said("input.value"), Some(input));
    }
}

#[test]
fn a_variable_that_cannot_be_stops_the_start() {
    for wrong in ["span_and_event", "yes"] {
        let ended = Setup::new(&["serve"])
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
            .env(CONTENT, wrong)
            .run();
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(CONTENT), "{}", ended.err);
        assert!(ended.err.contains("SPAN_ONLY"), "{}", ended.err);
    }
    let ended = Setup::new(&["serve"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318")
        .run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended
            .err
            .contains("OTEL_EXPORTER_OTLP_ENDPOINT: the value is not"),
        "{}",
        ended.err
    );
}

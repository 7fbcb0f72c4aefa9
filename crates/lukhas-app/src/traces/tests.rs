// SPDX-License-Identifier: Apache-2.0
use std::ffi::OsString;

use super::*;

fn environment(variables: &[(&str, &str)]) -> Environment {
    let variables = variables.iter();
    let variables = variables.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Environment::new(variables.collect())
}

fn config(variables: &[(&str, &str)]) -> Option<TracesConfig> {
    read(&environment(variables)).unwrap()
}

#[track_caller]
fn check_problem(variables: &[(&str, &str)], expected: &str) {
    let mut all = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")];
    all.retain(|(name, _)| variables.iter().all(|(other, _)| other != name));
    all.extend(variables);
    let problems = read(&environment(&all)).unwrap_err();
    assert_eq!(problems.to_string(), expected);
}

#[test]
fn spans_are_sent_where_a_variable_says() {
    assert!(config(&[]).is_none());
    assert!(config(&[("OTEL_SERVICE_NAME", "mine")]).is_none());
    assert!(config(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).is_none());
    for (variable, value, endpoint) in [
        ("ENDPOINT", "http://c:4318", "http://c:4318/v1/traces"),
        ("ENDPOINT", "https://c/otlp/", "https://c/otlp/v1/traces"),
        ("TRACES_ENDPOINT", "http://c:4318/x", "http://c:4318/x"),
    ] {
        let variable = format!("OTEL_EXPORTER_OTLP_{variable}");
        assert_eq!(config(&[(&variable, value)]).unwrap().endpoint, endpoint);
    }
}

#[test]
fn the_other_variables_say_how() {
    let config = config(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20x, a=1",
        ),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
        ("OTEL_SERVICE_NAME", "front"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=no,deployment.environment.name=test",
        ),
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
    ])
    .unwrap();
    let headers = config.headers.iter();
    let headers: Vec<_> = headers
        .map(|(name, value)| (name.as_str(), value.expose().as_str()))
        .collect();
    assert_eq!(headers, [("authorization", "Bearer x"), ("a", "1")]);
    assert_eq!(config.timeout, Duration::from_millis(2_500));
    assert_eq!(
        config.sampler,
        Sampler::new("traceidratio", Some("0.25")).unwrap()
    );
    assert_eq!(config.resource["service.name"], "front");
    assert_eq!(config.resource["deployment.environment.name"], "test");
    assert!(!format!("{config:?}").contains("Bearer"));
}

#[test]
fn it_can_be_switched_off() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318");
    assert!(config(&[endpoint, ("OTEL_SDK_DISABLED", "true")]).is_none());
    assert!(config(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")]).is_none());
    assert!(config(&[endpoint, ("OTEL_SDK_DISABLED", "false")]).is_some());
}

#[test]
fn what_cannot_be_is_named_with_its_variable() {
    let url = "the value is not an http or https URL of a receiver\n  help: write \
               `http://127.0.0.1:4318`; keys go into OTEL_EXPORTER_OTLP_HEADERS";
    for wrong in [
        "127.0.0.1:4318",
        "grpc://c:4317",
        "http://",
        "http://u:p@c:4318",
        "a b",
    ] {
        let expected = format!("OTEL_EXPORTER_OTLP_ENDPOINT: {url}");
        check_problem(&[("OTEL_EXPORTER_OTLP_ENDPOINT", wrong)], &expected);
    }
    check_problem(
        &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
        "OTEL_EXPORTER_OTLP_PROTOCOL: `grpc` is not built in\n  help: write `http/protobuf`, and the \
         receiver's port for it, which is 4318 by default",
    );
    check_problem(
        &[("OTEL_TRACES_EXPORTER", "zipkin")],
        "OTEL_TRACES_EXPORTER: `zipkin` is not built in\n  help: write `otlp` or `none`",
    );
    check_problem(
        &[("OTEL_TRACES_SAMPLER", "allways_on")],
        "OTEL_TRACES_SAMPLER: there is no sampler `allways_on`\n  help: did you mean `always_on`?",
    );
    check_problem(
        &[
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ],
        "OTEL_TRACES_SAMPLER_ARG: `2` is no share\n  help: write a number from 0 to 1",
    );
    check_problem(
        &[("OTEL_EXPORTER_OTLP_TIMEOUT", "10s")],
        "OTEL_EXPORTER_OTLP_TIMEOUT: `10s` is no time\n  help: write milliseconds, 1 to 600000",
    );
    check_problem(
        &[("OTEL_EXPORTER_OTLP_HEADERS", "hush")],
        "OTEL_EXPORTER_OTLP_HEADERS: one of the pairs is none\n  help: write `name=value` pairs with \
         commas between them",
    );
    check_problem(
        &[("OTEL_EXPORTER_OTLP_HEADERS", "a b=hush")],
        "OTEL_EXPORTER_OTLP_HEADERS: one of the pairs is no header\n  help: write `name=value`",
    );
}

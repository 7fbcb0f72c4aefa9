// SPDX-License-Identifier: Apache-2.0
use super::*;

#[track_caller]
fn check(accept: Option<&str>, expected: Format) {
    assert_eq!(Format::from_accept(accept), expected, "{accept:?}");
}

#[test]
fn open_metrics_is_for_those_that_name_it() {
    for accept in [
        "application/openmetrics-text",
        "application/openmetrics-text; version=1.0.0",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        "application/openmetrics-text;version=\"1.0.0\"",
        "Application/OpenMetrics-Text;Version=1.0.0;Q=0.5",
        "text/plain;q=0.5, application/openmetrics-text;q=0.5",
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
         text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        // What Prometheus 3 sends.
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
         application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;\
         escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    ] {
        check(Some(accept), Format::OpenMetrics);
    }
}

#[test]
fn text_is_for_everyone_else() {
    check(None, Format::Text);
    for accept in [
        "",
        "*/*",
        "text/*",
        "text/plain",
        "text/plain; version=0.0.4",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "application/json",
        "application/openmetrics-text;version=2.0.0",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=x",
        "application/openmetrics-text;q=0.4,text/plain;q=0.5",
        "application/openmetrics-textual",
        ";;,,=;q",
    ] {
        check(Some(accept), Format::Text);
    }
}

#[test]
fn text_names_families_like_their_samples() {
    let open_metrics = "# HELP a_build Which one.\n# TYPE a_build info\na_build_info{v=\"1\"} 1\n\
        # HELP a_requests Some help, with # in it.\n# TYPE a_requests counter\n\
        a_requests_total{path=\"#\"} 2\n\
        # HELP a_seconds Time.\n# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n\
        a_seconds_sum 1.5\na_seconds_count 1\na_seconds_bucket{le=\"+Inf\"} 1\n\
        # TYPE a_thing unknown\na_thing 1\n# EOF\n";
    assert_eq!(
        to_text(open_metrics),
        "# HELP a_build_info Which one.\n# TYPE a_build_info gauge\na_build_info{v=\"1\"} 1\n\
         # HELP a_requests_total Some help, with # in it.\n# TYPE a_requests_total counter\n\
         a_requests_total{path=\"#\"} 2\n\
         # HELP a_seconds Time.\n# TYPE a_seconds histogram\n\
         a_seconds_sum 1.5\na_seconds_count 1\na_seconds_bucket{le=\"+Inf\"} 1\n\
         # TYPE a_thing untyped\na_thing 1\n"
    );
}

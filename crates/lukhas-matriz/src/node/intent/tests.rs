// SPDX-License-Identifier: Apache-2.0

use serde_json::json;

use super::*;
use crate::tests::support::{call, output, request, tool, user};

const AUTO: ToolMode = ToolMode::Auto;
const REQUIRED: ToolMode = ToolMode::Required;

fn function(name: &str) -> ToolChoice {
    ToolChoice::Function(name.into())
}

fn allowed(mode: ToolMode, names: &[&str]) -> ToolChoice {
    let names = names.iter().map(|name| (*name).into()).collect();
    ToolChoice::Allowed { mode, names }
}

fn may(names: &[&str]) -> Calls {
    Calls::May(names.iter().map(|name| tool(name)).collect())
}

fn must(names: &[&str]) -> Calls {
    Calls::Must(names.iter().map(|name| tool(name)).collect())
}

/// Tools `a`, `b` and `c` under `choice`: the calls, and the choice that the provider gets. The
/// provider's tools are those of the calls.
#[track_caller]
fn check(choice: ToolChoice, calls: Calls, narrowed: ToolChoice) {
    let pending = vec![user("hi"), call("call_1"), output("call_1", "ok")];
    for items in [vec![user("hi")], pending] {
        let mut request = request(items);
        request.tools = vec![tool("a"), tool("b"), tool("c")];
        request.tool_choice = choice.clone();
        let intent = decide(&mut request);
        assert_eq!(intent.calls, calls);
        assert_eq!(request.tool_choice, narrowed);
        let (Calls::May(tools) | Calls::Must(tools)) = calls.clone() else {
            assert_eq!(request.tools, []);
            continue;
        };
        assert_eq!(request.tools, tools);
    }
}

#[test]
fn the_choice_decides_what_may_be_called() {
    use ToolChoice::{Auto, None, Required};
    check(None, Calls::Never, None);
    check(Auto, may(&["a", "b", "c"]), Auto);
    check(Required, must(&["a", "b", "c"]), Required);
    check(function("b"), must(&["b"]), function("b"));
    check(allowed(AUTO, &["c", "a"]), may(&["a", "c"]), Auto);
    check(allowed(REQUIRED, &["c"]), must(&["c"]), Required);
    check(allowed(AUTO, &[]), Calls::Never, Auto);
}

#[test]
fn without_tools_it_answers() {
    assert_eq!(decide(&mut request(vec![])).calls, Calls::Never);
}

#[test]
fn the_format_decides_what_text_is_held_to() {
    let schema = |strict| OutputFormat::JsonSchema {
        name: "answer".into(),
        schema: Arc::new(json!({})),
        strict,
    };
    for (format, text) in [
        (OutputFormat::Text, Text::Free),
        (OutputFormat::JsonObject, Text::JsonObject),
        (schema(true), Text::Instance(Arc::new(json!({})))),
        (schema(false), Text::Free),
    ] {
        let mut request = request(vec![]);
        request.format = format;
        assert_eq!(decide(&mut request).text, text);
    }
}

#[test]
fn parallel_calls_are_as_the_request_says() {
    for parallel in [true, false] {
        let mut request = request(vec![]);
        request.parallel_tool_calls = parallel;
        assert_eq!(decide(&mut request).parallel, parallel);
    }
}

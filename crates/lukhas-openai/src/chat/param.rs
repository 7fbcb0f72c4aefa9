// SPDX-License-Identifier: Apache-2.0
//! Names of the parameters at fault.

/// Fields of core's requests, by the paths that [`lukhas_core::RunError`] blames, and what chat
/// completions call them. The longest that fits comes first.
const NAMES: &[(&str, &str)] = &[
    ("input", "messages"),
    ("instructions", "messages"),
    ("max_output_tokens", "max_completion_tokens"),
    ("reasoning.effort", "reasoning_effort"),
    ("text.format.type", "response_format.type"),
    ("text.format", "response_format.json_schema"),
    ("text.verbosity", "verbosity"),
    ("tool_choice.name", "tool_choice.function.name"),
];

/// The path of a chat completion request for one that a run blames, which are in the terms of
/// responses: `text.format.schema` becomes `response_format.json_schema.schema`.
///
/// Items do not map to messages one to one, so whatever is wrong with `input` is blamed on
/// `messages` as a whole. Paths that are the same in both are given back as they are.
#[must_use]
pub fn chat_param(param: &str) -> String {
    if param == "text.format" {
        return "response_format".to_owned();
    }
    if let Some((tool, field)) = param.split_once("].")
        && tool.starts_with("tools[")
        && field != "type"
    {
        return format!("{tool}].function.{field}");
    }
    for (core, chat) in NAMES {
        match param.strip_prefix(core) {
            Some(_) if *chat == "messages" && ends_name(param, core) => return (*chat).to_owned(),
            Some(rest) if ends_name(param, core) => return format!("{chat}{rest}"),
            Some(_) | None => {}
        }
    }
    param.to_owned()
}

/// Whether `param` is `name` or something under it, and not a longer name.
fn ends_name(param: &str, name: &str) -> bool {
    matches!(param.as_bytes().get(name.len()), None | Some(b'.' | b'['))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(core: &str, chat: &str) {
        assert_eq!(chat_param(core), chat);
    }

    #[test]
    fn every_path_of_a_run_has_its_name_in_chat() {
        check("input", "messages");
        check("input[3].content[0].text", "messages");
        check("instructions", "messages");
        check("text.format", "response_format");
        check("text.format.type", "response_format.type");
        check("text.format.name", "response_format.json_schema.name");
        check("text.format.schema", "response_format.json_schema.schema");
        check(
            "text.format.schema.properties.a",
            "response_format.json_schema.schema.properties.a",
        );
        check("text.verbosity", "verbosity");
        check("tools", "tools");
        check("tools[2]", "tools[2]");
        check("tools[2].type", "tools[2].type");
        check("tools[2].name", "tools[2].function.name");
        check(
            "tools[12].parameters.type",
            "tools[12].function.parameters.type",
        );
        check("tool_choice", "tool_choice");
        check("tool_choice.name", "tool_choice.function.name");
        check("tool_choice.tools[0].name", "tool_choice.tools[0].name");
        check("max_output_tokens", "max_completion_tokens");
        check("reasoning.effort", "reasoning_effort");
    }

    #[test]
    fn what_has_one_name_in_both_stays() {
        for same in [
            "model",
            "temperature",
            "previous_response_id",
            "input_audio",
            "stop[0]",
            "",
        ] {
            check(same, same);
        }
    }
}

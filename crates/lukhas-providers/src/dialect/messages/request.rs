// SPDX-License-Identifier: Apache-2.0
//! A request in the words of Messages.

use lukhas_core::{
    FunctionCall, FunctionOutput, Item, Message, OutputFormat, Part, Role, RunError, RunRequest,
    ToolChoice, ToolMode, ToolSpec,
};
use serde_json::{Map, Value, json};

use super::super::{is_penalty, no_place, refuse};
use super::content::block;

/// Tokens to generate at most where the request does not say: the API must be told.
const MAX_TOKENS: u32 = 4096;

/// The body of a request for `model`.
///
/// # Errors
/// When the request holds what Messages have no place for.
pub(crate) fn request(model: &str, request: &RunRequest) -> Result<Value, RunError> {
    check(request)?;
    let (system, messages) = conversation(request)?;
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    let max_tokens = request.max_output_tokens.unwrap_or(MAX_TOKENS);
    body.insert("max_tokens".into(), max_tokens.into());
    if !system.is_empty() {
        body.insert("system".into(), system.into());
    }
    body.insert("messages".into(), messages.into());
    add_tools(&mut body, request);
    add_settings(&mut body, request);
    if !request.whole {
        body.insert("stream".into(), true.into());
    }
    Ok(Value::Object(body))
}

fn check(request: &RunRequest) -> Result<(), RunError> {
    let sampling = &request.sampling;
    refuse(&[
        ("seed", sampling.seed.is_some()),
        ("presence_penalty", is_penalty(sampling.presence_penalty)),
        ("frequency_penalty", is_penalty(sampling.frequency_penalty)),
        ("text.verbosity", request.hints.verbosity.is_some()),
    ])?;
    if let Some(effort @ ("none" | "minimal")) = request.hints.effort {
        let message = format!(
            "The upstream of this model takes an effort from `low` to `max`, not `{effort}`."
        );
        return Err(RunError::unsupported("reasoning.effort", message));
    }
    if let Some(temperature) = sampling.temperature.filter(|t| *t > 1.0) {
        let message = format!(
            "The upstream of this model takes a `temperature` of at most 1, not {temperature}."
        );
        return Err(RunError::unsupported("temperature", message));
    }
    match request.format {
        OutputFormat::Text | OutputFormat::JsonSchema { .. } => Ok(()),
        OutputFormat::JsonObject => {
            let message = "The upstream of this model gives JSON under a schema only.";
            Err(RunError::unsupported("text.format", message))
        }
    }
}

/// Tools and which of them to call. The API cannot be told that only some may be called: it is
/// given those alone.
fn add_tools(body: &mut Map<String, Value>, request: &RunRequest) {
    let is_offered = |spec: &ToolSpec| match &request.tool_choice {
        ToolChoice::Allowed { names, .. } => names.contains(&spec.name),
        ToolChoice::None | ToolChoice::Auto | ToolChoice::Required | ToolChoice::Function(_) => {
            true
        }
    };
    let tools = request.tools.iter().filter(|spec| is_offered(spec));
    let tools: Vec<_> = tools.map(|spec| tool(spec)).collect();
    if tools.is_empty() {
        return;
    }
    let mut choice = match &request.tool_choice {
        ToolChoice::None => json!({"type": "none"}),
        ToolChoice::Auto
        | ToolChoice::Allowed {
            mode: ToolMode::Auto,
            ..
        } => json!({"type": "auto"}),
        ToolChoice::Required
        | ToolChoice::Allowed {
            mode: ToolMode::Required,
            ..
        } => json!({"type": "any"}),
        ToolChoice::Function(name) => json!({"type": "tool", "name": name}),
    };
    if !request.parallel_tool_calls && request.tool_choice != ToolChoice::None {
        choice["disable_parallel_tool_use"] = true.into();
    }
    body.insert("tools".into(), tools.into());
    body.insert("tool_choice".into(), choice);
}

fn tool(spec: &ToolSpec) -> Value {
    let mut tool = json!({"name": spec.name});
    if let Some(description) = &spec.description {
        tool["description"] = description.clone().into();
    }
    tool["input_schema"] = match &spec.parameters {
        Some(parameters) => parameters.clone(),
        None => json!({"type": "object", "properties": {}, "additionalProperties": false}),
    };
    if let Some(strict) = spec.strict {
        tool["strict"] = strict.into();
    }
    tool
}

fn add_settings(body: &mut Map<String, Value>, request: &RunRequest) {
    let sampling = &request.sampling;
    let end_user = request.hints.end_user.as_ref();
    let stop = (!sampling.stop.is_empty()).then(|| sampling.stop.clone().into());
    for (key, value) in [
        ("stop_sequences", stop),
        ("temperature", sampling.temperature.map(Value::from)),
        ("top_p", sampling.top_p.map(Value::from)),
        ("output_config", output_config(request)),
        ("metadata", end_user.map(|id| json!({"user_id": id}))),
    ] {
        if let Some(value) = value {
            body.insert(key.into(), value);
        }
    }
}

fn output_config(request: &RunRequest) -> Option<Value> {
    let mut config = Map::new();
    // Whether the model thinks at all is left as it is by default.
    if let Some(effort) = request.hints.effort {
        config.insert("effort".into(), effort.into());
    }
    // The schema always holds, strict or not; there is no place for its name.
    if let OutputFormat::JsonSchema { schema, .. } = &request.format {
        let format = json!({"type": "json_schema", "schema": **schema});
        config.insert("format".into(), format);
    }
    (!config.is_empty()).then_some(Value::Object(config))
}

/// The system prompt, and the turns of the conversation.
///
/// Instructions, and messages of the system and the developer wherever they stand, are hoisted and
/// joined by line feeds, as Anthropic documents it for requests in OpenAI's words ("OpenAI SDK
/// compatibility"): it keeps their authority, and every model takes it.
fn conversation(request: &RunRequest) -> Result<(String, Vec<Value>), RunError> {
    let mut system: Vec<&str> = request.instructions.as_deref().into_iter().collect();
    let mut turns = Turns::default();
    for item in &request.items {
        match item {
            Item::Message(message) => match message.role {
                Role::System | Role::Developer => add_system(&mut system, message)?,
                Role::User => turns.say(Speaker::User, &message.parts)?,
                Role::Assistant => turns.say(Speaker::Assistant, &message.parts)?,
            },
            Item::FunctionCall(call) => turns.call(call)?,
            Item::FunctionOutput(output) => turns.give(output)?,
            Item::Opaque(_) => {}
        }
    }
    system.retain(|text| !text.is_empty());
    Ok((system.join("\n"), turns.finish()))
}

fn add_system<'m>(system: &mut Vec<&'m str>, message: &'m Message) -> Result<(), RunError> {
    for part in &message.parts {
        match part {
            Part::Text(text) | Part::Refusal(text) => system.push(text),
            Part::Image(_) | Part::File(_) | Part::Audio(_) => {
                return Err(no_place("anything but text in a system message"));
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaker {
    User,
    Assistant,
}

/// The turns: speakers alternate, so what one says in a row is one turn.
#[derive(Debug, Default)]
struct Turns(Vec<(Speaker, Vec<Value>)>);

impl Turns {
    fn say(&mut self, speaker: Speaker, parts: &[Part]) -> Result<(), RunError> {
        for part in parts {
            if let Some(block) = block(part)? {
                self.turn(speaker).push(block);
            }
        }
        Ok(())
    }

    fn call(&mut self, call: &FunctionCall) -> Result<(), RunError> {
        let arguments = match call.arguments.trim() {
            "" => "{}",
            arguments => arguments,
        };
        let input = lukhas_openai::parse_json(arguments.as_bytes());
        let Some(input) = input.ok().filter(Value::is_object) else {
            let message = format!(
                "The arguments of the call `{}` are not a JSON object, which the upstream of this \
                 model wants.",
                call.call_id
            );
            return Err(RunError::invalid("input", message));
        };
        let call =
            json!({"type": "tool_use", "id": call.call_id, "name": call.name, "input": input});
        self.turn(Speaker::Assistant).push(call);
        Ok(())
    }

    /// Results stand before anything else in their turn: the API wants them there.
    fn give(&mut self, output: &FunctionOutput) -> Result<(), RunError> {
        let content: Vec<_> = output
            .parts
            .iter()
            .filter_map(|part| block(part).transpose())
            .collect::<Result<_, _>>()?;
        let mut result = json!({"type": "tool_result", "tool_use_id": output.call_id});
        if !content.is_empty() {
            result["content"] = content.into();
        }
        let turn = self.turn(Speaker::User);
        let results = turn.iter().take_while(|b| b["type"] == "tool_result");
        let place = results.count();
        turn.insert(place, result);
        Ok(())
    }

    fn turn(&mut self, speaker: Speaker) -> &mut Vec<Value> {
        if self.0.last().is_none_or(|(last, _)| *last != speaker) {
            self.0.push((speaker, Vec::new()));
        }
        let last = self.0.len() - 1;
        &mut self.0[last].1
    }

    fn finish(self) -> Vec<Value> {
        let turns = self.0.into_iter().map(|(speaker, content)| {
            let role = match speaker {
                Speaker::User => "user",
                Speaker::Assistant => "assistant",
            };
            json!({"role": role, "content": content})
        });
        turns.collect()
    }
}

// SPDX-License-Identifier: Apache-2.0
//! Risk: refuses what no provider should be given.
//!
//! The last line for callers that have no wire layer in front of them, and for what only the whole
//! conversation shows. Syntax and ranges are the wire layer's.

mod url;

#[cfg(test)]
mod tests;

use lukhas_core::{
    Item, Media, MediaSource, OutputFormat, Part, RunError, RunRequest, ToolChoice, ToolMode,
};
use serde_json::Value;

use crate::json;
use crate::private_hosts::PrivateHost;

/// Most tools of a request.
const MAX_TOOLS: usize = 128;

/// Most bytes of a schema as JSON text.
const MAX_SCHEMA_BYTES: usize = 256 * 1024;

/// Most images, files and audio clips of a conversation.
const MAX_MEDIA: usize = 500;

/// Most bytes of a conversation's images, files and audio clips together, as they stand in the
/// request (base64, `data:` URLs).
const MAX_MEDIA_BYTES: usize = 64 * 1024 * 1024;

/// Refuses the request, blaming a field of it, or lets it pass. Its URLs may name `private_hosts`,
/// and otherwise public ones only.
pub(crate) fn check(private_hosts: &[PrivateHost], request: &RunRequest) -> Result<(), RunError> {
    check_tools(request)?;
    check_choice(request)?;
    if let OutputFormat::JsonSchema { schema, .. } = &request.format {
        check_schema(schema, || "text.format.schema".into())?;
    }
    check_items(private_hosts, &request.items)
}

fn check_tools(request: &RunRequest) -> Result<(), RunError> {
    let tools = &request.tools;
    if tools.len() > MAX_TOOLS {
        let message = format!(
            "There are {} tools; at most {MAX_TOOLS} are allowed.",
            tools.len()
        );
        return Err(RunError::invalid("tools", message));
    }
    for (index, tool) in tools.iter().enumerate() {
        // At most 128 names: comparing them all is cheaper than a set.
        if tools[..index].iter().any(|other| other.name == tool.name) {
            let message = format!("The tool name `{}` is used twice.", tool.name);
            return Err(RunError::invalid(format!("tools[{index}].name"), message));
        }
        if let Some(schema) = &tool.parameters {
            let param = || format!("tools[{index}].parameters");
            check_schema(schema, param)?;
            if !describes_object(schema) {
                let message = "The parameters of a function are a schema of type `object`.";
                return Err(RunError::invalid(param() + ".type", message));
            }
        }
    }
    Ok(())
}

fn check_choice(request: &RunRequest) -> Result<(), RunError> {
    let absent = |name: &&String| request.tool(name).is_none();
    let (missing, must_call, callable) = match &request.tool_choice {
        ToolChoice::None | ToolChoice::Auto => return Ok(()),
        ToolChoice::Required => (None, true, !request.tools.is_empty()),
        ToolChoice::Function(name) => (Some(name).filter(absent), true, true),
        ToolChoice::Allowed { mode, names } => (
            names.iter().find(absent),
            *mode == ToolMode::Required,
            !names.is_empty(),
        ),
    };
    if let Some(name) = missing {
        let message = format!("The tool choice names `{name}`, which is not among the tools.");
        return Err(RunError::invalid("tool_choice", message));
    }
    if must_call && !callable {
        let message = "The tool choice requires a call, but there is no tool to call.";
        return Err(RunError::invalid("tool_choice", message));
    }
    Ok(())
}

fn check_schema(schema: &Value, param: impl Fn() -> String) -> Result<(), RunError> {
    if !schema.is_object() {
        let message = "The schema is not a JSON object.";
        return Err(RunError::invalid(param(), message));
    }
    match json::size(schema) {
        None => Err(RunError::invalid(
            param(),
            format!(
                "The schema is nested deeper than {} levels.",
                json::MAX_DEPTH
            ),
        )),
        Some(bytes) if bytes > MAX_SCHEMA_BYTES => Err(RunError::invalid(
            param(),
            format!("The schema is longer than {MAX_SCHEMA_BYTES} bytes."),
        )),
        Some(_) => Ok(()),
    }
}

/// Whether objects can be valid under `schema`, as far as its own `type` tells.
fn describes_object(schema: &Value) -> bool {
    match schema.get("type") {
        None => true,
        Some(Value::Array(types)) => types.iter().any(|name| name == "object"),
        Some(name) => name == "object",
    }
}

fn check_items(private_hosts: &[PrivateHost], items: &[Item]) -> Result<(), RunError> {
    let (mut count, mut bytes) = (0, 0_usize);
    for item in items {
        let parts: &[Part] = match item {
            Item::Message(message) => &message.parts,
            Item::FunctionOutput(output) => &output.parts,
            Item::FunctionCall(_) => &[],
            Item::Opaque(value) => {
                check_depth(value)?;
                &[]
            }
        };
        for media in parts.iter().filter_map(media) {
            count += 1;
            bytes = bytes.saturating_add(held_bytes(media));
            url::check(private_hosts, media)?;
        }
    }
    check_media(count, bytes)
}

fn check_depth(item: &Value) -> Result<(), RunError> {
    if json::size(item).is_some() {
        return Ok(());
    }
    let message = format!(
        "An item of the input is nested deeper than {} levels.",
        json::MAX_DEPTH
    );
    Err(RunError::invalid("input", message))
}

fn check_media(count: usize, bytes: usize) -> Result<(), RunError> {
    if count > MAX_MEDIA {
        let message = format!(
            "The input has {count} images, files and audio clips; at most {MAX_MEDIA} are allowed."
        );
        return Err(RunError::invalid("input", message));
    }
    if bytes > MAX_MEDIA_BYTES {
        let message = format!(
            "The images, files and audio clips of the input have {bytes} bytes; \
             at most {MAX_MEDIA_BYTES} are allowed."
        );
        return Err(RunError::invalid("input", message));
    }
    Ok(())
}

fn media(part: &Part) -> Option<&Media> {
    match part {
        Part::Text(_) | Part::Refusal(_) => None,
        Part::Image(media) | Part::File(media) | Part::Audio(media) => Some(media),
    }
}

fn held_bytes(media: &Media) -> usize {
    match &media.source {
        MediaSource::Url(url) => url.len(),
        MediaSource::Inline(base64) => base64.len(),
        MediaSource::FileId(_) => 0,
    }
}

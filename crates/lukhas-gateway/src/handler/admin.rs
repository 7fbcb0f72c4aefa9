// SPDX-License-Identifier: Apache-2.0
//! What administrators use.

use axum::response::Response;
use lukhas_openai::parse_json;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;

use crate::body::read_json;
use crate::route::Call;
use crate::{ApiError, ErrorCode, answer};

/// Bytes of a text that is redacted at once; a longer one is, on a thread that may block.
const AT_ONCE: usize = 32 << 10;

/// A text to be redacted.
#[derive(JsonSchema)]
#[schemars(rename = "RedactText", deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "the document describes it; its reader names what is wrong"
)]
pub(crate) struct RedactRequest {
    /// Given back with the answer.
    #[schemars(default)]
    id: Value,
    /// The text.
    text: String,
    /// Where it goes, and so what must not be in it: `logs`, `upstream` or `client`; `logs` when left
    /// out.
    #[schemars(default, extend("enum" = ["logs", "upstream", "client", null]))]
    profile: Option<String>,
}

/// A text without personal data and secrets.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RedactedText")]
pub(crate) struct RedactAnswer {
    /// As it came.
    id: Value,
    /// The text, with a placeholder for each value.
    redacted: String,
    /// What was found, in the order of the text.
    findings: Vec<FindingObject>,
}

/// A value that was replaced.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Finding")]
struct FindingObject {
    /// `pii` or `secret`.
    kind: &'static str,
    /// What it is, as Presidio calls it where it does.
    entity: String,
    /// Where it begins in the text, in Unicode scalar values.
    start: usize,
    /// Where it ends: the first one behind it.
    end: usize,
    /// What found it.
    rule: String,
    /// How sure that is: above 0, and 1 at the most.
    score: f64,
}

/// `POST /admin/redact`.
pub(crate) async fn redact(call: Call) -> Result<Response, ApiError> {
    let Call {
        shared, request, ..
    } = call;
    let body = read_json(request, &shared.limits).await?;
    let Value::Object(mut members) = parse_json(&body)? else {
        return Err(ApiError::new(
            ErrorCode::InvalidType,
            "The body has to be an object with a string `text`.",
        ));
    };
    let text = match members.remove("text") {
        Some(Value::String(text)) => text,
        Some(_) => return Err(wrong_type("text")),
        None => {
            let message = "Missing required parameter: `text`.";
            let error = ApiError::new(ErrorCode::MissingRequiredParameter, message);
            return Err(error.with_param("text"));
        }
    };
    let profile = profile(&mut members)?;
    let id = members.remove("id").unwrap_or_default();
    if let Some(name) = members.keys().next() {
        let message = format!("Unknown parameter: `{name}`.");
        let error = ApiError::new(ErrorCode::UnknownParameter, message);
        return Err(error.with_param(name));
    }
    let Some(stage) = shared.redactions.named(&profile) else {
        let message =
            format!("`{profile}` is no profile: there are `logs`, `upstream` and `client`.");
        return Err(ApiError::new(ErrorCode::InvalidValue, message).with_param("profile"));
    };
    let redacted = if text.len() <= AT_ONCE {
        stage.redacted(&text)
    } else {
        let stage = stage.clone();
        let redacted = spawn_blocking(move || stage.redacted(&text)).await;
        redacted.map_err(|error| ApiError::internal(&error))?
    };
    let redacted =
        redacted.ok_or_else(|| ApiError::internal(&"the rules of redaction do not compile"))?;
    let findings = redacted.findings.iter().map(|finding| FindingObject {
        kind: finding.rule.kind.as_str(),
        entity: finding.rule.entity.clone(),
        start: finding.start,
        end: finding.end,
        rule: finding.rule.name.clone(),
        // Two digits say all that a score means.
        score: (f64::from(finding.score) * 100.0).round() / 100.0,
    });
    let findings = findings.collect();
    answer::json(&RedactAnswer {
        id,
        redacted: redacted.text,
        findings,
    })
}

fn profile(members: &mut Map<String, Value>) -> Result<String, ApiError> {
    match members.remove("profile") {
        Some(Value::String(profile)) => Ok(profile),
        None | Some(Value::Null) => Ok("logs".to_owned()),
        Some(_) => Err(wrong_type("profile")),
    }
}

fn wrong_type(param: &str) -> ApiError {
    let message = format!("Invalid type for `{param}`: expected a string.");
    ApiError::new(ErrorCode::InvalidType, message).with_param(param)
}

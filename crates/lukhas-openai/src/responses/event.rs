// SPDX-License-Identifier: Apache-2.0
//! The events of a streamed response.

use schemars::JsonSchema;
use serde::Serialize;

use super::SummaryObject;
use super::item::{ItemObject, ItemStatus, PartObject};
use super::object::ResponseObject;

/// One event of a streamed response. `event:` on the wire equals `type`; `sequence_number` rises
/// by one with every event.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "type")]
#[expect(
    missing_docs,
    reason = "fields are those of the official document, by the same names"
)]
pub enum ResponseEvent<'a> {
    /// The response exists.
    #[serde(rename = "response.created")]
    Created {
        sequence_number: u64,
        response: &'a ResponseObject,
    },
    /// The response runs.
    #[serde(rename = "response.in_progress")]
    InProgress {
        sequence_number: u64,
        response: &'a ResponseObject,
    },
    /// An item begins.
    #[serde(rename = "response.output_item.added")]
    ItemAdded {
        sequence_number: u64,
        output_index: usize,
        item: &'a ItemObject,
    },
    /// A part of a message begins.
    #[serde(rename = "response.content_part.added")]
    PartAdded {
        sequence_number: u64,
        item_id: &'a str,
        output_index: usize,
        content_index: usize,
        part: &'a PartObject,
    },
    /// A text grows.
    #[serde(rename = "response.output_text.delta")]
    TextDelta {
        sequence_number: u64,
        item_id: &'a str,
        output_index: usize,
        content_index: usize,
        delta: &'a str,
        #[schemars(extend("items" = {}))]
        logprobs: [(); 0],
    },
    /// A text is whole.
    #[serde(rename = "response.output_text.done")]
    TextDone {
        sequence_number: u64,
        item_id: &'a str,
        output_index: usize,
        content_index: usize,
        text: &'a str,
        #[schemars(extend("items" = {}))]
        logprobs: [(); 0],
    },
    /// A refusal grows.
    #[serde(rename = "response.refusal.delta")]
    RefusalDelta {
        sequence_number: u64,
        item_id: &'a str,
        output_index: usize,
        content_index: usize,
        delta: &'a str,
    },
    /// A refusal is whole.
    #[serde(rename = "response.refusal.done")]
    RefusalDone {
        sequence_number: u64,
        item_id: &'a str,
        output_index: usize,
        content_index: usize,
        refusal: &'a str,
    },
    /// A part of a message is whole.
    #[serde(rename = "response.content_part.done")]
    PartDone {
        sequence_number: u64,
        item_id: &'a str,
        output_index: usize,
        content_index: usize,
        part: &'a PartObject,
    },
    /// The arguments of a call grow.
    #[serde(rename = "response.function_call_arguments.delta")]
    ArgumentsDelta {
        sequence_number: u64,
        item_id: &'a str,
        output_index: usize,
        delta: &'a str,
    },
    /// The arguments of a call are whole.
    #[serde(rename = "response.function_call_arguments.done")]
    ArgumentsDone {
        sequence_number: u64,
        item_id: &'a str,
        output_index: usize,
        name: &'a str,
        arguments: &'a str,
    },
    /// A part of the reasoning begins.
    #[serde(rename = "response.reasoning_summary_part.added")]
    SummaryPartAdded {
        sequence_number: u64,
        item_id: &'a str,
        output_index: usize,
        summary_index: usize,
        part: &'a SummaryObject,
    },
    /// The reasoning grows.
    #[serde(rename = "response.reasoning_summary_text.delta")]
    SummaryDelta {
        sequence_number: u64,
        item_id: &'a str,
        output_index: usize,
        summary_index: usize,
        delta: &'a str,
    },
    /// The text of a part of the reasoning is whole.
    #[serde(rename = "response.reasoning_summary_text.done")]
    SummaryDone {
        sequence_number: u64,
        item_id: &'a str,
        output_index: usize,
        summary_index: usize,
        text: &'a str,
    },
    /// A part of the reasoning is whole, or, with a status, as whole as it will be.
    #[serde(rename = "response.reasoning_summary_part.done")]
    SummaryPartDone {
        sequence_number: u64,
        item_id: &'a str,
        output_index: usize,
        summary_index: usize,
        part: &'a SummaryObject,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<ItemStatus>,
    },
    /// An item is whole, or as whole as it will be.
    #[serde(rename = "response.output_item.done")]
    ItemDone {
        sequence_number: u64,
        output_index: usize,
        item: &'a ItemObject,
    },
    /// The response is whole.
    #[serde(rename = "response.completed")]
    Completed {
        sequence_number: u64,
        response: &'a ResponseObject,
    },
    /// The response was cut short for a named reason.
    #[serde(rename = "response.incomplete")]
    Incomplete {
        sequence_number: u64,
        response: &'a ResponseObject,
    },
    /// The response failed.
    #[serde(rename = "response.failed")]
    Failed {
        sequence_number: u64,
        response: &'a ResponseObject,
    },
    /// The message broke off, and another attempt goes on with its text. Only for clients that
    /// include `lukhas:steps`.
    #[serde(rename = "lukhas:continued")]
    Continued {
        sequence_number: u64,
        item_id: &'a str,
        output_index: usize,
        content_index: usize,
    },
    /// A step of the pipeline began. Only for clients that include `lukhas:steps`.
    #[serde(rename = "lukhas:step.started")]
    StepStarted {
        sequence_number: u64,
        step: u32,
        node: &'static str,
    },
    /// A step of the pipeline ended. Only for clients that include `lukhas:steps`.
    #[serde(rename = "lukhas:step.completed")]
    StepCompleted {
        sequence_number: u64,
        step: u32,
        node: &'static str,
        latency_us: u64,
    },
}

impl ResponseEvent<'_> {
    /// The value of `type`, and of `event:` on the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Created { .. } => "response.created",
            Self::InProgress { .. } => "response.in_progress",
            Self::ItemAdded { .. } => "response.output_item.added",
            Self::PartAdded { .. } => "response.content_part.added",
            Self::TextDelta { .. } => "response.output_text.delta",
            Self::TextDone { .. } => "response.output_text.done",
            Self::RefusalDelta { .. } => "response.refusal.delta",
            Self::RefusalDone { .. } => "response.refusal.done",
            Self::PartDone { .. } => "response.content_part.done",
            Self::ArgumentsDelta { .. } => "response.function_call_arguments.delta",
            Self::ArgumentsDone { .. } => "response.function_call_arguments.done",
            Self::SummaryPartAdded { .. } => "response.reasoning_summary_part.added",
            Self::SummaryDelta { .. } => "response.reasoning_summary_text.delta",
            Self::SummaryDone { .. } => "response.reasoning_summary_text.done",
            Self::SummaryPartDone { .. } => "response.reasoning_summary_part.done",
            Self::ItemDone { .. } => "response.output_item.done",
            Self::Completed { .. } => "response.completed",
            Self::Incomplete { .. } => "response.incomplete",
            Self::Failed { .. } => "response.failed",
            Self::Continued { .. } => "lukhas:continued",
            Self::StepStarted { .. } => "lukhas:step.started",
            Self::StepCompleted { .. } => "lukhas:step.completed",
        }
    }
}

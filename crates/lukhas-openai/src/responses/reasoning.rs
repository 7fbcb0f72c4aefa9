// SPDX-License-Identifier: Apache-2.0
//! Reasoning as answers show it.

use lukhas_core::Item;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::item::ItemStatus;

/// What the model shows of its thinking.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ReasoningObject {
    /// Identifier (`rs_…`).
    pub id: String,
    /// What is shown: one part, or none when there was nothing to show.
    pub summary: Vec<SummaryObject>,
    /// Whether it is whole.
    pub status: ItemStatus,
}

/// A piece of what is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SummaryObject {
    /// Always `summary_text`.
    #[serde(rename = "type")]
    #[schemars(extend("const" = "summary_text"))]
    pub kind: &'static str,
    /// The text.
    pub text: String,
}

impl ReasoningObject {
    /// Adds to what is shown.
    pub(super) fn grow(&mut self, delta: &str) {
        match self.summary.last_mut() {
            Some(part) => part.text.push_str(delta),
            None => self.summary.push(SummaryObject::new(delta.to_owned())),
        }
    }

    /// The item as it is kept: whole, for whoever knows it.
    pub(super) fn to_core(&self) -> Item {
        Item::Opaque(json!({
            "type": "reasoning",
            "id": self.id,
            "summary": self.summary,
            "status": self.status,
        }))
    }
}

impl SummaryObject {
    pub(super) fn new(text: String) -> Self {
        let kind = "summary_text";
        Self { kind, text }
    }
}

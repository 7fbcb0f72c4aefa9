// SPDX-License-Identifier: Apache-2.0
//! The events of reasoning, which is shown as one part.

use super::{Events, last};
use crate::responses::event::ResponseEvent;
use crate::responses::item::{ItemObject, ItemStatus, KnownItem};
use crate::responses::object::ResponseObject;
use crate::responses::{ReasoningObject, SummaryObject};

impl Events<'_> {
    /// What has been added to the last item; before the first piece of it, its part.
    pub(super) fn summary_delta(
        &mut self,
        response: &ResponseObject,
        parts_before: usize,
        delta: &str,
    ) -> Result<(), serde_json::Error> {
        let Some((output_index, ItemObject::Known(KnownItem::Reasoning(reasoning)))) =
            last(response)
        else {
            return Ok(());
        };
        let item_id = reasoning.id.as_str();
        if parts_before == 0 {
            let empty = SummaryObject::new(String::new());
            self.write(|sequence_number| ResponseEvent::SummaryPartAdded {
                sequence_number,
                item_id,
                output_index,
                summary_index: 0,
                part: &empty,
            })?;
        }
        self.write(|sequence_number| ResponseEvent::SummaryDelta {
            sequence_number,
            item_id,
            output_index,
            summary_index: 0,
            delta,
        })
    }

    /// The end of the part of `reasoning`, if it has one.
    pub(super) fn summary_done(
        &mut self,
        output_index: usize,
        reasoning: &ReasoningObject,
    ) -> Result<(), serde_json::Error> {
        let item_id = reasoning.id.as_str();
        let status = match reasoning.status {
            ItemStatus::Incomplete => Some(ItemStatus::Incomplete),
            ItemStatus::InProgress | ItemStatus::Completed => None,
        };
        for (summary_index, part) in reasoning.summary.iter().enumerate() {
            self.write(|sequence_number| ResponseEvent::SummaryDone {
                sequence_number,
                item_id,
                output_index,
                summary_index,
                text: &part.text,
            })?;
            self.write(|sequence_number| ResponseEvent::SummaryPartDone {
                sequence_number,
                item_id,
                output_index,
                summary_index,
                part,
                status,
            })?;
        }
        Ok(())
    }
}

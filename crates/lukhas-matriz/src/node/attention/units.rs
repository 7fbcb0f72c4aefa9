// SPDX-License-Identifier: Apache-2.0
//! What belongs together in a conversation, and what must stay in it.

use std::collections::HashMap;

use lukhas_core::{Item, Role};

/// Which call each function output answers.
#[derive(Debug, Default)]
pub(super) struct Pairs<'i> {
    /// Places of an output and of its call.
    links: Vec<(usize, usize)>,
    /// The `call_id` of an output whose call is nowhere in the conversation.
    orphan: Option<&'i str>,
}

impl<'i> Pairs<'i> {
    /// A call identifier that is used again means its latest use; a call may also come after its
    /// output, if there is none before it.
    pub(super) fn find(items: &'i [Item]) -> Self {
        let mut pairs = Self::default();
        if !items.iter().any(is_output) {
            return pairs;
        }
        let mut calls = HashMap::new();
        let mut early = Vec::new();
        for (place, item) in items.iter().enumerate() {
            match item {
                Item::FunctionCall(call) => {
                    calls.insert(call.call_id.as_str(), place);
                }
                Item::FunctionOutput(output) => match calls.get(output.call_id.as_str()) {
                    Some(call) => pairs.links.push((place, *call)),
                    None => early.push((place, output.call_id.as_str())),
                },
                Item::Message(_) | Item::Opaque(_) => {}
            }
        }
        for (place, call_id) in early {
            match calls.get(call_id) {
                Some(call) => pairs.links.push((place, *call)),
                None => pairs.orphan = pairs.orphan.or(Some(call_id)),
            }
        }
        pairs
    }

    /// The first output that certainly answers nothing.
    ///
    /// An opaque item may be the call, or stand for it: then nothing is certain.
    pub(super) fn certain_orphan(&self, items: &[Item]) -> Option<&'i str> {
        self.orphan
            .filter(|_| !items.iter().any(|item| matches!(item, Item::Opaque(_))))
    }
}

/// A conversation in pieces that only stay or go as a whole.
///
/// A function output goes with its call, an opaque item (the reasoning that led to a call, say)
/// with the item that follows it.
#[derive(Debug)]
pub(super) struct Units {
    /// Places of the items of each unit. A unit stands at the place of its call or last item;
    /// other places are empty.
    members: Vec<Vec<usize>>,
    /// Whether the unit at this place must stay.
    fixed: Vec<bool>,
}

impl Units {
    pub(super) fn of(items: &[Item]) -> Self {
        let mut unit_of: Vec<usize> = (0..items.len()).collect();
        for (output, call) in Pairs::find(items).links {
            unit_of[output] = call;
        }
        for place in (1..items.len()).rev() {
            if let Item::Opaque(_) = items[place - 1] {
                unit_of[place - 1] = unit_of[place];
            }
        }
        let mut members = vec![Vec::new(); items.len()];
        let mut fixed = vec![false; items.len()];
        for (place, unit) in unit_of.iter().enumerate() {
            members[*unit].push(place);
            fixed[*unit] |= is_instruction(&items[place]);
        }
        for place in focus(items) {
            fixed[unit_of[place]] = true;
        }
        Self { members, fixed }
    }

    /// The units that must stay.
    pub(super) fn fixed(&self) -> impl Iterator<Item = &[usize]> {
        self.with(true)
    }

    /// The units that may go, oldest first.
    pub(super) fn loose(&self) -> impl DoubleEndedIterator<Item = &[usize]> {
        self.with(false)
    }

    fn with(&self, fixed: bool) -> impl DoubleEndedIterator<Item = &[usize]> {
        let units = self.members.iter().zip(&self.fixed);
        units
            .filter(move |(members, is_fixed)| **is_fixed == fixed && !members.is_empty())
            .map(|(members, _)| members.as_slice())
    }
}

/// Places of what the turn is about: the last user message and the tool outputs that the model
/// has not seen; without either, the last item.
fn focus(items: &[Item]) -> Vec<usize> {
    let last_spoken = items.iter().rposition(is_spoken_by_model);
    let unseen = last_spoken.unwrap_or(0);
    let outputs = (unseen..items.len()).filter(|place| is_output(&items[*place]));
    let mut focus: Vec<usize> = outputs.collect();
    focus.extend(items.iter().rposition(|item| has_role(item, Role::User)));
    if focus.is_empty() {
        focus.extend(items.len().checked_sub(1));
    }
    focus
}

fn is_output(item: &Item) -> bool {
    matches!(item, Item::FunctionOutput(_))
}

fn is_spoken_by_model(item: &Item) -> bool {
    matches!(item, Item::FunctionCall(_)) || has_role(item, Role::Assistant)
}

fn is_instruction(item: &Item) -> bool {
    has_role(item, Role::System) || has_role(item, Role::Developer)
}

fn has_role(item: &Item, role: Role) -> bool {
    matches!(item, Item::Message(message) if message.role == role)
}

// SPDX-License-Identifier: Apache-2.0
//! What the rules are written with.

use std::fmt;

use lukhas_core::{
    FunctionCall, FunctionOutput, Item, Media, MediaSource, Message, Part, ResponseStore, Role,
    StoreError, StoredResponse,
};
use serde_json::json;

use super::Violation;

/// A store under one rule.
#[derive(Clone, Copy)]
pub(super) struct Probe<'s> {
    store: &'s dyn ResponseStore,
    rule: &'static str,
}

impl<'s> Probe<'s> {
    pub(super) fn new(store: &'s dyn ResponseStore, rule: &'static str) -> Self {
        Self { store, rule }
    }

    /// A violation of the rule, unless `kept`.
    pub(super) fn hold(&self, kept: bool, detail: impl fmt::Display) -> Result<(), Violation> {
        if kept {
            return Ok(());
        }
        Err(Violation {
            rule: self.rule,
            detail: detail.to_string(),
        })
    }

    pub(super) async fn healthy(&self) -> Result<(), Violation> {
        self.hold(!self.store.name().is_empty(), "the name is empty")?;
        self.works(self.store.check().await, "check")
    }

    pub(super) async fn put(
        &self,
        tenant: &str,
        response: &StoredResponse,
    ) -> Result<(), Violation> {
        let result = self.store.put(tenant, response.clone()).await;
        self.works(result, "put")
    }

    /// Fetching `id` gives `expected`.
    pub(super) async fn get(
        &self,
        tenant: &str,
        id: &str,
        expected: Option<&StoredResponse>,
    ) -> Result<(), Violation> {
        let seen = self.works(self.store.get(tenant, id).await, "get")?;
        let seen = seen.as_deref();
        let same = match (seen, expected) {
            (Some(seen), Some(expected)) => {
                (
                    &seen.id,
                    &seen.previous,
                    &seen.body,
                    &seen.input,
                    &seen.output,
                ) == (
                    &expected.id,
                    &expected.previous,
                    &expected.body,
                    &expected.input,
                    &expected.output,
                )
            }
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        self.hold(
            same,
            format_args!("get of `{id}` gave {seen:?}, not {expected:?}"),
        )
    }

    /// The context of `id` is `expected`.
    pub(super) async fn context(
        &self,
        tenant: &str,
        id: &str,
        expected: Option<&[Item]>,
    ) -> Result<(), Violation> {
        let seen = self.works(self.store.context(tenant, id).await, "context")?;
        let same = seen.as_deref() == expected;
        self.hold(
            same,
            format_args!("context of `{id}` gave {seen:?}, not {expected:?}"),
        )
    }

    /// Deleting `id` gives `expected`.
    pub(super) async fn delete(
        &self,
        tenant: &str,
        id: &str,
        expected: bool,
    ) -> Result<(), Violation> {
        let seen = self.works(self.store.delete(tenant, id).await, "delete")?;
        self.hold(
            seen == expected,
            format_args!("delete of `{id}` gave {seen}"),
        )
    }

    fn works<T>(&self, result: Result<T, StoreError>, call: &str) -> Result<T, Violation> {
        result.map_err(|error| Violation {
            rule: self.rule,
            detail: format!("{call} failed: {error}"),
        })
    }
}

/// A response that says its own identifier, continuing `previous`.
pub(super) fn response(id: &str, previous: Option<&str>) -> StoredResponse {
    StoredResponse {
        id: id.to_owned(),
        previous: previous.map(str::to_owned),
        body: format!(r#"{{ "id": "{id}" }}"#).into(),
        input: vec![Item::text(Role::User, format!("question {id}"))],
        output: vec![Item::text(Role::Assistant, format!("answer {id}"))],
    }
}

/// The context of the last of `chain`, each of which continued the one before it.
pub(super) fn context_of(chain: &[&StoredResponse]) -> Vec<Item> {
    let mut items = Vec::new();
    for (number, turn) in chain.iter().enumerate() {
        items.extend_from_slice(&turn.input);
        if number + 1 < chain.len() {
            items.extend_from_slice(&turn.output);
        }
    }
    items
}

/// One item of every kind, with every part and odd texts.
pub(super) fn every_kind_of_item() -> Vec<Item> {
    let media = |source| Media {
        source,
        hint: Some("high".to_owned()),
    };
    let parts = vec![
        Part::Text("quotes \" ' ` \\ and lines\r\n\t\0\u{1}\u{2028} and 🦀 e\u{301}".to_owned()),
        Part::Text(String::new()),
        Part::Refusal("no".to_owned()),
        Part::Image(media(MediaSource::Url(
            "data:image/png;base64,AA==".to_owned(),
        ))),
        Part::File(media(MediaSource::FileId("file-1".to_owned()))),
        Part::Audio(Media {
            source: MediaSource::Inline("AAAA".to_owned()),
            hint: None,
        }),
    ];
    let roles = [Role::System, Role::Developer, Role::User, Role::Assistant];
    let messages = roles.map(|role| {
        Item::Message(Message {
            id: Some("msg_1".to_owned()),
            name: Some("ada".to_owned()),
            role,
            parts: parts.clone(),
        })
    });
    let mut items = Vec::from(messages);
    items.push(Item::FunctionCall(FunctionCall {
        id: None,
        call_id: "call_1".to_owned(),
        name: "look_up".to_owned(),
        arguments: r#"{"b": 1.0, "a": [null]"#.to_owned(),
    }));
    items.push(Item::FunctionOutput(FunctionOutput {
        id: Some("fco_1".to_owned()),
        call_id: "call_1".to_owned(),
        parts,
    }));
    items.push(Item::Opaque(
        json!({"type": "reasoning", "z": [1, -2.5, "é"], "a": {"b": null}}),
    ));
    items
}

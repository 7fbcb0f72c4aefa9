// SPDX-License-Identifier: Apache-2.0
//! Members of a conversation that this build does not know, and other servers may.

use serde_json::{Map, Value};

use crate::TextOr;

/// What keeps members that this build does not know.
pub(crate) trait Extra {
    /// These members.
    fn extra(&self) -> &Map<String, Value>;
}

/// Whether a URL may stand where nobody checks it: in an unknown member of one of the parts.
pub(crate) fn parts_hide_url<P: Extra>(content: &TextOr<P>) -> bool {
    match content {
        TextOr::Text(_) => false,
        TextOr::Many(parts) => parts.iter().any(|part| hides_url(part.extra())),
    }
}

/// Whether a URL may stand in one of the members, at any depth: none is without a colon.
pub(crate) fn hides_url(extra: &Map<String, Value>) -> bool {
    extra.values().any(may_hold_url)
}

/// Drops what may hold a URL from `members`. The `texts` among them are only ever read as texts.
pub(crate) fn drop_urls(members: &mut Map<String, Value>, texts: &[&str]) {
    members.retain(|name, value| {
        let is_text = texts.contains(&name.as_str()) && value.is_string();
        is_text || !may_hold_url(value)
    });
}

/// The same for each of the parts of a list.
pub(crate) fn drop_urls_in_parts(parts: &mut Vec<Value>, texts: &[&str]) {
    parts.retain_mut(|part| match part {
        Value::Object(members) => {
            drop_urls(members, texts);
            true
        }
        part => !may_hold_url(part),
    });
}

fn may_hold_url(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.contains(':'),
        Value::Array(values) => values.iter().any(may_hold_url),
        Value::Object(members) => hides_url(members),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(extra: Value, expected: bool) {
        assert_eq!(hides_url(extra.as_object().unwrap()), expected, "{extra}");
    }

    #[test]
    fn a_url_is_found_at_any_depth() {
        check(json!({}), false);
        check(
            json!({"cache_control": {"type": "ephemeral", "ttl": "5m"}}),
            false,
        );
        check(json!({"annotations": [], "logprobs": null, "n": 1}), false);
        check(json!({"image_url": "http://10.0.0.1/"}), true);
        check(json!({"image_url": {"url": "http:10.0.0.1"}}), true);
        check(json!({"a": [1, {"b": [["file:///etc"]]}]}), true);
    }
}

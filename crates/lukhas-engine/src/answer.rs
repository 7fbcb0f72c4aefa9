// SPDX-License-Identifier: Apache-2.0
//! Answers in text.

mod arithmetic;
mod directive;
mod recall;

#[cfg(test)]
mod tests;

use lukhas_core::Part;
use serde_json::{Value, json};

use crate::turn::{Turn, media};

/// What an echo starts with.
pub(crate) const ECHO: &str = "Echo from lukhas-matriz (offline engine, not a language model):";

const NOTHING: &str = "There is nothing to answer: the request has no user text. \
    This is lukhas-matriz, an offline engine, not a language model.";

/// Longest text that is searched for a JSON object, in bytes.
const LONGEST_JSON: usize = 64 << 10;

/// The answer to the turn.
///
/// What tools gave is quoted. Otherwise the answer is, in this order: the result of arithmetic, a
/// text that was asked for word by word, a fact told earlier, or the message itself.
pub(crate) fn text(turn: &Turn<'_>) -> String {
    let mut outputs = turn.outputs().peekable();
    if outputs.peek().is_some() {
        let quoted: Vec<_> = outputs.map(|output| quote(turn, output)).collect();
        return quoted.join("\n");
    }
    let message = turn.text.trim();
    let media = media(turn.parts().iter());
    let unseen = media
        .map(|media| format!("Received {media}, which this offline engine cannot see or read."));
    match unseen {
        None if message.is_empty() => NOTHING.to_owned(),
        None => to_message(turn, message),
        Some(unseen) if message.is_empty() => unseen,
        Some(unseen) => format!("{unseen}\n{}", to_message(turn, message)),
    }
}

fn to_message(turn: &Turn<'_>, message: &str) -> String {
    if let Some(calculation) = arithmetic::find(message) {
        calculation.sentence()
    } else if let Some(text) = directive::find(message) {
        text.to_owned()
    } else if let Some(fact) = recall::answer(turn, message) {
        fact
    } else {
        [ECHO, " ", message].concat()
    }
}

/// The answer as a JSON object: the one in the message, if there is one, else under `answer`.
pub(crate) fn object(turn: &Turn<'_>) -> Value {
    let given = turn.text.find('{').zip(turn.text.rfind('}'));
    let given = given.and_then(|(start, end)| turn.text.get(start..=end));
    let given = given.filter(|text| text.len() <= LONGEST_JSON);
    match given.and_then(|text| serde_json::from_str(text).ok()) {
        Some(object @ Value::Object(_)) if turn.outputs().next().is_none() => object,
        _ => json!({ "answer": text(turn) }),
    }
}

/// The arithmetic that `text` asks for, as it is written.
pub(crate) fn arithmetic_in(text: &str) -> Option<&str> {
    arithmetic::find(text).map(|calculation| calculation.expression)
}

/// What a tool gave, word by word.
fn quote(turn: &Turn<'_>, output: &lukhas_core::FunctionOutput) -> String {
    let tool = match turn.called(&output.call_id) {
        Some(name) => format!("The tool `{name}`"),
        None => "The tool".to_owned(),
    };
    let texts: Vec<_> = output.parts.iter().filter_map(Part::as_text).collect();
    let text = texts.join("\n");
    match (text.is_empty(), media(output.parts.iter())) {
        (true, None) => format!("{tool} returned nothing."),
        (true, Some(media)) => {
            format!("{tool} returned {media}, which this offline engine cannot see or read.")
        }
        (false, None) => format!("{tool} returned: {text}"),
        (false, Some(media)) => format!(
            "{tool} returned {media}, which this offline engine cannot see or read, and: {text}"
        ),
    }
}

// SPDX-License-Identifier: Apache-2.0
//! Vectors that are the same for the same text, and mean nothing.

use lukhas_core::{Embedded, Tokenizer, Usage, Vector, VectorEncoding};
use lukhas_engine::Cl100k;
use lukhas_openai::{EmbeddingList, MAX_INPUTS};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::NoAnswer;
use crate::request::Asked;

/// Length of a vector when nobody asks for another.
const DIMENSIONS: usize = 16;

/// Most numbers of one answer.
const MOST: usize = 1 << 20;

/// The vectors of the request's inputs.
pub(crate) fn whole(asked: &Asked, usage: Option<Usage>) -> Result<Value, NoAnswer> {
    let inputs = inputs(&asked.body);
    let dimensions = asked.body.get("dimensions").and_then(Value::as_u64);
    let dimensions = dimensions.map_or(Some(DIMENSIONS), |asked| usize::try_from(asked).ok());
    let room = MOST / inputs.len().max(1);
    let dimensions = dimensions.filter(|dimensions| (1..=room).contains(dimensions));
    let Some(dimensions) = dimensions.filter(|_| (1..=MAX_INPUTS).contains(&inputs.len())) else {
        let message = format!("The mock embeds 1 to {MAX_INPUTS} inputs, {MOST} numbers in all.");
        return Err(NoAnswer(message));
    };
    let encoding = match asked.body.get("encoding_format").and_then(Value::as_str) {
        Some("base64") => VectorEncoding::Base64,
        Some(_) | None => VectorEncoding::Floats,
    };
    let count = || inputs.iter().map(|text| Cl100k.count(text) as u64).sum();
    let vectors = inputs.iter().map(|text| vector(text, dimensions));
    let embedded = Embedded {
        vectors: vectors.map(Vector::Floats).collect(),
        usage: Usage {
            input_tokens: usage.map_or_else(count, |usage| usage.input_tokens),
            ..Usage::default()
        },
    };
    let list = EmbeddingList::new(asked.model.clone(), embedded, encoding);
    // By way of text, where a number is the shortest that reads back to the same.
    Ok(serde_json::from_str(&serde_json::to_string(&list)?)?)
}

/// The inputs as texts; tokens as they are written.
pub(crate) fn inputs(body: &Value) -> Vec<String> {
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    match body.get("input") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) if items.first().is_some_and(Value::is_number) => {
            vec![Value::Array(items.clone()).to_string()]
        }
        Some(Value::Array(items)) => items.iter().map(text).collect(),
        Some(one) => vec![text(one)],
    }
}

/// A vector of unit length out of the digests of `text`.
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut numbers: Vec<f32> = Vec::with_capacity(dimensions + 32);
    for block in 0_u64.. {
        if numbers.len() >= dimensions {
            break;
        }
        let digest = Sha256::new()
            .chain_update(block.to_be_bytes())
            .chain_update(text)
            .finalize();
        // Never zero, so that no vector is.
        numbers.extend(digest.iter().map(|byte| f32::from(*byte) - 127.5));
    }
    numbers.truncate(dimensions);
    let length = numbers.iter().map(|x| x * x).sum::<f32>().sqrt();
    numbers.iter_mut().for_each(|number| *number /= length);
    numbers
}

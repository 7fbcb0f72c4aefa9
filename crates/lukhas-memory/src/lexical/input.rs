// SPDX-License-Identifier: Apache-2.0
//! Inputs as texts, and the number of their tokens.

use std::sync::Arc;

use lukhas_core::{EmbedInput, RunError, RunErrorKind, Tokenizer};

/// Bytes of text whose tokens are counted at once; more is counted off the runtime's threads.
const AT_ONCE: usize = 32 << 10;

/// The texts of `input`, and the number of their tokens in all.
pub(super) async fn texts(
    tokenizer: &Arc<dyn Tokenizer>,
    input: EmbedInput,
) -> Result<(Vec<String>, u64), RunError> {
    match input {
        EmbedInput::Texts(texts) => counted(tokenizer, texts).await,
        EmbedInput::Tokens(lists) => decoded(&**tokenizer, &lists),
    }
}

async fn counted(
    tokenizer: &Arc<dyn Tokenizer>,
    texts: Vec<String>,
) -> Result<(Vec<String>, u64), RunError> {
    let tokenizer = Arc::clone(tokenizer);
    let count = move |texts: Vec<String>| {
        let tokens: usize = texts.iter().map(|text| tokenizer.count(text)).sum();
        (texts, tokens as u64)
    };
    if texts.iter().map(String::len).sum::<usize>() <= AT_ONCE {
        return Ok(count(texts));
    }
    let counted = tokio::task::spawn_blocking(move || count(texts)).await;
    counted.map_err(|error| RunError::new(RunErrorKind::Internal, error.to_string()))
}

fn decoded(tokenizer: &dyn Tokenizer, lists: &[Vec<u32>]) -> Result<(Vec<String>, u64), RunError> {
    let decode = |(index, tokens): (usize, &Vec<u32>)| {
        tokenizer.decode(tokens).map_err(|error| {
            let message = format!(
                "Invalid value for `input`: {error}. Tokens are read with `{}`; send text instead.",
                tokenizer.name()
            );
            RunError::invalid(format!("input[{index}]"), message)
        })
    };
    let texts = lists.iter().enumerate().map(decode);
    let texts: Vec<String> = texts.collect::<Result<_, _>>()?;
    let tokens: usize = lists.iter().map(Vec::len).sum();
    Ok((texts, tokens as u64))
}

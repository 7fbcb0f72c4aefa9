// SPDX-License-Identifier: Apache-2.0
//! Embeddings.

use std::sync::Arc;

use axum::response::Response;
use lukhas_core::{RunError, Tokenizer, TokenizerError, Usage};
use lukhas_openai::{CreateEmbedding, EmbeddingInput, EmbeddingList, EncodingFormat};

use crate::body::read_json;
use crate::gateway::Shared;
use crate::route::Call;
use crate::{ApiError, ErrorCode, answer};

/// Bytes of text whose tokens are counted at once; more is counted off the runtime's threads.
const AT_ONCE: usize = 32 << 10;

/// `POST /v1/embeddings`.
pub(crate) async fn create(call: Call) -> Result<Response, ApiError> {
    let Call {
        shared, request, ..
    } = call;
    let body = read_json(request, &shared.limits).await?;
    let request = CreateEmbedding::parse(&body)?;
    check_model(&shared, &request.model)?;
    let dimensions = dimensions(&shared, request.dimensions)?;
    let _permit = shared.admission.admit()?;
    let (texts, tokens) = texts(Arc::clone(&shared.tokenizer), request.input).await?;
    let usage = Usage {
        input_tokens: tokens,
        ..Usage::default()
    };
    shared.tokens.record(&request.model, &usage);
    let vectors = shared.embedder.embed(&texts, dimensions).await?;
    let format = request.encoding_format.unwrap_or(EncodingFormat::Float);
    answer::json(&EmbeddingList::new(request.model, vectors, format, tokens))
}

fn check_model(shared: &Shared, model: &str) -> Result<(), ApiError> {
    let embeds = &shared.embedder.info().id;
    let target = shared.aliases.get(model).map_or(model, String::as_str);
    if target == embeds {
        return Ok(());
    }
    if shared
        .orchestrator
        .models()
        .iter()
        .any(|other| other.id == model)
    {
        let message = format!("`{model}` does not embed. Use `{embeds}`.");
        return Err(ApiError::new(ErrorCode::UnsupportedParameter, message).with_param("model"));
    }
    Err(RunError::model_not_found(model).into())
}

fn dimensions(shared: &Shared, asked: Option<u32>) -> Result<usize, ApiError> {
    let info = shared.embedder.info();
    let Some(asked) = asked else {
        return Ok(info.dimensions);
    };
    let (min, max) = (info.min_dimensions, info.max_dimensions);
    usize::try_from(asked)
        .ok()
        .filter(|asked| (min..=max).contains(asked))
        .ok_or_else(|| {
            let message = format!(
                "Invalid value for `dimensions`: must be between {min} and {max} for `{}`, but got \
             {asked}.",
                info.id
            );
            ApiError::new(ErrorCode::InvalidValue, message).with_param("dimensions")
        })
}

/// The inputs as texts, and the number of their tokens.
async fn texts(
    tokenizer: Arc<dyn Tokenizer>,
    input: EmbeddingInput,
) -> Result<(Vec<String>, u64), ApiError> {
    match input {
        EmbeddingInput::Text(text) => counted(tokenizer, vec![text]).await,
        EmbeddingInput::Texts(texts) => counted(tokenizer, texts).await,
        EmbeddingInput::Tokens(tokens) => decoded(&*tokenizer, &[tokens], |_| "input".to_owned()),
        EmbeddingInput::TokenLists(lists) => {
            decoded(&*tokenizer, &lists, |index| format!("input[{index}]"))
        }
    }
}

async fn counted(
    tokenizer: Arc<dyn Tokenizer>,
    texts: Vec<String>,
) -> Result<(Vec<String>, u64), ApiError> {
    let count = move |texts: Vec<String>| {
        let tokens: usize = texts.iter().map(|text| tokenizer.count(text)).sum();
        (texts, tokens as u64)
    };
    if texts.iter().map(String::len).sum::<usize>() <= AT_ONCE {
        return Ok(count(texts));
    }
    let counted = tokio::task::spawn_blocking(move || count(texts)).await;
    counted.map_err(|error| ApiError::internal(&error))
}

fn decoded(
    tokenizer: &dyn Tokenizer,
    lists: &[Vec<u32>],
    param: impl Fn(usize) -> String,
) -> Result<(Vec<String>, u64), ApiError> {
    let decode = |(index, tokens): (usize, &Vec<u32>)| {
        tokenizer
            .decode(tokens)
            .map_err(|error| undecodable(tokenizer, &error, param(index)))
    };
    let texts: Vec<String> = lists
        .iter()
        .enumerate()
        .map(decode)
        .collect::<Result<_, _>>()?;
    let tokens: usize = lists.iter().map(Vec::len).sum();
    Ok((texts, tokens as u64))
}

fn undecodable(tokenizer: &dyn Tokenizer, error: &TokenizerError, param: String) -> ApiError {
    let message = format!(
        "Invalid value for `{param}`: {error}. Tokens are read with `{}`; send text instead.",
        tokenizer.name()
    );
    ApiError::new(ErrorCode::InvalidValue, message).with_param(param)
}

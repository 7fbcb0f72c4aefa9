// SPDX-License-Identifier: Apache-2.0
//! What clients and upstreams send.

use lukhas_openai::{
    ChatCall, CountInputTokens, CreateChatCompletion, CreateEmbedding, CreateResponse,
    ResponseCall, SseDecoder, WireError,
};

use crate::pieces::pieces;

/// Bytes of an error that a client is shown at most. It quotes little of a request.
const LONGEST_ERROR: usize = 2_048;

/// Bytes of one event at most.
const LARGEST_EVENT: usize = 4_096;

/// A request is understood, or refused with an error that people can read.
pub fn requests(input: &[u8]) {
    let readable = |error: WireError| {
        let text = error.to_string();
        assert!(
            !text.is_empty() && text.len() <= LONGEST_ERROR,
            "{} bytes of error",
            text.len()
        );
    };
    let call = CreateResponse::parse(input).and_then(ResponseCall::try_from);
    call.map_or_else(readable, drop);
    let call = CreateChatCompletion::parse(input).and_then(ChatCall::try_from);
    call.map_or_else(readable, drop);
    CreateEmbedding::parse(input).map_or_else(readable, drop);
    CountInputTokens::parse(input).map_or_else(readable, drop);
}

/// Events are the same however their bytes are cut.
pub fn events(input: &[u8]) {
    let (pieces, whole) = pieces(input);
    let all = SseDecoder::new(LARGEST_EVENT).push(whole);
    let mut decoder = SseDecoder::new(LARGEST_EVENT);
    let mut cut = Vec::new();
    for piece in pieces {
        match decoder.push(piece) {
            Ok(events) => cut.extend(events),
            Err(error) => {
                assert_eq!(all, Err(error), "only pieces fail so");
                return;
            }
        }
    }
    assert_eq!(all, Ok(cut), "pieces are read in another way");
}

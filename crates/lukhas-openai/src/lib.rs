// SPDX-License-Identifier: Apache-2.0
//! Wire types of the OpenAI API: requests, responses, stream events, server-sent events, and
//! conversion to and from [`lukhas_core`].
//!
//! Requests are read by [`parse_json`] and the types' own readers, which name the field at fault;
//! answers are made from [`lukhas_core::OutputEvent`]s, whole or streamed, by the same fold.

mod chat;
mod counted;
mod embeddings;
mod error;
mod extra;
mod json;
mod models;
mod path;
mod read;
mod responses;
mod rewrite;
mod sse;
mod tool;
mod view;
mod write;

pub use chat::{
    ChatAnswerCall, ChatAnswerFunction, ChatAnswerMessage, ChatCall, ChatChoice, ChatChunk,
    ChatCompletion, ChatFold, ChatHead, ChatMessage, ChatResponseFormat, ChatStream,
    ChatStreamOptions, ChatTool, ChatToolChoice, ChatUsage, CreateChatCompletion, FinishReason,
    MAX_CHOICES, chat_param,
};
pub use counted::CountedBy;
pub use embeddings::{
    CreateEmbedding, EmbeddingInput, EmbeddingList, EmbeddingObject, EmbeddingUsage,
    EmbeddingVector, EncodingFormat, MAX_INPUT_TOKENS, MAX_INPUTS,
};
pub use error::{WireError, WireErrorKind};
pub use json::{MAX_DEPTH, MAX_NODES, parse_json};
pub use models::{ModelList, ModelObject};
pub use read::TextOr;
pub use responses::{
    CountInputTokens, CreateResponse, DeletedResponse, FunctionCallObject, FunctionOutputObject,
    Include, IncompleteDetails, InputContent, InputItem, InputTokens, ItemList, ItemObject,
    MessageObject, PartObject, Reasoning, ReasoningObject, ResponseCall, ResponseError,
    ResponseEvent, ResponseFold, ResponseObject, ResponseOptions, ResponseStream, ResponseTool,
    ResponseToolChoice, ResponseUsage, ServiceTier, StreamOptions, SummaryObject, TextConfig,
    TextFormat,
};
pub use rewrite::{Edit, Members, member, members, rewrite_object, set_members};
pub use sse::{DONE, SseDecoder, SseError, SseEvent, write_event};
pub use tool::FunctionTool;
pub use view::View;
pub use write::write_json;

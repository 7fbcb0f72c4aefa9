// SPDX-License-Identifier: Apache-2.0
//! The Chat Completions API: what is asked, what is answered, and the chunks in between.

mod answer;
mod convert;
mod fold;
mod history;
mod message;
mod param;
mod request;
mod stream;
mod tool;

pub(crate) use answer::is_never;
pub use answer::{
    ChatAnswerCall, ChatAnswerFunction, ChatAnswerMessage, ChatChoice, ChatCompletion, ChatHead,
    ChatUsage, FinishReason,
};
pub use convert::ChatCall;
pub use fold::ChatFold;
pub use message::ChatMessage;
pub use param::chat_param;
pub use request::{ChatResponseFormat, ChatStreamOptions, CreateChatCompletion, MAX_CHOICES};
pub use stream::{ChatChunk, ChatStream};
pub use tool::{ChatTool, ChatToolChoice};

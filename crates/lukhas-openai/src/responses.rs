// SPDX-License-Identifier: Apache-2.0
//! The Responses API: what is asked, what is answered, and the events in between.

mod convert;
mod event;
mod fold;
mod input;
mod item;
mod object;
mod reasoning;
mod request;
mod stream;
mod tool;

pub use convert::{ResponseCall, ResponseOptions};
pub use event::ResponseEvent;
pub use fold::ResponseFold;
pub use input::{InputContent, InputItem};
pub use item::{
    FunctionCallObject, FunctionOutputObject, ItemList, ItemObject, MessageObject, PartObject,
};
pub use object::{
    DeletedResponse, IncompleteDetails, InputTokens, ResponseError, ResponseObject, ResponseUsage,
};
pub use reasoning::{ReasoningObject, SummaryObject};
pub use request::{
    CountInputTokens, CreateResponse, Include, Reasoning, ServiceTier, StreamOptions, TextConfig,
    TextFormat,
};
pub use stream::ResponseStream;
pub use tool::{ResponseTool, ResponseToolChoice};

// Shared with chat completions.
pub(crate) use convert::{at_least_one, at_most, check_metadata, in_range, is_whole};
pub(crate) use input::{ImageDetail, check_url};
pub(crate) use request::{CacheRetention, JsonSchemaFormat, NoOptions, ReasoningEffort, Verbosity};

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: Apache-2.0
//! `GET /v1/responses/{response_id}/input_items`.

use axum::extract::Request;
use axum::response::Response;
use lukhas_openai::{ItemList, ItemObject};

use crate::handler::query;
use crate::route::Call;
use crate::{ApiError, ErrorCode, answer};

/// Items of a page when nobody says.
const DEFAULT_LIMIT: usize = 20;
/// Most items of a page.
const MAX_LIMIT: usize = 100;

/// Which part of a list is asked for.
struct Page {
    limit: usize,
    newest_first: bool,
    after: Option<String>,
}

/// Lists what the model was given for a response: its own input, and the conversation before it.
pub(crate) async fn input_items(call: Call) -> Result<Response, ApiError> {
    let page = Page::of(&call.request)?;
    let id = query::path_parameter(call.request).await?;
    let found = call
        .shared
        .store
        .context(&call.principal.tenant, &id)
        .await?;
    let items = found.ok_or_else(|| super::not_found(&id))?;
    answer::json(&page.cut(items.iter().map(ItemObject::from).collect())?)
}

impl Page {
    fn of(request: &Request) -> Result<Self, ApiError> {
        let limit = match query::get(request, "limit") {
            None => DEFAULT_LIMIT,
            Some(text) => match text.parse() {
                Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => limit,
                _ => return Err(query::invalid("limit", "must be an integer from 1 to 100")),
            },
        };
        let newest_first = match query::get(request, "order").as_deref() {
            None | Some("desc") => true,
            Some("asc") => false,
            Some(_) => return Err(query::invalid("order", "must be `asc` or `desc`")),
        };
        let after = query::get(request, "after").map(String::from);
        Ok(Self {
            limit,
            newest_first,
            after,
        })
    }

    fn cut(&self, mut items: Vec<ItemObject>) -> Result<ItemList, ApiError> {
        if self.newest_first {
            items.reverse();
        }
        if let Some(after) = &self.after {
            let at = items.iter().position(|item| item.id() == Some(after));
            let at = at.ok_or_else(|| {
                let message = "No item of the list has the identifier in `after`.";
                ApiError::new(ErrorCode::NotFound, message).with_param("after")
            })?;
            items.drain(..=at);
        }
        let has_more = items.len() > self.limit;
        items.truncate(self.limit);
        Ok(ItemList::new(items, has_more))
    }
}

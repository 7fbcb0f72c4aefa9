// SPDX-License-Identifier: Apache-2.0
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use lukhas_core::{BoxFuture, Item, StoreError, StoredResponse};

use super::*;
use crate::MemoryStore;

/// A store made of nothing but clones, with one rule broken.
#[derive(Default)]
struct Broken {
    fault: Option<Fault>,
    responses: Mutex<HashMap<(String, String), Kept>>,
}

#[derive(Clone)]
struct Kept {
    response: Arc<StoredResponse>,
    context: Option<Vec<Item>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Unhealthy,
    LosesOpaqueItems,
    FindsAnyCase,
    SharesTenants,
    ForgetsTheAnswer,
    DeletesAlways,
    DeletesNothing,
    DeletesLaterContexts,
    KeepsTheFirst,
    ShowsHalfAConversation,
    CutsLongConversations,
}

impl Broken {
    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn key(&self, tenant: &str, id: &str) -> (String, String) {
        let tenant = if self.is(Fault::SharesTenants) {
            ""
        } else {
            tenant
        };
        let id = if self.is(Fault::FindsAnyCase) {
            id.to_lowercase()
        } else {
            id.to_owned()
        };
        (tenant.to_owned(), id)
    }

    fn find(&self, tenant: &str, id: &str) -> Option<Kept> {
        self.responses
            .lock()
            .unwrap()
            .get(&self.key(tenant, id))
            .cloned()
    }

    fn context_of(&self, tenant: &str, response: &StoredResponse) -> Option<Vec<Item>> {
        let mut items = match &response.previous {
            None => Vec::new(),
            Some(previous) => match self.find(tenant, previous) {
                Some(kept) => {
                    let mut items = kept.context?;
                    if !self.is(Fault::ForgetsTheAnswer) {
                        items.extend_from_slice(&kept.response.output);
                    }
                    items
                }
                None if self.is(Fault::ShowsHalfAConversation) => Vec::new(),
                None => return None,
            },
        };
        items.extend_from_slice(&response.input);
        if self.is(Fault::CutsLongConversations) {
            items.truncate(1_000);
        }
        Some(items)
    }

    fn put_now(&self, tenant: &str, mut response: StoredResponse) {
        if self.is(Fault::LosesOpaqueItems) {
            response
                .output
                .retain(|item| !matches!(item, Item::Opaque(_)));
        }
        let key = self.key(tenant, &response.id);
        let context = self.context_of(tenant, &response);
        let kept = Kept {
            response: Arc::new(response),
            context,
        };
        let mut responses = self.responses.lock().unwrap();
        if !(self.is(Fault::KeepsTheFirst) && responses.contains_key(&key)) {
            responses.insert(key, kept);
        }
    }

    fn delete_now(&self, tenant: &str, id: &str) -> bool {
        let mut responses = self.responses.lock().unwrap();
        let key = self.key(tenant, id);
        if self.is(Fault::DeletesNothing) {
            return responses.contains_key(&key);
        }
        let removed = responses.remove(&key).is_some();
        if self.is(Fault::DeletesLaterContexts) {
            for kept in responses.values_mut() {
                if kept.response.previous.as_deref() == Some(id) {
                    kept.context = None;
                }
            }
        }
        removed || self.is(Fault::DeletesAlways)
    }
}

impl ResponseStore for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn put<'a>(
        &'a self,
        tenant: &'a str,
        response: StoredResponse,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.put_now(tenant, response);
        Box::pin(std::future::ready(Ok(())))
    }

    fn get<'a>(
        &'a self,
        tenant: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Arc<StoredResponse>>, StoreError>> {
        let found = self.find(tenant, id).map(|kept| kept.response);
        Box::pin(std::future::ready(Ok(found)))
    }

    fn delete<'a>(
        &'a self,
        tenant: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(std::future::ready(Ok(self.delete_now(tenant, id))))
    }

    fn context<'a>(
        &'a self,
        tenant: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<Item>>, StoreError>> {
        let context = self.find(tenant, id).and_then(|kept| kept.context);
        Box::pin(std::future::ready(Ok(context)))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        let result = match self.is(Fault::Unhealthy) {
            true => Err(StoreError("down".to_owned())),
            false => Ok(()),
        };
        Box::pin(std::future::ready(result))
    }
}

#[tokio::test]
async fn memory_store_conforms() {
    assert_eq!(check_conformance(&MemoryStore::default()).await, Ok(()));
}

#[tokio::test]
async fn a_store_made_of_clones_conforms() {
    assert_eq!(check_conformance(&Broken::default()).await, Ok(()));
}

#[tokio::test]
async fn every_fault_is_caught_by_its_rule() {
    for (fault, rule) in [
        (Fault::Unhealthy, "a store has a name and works"),
        (
            Fault::LosesOpaqueItems,
            "a response comes back as it was put",
        ),
        (Fault::FindsAnyCase, "what was never put is not found"),
        (
            Fault::SharesTenants,
            "another tenant's response does not exist",
        ),
        (
            Fault::ForgetsTheAnswer,
            "the context is the conversation up to the input",
        ),
        (Fault::DeletesAlways, "what was never put is not found"),
        (Fault::DeletesNothing, "a deleted response is gone, once"),
        (
            Fault::DeletesLaterContexts,
            "later responses keep their conversation",
        ),
        (Fault::KeepsTheFirst, "putting again replaces"),
        (
            Fault::ShowsHalfAConversation,
            "half a conversation is not a context",
        ),
        (
            Fault::CutsLongConversations,
            "a long conversation is whole and in order",
        ),
    ] {
        let store = Broken {
            fault: Some(fault),
            ..Broken::default()
        };
        let violation = check_conformance(&store).await.expect_err("a broken store");
        assert_eq!(violation.rule, rule, "{fault:?}: {violation}");
    }
}

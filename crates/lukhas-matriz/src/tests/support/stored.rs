// SPDX-License-Identifier: Apache-2.0

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lukhas_core::*;

/// Responses by tenant and identifier; answers after `delay`.
#[derive(Default)]
pub(crate) struct Stored {
    pub(crate) responses: HashMap<(String, String), Arc<StoredResponse>>,
    pub(crate) delay: Duration,
    pub(crate) is_broken: bool,
}

impl Stored {
    /// Keeps a response of `tenant`.
    pub(crate) fn with(
        mut self,
        tenant: &str,
        id: &str,
        previous: Option<&str>,
        input: Vec<Item>,
        output: Vec<Item>,
    ) -> Self {
        let response = StoredResponse {
            id: id.into(),
            previous: previous.map(Into::into),
            body: Default::default(),
            input,
            output,
        };
        let key = (tenant.to_owned(), id.to_owned());
        self.responses.insert(key, Arc::new(response));
        self
    }

    async fn wait(&self) -> Result<(), StoreError> {
        tokio::time::sleep(self.delay).await;
        if self.is_broken {
            return Err(StoreError("disk on fire at /var/secret".into()));
        }
        Ok(())
    }

    fn find(&self, tenant: &str, id: &str) -> Option<&Arc<StoredResponse>> {
        self.responses.get(&(tenant.to_owned(), id.to_owned()))
    }
}

impl ResponseStore for Stored {
    fn name(&self) -> &'static str {
        "test"
    }

    fn put<'a>(&'a self, _: &'a str, _: StoredResponse) -> BoxFuture<'a, Result<(), StoreError>> {
        unreachable!("an orchestrator does not write")
    }

    fn get<'a>(
        &'a self,
        tenant: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Arc<StoredResponse>>, StoreError>> {
        Box::pin(async move {
            self.wait().await?;
            Ok(self.find(tenant, id).cloned())
        })
    }

    fn delete<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<bool, StoreError>> {
        unreachable!("an orchestrator does not delete")
    }

    fn context<'a>(
        &'a self,
        tenant: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<Item>>, StoreError>> {
        Box::pin(async move {
            self.wait().await?;
            let Some(response) = self.find(tenant, id) else {
                return Ok(None);
            };
            let mut items = response.input.clone();
            let mut previous = response.previous.as_deref();
            while let Some(response) = previous.and_then(|id| self.find(tenant, id)) {
                items.splice(0..0, response.input.iter().chain(&response.output).cloned());
                previous = response.previous.as_deref();
            }
            Ok(Some(items))
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.wait())
    }
}

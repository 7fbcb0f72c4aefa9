// SPDX-License-Identifier: Apache-2.0
//! The orchestrator, put together from its parts.

use std::fmt;
use std::sync::Arc;

use lukhas_core::{
    BoxFuture, ModelInfo, Orchestrator, Provider, ResponseStore, RunCx, RunError, RunRequest,
    RunStream, Tokenizer, Validator,
};

use crate::catalog::Catalog;
use crate::run::{Run, count_input};
use crate::{CatalogError, PrivateHost};

/// The MATRIZ orchestrator: six nodes over the providers it was given.
///
/// Cloning is cheap and shares everything. Without a store, no previous response is ever found.
/// Counting input passes the nodes from memory to thought, and fails as they would fail the run.
#[derive(Clone, Debug)]
pub struct Matriz {
    parts: Arc<Parts>,
}

/// What the nodes work with.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) catalog: Catalog<dyn Provider>,
    pub(crate) store: Option<Arc<dyn ResponseStore>>,
    pub(crate) tokenizer: Arc<dyn Tokenizer>,
    pub(crate) validator: Arc<dyn Validator>,
    pub(crate) private_hosts: Vec<PrivateHost>,
}

impl Matriz {
    /// An orchestrator without providers, which knows no model yet.
    ///
    /// `tokenizer` decides whether a conversation fits a context window. It is asked only about
    /// conversations with more bytes than the window has tokens, and must never find more tokens
    /// in a text than the text has bytes. `validator` holds what providers answer to the strict
    /// schemas of requests.
    #[must_use]
    pub fn new(tokenizer: Arc<dyn Tokenizer>, validator: Arc<dyn Validator>) -> Self {
        let parts = Parts {
            catalog: Catalog::default(),
            store: None,
            tokenizer,
            validator,
            private_hosts: Vec::new(),
        };
        Self {
            parts: Arc::new(parts),
        }
    }

    /// The same, offering every model of `provider` under its own name.
    ///
    /// # Errors
    /// [`CatalogError::NameTaken`] when one of them is offered already.
    pub fn with_provider(mut self, provider: Arc<dyn Provider>) -> Result<Self, CatalogError> {
        let catalog = &mut Arc::make_mut(&mut self.parts).catalog;
        catalog.add(&provider, provider.models())?;
        Ok(self)
    }

    /// The same, offering `model` under the name `alias` too.
    ///
    /// The alias is listed like any model; the provider is asked for `model`.
    ///
    /// # Errors
    /// [`CatalogError::UnknownModel`] when `model` is not offered (add its provider first);
    /// [`CatalogError::NameTaken`] when `alias` is.
    pub fn with_alias(
        mut self,
        alias: impl Into<String>,
        model: &str,
    ) -> Result<Self, CatalogError> {
        let catalog = &mut Arc::make_mut(&mut self.parts).catalog;
        catalog.add_alias(alias.into(), model)?;
        Ok(self)
    }

    /// The same, leaving names that nobody offers and that begin with `prefix` to `provider`, under
    /// their names; the longest prefix decides, and the empty one takes every name.
    ///
    /// Such names are not listed, and no context window is known for them: what is too long, the
    /// provider refuses.
    #[must_use]
    pub fn with_other(mut self, prefix: impl Into<String>, provider: Arc<dyn Provider>) -> Self {
        let catalog = &mut Arc::make_mut(&mut self.parts).catalog;
        catalog.add_other(prefix.into(), provider);
        self
    }

    /// The same, continuing the responses that `store` keeps. Nothing is ever written to it.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn ResponseStore>) -> Self {
        Arc::make_mut(&mut self.parts).store = Some(store);
        self
    }

    /// The same, letting URLs of images, files and audio clips name `hosts`, too, which replace
    /// those given before. Without it they name public hosts only.
    ///
    /// Whoever answers may fetch such a URL, from inside the operator's network. Names are not
    /// resolved here: one that is public and means a private address passes.
    #[must_use]
    pub fn with_private_hosts(mut self, hosts: impl IntoIterator<Item = PrivateHost>) -> Self {
        Arc::make_mut(&mut self.parts).private_hosts = hosts.into_iter().collect();
        self
    }
}

impl Orchestrator for Matriz {
    fn models(&self) -> &[ModelInfo] {
        self.parts.catalog.models()
    }

    fn uses_original(&self, model: &str) -> bool {
        let route = self.parts.catalog.find(model);
        route.is_some_and(|route| route.provider.uses_original())
    }

    fn run(&self, cx: RunCx, request: RunRequest) -> RunStream {
        Box::pin(Run::new(Arc::clone(&self.parts), cx, request))
    }

    fn count_input(&self, cx: RunCx, request: RunRequest) -> BoxFuture<'_, Result<u64, RunError>> {
        Box::pin(count_input(&self.parts, cx, request))
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("catalog", &self.catalog)
            .field("store", &self.store.as_ref().map(|store| store.name()))
            .field("tokenizer", &self.tokenizer.name())
            .field("private_hosts", &self.private_hosts)
            .finish()
    }
}

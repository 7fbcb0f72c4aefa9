// SPDX-License-Identifier: Apache-2.0
//! Which provider answers for which public name.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use lukhas_core::{ModelInfo, Provider};

/// Why a model cannot be offered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// A model or alias of that name is offered already.
    #[error("the model name `{0}` is taken")]
    NameTaken(String),
    /// An alias stands for a model that no provider has.
    #[error("the alias `{alias}` stands for `{model}`, which no provider offers")]
    UnknownModel {
        /// The alias.
        alias: String,
        /// What it stands for.
        model: String,
    },
}

/// The models on offer, and where each leads.
#[derive(Clone, Default)]
pub(crate) struct Catalog {
    models: Vec<ModelInfo>,
    routes: BTreeMap<String, Route>,
    /// Who answers for other names that begin so.
    others: Vec<(String, Arc<dyn Provider>)>,
}

/// Where a public name leads.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) provider: Arc<dyn Provider>,
    /// The provider's own name for the model.
    pub(crate) model: Arc<str>,
    /// Most tokens of a conversation, output included.
    pub(crate) context_window: u64,
}

impl Catalog {
    /// The models and aliases, in the order they were added.
    pub(crate) fn models(&self) -> &[ModelInfo] {
        &self.models
    }

    /// Where the name `model` leads.
    pub(crate) fn route(&self, model: &str) -> Option<Cow<'_, Route>> {
        if let Some(route) = self.routes.get(model) {
            return Some(Cow::Borrowed(route));
        }
        let others = self.others.iter();
        let others = others.filter(|(prefix, _)| model.starts_with(prefix.as_str()));
        let (_, provider) = others.max_by_key(|(prefix, _)| prefix.len())?;
        Some(Cow::Owned(Route {
            provider: Arc::clone(provider),
            model: model.into(),
            context_window: u64::MAX,
        }))
    }

    /// Leaves names that are not offered and begin with `prefix` to `provider`, under their names.
    pub(crate) fn add_other(&mut self, prefix: String, provider: Arc<dyn Provider>) {
        self.others.push((prefix, provider));
    }

    pub(crate) fn add(&mut self, provider: &Arc<dyn Provider>) -> Result<(), CatalogError> {
        for model in provider.models() {
            let route = Route {
                provider: Arc::clone(provider),
                model: model.id.as_str().into(),
                context_window: model.context_window,
            };
            self.offer(model.clone(), route)?;
        }
        Ok(())
    }

    pub(crate) fn add_alias(&mut self, alias: String, model: &str) -> Result<(), CatalogError> {
        let info = self.models.iter().find(|info| info.id == model);
        let (Some(info), Some(route)) = (info, self.routes.get(model)) else {
            let model = model.to_owned();
            return Err(CatalogError::UnknownModel { alias, model });
        };
        let info = ModelInfo {
            id: alias,
            ..info.clone()
        };
        self.offer(info, route.clone())
    }

    fn offer(&mut self, info: ModelInfo, route: Route) -> Result<(), CatalogError> {
        if self.routes.contains_key(&info.id) {
            return Err(CatalogError::NameTaken(info.id));
        }
        self.routes.insert(info.id.clone(), route);
        self.models.push(info);
        Ok(())
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.models.iter().map(|model| &model.id);
        f.debug_set().entries(names).finish()
    }
}

// SPDX-License-Identifier: Apache-2.0
//! Who answers for which public name: providers, and embedders alike.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use lukhas_core::{ModelInfo, Principal};

/// Why a model cannot be offered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// A model or alias of that name is offered already.
    #[error("the model name `{0}` is taken")]
    NameTaken(String),
    /// An alias stands for a model that nobody has.
    #[error("the alias `{alias}` stands for `{model}`, which nobody offers")]
    UnknownModel {
        /// The alias.
        alias: String,
        /// What it stands for.
        model: String,
    },
}

/// The models on offer, and where each leads.
pub(crate) struct Catalog<P: ?Sized> {
    models: Vec<ModelInfo>,
    routes: BTreeMap<String, Route<P>>,
    /// Who answers for other names that begin so.
    others: Vec<(String, Arc<P>)>,
}

/// Where a public name leads.
pub(crate) struct Route<P: ?Sized> {
    pub(crate) provider: Arc<P>,
    /// The provider's own name for the model.
    pub(crate) model: Arc<str>,
    /// Most tokens of a conversation, output included.
    pub(crate) context_window: u64,
}

impl<P: ?Sized> Catalog<P> {
    /// The models and aliases, in the order they were added.
    pub(crate) fn models(&self) -> &[ModelInfo] {
        &self.models
    }

    /// Where the name `model` leads `principal`: nowhere, if it may not use that.
    pub(crate) fn route(&self, principal: &Principal, model: &str) -> Option<Cow<'_, Route<P>>> {
        self.find(model).filter(|_| principal.may_use(model))
    }

    /// Where the name `model` leads whoever may use it.
    pub(crate) fn find(&self, model: &str) -> Option<Cow<'_, Route<P>>> {
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
    pub(crate) fn add_other(&mut self, prefix: String, provider: Arc<P>) {
        self.others.push((prefix, provider));
    }

    /// Offers `models` of `provider`.
    pub(crate) fn add(
        &mut self,
        provider: &Arc<P>,
        models: &[ModelInfo],
    ) -> Result<(), CatalogError> {
        for model in models {
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

    fn offer(&mut self, info: ModelInfo, route: Route<P>) -> Result<(), CatalogError> {
        if self.routes.contains_key(&info.id) {
            return Err(CatalogError::NameTaken(info.id));
        }
        self.routes.insert(info.id.clone(), route);
        self.models.push(info);
        Ok(())
    }
}

// By hand, because what is shared need be neither.
impl<P: ?Sized> Clone for Catalog<P> {
    fn clone(&self) -> Self {
        Self {
            models: self.models.clone(),
            routes: self.routes.clone(),
            others: self.others.clone(),
        }
    }
}

impl<P: ?Sized> Default for Catalog<P> {
    fn default() -> Self {
        Self {
            models: Vec::new(),
            routes: BTreeMap::new(),
            others: Vec::new(),
        }
    }
}

impl<P: ?Sized> Clone for Route<P> {
    fn clone(&self) -> Self {
        Self {
            provider: Arc::clone(&self.provider),
            model: Arc::clone(&self.model),
            context_window: self.context_window,
        }
    }
}

impl<P: ?Sized> fmt::Debug for Catalog<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.models.iter().map(|model| &model.id);
        f.debug_set().entries(names).finish()
    }
}

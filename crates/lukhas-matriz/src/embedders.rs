// SPDX-License-Identifier: Apache-2.0
//! Embedding models, by name.

use std::sync::Arc;

use lukhas_core::{BoxFuture, EmbedRequest, Embedded, Embedder, ModelInfo, RunCx, RunError};

use crate::CatalogError;
use crate::catalog::Catalog;

/// Embedding models of several embedders, each asked for by its name. Looked up as the orchestrator
/// looks up providers.
#[derive(Clone, Debug, Default)]
pub struct Embedders {
    catalog: Catalog<dyn Embedder>,
}

impl Embedders {
    /// No embedding model yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, offering every model of `embedder` under its own name.
    ///
    /// # Errors
    /// [`CatalogError::NameTaken`] when one of them is offered already.
    pub fn with_embedder(mut self, embedder: Arc<dyn Embedder>) -> Result<Self, CatalogError> {
        self.catalog.add(&embedder, embedder.models())?;
        Ok(self)
    }

    /// The same, offering `model` under the name `alias` too.
    ///
    /// # Errors
    /// [`CatalogError::UnknownModel`] when `model` is not offered (add its embedder first);
    /// [`CatalogError::NameTaken`] when `alias` is.
    pub fn with_alias(
        mut self,
        alias: impl Into<String>,
        model: &str,
    ) -> Result<Self, CatalogError> {
        self.catalog.add_alias(alias.into(), model)?;
        Ok(self)
    }

    /// The same, leaving names that nobody offers and that begin with `prefix` to `embedder`, under
    /// their names; the longest prefix decides. Such names are not listed.
    #[must_use]
    pub fn with_other(mut self, prefix: impl Into<String>, embedder: Arc<dyn Embedder>) -> Self {
        self.catalog.add_other(prefix.into(), embedder);
        self
    }
}

impl Embedder for Embedders {
    fn models(&self) -> &[ModelInfo] {
        self.catalog.models()
    }

    fn embed<'a>(
        &'a self,
        cx: &'a RunCx,
        mut request: EmbedRequest,
    ) -> BoxFuture<'a, Result<Embedded, RunError>> {
        Box::pin(async move {
            let Some(route) = self.catalog.route(&cx.principal, &request.model) else {
                return Err(RunError::model_not_found(&request.model));
            };
            request.model = route.model.as_ref().to_owned();
            route.provider.embed(cx, request).await
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use lukhas_core::{EmbedInput, RunErrorKind, Usage, VectorEncoding};

    use super::*;
    use crate::tests::support::{cx, model};

    /// Remembers the names it was asked for.
    struct Named {
        models: Vec<ModelInfo>,
        asked: Mutex<Vec<String>>,
    }

    impl Named {
        fn new(models: &[&str]) -> Arc<Self> {
            Arc::new(Self {
                models: models.iter().map(|name| model(name, u64::MAX)).collect(),
                asked: Mutex::default(),
            })
        }

        fn asked(&self) -> Vec<String> {
            std::mem::take(&mut self.asked.lock().unwrap())
        }
    }

    impl Embedder for Named {
        fn models(&self) -> &[ModelInfo] {
            &self.models
        }

        fn embed<'a>(
            &'a self,
            _cx: &'a RunCx,
            request: EmbedRequest,
        ) -> BoxFuture<'a, Result<Embedded, RunError>> {
            self.asked.lock().unwrap().push(request.model);
            let nothing = Embedded {
                vectors: Vec::new(),
                usage: Usage::default(),
            };
            Box::pin(std::future::ready(Ok(nothing)))
        }
    }

    fn request(model: &str) -> EmbedRequest {
        EmbedRequest {
            model: model.to_owned(),
            input: EmbedInput::Texts(vec!["text".to_owned()]),
            dimensions: None,
            encoding: VectorEncoding::Floats,
            end_user: None,
        }
    }

    async fn embed(embedders: &Embedders, model: &str) -> Result<Embedded, RunError> {
        embedders.embed(&cx("tenant"), request(model)).await
    }

    #[tokio::test]
    async fn a_name_leads_to_its_embedder_and_the_longest_prefix_to_the_other_ones() {
        let (own, rest, long) = (Named::new(&["own"]), Named::new(&[]), Named::new(&[]));
        let embedders = Embedders::new()
            .with_embedder(own.clone())
            .and_then(|embedders| embedders.with_alias("alias", "own"))
            .unwrap()
            .with_other("", rest.clone())
            .with_other("text-", long.clone());
        for name in ["own", "alias", "other", "text-3"] {
            embed(&embedders, name).await.unwrap();
        }
        assert_eq!(own.asked(), ["own", "own"]);
        assert_eq!(rest.asked(), ["other"]);
        assert_eq!(long.asked(), ["text-3"]);
        let names: Vec<_> = embedders.models().iter().map(|model| &model.id).collect();
        assert_eq!(names, ["own", "alias"], "others are not listed");
    }

    #[tokio::test]
    async fn a_model_that_the_principal_may_not_use_does_not_exist_for_it() {
        let own = Named::new(&["own"]);
        let embedders = Embedders::new()
            .with_embedder(own.clone())
            .and_then(|embedders| embedders.with_alias("alias", "own"))
            .unwrap();
        let mut cx = cx("tenant");
        let mut principal = (*cx.principal).clone();
        principal.models = ["alias".parse().unwrap()].into();
        cx.principal = Arc::new(principal);
        let error = embedders.embed(&cx, request("own")).await.unwrap_err();
        assert_eq!(error, RunError::model_not_found("own"));
        embedders.embed(&cx, request("alias")).await.unwrap();
        assert_eq!(own.asked(), ["own"]);
    }

    #[tokio::test]
    async fn a_name_that_nobody_has_is_not_found_and_one_that_is_taken_stays() {
        let embedders = Embedders::new()
            .with_embedder(Named::new(&["own"]))
            .unwrap();
        let error = embed(&embedders, "other").await.unwrap_err();
        assert_eq!(error.kind, RunErrorKind::ModelNotFound);
        let taken = embedders.clone().with_embedder(Named::new(&["own"]));
        assert_eq!(
            taken.unwrap_err(),
            CatalogError::NameTaken("own".to_owned())
        );
        let unknown = embedders.with_alias("alias", "nobody").unwrap_err();
        assert!(unknown.to_string().contains("which nobody offers"));
    }
}

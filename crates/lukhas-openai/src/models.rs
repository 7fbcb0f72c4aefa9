// SPDX-License-Identifier: Apache-2.0
//! `GET /v1/models` and `GET /v1/models/{id}`.

use lukhas_core::ModelInfo;
use schemars::JsonSchema;
use serde::Serialize;

/// A model that can be asked for by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ModelObject {
    /// Its name.
    pub id: String,
    /// Always `model`.
    #[schemars(extend("const" = "model"))]
    pub object: &'static str,
    /// Unix time in seconds at which it was made.
    pub created: u64,
    /// Who answers for it.
    pub owned_by: String,
    /// One line for people (an extension).
    pub description: String,
}

/// The models that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ModelList {
    /// Always `list`.
    #[schemars(extend("const" = "list"))]
    pub object: &'static str,
    /// The models.
    pub data: Vec<ModelObject>,
}

impl ModelObject {
    /// A model, embedders among them.
    #[must_use]
    pub fn new(id: String, created: u64, owned_by: String, description: String) -> Self {
        Self {
            id,
            object: "model",
            created,
            owned_by,
            description,
        }
    }
}

impl From<&ModelInfo> for ModelObject {
    fn from(model: &ModelInfo) -> Self {
        Self::new(
            model.id.clone(),
            model.created,
            model.owned_by.clone(),
            model.description.clone(),
        )
    }
}

impl FromIterator<ModelObject> for ModelList {
    fn from_iter<I: IntoIterator<Item = ModelObject>>(models: I) -> Self {
        Self {
            object: "list",
            data: models.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_written_as_the_official_one_with_a_description() {
        let info = ModelInfo {
            id: "lukhas-matriz".to_owned(),
            created: 1_700_000_000,
            owned_by: "lukhas".to_owned(),
            description: "Offline.".to_owned(),
            context_window: 8192,
        };
        let list: ModelList = [ModelObject::from(&info)].into_iter().collect();
        assert_eq!(
            serde_json::to_string(&list).expect("writes"),
            r#"{"object":"list","data":[{"id":"lukhas-matriz","object":"model","created":1700000000,"owned_by":"lukhas","description":"Offline."}]}"#
        );
    }
}

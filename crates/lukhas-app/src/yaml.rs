// SPDX-License-Identifier: Apache-2.0
//! Documents as YAML.

use serde_json::Value;

use crate::AppError;

/// `document` as YAML.
///
/// # Errors
/// [`AppError::Yaml`] is a defect: every JSON document can be written.
pub fn to_yaml(document: &Value) -> Result<String, AppError> {
    serde_saphyr::to_string(document).map_err(AppError::Yaml)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_reads_the_same() {
        let document = json!({
            "null": null, "yes": "yes", "1": [1, -1.5, true, "1", ""], "{}": {}, "[]": [],
            "text": "two\nlines: # and \"quotes\"", " ": [[{"a": [{}]}]],
        });
        let yaml = to_yaml(&document).unwrap();
        assert_eq!(
            serde_saphyr::from_str::<Value>(&yaml).unwrap(),
            document,
            "{yaml}"
        );
    }
}

// SPDX-License-Identifier: Apache-2.0
//! A small tree in which every rule holds.

use std::path::Path;

use tempfile::TempDir;

use crate::files;
use crate::tidy::table::{Layer, Uses};
use crate::tidy::{Violation, check};

pub(super) const TABLE: &[Layer] = &[
    Layer {
        name: "lukhas-low",
        floor: 0,
        uses: Uses::Only(&[]),
    },
    Layer {
        name: "lukhas-side",
        floor: 0,
        uses: Uses::Only(&[]),
    },
    Layer {
        name: "lukhas-high",
        floor: 1,
        uses: Uses::Only(&["lukhas-low"]),
    },
];

pub(super) const SOURCE: &str =
    "// SPDX-License-Identifier: Apache-2.0\n//! A crate.\n\nmod part;\n";

pub(super) const PART: &str = "// SPDX-License-Identifier: Apache-2.0\nfn f() {}\n";

pub(super) const PAGE: &str = "# Crates\n\n\
    | floor | crate | one line | may use |\n|---|---|---|---|\n\
    | 0 | `lukhas-low` | low | none |\n\
    | 0 | `lukhas-side` | low too | none |\n\
    | 1 | `lukhas-high` | high | low |\n";

/// A tree with three crates, in which every rule holds.
pub(super) struct Tree(TempDir);

impl Tree {
    pub(super) fn new() -> Self {
        let tree = Self(TempDir::new().unwrap());
        tree.write(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n\
             [workspace.package]\nedition = \"2024\"\n\
             [workspace.dependencies]\n\
             lukhas-low = { path = \"crates/lukhas-low\" }\n\
             lukhas-side = { path = \"crates/lukhas-side\" }\n\
             lukhas-high = { path = \"crates/lukhas-high\" }\n\
             axum = \"0.8\"\nbytes = \"1\"\n\
             [workspace.lints.rust]\nunsafe_code = \"forbid\"\n",
        );
        tree.write(".gitignore", "/target/\n/build/\n*.log\n");
        tree.write("README.md", "[crates](docs/architecture.md#crates)\n");
        tree.write("docs/architecture.md", PAGE);
        for layer in TABLE {
            tree.write(&format!("crates/{}/src/lib.rs", layer.name), SOURCE);
            tree.write(&format!("crates/{}/src/part.rs", layer.name), PART);
        }
        tree.manifest("lukhas-low", "bytes.workspace = true");
        tree.manifest("lukhas-side", "");
        tree.manifest("lukhas-high", "lukhas-low.workspace = true");
        tree
    }

    pub(super) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        files::write(&self.root().join(path), text).unwrap();
    }

    pub(super) fn manifest(&self, name: &str, dependencies: &str) {
        let text = format!(
            "[package]\nname = \"{name}\"\nedition.workspace = true\n\
             [lints]\nworkspace = true\n[dependencies]\n{dependencies}\n"
        );
        self.write(&format!("crates/{name}/Cargo.toml"), &text);
    }

    pub(super) fn check(&self) -> Vec<Violation> {
        check(self.root(), TABLE).unwrap()
    }

    /// Exactly one violation is there: at `place`, with a message that starts with `message`.
    #[track_caller]
    pub(super) fn finds(&self, place: &str, message: &str) {
        let found = self.check();
        let [violation] = found.as_slice() else {
            panic!("expected one violation, found {found:#?}");
        };
        let expected = format!("{place}: {message}");
        let text = violation.to_string();
        assert!(text.starts_with(&expected), "{text}\nis not\n{expected}");
    }
}

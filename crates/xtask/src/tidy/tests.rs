// SPDX-License-Identifier: Apache-2.0
//! Plants one violation of each kind in a small tree that is tidy otherwise.

mod tree;

use std::path::Path;

use super::table::{CRATES, RESERVED};
use super::{Violation, check};

use self::tree::{PAGE, PART, SOURCE, TABLE, Tree};

/// Writes `text` to `path` of a tidy tree and expects one violation.
#[track_caller]
fn planted(path: &str, text: &str, place: &str, message: &str) {
    let tree = Tree::new();
    tree.write(path, text);
    tree.finds(place, message);
}

/// Gives a crate of a tidy tree these dependencies and expects one violation.
#[track_caller]
fn depends(name: &str, dependencies: &str, line: usize, message: &str) {
    let tree = Tree::new();
    tree.manifest(name, dependencies);
    tree.finds(&format!("crates/{name}/Cargo.toml:{line}"), message);
}

#[test]
fn this_workspace_is_tidy() {
    let found = check(&crate::root(), CRATES).unwrap();
    let lines: Vec<_> = found.iter().map(Violation::to_string).collect();
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}

#[test]
fn a_tidy_tree_has_no_violation() {
    assert_eq!(Tree::new().check(), []);
}

#[test]
fn an_edge_to_the_same_or_a_higher_floor_is_found() {
    depends(
        "lukhas-low",
        "bytes.workspace = true\nlukhas-high.workspace = true",
        8,
        "`lukhas-low` (floor 0) uses `lukhas-high` (floor 1)",
    );
    depends(
        "lukhas-side",
        "lukhas-low = { workspace = true }",
        7,
        "`lukhas-side` (floor 0) uses `lukhas-low` (floor 0)",
    );
}

#[test]
fn an_edge_that_is_not_in_the_table_is_found() {
    depends(
        "lukhas-high",
        "lukhas-side.workspace = true",
        7,
        "`lukhas-high` may not use `lukhas-side`",
    );
}

#[test]
fn tests_may_use_what_is_below_but_nothing_above() {
    let tree = Tree::new();
    let dev = "[dev-dependencies]\nlukhas-side.workspace = true\naxum.workspace = true";
    tree.manifest("lukhas-high", dev);
    assert_eq!(tree.check(), []);
    depends(
        "lukhas-low",
        "[dev-dependencies]\nlukhas-high.workspace = true",
        8,
        "`lukhas-low` (floor 0) uses `lukhas-high` (floor 1)",
    );
}

#[test]
fn a_reserved_dependency_is_found() {
    depends(
        "lukhas-low",
        "axum.workspace = true",
        7,
        "`lukhas-low` may not name `axum`, only lukhas-gateway, lukhas-app, lukhas-server may",
    );
}

#[test]
fn reserved_names_cover_their_families() {
    let covered = |name: &str| RESERVED.iter().any(|it| it.covers(name));
    for name in [
        "axum",
        "axum-core",
        "opentelemetry-otlp",
        "tracing-opentelemetry",
        "sqlx",
    ] {
        assert!(covered(name), "{name}");
    }
    for name in ["tower", "tracing", "sqlx-lite", "serde"] {
        assert!(!covered(name), "{name}");
    }
}

#[test]
fn a_crate_without_a_floor_is_found() {
    let tree = Tree::new();
    tree.manifest("lukhas-new", "");
    tree.write("crates/lukhas-new/src/lib.rs", SOURCE);
    tree.finds(
        "crates/lukhas-new/Cargo.toml:1",
        "this package has no floor",
    );
}

#[test]
fn a_page_that_says_something_else_is_found() {
    let page = "docs/architecture.md";
    let uses = PAGE.replace("| high | low |", "| high | low, side |");
    planted(
        page,
        &uses,
        "docs/architecture.md:7",
        "`lukhas-high` stands on floor 1",
    );
    let floor = PAGE.replace("| 1 | `lukhas-high`", "| 2 | `lukhas-high`");
    planted(
        page,
        &floor,
        "docs/architecture.md:7",
        "`lukhas-high` stands on floor 1",
    );
    let stale = format!("{PAGE}| 1 | `lukhas-gone` | gone | low |\n");
    planted(
        page,
        &stale,
        "docs/architecture.md:8",
        "there is no crate `lukhas-gone`",
    );
    let missing = PAGE.replace("| 1 | `lukhas-high` | high | low |\n", "");
    planted(
        page,
        &missing,
        "docs/architecture.md:1",
        "`lukhas-high` has no row",
    );
}

#[test]
fn a_version_of_its_own_is_found() {
    depends(
        "lukhas-low",
        "bytes = \"1\"",
        7,
        "`bytes` has a version of its own",
    );
    depends(
        "lukhas-low",
        "\n[target.'cfg(unix)'.dependencies]\nbytes = { version = \"1\" }",
        9,
        "`bytes` has a version of its own",
    );
}

#[test]
fn a_package_without_the_lints_is_found() {
    planted(
        "crates/lukhas-side/Cargo.toml",
        "[package]\nname = \"lukhas-side\"\n",
        "crates/lukhas-side/Cargo.toml:1",
        "the workspace's lints do not reach this package",
    );
}

#[test]
fn a_folder_with_another_name_is_found() {
    let tree = Tree::new();
    let crates = tree.root().join("crates");
    std::fs::rename(crates.join("lukhas-side"), crates.join("other")).unwrap();
    tree.finds(
        "crates/other/Cargo.toml:1",
        "package `lukhas-side` stands in folder `other`",
    );
}

#[test]
fn a_missing_header_is_found() {
    planted(
        "crates/lukhas-low/src/part.rs",
        "//! A part.\nfn f() {}\n",
        "crates/lukhas-low/src/part.rs:1",
        "the first line must be `// SPDX-License-Identifier: Apache-2.0`",
    );
}

#[test]
fn a_long_file_is_found() {
    let fits = format!("{PART}{}", "// line\n".repeat(598));
    let tree = Tree::new();
    tree.write("crates/lukhas-low/src/part.rs", &fits);
    assert_eq!(tree.check(), []);
    tree.write("crates/lukhas-low/src/part.rs", &format!("{fits}// line\n"));
    tree.finds(
        "crates/lukhas-low/src/part.rs:601",
        "601 lines, 600 at most",
    );
}

#[test]
fn a_mod_rs_is_found() {
    planted(
        "crates/lukhas-low/src/part/mod.rs",
        PART,
        "crates/lukhas-low/src/part/mod.rs:1",
        "no `mod.rs`",
    );
}

#[test]
fn a_stub_is_found() {
    let place = "crates/lukhas-low/src/part.rs:3";
    for (stub, message) in [
        ("fn g() { todo!() }", "`todo!`"),
        ("fn g() { unimplemented!(\"later\") }", "`unimplemented!`"),
        ("#[test] #[ignore] fn g() {}", "`#[ignore`"),
        (concat!("// TO", "DO: later"), concat!("`TO", "DO`")),
        (concat!("// FIX", "ME"), concat!("`FIX", "ME`")),
    ] {
        let text = format!("{PART}{stub}\n");
        planted("crates/lukhas-low/src/part.rs", &text, place, message);
    }
}

#[test]
fn a_stub_in_a_string_is_none() {
    let tree = Tree::new();
    let text = format!("{PART}const S: &str = \"todo!() #[ignore]\"; // todo!()\n");
    tree.write("crates/lukhas-low/src/part.rs", &text);
    assert_eq!(tree.check(), []);
}

#[test]
fn a_function_in_lib_rs_is_found() {
    let text = format!("{SOURCE}pub type F = fn(u8);\npub const fn f() {{}}\n");
    planted(
        "crates/lukhas-low/src/lib.rs",
        &text,
        "crates/lukhas-low/src/lib.rs:6",
        "`lib.rs` is a table of contents",
    );
}

#[test]
fn an_empty_crate_is_found() {
    let tree = Tree::new();
    let header = "// SPDX-License-Identifier: Apache-2.0\n//! Nothing yet.\n";
    tree.write("crates/lukhas-side/src/lib.rs", header);
    tree.write(
        "crates/lukhas-side/src/part.rs",
        &format!("{header}fn main() {{}}\n"),
    );
    tree.finds("crates/lukhas-side/Cargo.toml:1", "an empty crate is noise");
}

#[test]
fn something_else_at_the_top_is_found() {
    planted(
        "notes.txt",
        "",
        "notes.txt:1",
        "nothing else stands at the top",
    );
    let tree = Tree::new();
    tree.write("build/sbom.json", "{}");
    tree.write(".editorconfig", "");
    assert_eq!(tree.check(), []);
}

#[test]
fn a_broken_link_is_found() {
    let page = "docs/guide.md";
    let place = "docs/guide.md:2";
    for (target, fault) in [
        ("missing.md", "leads nowhere"),
        ("../crates/lukhas-gone", "leads nowhere"),
        ("architecture.md#floors", "there is no such heading"),
        ("#nothing", "there is no such heading"),
        ("/docs/architecture.md", "starts at the root of a disk"),
    ] {
        let text = format!("# Guide\n[a]({target})\n");
        planted(page, &text, place, &format!("link `{target}`: {fault}"));
    }
}

#[test]
fn links_that_lead_somewhere_are_fine() {
    let tree = Tree::new();
    let text = "# Guide\n[a](../README.md) [b](#guide) [c](architecture.md#crates) [d](../crates)\n\
                [e](https://example.com/missing) [f](mailto:a@example.com)\n";
    tree.write("docs/guide.md", text);
    assert_eq!(tree.check(), []);
}

#[test]
fn a_tree_that_cannot_be_read_is_an_error() {
    let error = check(Path::new("/no/such/tree"), TABLE).unwrap_err();
    assert!(
        error.to_string().contains("could not be started"),
        "{error}"
    );
}

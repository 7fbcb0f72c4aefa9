// SPDX-License-Identifier: Apache-2.0
//! What every `Cargo.toml` must say.

use super::Violation;
use super::workspace::{Package, Workspace};

/// A line of a manifest that names a dependency.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry<'t> {
    /// The key, which is the name unless the entry renames it.
    pub(super) key: &'t str,
    /// The line, from 1.
    pub(super) line: usize,
    /// What stands behind the key, up to the end of the line.
    value: &'t str,
}

/// Checks that every package takes lints and dependencies from the workspace, and that its folder
/// has its name.
pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    workspace
        .packages
        .iter()
        .flat_map(|package| {
            check_lints(workspace, package)
                .into_iter()
                .chain(check_dependencies(workspace, package))
                .chain(check_folder(workspace, package))
        })
        .collect()
}

fn check_lints(workspace: &Workspace, package: &Package) -> Option<Violation> {
    let inherits = sections(&package.manifest_text)
        .any(|(section, _, text)| section == "lints" && squeeze(text) == "workspace=true");
    (!inherits).then(|| {
        let message = "the workspace's lints do not reach this package: add `[lints]` with \
                       `workspace = true`";
        Violation::new(&workspace.root, &package.manifest, 1, message)
    })
}

fn check_dependencies<'a>(
    workspace: &'a Workspace,
    package: &'a Package,
) -> impl Iterator<Item = Violation> + 'a {
    entries(&package.manifest_text)
        .filter(|entry| !entry.is_inherited())
        .map(|entry| {
            let message = format!(
                "`{key}` has a version of its own: put it in the root's \
                 `[workspace.dependencies]` and write `{key}.workspace = true`",
                key = entry.key
            );
            Violation::new(&workspace.root, &package.manifest, entry.line, message)
        })
}

fn check_folder(workspace: &Workspace, package: &Package) -> Option<Violation> {
    let folder = package.folder().file_name()?.to_str()?;
    // The package of whole-product tests stands at the top, where folders have plain names.
    let at_top = package.folder().parent() == Some(&workspace.root);
    let same = folder == package.name || (at_top && format!("lukhas-{folder}") == package.name);
    (!same).then(|| {
        let message = format!(
            "package `{}` stands in folder `{folder}`: give both one name",
            package.name
        );
        Violation::new(&workspace.root, &package.manifest, 1, message)
    })
}

/// The line that names dependency `name`, or the first line.
pub(super) fn line_of(package: &Package, name: &str, dev: bool) -> usize {
    let named =
        |entry: &Entry<'_>| entry.key == name || entry.value.contains(&format!("\"{name}\""));
    sections(&package.manifest_text)
        .filter(|(section, _, _)| section.contains("dev-") == dev)
        .filter_map(|(section, line, text)| entry(section, line, text))
        .find(named)
        .map_or(1, |entry| entry.line)
}

/// The entries of all dependency tables.
pub(super) fn entries(manifest: &str) -> impl Iterator<Item = Entry<'_>> {
    sections(manifest).filter_map(|(section, line, text)| entry(section, line, text))
}

/// The entry that `text` in `section` is. A table of its own (`[dependencies.name]`) is the entry
/// of its first line.
fn entry<'t>(section: &'t str, line: usize, text: &'t str) -> Option<Entry<'t>> {
    let table = section.rsplit_once("dependencies")?.1;
    if let Some(key) = table.strip_prefix('.') {
        let heads = text.starts_with('[');
        let value = "[a table of its own]";
        return heads.then_some(Entry { key, line, value });
    }
    let (key, value) = text.split_once('=')?;
    let key = key.trim();
    if key.contains(char::is_whitespace) || key.starts_with(['#', '"', '[', '{']) {
        return None;
    }
    let (key, value) = match key.split_once('.') {
        Some((key, _)) => (key, text),
        None => (key, value),
    };
    Some(Entry { key, line, value })
}

/// Lines that say something, each with the name of its section and its number. The line with the
/// name of the section is its first.
fn sections(manifest: &str) -> impl Iterator<Item = (&str, usize, &str)> {
    let mut section = "";
    manifest
        .lines()
        .enumerate()
        .filter_map(move |(index, line)| {
            let line = line.trim();
            let name = line.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
            if let Some(name) = name.filter(|name| !name.contains(['"', ','])) {
                section = name.trim_matches(['[', ']']);
            }
            (!line.is_empty()).then_some((section, index + 1, line))
        })
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect()
}

impl Entry<'_> {
    fn is_inherited(&self) -> bool {
        squeeze(self.value).contains("workspace=true")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
[package]
name = "a"
[dependencies]
bytes.workspace = true
serde = { workspace = true, features = [
    "rc",
] }
# http = "1"
tokio = "1"
[target.'cfg(unix)'.dependencies]
rustix = { version = "1" }
[dev-dependencies.insta]
workspace = true
[lints]
workspace = true
"#;

    #[test]
    fn entries_of_every_table_are_found() {
        let found: Vec<_> = entries(MANIFEST)
            .map(|entry| (entry.key, entry.line, entry.is_inherited()))
            .collect();
        let expected = [
            ("bytes", 5, true),
            ("serde", 6, true),
            ("tokio", 10, false),
            ("rustix", 12, false),
            ("insta", 13, false),
        ];
        assert_eq!(found, expected);
    }
}

// SPDX-License-Identifier: Apache-2.0
//! What every source file and every crate must be.

use std::path::{Path, PathBuf};

use super::Violation;
use super::code::{code_only, has_words};
use super::workspace::{Package, Workspace};
use crate::error::TaskError;
use crate::files;

/// First line of every source file.
const HEADER: &str = "// SPDX-License-Identifier: Apache-2.0";

/// Most lines of a source file.
const MAX_LINES: usize = 600;

/// Code that stands for code that is not there, or for a test that does not run.
const STUBS: [(&[&str], &str); 3] = [
    (&["todo", "!"], "write it, or leave it out"),
    (&["unimplemented", "!"], "write it, or leave it out"),
    (&["#", "[", "ignore"], "make the test run, or delete it"),
];

/// Words that promise work. Written in two parts, as this file is a source file too.
const PROMISES: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// Checks one `.rs` file.
pub(super) fn check_file(root: &Path, file: &Path) -> Result<Vec<Violation>, TaskError> {
    let text = files::read(file)?;
    let violation = |line, message: String| Violation::new(root, file, line, message);
    let mut found = Vec::new();
    if text.lines().next() != Some(HEADER) {
        found.push(violation(1, format!("the first line must be `{HEADER}`")));
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        let message = format!("{lines} lines, {MAX_LINES} at most: cut it where a part has a name");
        found.push(violation(MAX_LINES + 1, message));
    }
    if file.file_name().is_some_and(|name| name == "mod.rs") {
        let message = "no `mod.rs`: name the file after its module, `foo.rs` beside `foo/`";
        found.push(violation(1, message.to_owned()));
    }
    found.extend(stubs(&text).map(|(line, message)| violation(line, message)));
    Ok(found)
}

fn stubs(text: &str) -> impl Iterator<Item = (usize, String)> {
    let code = code_only(text);
    let numbered = |(index, line): (usize, &str)| {
        let stub = STUBS.iter().find(|(words, _)| has_words(line, words));
        stub.map(|(words, fix)| (index + 1, format!("`{}`: {fix}", words.concat())))
    };
    let stubs: Vec<_> = code.lines().enumerate().filter_map(numbered).collect();
    let promises = text.lines().enumerate().filter_map(|(index, line)| {
        let promise = PROMISES.iter().find(|promise| line.contains(*promise))?;
        let message = format!("`{promise}`: do it now, or open an issue");
        Some((index + 1, message))
    });
    stubs.into_iter().chain(promises)
}

/// Checks that every crate has code, and that no `lib.rs` of a library holds any function.
pub(super) fn check_crates(workspace: &Workspace) -> Result<Vec<Violation>, TaskError> {
    let mut found = Vec::new();
    for package in &workspace.packages {
        found.extend(check_contents(workspace, package)?);
        found.extend(check_root(workspace, package)?);
    }
    Ok(found)
}

fn check_contents(
    workspace: &Workspace,
    package: &Package,
) -> Result<Option<Violation>, TaskError> {
    let files = files::walk(package.folder(), &[])?;
    let is_source = |file: &&PathBuf| file.extension().is_some_and(|it| it == "rs");
    for file in files.iter().filter(is_source) {
        let code: String = code_only(&files::read(file)?).split_whitespace().collect();
        if !code.is_empty() && code != "fnmain(){}" {
            return Ok(None);
        }
    }
    let message = "an empty crate is noise: add it with its first code";
    let manifest = &package.manifest;
    Ok(Some(Violation::new(&workspace.root, manifest, 1, message)))
}

fn check_root(workspace: &Workspace, package: &Package) -> Result<Vec<Violation>, TaskError> {
    let file = package.folder().join("src/lib.rs");
    if !package.name.starts_with("lukhas-") || !file.is_file() {
        return Ok(Vec::new());
    }
    let code = code_only(&files::read(&file)?);
    let functions = code
        .lines()
        .enumerate()
        .filter(|(_, line)| is_function(line));
    let violation = |(index, _)| {
        let message = "`lib.rs` is a table of contents: move the function into a module";
        Violation::new(&workspace.root, &file, index + 1, message)
    };
    Ok(functions.map(violation).collect())
}

/// Whether a function is defined in `line`; a type such as `fn(u8)` is none.
fn is_function(line: &str) -> bool {
    line.split("fn ").skip(1).any(|rest| {
        rest.trim_start()
            .starts_with(|c: char| c.is_alphabetic() || c == '_')
    }) && has_words(line, &["fn "])
}

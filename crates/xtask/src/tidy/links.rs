// SPDX-License-Identifier: Apache-2.0
//! Links between the documents of the tree.

use std::path::Path;

use super::Violation;
use crate::error::TaskError;
use crate::files;

/// A link of a document.
#[derive(Debug, PartialEq, Eq)]
struct Link<'t> {
    /// The line, from 1.
    line: usize,
    target: &'t str,
}

/// Checks that every link of `file` to something in this tree leads there, and to a heading that
/// exists.
pub(super) fn check_file(root: &Path, file: &Path) -> Result<Vec<Violation>, TaskError> {
    let text = files::read(file)?;
    let mut found = Vec::new();
    for link in links(&text) {
        if let Some(fault) = fault(file, link.target)? {
            let message = format!("link `{}`: {fault}", link.target);
            found.push(Violation::new(root, file, link.line, message));
        }
    }
    Ok(found)
}

/// What is wrong with a link from `file` to `target`, and what to do.
fn fault(file: &Path, target: &str) -> Result<Option<&'static str>, TaskError> {
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(None);
    }
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let folder = file.parent().unwrap_or(file);
    let goal = if path.is_empty() {
        file.to_path_buf()
    } else if path.starts_with('/') {
        return Ok(Some(
            "starts at the root of a disk: write it from this file's folder",
        ));
    } else {
        folder.join(path)
    };
    if !goal.exists() {
        return Ok(Some("leads nowhere: correct the path"));
    }
    if heading.is_empty() || goal.extension().is_none_or(|it| it != "md") {
        return Ok(None);
    }
    let known = headings(&files::read(&goal)?).any(|it| it == heading);
    Ok((!known).then_some("there is no such heading: correct the part behind `#`"))
}

/// Links and images of a document: `[text](target)` and `[name]: target`.
fn links(text: &str) -> impl Iterator<Item = Link<'_>> {
    prose(text).flat_map(|(line, text)| {
        let definition = text
            .strip_prefix('[')
            .and_then(|it| it.split_once("]: "))
            .and_then(|(_, target)| target.split_whitespace().next());
        let inline = text.split("](").skip(1).filter_map(|rest| {
            let (target, _) = rest.split_once(')')?;
            target.split_whitespace().next()
        });
        let targets: Vec<_> = definition.into_iter().chain(inline).collect();
        targets.into_iter().map(move |target| Link { line, target })
    })
}

/// Anchors of the headings of a document, as the usual renderers make them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    prose(text).filter_map(|(_, line)| {
        let title = line.trim_start_matches('#');
        let is_heading = title.len() < line.len() && title.starts_with(' ');
        is_heading.then(|| anchor(title.trim()))
    })
}

fn anchor(title: &str) -> String {
    title
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// The lines outside code blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        (!in_code && !fence).then_some((index + 1, line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_outside_code_blocks_are_found() {
        let text = "[a](b.md) and ![c](d.png \"e\")\n```\n[f](g)\n```\n[h]: i.md#j\n[k] (l)";
        let link = |line, target| Link { line, target };
        let expected = [link(1, "b.md"), link(1, "d.png"), link(5, "i.md#j")];
        assert_eq!(links(text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn headings_become_anchors() {
        let text = "# A request's journey\n## `lukhas-core`: what, why\n#no\n";
        let expected = ["a-requests-journey", "lukhas-core-what-why"];
        assert_eq!(headings(text).collect::<Vec<_>>(), expected);
    }
}

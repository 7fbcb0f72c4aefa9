// SPDX-License-Identifier: Apache-2.0
//! Who may use whom.

use std::path::Path;

use super::Violation;
use super::manifest::line_of;
use super::table::{Layer, READERS, RESERVED, Uses};
use super::workspace::{Dependency, Package, Workspace};
use crate::error::TaskError;
use crate::files;

/// The page that shows the table to people.
const PAGE: &str = "docs/architecture.md";

/// Checks that every package has a row in `table`, uses only what its row allows, and names no
/// dependency that is reserved for others.
pub(super) fn check(workspace: &Workspace, table: &[Layer]) -> Vec<Violation> {
    let mut found = Vec::new();
    for package in &workspace.packages {
        let Some(layer) = table.iter().find(|layer| layer.name == package.name) else {
            let message = "this package has no floor: give it a row in \
                           `crates/xtask/src/tidy/table.rs` and in `docs/architecture.md`";
            found.push(Violation::new(
                &workspace.root,
                &package.manifest,
                1,
                message,
            ));
            continue;
        };
        for dependency in &package.dependencies {
            let fault = if dependency.own {
                edge_fault(table, layer, dependency)
            } else {
                reserved_fault(package, dependency)
            };
            found.extend(fault.map(|message| {
                let line = line_of(package, &dependency.name, dependency.dev);
                Violation::new(&workspace.root, &package.manifest, line, message)
            }));
        }
    }
    found
}

/// Why `layer` may not use `dependency`, and what to do. Tests may use any crate below.
fn edge_fault(table: &[Layer], layer: &Layer, dependency: &Dependency) -> Option<String> {
    let target = table.iter().find(|layer| layer.name == dependency.name)?;
    let allowed = match layer.uses {
        Uses::AnyBelow => true,
        Uses::Only(names) => dependency.dev || names.contains(&target.name),
    };
    if target.floor >= layer.floor {
        return Some(format!(
            "`{}` (floor {}) uses `{}` (floor {}): edges go to a lower floor only; move what is \
             shared down, or pass it in from above",
            layer.name, layer.floor, target.name, target.floor
        ));
    }
    (!allowed).then(|| {
        format!(
            "`{}` may not use `{}`: pass it in behind a seam of `lukhas-core`, or change the row \
             in `crates/xtask/src/tidy/table.rs` and in `docs/architecture.md` and say why",
            layer.name, target.name
        )
    })
}

/// Why `package` may not name `dependency`, and what to do.
fn reserved_fault(package: &Package, dependency: &Dependency) -> Option<String> {
    if dependency.dev || READERS.contains(&package.name.as_str()) {
        return None;
    }
    let reserved = RESERVED.iter().find(|it| it.covers(&dependency.name))?;
    let allowed = reserved.holders.contains(&package.name.as_str());
    (!allowed).then(|| {
        format!(
            "`{}` may not name `{}`, only {} may: {}",
            package.name,
            dependency.name,
            reserved.holders.join(", "),
            reserved.reason
        )
    })
}

/// Checks that the table on the page is the table of the code.
pub(super) fn check_docs(root: &Path, table: &[Layer]) -> Result<Vec<Violation>, TaskError> {
    let page = root.join(PAGE);
    let text = files::read(&page)?;
    let rows: Vec<_> = text.lines().enumerate().filter_map(row).collect();
    let mut found = Vec::new();
    for layer in table {
        let expected = (layer.name, layer.floor, layer.uses_text());
        match rows.iter().find(|row| row.name == layer.name) {
            None => {
                let message = format!("`{}` has no row in the table of crates: add it", layer.name);
                found.push(Violation::new(root, &page, 1, message));
            }
            Some(row) if (row.name, row.floor, row.uses.to_owned()) != expected => {
                let message = format!(
                    "`{}` stands on floor {} and may use {} in `crates/xtask/src/tidy/table.rs`: \
                     make the row say the same",
                    layer.name,
                    layer.floor,
                    layer.uses_text()
                );
                found.push(Violation::new(root, &page, row.line, message));
            }
            Some(_) => {}
        }
    }
    let known = |row: &Row<'_>| table.iter().any(|layer| layer.name == row.name);
    let stale = rows.iter().filter(|row| !known(row)).map(|row| {
        let message = format!("there is no crate `{}`: remove its row", row.name);
        Violation::new(root, &page, row.line, message)
    });
    found.extend(stale);
    Ok(found)
}

/// A row of the page's table of crates: floor, name, a line about it, what it may use.
struct Row<'t> {
    line: usize,
    floor: u8,
    name: &'t str,
    uses: &'t str,
}

fn row((index, text): (usize, &str)) -> Option<Row<'_>> {
    let mut cells = text.trim().strip_prefix('|')?.split('|').map(str::trim);
    let floor = cells.next()?.parse().ok()?;
    let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
    let uses = cells.nth(1)?;
    let line = index + 1;
    Some(Row {
        line,
        floor,
        name,
        uses,
    })
}

impl Layer {
    /// What it may use, as the page says it: names without their common beginning.
    fn uses_text(&self) -> String {
        match self.uses {
            Uses::AnyBelow => "any below".to_owned(),
            Uses::Only([]) => "none".to_owned(),
            Uses::Only(names) => {
                let short = |name: &&'static str| name.trim_start_matches("lukhas-");
                names.iter().map(short).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
//! Prints what every fault of an upstream becomes for clients, once a test has seen that it does.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::error::TaskError;
use crate::tally::Tally;
use crate::{files, process, say};

/// The page that the test holds, from the top of the tree.
const PAGE: &str = "docs/reliability/fault-matrix.md";

/// Arguments of `cargo` that put every fault before clients and compare what they see with the page.
const TEST: &str = "test --quiet --package lukhas-tests --test it faults::";

/// Most time for the test and the build before it.
const LIMIT: Duration = Duration::from_secs(3600);

/// Runs the test, then prints the table. A table that no longer holds is not printed.
pub(crate) fn run(root: &Path) -> ExitCode {
    match seen(root) {
        Ok(table) => say(table),
        Err(error) => {
            say(error);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn seen(root: &Path) -> Result<String, TaskError> {
    let mut test = process::cargo(root, TEST);
    test.env_remove("LUKHAS_REGEN");
    process::run(&mut test, LIMIT, &mut Tally::default())?;
    Ok(aligned(&files::read(&root.join(PAGE))?))
}

/// The rows of the table in `page`, their columns under one another.
fn aligned(page: &str) -> String {
    let rows = page.lines().filter(|line| line.starts_with('|'));
    let rows: Vec<Vec<_>> = rows
        .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let mut widths = Vec::new();
    for row in &rows {
        widths.resize(row.len().max(widths.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &Vec<&str>| {
        let cells = row.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(cell, &width)| match *cell {
                "---" => "-".repeat(width),
                cell => format!("{cell:width$}"),
            })
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_one_another() {
        let page =
            "# Faults\n\n| fault | chat |\n|---|---|\n| `none` | complete |\n| `503` | 503 |\n";
        let expected = "fault   chat\n------  --------\n`none`  complete\n`503`   503";
        assert_eq!(aligned(page), expected);
    }

    #[test]
    fn the_page_has_a_table_and_its_test_a_name() {
        let root = crate::root();
        let table = aligned(&files::read(&root.join(PAGE)).unwrap());
        assert!(table.starts_with("fault"), "{table}");
        assert!(table.contains("tcp_cut@3"), "{table}");
        let tests = files::read(&root.join("tests/it/main.rs")).unwrap();
        assert!(tests.contains("mod faults;"), "{TEST} would run nothing");
    }
}

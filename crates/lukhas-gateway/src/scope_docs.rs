// SPDX-License-Identifier: Apache-2.0
//! The table of routes and scopes in `docs/security/keys.md`, made from the route table.

use std::fmt::Write as _;

use lukhas_core::Scope;

use crate::route::{Access, routes};

/// Every route, and the scope that a key needs for it, as a table in Markdown: one column for each
/// scope.
#[must_use]
pub fn scope_table_markdown() -> String {
    let mut text = String::from("| route | no key |");
    for scope in Scope::ALL {
        // Writing to a String does not fail.
        let _ = write!(text, " `{scope}` |");
    }
    let columns = Scope::ALL.len() + 2;
    let _ = writeln!(text, "\n|{}", "---|".repeat(columns));
    for route in routes() {
        let mark = |yes| if yes { "✓" } else { "" };
        let public = mark(route.access == Access::Public);
        let _ = write!(text, "| `{route:?}` | {public} |");
        for scope in Scope::ALL {
            let needed = mark(route.access == Access::Scope(scope));
            let _ = write!(text, " {needed} |");
        }
        text.push('\n');
    }
    text
}

// SPDX-License-Identifier: Apache-2.0
//! The `lukhas` binary: arguments, exit codes, accept loop.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done; for `serve` and `mock`, stopped by a signal, forced or not |
//! | 1 | it failed: the address is in use, input or output fails, the key that was checked is of no use, an objective is missed |
//! | 2 | it was asked for something impossible: arguments or configuration |

mod arguments;
mod banner;
mod budgets;
mod command;
mod failure;
mod keys;
mod mock;
mod redact;
mod serve;
mod signals;
mod slo;
mod table;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;

/// Responses that are kept are many small pieces among which every request's own come and go: with
/// the C library's allocator, requests then cost twice the user time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match command::run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // There is nowhere left to say that this cannot be written.
            let _ = write!(io::stderr().lock(), "{failure}");
            failure.exit_code()
        }
    }
}

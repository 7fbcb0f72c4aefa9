// SPDX-License-Identifier: Apache-2.0
//! Follows the configuration while it is served: on SIGHUP, and when its files change.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use lukhas_app::{App, AppError, Reloaded};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::signals::Hangups;

/// Between two looks at the files. A change is read when two looks in a row have seen the same.
const LOOK: Duration = Duration::from_millis(500);

/// Why the configuration is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Somebody sent a signal: it is read again in any case.
    Signal,
    /// It is time: it is read again if its files have changed.
    Time,
}

/// Follows the configuration for ever.
///
/// Files are read on a thread that may block, so that accepting goes on. When this is dropped, a
/// reload under way is still finished.
pub(crate) async fn follow(app: &Arc<App>, hangups: &mut Hangups) -> Infallible {
    loop {
        let cause = tokio::select! {
            () = hangups.next() => Cause::Signal,
            () = sleep(LOOK) => Cause::Time,
        };
        let app = Arc::clone(app);
        let looked = spawn_blocking(move || {
            (cause == Cause::Signal || app.files_have_changed()).then(|| app.reload())
        });
        match looked.await {
            Ok(Some(outcome)) => report(outcome),
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "reading the configuration again failed"),
        }
    }
}

fn report(outcome: Result<Reloaded, AppError>) {
    let Reloaded {
        active_keys,
        needs_restart,
        warnings,
        ..
    } = match outcome {
        Ok(reloaded) => reloaded,
        Err(error) => {
            tracing::error!(%error, "the configuration was read again and is refused: nothing changes");
            return;
        }
    };
    tracing::info!(keys = active_keys, "the configuration was read again");
    if !needs_restart.is_empty() {
        let settings = needs_restart.join(", ");
        tracing::warn!(settings, "settings have changed that take a restart");
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if active_keys == 0 {
        tracing::warn!("no key is active: every request that needs one is answered 401");
    }
}

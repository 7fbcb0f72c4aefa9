// SPDX-License-Identifier: Apache-2.0
//! `lukhas serve`: from a configuration to a server, and to its end.
//!
//! A first SIGTERM or SIGINT drains: `/readyz` and new runs answer 503 at once, what runs goes on,
//! connections at rest are closed. The process ends with exit code 0 when the last run has ended.
//! `drain_timeout` or a second signal ends open streams with an error event their clients can
//! read. That is exit code 0 too: the server has done what it was told.

mod activity;
mod ahead;
mod connection;
mod io;
mod listener;
mod refusal;
mod reload;
mod request;
mod server;
mod stream;
mod workers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use lukhas_app::{App, Loaded};
use lukhas_gateway::Drain;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep_until};

use crate::banner::Banner;
use crate::command::print;
use crate::failure::Failure;
use crate::signals::{Hangups, Signals};

use self::activity::Patience;
use self::connection::{Answers, ConnectionLimits};
use self::listener::Listener;
use self::refusal::Refusals;
use self::server::Server;

/// How long clients may take to read the end of streams that were ended.
const FORCED: Duration = Duration::from_secs(2);

/// Serves as `loaded` says until a signal ends it.
pub(crate) fn run(loaded: Loaded) -> Result<(), Failure> {
    loaded.init_logs()?;
    let app = Arc::new(App::build(loaded)?);
    for warning in app.warnings() {
        tracing::warn!("{warning}");
    }
    if app.active_keys() == 0 {
        tracing::warn!("no key is active: every request that needs one is answered 401");
    }
    // This thread accepts and waits for signals; connections are served on threads of their own.
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::System)?.block_on(serve(&app))
}

async fn serve(app: &Arc<App>) -> Result<(), Failure> {
    let settings = app.settings().server();
    // Before the first byte of output: whoever reads that may signal.
    let mut signals = Signals::new().map_err(Failure::System)?;
    let mut hangups = Hangups::new().map_err(Failure::System)?;
    let listener = bind(settings.listen())?;
    let address = listener.address().map_err(Failure::System)?;
    let (gateway, refusing) = (app.gateway().clone(), app.gateway().clone());
    let answers = Answers {
        service: service_fn(move |request| gateway.answer(request)),
        refusals: Refusals::new(move |status| refusing.refusal(status)),
    };
    let limits = limits(settings);
    let server = Server::new(listener, answers, limits, settings.max_connections());
    let mut server = server.map_err(Failure::System)?;
    let key = app.generated_key().map(|key| key.expose().as_str());
    let banner = Banner {
        address,
        key,
        upstreams: app.upstreams(),
    };
    print(&banner.to_string())?;
    tracing::info!(%address, "listening");

    let told = async {
        tokio::select! {
            signal = signals.next() => signal,
            never = reload::follow(app, &mut hangups) => match never {},
        }
    };
    let signal = server.serve_until(told).await;
    let drain = app.gateway().drain();
    drain.begin();
    server.drain();
    tracing::info!(signal, runs = drain.in_flight(), "draining");
    let deadline = Instant::now() + settings.drain_timeout();
    let patience = match server
        .serve_until(end(&drain, deadline, &mut signals))
        .await
    {
        // What runs have written is still on its way to clients.
        End::Idle => deadline.duration_since(Instant::now()).max(FORCED),
        End::TimedOut | End::Signal => {
            tracing::warn!(runs = drain.in_flight(), "ending what still runs");
            drain.force();
            FORCED
        }
    };
    tokio::select! {
        () = server.close(patience) => {}
        _ = signals.next() => {}
    }
    app.close();
    tracing::info!("stopped");
    Ok(())
}

fn bind(address: SocketAddr) -> Result<Listener, Failure> {
    let listener = Listener::bind(address);
    listener.map_err(|source| Failure::Listen { address, source })
}

fn limits(settings: &lukhas_app::Server) -> ConnectionLimits {
    ConnectionLimits {
        patience: Patience {
            header: settings.header_read_timeout(),
            idle: settings.idle_timeout(),
        },
        write: settings.stream_write_timeout(),
        max_header_bytes: settings.max_header_bytes(),
    }
}

/// What ends a drain.
enum End {
    /// The last run has ended.
    Idle,
    /// It took too long.
    TimedOut,
    /// A second signal.
    Signal,
}

async fn end(drain: &Drain, deadline: Instant, signals: &mut Signals) -> End {
    tokio::select! {
        () = drain.idle() => End::Idle,
        () = sleep_until(deadline) => End::TimedOut,
        _ = signals.next() => End::Signal,
    }
}

// SPDX-License-Identifier: Apache-2.0
//! Spans of requests and runs, sent by OTLP.

mod sampler;
mod span;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use lukhas_redact::Secret;
use opentelemetry::KeyValue;
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};

use crate::Redaction;
use crate::queue::Queue;
use crate::telemetry::Standing;

pub use sampler::{Sampler, UnknownSampler};
use span::Stage;
pub(crate) use span::{RequestSpan, RunSpan, Span, StepSpan};

/// Most spans of requests and runs that wait to be sent.
pub(crate) const CAPACITY: usize = 8_192;
/// Most spans that are sent together.
const BATCH: usize = 512;
/// Bytes of what was said that count as one more of them: receivers bound what they take at once.
const SPAN_BYTES: usize = 4 * 1024;
/// How often the same spans are sent when the receiver fails.
const ATTEMPTS: usize = 3;
/// How long before they are sent again.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a process that ends waits for the receiver.
const LAST: Duration = Duration::from_secs(3);

/// Where spans are sent, and which of them.
pub struct TracesConfig {
    /// The URL that spans are posted to, as in `http://127.0.0.1:4318/v1/traces`.
    pub endpoint: String,
    /// Headers of each post; their values may be secrets.
    pub headers: Vec<(String, Secret<String>)>,
    /// How long a post may take.
    pub timeout: Duration,
    /// Which traces are recorded.
    pub sampler: Sampler,
    /// What the spans are of: `service.name` and others.
    pub resource: BTreeMap<String, String>,
    /// Whether spans of models' calls show what was said, redacted.
    pub content: bool,
}

/// The thread that sends spans.
pub(crate) struct Traces {
    queue: Arc<Queue<Span>>,
    standing: Arc<Standing>,
    sampler: Sampler,
    shows_content: bool,
    /// Gives something when the thread has ended.
    ended: Mutex<Receiver<()>>,
}

/// What of a configuration the exporter does not take.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// There is no client for it.
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
    /// The exporter refuses it.
    #[error("the exporter refuses it")]
    Exporter(#[source] ExporterBuildError),
    /// There is no thread.
    #[error("no thread can be had")]
    Thread(#[source] std::io::Error),
}

struct Sender {
    exporter: SpanExporter,
    queue: Arc<Queue<Span>>,
    standing: Arc<Standing>,
    stage: Stage,
    is_failing: bool,
}

impl Traces {
    pub(crate) fn open(
        config: TracesConfig,
        queue: Queue<Span>,
        redaction: Redaction,
    ) -> Result<Self, TracesError> {
        let (sampler, shows_content) = (config.sampler, config.content);
        let (queue, standing) = (Arc::new(queue), Arc::new(Standing::default()));
        let sender = Sender {
            exporter: exporter(config)?,
            queue: Arc::clone(&queue),
            standing: Arc::clone(&standing),
            stage: Stage {
                redaction,
                shows_content,
            },
            is_failing: false,
        };
        let (tell, ended) = mpsc::channel();
        let thread = thread::Builder::new().name("traces".to_owned());
        let thread = thread.spawn(move || {
            sender.run();
            // Nobody may be waiting any more.
            let _ = tell.send(());
        });
        // It ends with the queue, and `close` hears of that.
        drop(thread.map_err(TracesError::Thread)?);
        Ok(Self {
            queue,
            standing,
            sampler,
            shows_content,
            ended: Mutex::new(ended),
        })
    }

    pub(crate) fn put(&self, span: Span) {
        let count = span.count();
        self.queue.put(span, count);
    }

    pub(crate) fn sampler(&self) -> Sampler {
        self.sampler
    }

    /// Whether they show what is said.
    pub(crate) fn show_content(&self) -> bool {
        self.shows_content
    }

    /// What is wrong, if something is.
    pub(crate) fn problem(&self) -> Option<String> {
        self.standing.problem()
    }

    /// Sends what waits, within three seconds, and nothing after it.
    pub(crate) fn close(&self) {
        self.queue.close();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(LAST) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!("the receiver of spans does not answer: some are lost");
        }
    }
}

impl Sender {
    fn run(mut self) {
        let mut spans = Vec::new();
        loop {
            let goes_on = self.queue.take(&mut spans);
            let mut rest = spans.as_slice();
            while !rest.is_empty() {
                let mut weight = 0;
                let last = rest.iter().position(|span| {
                    weight += span.count() + span.content_bytes() / SPAN_BYTES;
                    weight >= BATCH
                });
                let (batch, behind) = rest.split_at(last.map_or(rest.len(), |last| last + 1));
                self.send(batch);
                rest = behind;
            }
            if !goes_on {
                break;
            }
        }
    }

    /// Sends `batch`, or loses it.
    fn send(&mut self, batch: &[Span]) {
        let count = batch.iter().map(Span::count).sum();
        // Nothing is worth waiting for while the receiver is known to fail.
        let attempts = if self.is_failing { 1 } else { ATTEMPTS };
        let mut error = String::new();
        for attempt in 0..attempts {
            if attempt > 0 {
                self.queue.rest(PAUSE);
            }
            // The client blocks, so that the future is done when it is first asked.
            let data = self.data(batch, count);
            match self.exporter.export(data).now_or_never() {
                Some(Ok(())) => return self.sent(),
                Some(Err(failed)) => error = failed.to_string(),
                None => "the client did not wait".clone_into(&mut error),
            }
        }
        self.queue.lose(count);
        if !self.is_failing {
            tracing::error!(error, "spans cannot be sent, and are lost");
        }
        self.is_failing = true;
        self.standing
            .failing("spans cannot be sent: the log says why".to_owned());
    }

    fn data(&self, batch: &[Span], count: usize) -> Vec<SpanData> {
        let mut data = Vec::with_capacity(count);
        for span in batch {
            span.write(&self.stage, &mut data);
        }
        data
    }

    fn sent(&mut self) {
        if self.is_failing {
            tracing::info!("spans can be sent again");
        }
        self.is_failing = false;
        self.standing.well();
    }
}

fn exporter(config: TracesConfig) -> Result<SpanExporter, TracesError> {
    // Another part of the process may have chosen already, and as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The client has a runtime of its own, which must not be made within another one.
    let made = thread::scope(|scope| {
        let client = || {
            reqwest::blocking::Client::builder()
                .timeout(config.timeout)
                .build()
        };
        scope.spawn(client).join()
    });
    let client = match made {
        Ok(client) => client.map_err(TracesError::Client)?,
        Err(panic) => std::panic::resume_unwind(panic),
    };
    let headers = config.headers.iter();
    let headers = headers.map(|(name, value)| (name.clone(), value.expose().clone()));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(config.endpoint)
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(config.timeout)
        .with_headers(headers.collect::<HashMap<_, _>>())
        .build();
    let mut exporter = exporter.map_err(TracesError::Exporter)?;
    let attributes = config.resource.into_iter();
    let attributes = attributes.map(|(key, value)| KeyValue::new(key, value));
    let resource = Resource::builder_empty().with_attributes(attributes);
    exporter.set_resource(&resource.build());
    Ok(exporter)
}

/// Without the values of headers.
impl fmt::Debug for TracesConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracesConfig")
            .field("endpoint", &self.endpoint)
            .field("sampler", &self.sampler)
            .finish_non_exhaustive()
    }
}

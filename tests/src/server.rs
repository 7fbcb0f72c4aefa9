// SPDX-License-Identifier: Apache-2.0
//! The gateway with its real parts, in this process, as an embedder would put it together.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use lukhas_auth::{GeneratedKey, KeyEntry, KeySet};
use lukhas_core::{
    AuthError, Authenticator, Embedder, Entropy, Principal, Provider, ResponseStore, Scope,
    Tokenizer,
};
use lukhas_engine::{Cl100k, Engine, EngineOptions, SchemaValidator};
use lukhas_gateway::{
    BudgetLedger, Budgets, Drain, FailedAttempts, Gateway, GatewayParts, Idempotency, Limits,
    PriorityRule, RateLimits, SharedLimits,
};
use lukhas_matriz::{Embedders, Matriz};
use lukhas_memory::LexicalHash;
use lukhas_observability::{BuildInfo, Metrics, Redactions, Telemetry};
use lukhas_providers::RoutedModel;
use lukhas_store::{MemoryIdempotency, MemoryLimits, MemoryStore};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::Client;

/// How a test server differs from `lukhas serve`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Pause before each piece of an answer.
    pub token_delay: Duration,
    /// Bounds on what is accepted.
    pub limits: Limits,
    /// How long a streamed answer may be silent; for ever by default.
    pub heartbeat: Option<Duration>,
    /// How often and how much callers may ask; as they like by default.
    pub rate_limits: RateLimits,
    /// Where they are counted, if not in the server alone.
    pub shared_limits: Option<SharedLimits>,
    /// How much callers may use; as much as they like by default.
    pub budgets: Budgets,
    /// Where that is counted; in memory by default.
    pub budget_ledger: BudgetLedger,
    /// Who answers for every model that the server does not know; nobody by default.
    pub other: Option<Arc<RoutedModel>>,
    /// Whose requests go first; nobody's by default.
    pub priorities: Vec<PriorityRule>,
}

/// A server that ends with this value.
#[derive(Debug)]
pub struct TestServer {
    /// A client with a key that may do everything.
    pub client: Client,
    /// A key of another tenant.
    pub stranger: Client,
    /// A client whose key may read models alone.
    pub reader: Client,
    /// What answers.
    pub gateway: Gateway,
    /// Stops its runs.
    pub drain: Drain,
    /// How many keys have been judged.
    pub judged: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

/// How many attempts of one client address may fail in a minute, and how many of them with one key.
pub const FAILURES: [NonZeroU32; 2] = [NonZeroU32::new(20).unwrap(), NonZeroU32::new(5).unwrap()];

/// The proxies that are trusted. Requests over a connection have no peer, and are not limited.
pub const PROXY: &str = "10.0.0.0/8";

/// How long a run with an idempotency key goes on that nobody waits for.
const LINGER: Duration = Duration::from_secs(30);

/// Counts the keys that it judges.
struct Counting {
    keys: KeySet,
    judged: Arc<AtomicUsize>,
}

impl Authenticator for Counting {
    fn authenticate(&self, token: &[u8]) -> Result<Arc<Principal>, AuthError> {
        self.judged.fetch_add(1, Ordering::SeqCst);
        self.keys.authenticate(token)
    }

    fn claimed<'t>(&self, token: &'t [u8]) -> &'t [u8] {
        self.keys.claimed(token)
    }
}

struct Random;

impl Entropy for Random {
    fn bits(&self) -> u128 {
        rand::random()
    }
}

impl TestServer {
    /// A server with the usual options.
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    /// A server with `options`.
    pub async fn with(options: Options) -> Self {
        Self::put_together(options, Vec::new()).await
    }

    /// A server that leaves every model it does not know to `other`.
    pub async fn before(other: Arc<RoutedModel>) -> Self {
        let other = Some(other);
        let options = Options {
            other,
            ..Options::default()
        };
        Self::with(options).await
    }

    /// A server that knows the keys of `entries`, too.
    pub async fn knowing(entries: Vec<KeyEntry>) -> Self {
        Self::put_together(Options::default(), entries).await
    }

    async fn put_together(options: Options, entries: Vec<KeyEntry>) -> Self {
        let [key, stranger, reader] = [(); 3].map(|()| GeneratedKey::generate(&mut rand::rng()));
        let texts = [&key, &stranger, &reader].map(|key| key.secret.expose().clone());
        let keys = keys([key, stranger, reader], entries);
        let judged = Arc::<AtomicUsize>::default();
        let keys = Counting {
            keys,
            judged: Arc::clone(&judged),
        };
        let gateway = Gateway::new(parts(options, keys));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, gateway.router()));
        let [client, stranger, reader] = texts.map(|key| Client { address, key });
        Self {
            client,
            stranger,
            reader,
            drain: gateway.drain(),
            gateway,
            judged,
            _tasks: tasks,
        }
    }
}

fn keys([key, stranger, reader]: [GeneratedKey; 3], others: Vec<KeyEntry>) -> KeySet {
    let entry = |key: GeneratedKey| KeyEntry::new("test", key.secret).expect("a good key");
    let own = [
        entry(key),
        entry(stranger)
            .with_tenant("stranger")
            .with_project("stranger"),
        entry(reader).with_scopes([Scope::Models]),
    ];
    let entries = own.into_iter().chain(others);
    KeySet::new(&mut rand::rng(), entries).expect("good keys")
}

fn parts(options: Options, keys: Counting) -> GatewayParts {
    let tokenizer: Arc<dyn Tokenizer> = Arc::new(Cl100k::new());
    let store: Arc<dyn ResponseStore> = Arc::new(MemoryStore::new(MemoryLimits::default()));
    let engine = Engine::new(EngineOptions {
        token_delay: options.token_delay,
        ..EngineOptions::default()
    });
    let mut orchestrator =
        Matriz::new(Arc::clone(&tokenizer), Arc::new(SchemaValidator::default()))
            .with_provider(Arc::new(engine))
            .and_then(|matriz| matriz.with_alias("gpt-4o-mini", "lukhas-matriz"))
            .expect("names are free")
            .with_store(Arc::clone(&store));
    let lexical: Arc<dyn Embedder> = Arc::new(LexicalHash::new(tokenizer));
    let mut embedder = Embedders::new()
        .with_embedder(lexical)
        .and_then(|all| all.with_alias("text-embedding-3-small", "lukhas-lexical-hash-1024"))
        .expect("names are free");
    if let Some(other) = options.other {
        orchestrator = orchestrator.with_other("", Arc::clone(&other) as Arc<dyn Provider>);
        embedder = embedder.with_other("", other);
    }
    GatewayParts {
        orchestrator: Arc::new(orchestrator),
        embedder: Arc::new(embedder),
        store,
        authenticator: Arc::new(keys),
        failed_attempts: FailedAttempts::new(FAILURES[0], FAILURES[1]).ok(),
        trusted_proxies: vec![PROXY.parse().expect("a network")],
        entropy: Arc::new(Random),
        redactions: Redactions::default(),
        telemetry: Telemetry::default(),
        slos: Vec::new(),
        metrics: Arc::new(Metrics::new(BuildInfo {
            version: "test",
            revision: None,
        })),
        limits: options.limits,
        rate_limits: options.rate_limits,
        shared_limits: options.shared_limits,
        budgets: options.budgets,
        budget_ledger: options.budget_ledger,
        priorities: options.priorities,
        heartbeat: options.heartbeat,
        idempotency: Some(Idempotency {
            store: Arc::new(MemoryIdempotency::default()),
            linger: LINGER,
        }),
    }
}

async fn accept(listener: TcpListener, router: axum::Router) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        connections.spawn(async move {
            let builder = Builder::new(TokioExecutor::new());
            // A connection that breaks is its client's affair.
            let _ = builder
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

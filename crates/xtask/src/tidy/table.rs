// SPDX-License-Identifier: Apache-2.0
//! Where the crates stand, and who may name what. `docs/architecture.md` shows the same table and
//! gives the reasons.

/// Where one crate stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer {
    /// Name of the package, and of its folder.
    pub(super) name: &'static str,
    /// Its floor; it may use crates of lower floors only.
    pub(super) floor: u8,
    /// Which of them.
    pub(super) uses: Uses,
}

/// Which crates of lower floors a crate may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Uses {
    /// These, by name.
    Only(&'static [&'static str]),
    /// Any.
    AnyBelow,
}

/// A dependency from outside that few crates may name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reserved {
    /// Names of the dependency, or their beginnings when they end in `*`.
    pub(super) names: &'static [&'static str],
    /// Who may.
    pub(super) holders: &'static [&'static str],
    /// Why nobody else.
    pub(super) reason: &'static str,
}

/// Every crate of the workspace.
///
/// Two edges look unusual and are meant: `lukhas-auth` uses `lukhas-redact`, because a key is a
/// `Secret` from the moment it is made; `lukhas-gateway` uses `lukhas-observability`, because
/// metric handles are concrete and made once for each route.
pub(super) const CRATES: &[Layer] = &[
    only("lukhas-core", 0, &[]),
    only("lukhas-redact", 0, &[]),
    only("lukhas-reliability", 0, &[]),
    only("lukhas-openai", 1, &["lukhas-core"]),
    only("lukhas-auth", 1, &["lukhas-core", "lukhas-redact"]),
    only("lukhas-memory", 1, &["lukhas-core"]),
    only("lukhas-engine", 1, &["lukhas-core"]),
    only(
        "lukhas-store",
        1,
        &["lukhas-core", "lukhas-redact", "lukhas-reliability"],
    ),
    only("lukhas-observability", 1, &["lukhas-core", "lukhas-redact"]),
    only(
        "lukhas-providers",
        2,
        &[
            "lukhas-core",
            "lukhas-redact",
            "lukhas-reliability",
            "lukhas-openai",
        ],
    ),
    only("lukhas-matriz", 2, &["lukhas-core", "lukhas-memory"]),
    only(
        "lukhas-gateway",
        2,
        &[
            "lukhas-core",
            "lukhas-reliability",
            "lukhas-openai",
            "lukhas-auth",
            "lukhas-memory",
            "lukhas-store",
            "lukhas-observability",
        ],
    ),
    only(
        "lukhas-mock",
        2,
        &["lukhas-core", "lukhas-openai", "lukhas-engine"],
    ),
    any("lukhas-app", 3),
    any("lukhas-server", 4),
    any("lukhas-tests", 4),
    any("lukhas-fuzz", 4),
    only("xtask", 4, &[]),
];

/// Dependencies that keep one concern in one place.
pub(super) const RESERVED: &[Reserved] = &[
    Reserved {
        names: &["axum", "axum-*"],
        holders: &["lukhas-gateway", "lukhas-app", "lukhas-server"],
        reason: "HTTP routing stays in the gateway",
    },
    Reserved {
        names: &["figment", "serde-saphyr"],
        holders: &["lukhas-app"],
        reason: "configuration is read in one place, which knows where each value came from",
    },
    Reserved {
        names: &["prometheus-client"],
        holders: &["lukhas-observability"],
        reason: "one registry decides on names and labels",
    },
    Reserved {
        names: &["opentelemetry*", "tracing-opentelemetry"],
        holders: &["lukhas-observability"],
        reason: "telemetry leaves through one place, behind redaction",
    },
    Reserved {
        names: &["rusqlite", "sqlx"],
        holders: &["lukhas-store", "lukhas-memory"],
        reason: "durable state has one owner for each kind",
    },
    Reserved {
        names: &["redis"],
        holders: &["lukhas-store"],
        reason: "what replicas share has one owner",
    },
    Reserved {
        names: &["hyper-rustls"],
        holders: &["lukhas-providers", "lukhas-evals"],
        reason: "calls to upstreams have one place with timeouts and budgets",
    },
    Reserved {
        names: &["reqwest"],
        holders: &["lukhas-providers", "lukhas-evals", "lukhas-observability"],
        reason: "the same, and the exporter of spans has a client of its own",
    },
    Reserved {
        names: &["tokio-rustls", "webpki-roots"],
        holders: &["lukhas-providers", "lukhas-evals", "lukhas-store"],
        reason: "whom to trust is decided where calls to the outside are made",
    },
    Reserved {
        names: &["rustls"],
        holders: &[
            "lukhas-providers",
            "lukhas-evals",
            "lukhas-observability",
            "lukhas-store",
        ],
        reason: "the same, wherever they are made",
    },
];

/// Packages that may name any outside dependency: they are readers of the product, not parts.
pub(super) const READERS: &[&str] = &["lukhas-tests"];

const fn only(name: &'static str, floor: u8, uses: &'static [&'static str]) -> Layer {
    let uses = Uses::Only(uses);
    Layer { name, floor, uses }
}

const fn any(name: &'static str, floor: u8) -> Layer {
    let uses = Uses::AnyBelow;
    Layer { name, floor, uses }
}

impl Reserved {
    /// Whether it speaks of `dependency`.
    pub(super) fn covers(&self, dependency: &str) -> bool {
        self.names.iter().any(|name| match name.strip_suffix('*') {
            Some(beginning) => dependency.starts_with(beginning),
            None => dependency == *name,
        })
    }
}

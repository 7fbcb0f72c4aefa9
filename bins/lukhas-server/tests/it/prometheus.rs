// SPDX-License-Identifier: Apache-2.0
//! The metrics of the real process, before the real Prometheus.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Server, Setup};
use crate::receiver::Receiver;
use crate::reload::eventually;

const ASK: &str = r#"{"model":"lukhas-matriz","input":"Say one two three"}"#;

fn shipped(name: &str) -> PathBuf {
    let configs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/observability");
    Path::new(configs).join(name)
}

/// `promtool` with `arguments`, given `input`. It has to be content.
#[track_caller]
fn promtool(arguments: &[&str], input: &str) {
    let mut child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect(
            "promtool comes with Debian's package `prometheus`, which `cargo xtask ci` installs",
        );
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{arguments:?}: {said}\n{input}");
}

/// Prometheus, scraping one server. Killed when dropped.
struct Prometheus {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn start(server: &Server) -> Self {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("lukhas.key"), server.key()).unwrap();
        fs::copy(
            shipped("prometheus-rules.yaml"),
            path("prometheus-rules.yaml"),
        )
        .unwrap();
        let config = fs::read_to_string(shipped("prometheus.yaml")).unwrap();
        let config = config
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{}", server.port))
            .replace(
                "scrape_interval: 15s",
                "scrape_interval: 200ms\n    scrape_timeout: 200ms",
            );
        fs::write(path("prometheus.yaml"), config).unwrap();
        // It takes no port 0.
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let child = Command::new("prometheus")
            .arg(format!(
                "--config.file={}",
                path("prometheus.yaml").display()
            ))
            .arg(format!("--storage.tsdb.path={}", path("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--enable-feature=exemplar-storage", "--log.level=error"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("`cargo xtask ci` installs Debian's package `prometheus`");
        Self {
            child,
            port,
            _folder: folder,
        }
    }

    /// The `data` that it answers for `path`, once it is ready.
    fn data(&self, path: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let request = format!("GET {path} HTTP/1.0\r\nhost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        let mut body: Value = serde_json::from_str(body).ok()?;
        Some(body["data"].take())
    }
}

#[test]
fn prometheus_scrapes_the_server_and_gives_an_exemplar_back() {
    let receiver = Receiver::start();
    let server = Setup::new(&["serve", "--listen", "127.0.0.1:0"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.url())
        .start();
    let parent = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
    let mut client = server.connect();
    client.send_post_with("/v1/responses", parent, ASK);
    assert_eq!(client.answer().status, 200);
    let prometheus = Prometheus::start(&server);
    let query = "/api/v1/query_exemplars?query=lukhas_http_request_duration_seconds_bucket\
                 &start=2020-01-01T00:00:00Z&end=2100-01-01T00:00:00Z";
    let mut found = Value::Null;
    eventually("an exemplar", || {
        found = prometheus.data(query).unwrap_or_default();
        found
            .to_string()
            .contains("4bf92f3577b34da6a3ce929d0e0e4736")
    });
    let labels = &found[0]["seriesLabels"];
    assert_eq!(labels["route"], "/v1/responses", "{found}");
    let up = prometheus.data("/api/v1/query?query=up").unwrap();
    assert_eq!(up["result"][0]["value"][1], "1", "{up}");
}

#[test]
fn the_checker_of_prometheus_finds_nothing_to_say() {
    let server = Setup::new(&["serve", "--listen", "127.0.0.1:0"]).start();
    for _ in 0..3 {
        server.connect().post("/v1/responses", ASK);
    }
    server.get("/nowhere");
    promtool(&["check", "metrics"], &server.get("/metrics").body);
    promtool(
        &[
            "check",
            "rules",
            shipped("prometheus-rules.yaml").to_str().unwrap(),
        ],
        "",
    );
}

/// The names in `text` that begin as ours do.
fn names(text: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for prefix in ["lukhas_", "process_"] {
        for (at, _) in text.match_indices(prefix) {
            let name = &text[at..];
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            let length = name.bytes().take_while(|byte| is_part(*byte)).count();
            let is_start = at == 0 || !is_part(text.as_bytes()[at - 1]);
            if is_start && text.as_bytes().get(at + length) != Some(&b':') {
                names.insert(&name[..length]);
            }
        }
    }
    names
}

#[test]
fn dashboards_and_alerts_ask_for_what_there_is() {
    let server = Setup::serve("telemetry: {run_log: {dir: runs}}\n").start();
    server.connect().post("/v1/responses", ASK);
    server.get("/nowhere");
    let metrics = server.get("/metrics").body;
    let known = names(&metrics);
    // These have series once there is an upstream, a limit or a journal.
    let later = BTreeSet::from([
        "lukhas_budget_journal_writable",
        "lukhas_cost_usd_total",
        "lukhas_rate_limited_total",
        "lukhas_retry_budget_available",
        "lukhas_upstream_attempts_total",
        "lukhas_upstream_cooldowns_total",
        "lukhas_upstream_ejections_total",
        "lukhas_upstream_fallbacks_total",
        "lukhas_upstream_retries_total",
    ]);
    for file in ["grafana-dashboard.json", "prometheus-rules.yaml"] {
        let text = fs::read_to_string(shipped(file)).unwrap();
        let asked = names(&text);
        assert!(asked.len() > 5, "{asked:?}");
        let unknown: Vec<_> = asked
            .iter()
            .filter(|name| !known.contains(*name) && !later.contains(*name))
            .collect();
        assert!(unknown.is_empty(), "{file} asks for {unknown:?}");
    }
}

#[test]
fn a_report_says_whether_answers_are_in_time() {
    // An engine that takes its time: the first event of a stream comes after it.
    let server = Setup::serve(
        "objectives: {responses: {p95_ms: 1, p99_ms: 60000}}\nengine: {token_delay_ms: 20}\n",
    )
    .start();
    for _ in 0..3 {
        assert_eq!(server.connect().post("/v1/responses", ASK).status, 200);
    }
    let metrics = server.get("/metrics").body;
    let setup = Setup::new(&["slo", "report", "metrics.txt"]).file("metrics.txt", metrics.clone());
    let ended = setup.run();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let line = |what: &str| {
        let line = ended.out.lines().find(|line| line.starts_with(what));
        let words = line.unwrap().split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        line("responses  "),
        "responses p95 0.001 s 0.00 % 95.00 % 3 -1900.00 % 20.00 MISSED"
    );
    assert_eq!(
        line("embeddings"),
        "embeddings p95 0.8 s - 95.00 % 0 100.00 % 0.00 no requests"
    );
    let ended = Setup::new(&["slo", "report", "--json", "metrics.txt"])
        .file("metrics.txt", metrics)
        .run();
    let json: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(json["met"], false);
    assert_eq!(json["objectives"].as_array().unwrap().len(), 6);
    let ended = Setup::new(&["slo", "report", "none.txt"]).run();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.starts_with("error: cannot read `none.txt`"),
        "{}",
        ended.err
    );
    let ended = Setup::new(&["slo", "report", "x.txt"])
        .file("x.txt", "up 1\n")
        .run();
    assert!(
        ended.err.contains("there is no `lukhas_slo_` metric in it"),
        "{}",
        ended.err
    );
}

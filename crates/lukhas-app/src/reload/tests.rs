// SPDX-License-Identifier: Apache-2.0
use std::fs;

use http::Request;
use http_body_util::{BodyExt, Full};
use lukhas_mock::{MockOptions, MockServer};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::{App, Flags, Sources, load};

mod budgets;

/// What every configuration ends with: an empty one is refused.
const MORE: &str = "urls: {private_hosts: []}\n";

/// A server whose configuration can be written anew.
struct Case {
    folder: TempDir,
    app: App,
    key: String,
}

impl Case {
    /// A server that knows one key, which has no name.
    fn new(yaml: &str) -> Self {
        let key = "k".repeat(24);
        Self::with(yaml, vec![("LUKHAS_API_TOKEN".into(), (&key).into())], key)
    }

    fn with(
        yaml: &str,
        environment: Vec<(std::ffi::OsString, std::ffi::OsString)>,
        key: String,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("lukhas.yaml");
        fs::write(&path, format!("{yaml}{MORE}")).unwrap();
        let flags = Flags {
            config: Some(path),
            ..Flags::default()
        };
        let app = App::build(load(Sources { flags, environment }).unwrap()).unwrap();
        Self { folder, app, key }
    }

    fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn reload(&self, yaml: &str) -> Result<Reloaded, AppError> {
        self.write("lukhas.yaml", &format!("{yaml}{MORE}"));
        self.app.reload()
    }

    /// The status of an answer to a question for `model`.
    async fn ask(&self, model: &str) -> u16 {
        let (status, rest) = self.begin(&question(model)).await;
        rest.await;
        status
    }

    /// The status of an answer, and what reads it to its end.
    async fn begin(&self, question: &Value) -> (u16, impl Future<Output = ()> + use<>) {
        let request = Request::post("/v1/chat/completions")
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .body(Full::from(question.to_string()))
            .unwrap();
        let answer = self.app.gateway().answer(request).await.unwrap();
        let status = answer.status().as_u16();
        let rest = async move { drop(answer.into_body().collect().await.unwrap()) };
        (status, rest)
    }
}

fn question(model: &str) -> Value {
    let message = json!({"role": "user", "content": "Say one"});
    json!({"model": model, "messages": [message], "max_tokens": 20})
}

/// Two requests an hour, and further settings.
fn two_an_hour(more: &str) -> String {
    let rule = "{name: few, per: [key, model], requests: {amount: 2, per: hour}}";
    format!("limits: [{rule}]\n{more}\n")
}

#[tokio::test]
async fn a_rule_that_stays_keeps_its_counts_and_one_that_changes_begins_anew() {
    let case = Case::new(&two_an_hour(""));
    let aliases = "models: {aliases: {a: lukhas-matriz}}";
    assert_eq!(case.ask("lukhas-matriz").await, 200);
    case.reload(&two_an_hour(aliases)).unwrap();
    assert_eq!(case.ask("a").await, 200);
    // Another rule before it is no reason to forget either.
    let more =
        two_an_hour(aliases).replace('[', "[{name: many, requests: {amount: 99, per: hour}}, ");
    let more = more.replace(
        "per: [{name: many, requests: {amount: 99, per: hour}}, ",
        "per: [",
    );
    case.reload(&more).unwrap();
    assert_eq!(case.ask("a").await, 429);
    assert_eq!(case.ask("lukhas-matriz").await, 429);
    case.reload(&two_an_hour(aliases).replace("amount: 2", "amount: 3"))
        .unwrap();
    assert_eq!(case.ask("a").await, 200);
}

#[tokio::test]
async fn priorities_are_exchanged_and_the_room_stays() {
    let yaml = |priority: &str| {
        format!(
            "server: {{max_in_flight: 1}}\nengine: {{token_delay_ms: 60000}}\n\
             overload: {{max_queue: 0, priorities: [{{priority: {priority}}}]}}\n"
        )
    };
    let case = Case::new(&yaml("high"));
    let mut endless = question("lukhas-matriz");
    endless["stream"] = true.into();
    let (status, _rest) = case.begin(&endless).await;
    assert_eq!(status, 200);
    assert_eq!(case.ask("lukhas-matriz").await, 503);
    case.reload(&yaml("low")).unwrap();
    assert_eq!(case.ask("lukhas-matriz").await, 503);
    let request = Request::get("/metrics").header("authorization", format!("Bearer {}", case.key));
    let request = request.body(Full::from("")).unwrap();
    let metrics = case.app.gateway().answer(request).await.unwrap();
    let metrics = metrics.into_body().collect().await.unwrap().to_bytes();
    let metrics = String::from_utf8_lossy(&metrics);
    for priority in ["high", "low"] {
        let series = format!("lukhas_requests_shed_total{{priority=\"{priority}\"}} 1\n");
        assert!(metrics.contains(&series), "{metrics}");
    }
}

#[tokio::test]
async fn an_upstream_that_stays_keeps_its_connections_and_its_model() {
    let mock = MockServer::start(MockOptions::default()).await.unwrap();
    let upstream = |more: &str| {
        format!(
            "upstreams: {{mock: {{base_url: \"{}/v1\"{more}}}}}\n\
             models: {{table: {{m: {{targets: [{{upstream: mock}}]}}}}}}\n",
            mock.url()
        )
    };
    let case = Case::new(&upstream(""));
    let accepted = || mock.stats().connections.accepted;
    let model = || {
        let running = case.app.reloader_running();
        std::ptr::from_ref(running.upstreams.models[0].pool()) as usize
    };
    assert_eq!((case.ask("m").await, accepted()), (200, 1));
    for (more, connections, is_same) in [
        ("", 1, true),
        (", read_ms: 5000", 1, false),
        (", connect_ms: 900", 2, false),
        (", key: \"env:LUKHAS_API_TOKEN\"", 3, false),
    ] {
        let limits = two_an_hour("").replace("amount: 2", "amount: 20");
        // That is still there while the next one is made; later ones may take its place in memory.
        let before = model();
        case.reload(&format!("{}{limits}", upstream(more))).unwrap();
        assert_eq!(case.ask("m").await, 200, "{more}");
        assert_eq!(
            (accepted(), model() == before),
            (connections, is_same),
            "{more}"
        );
    }
    case.reload("").unwrap();
    assert_eq!(case.ask("m").await, 404);
}

#[tokio::test]
async fn an_upstream_is_masked_from_the_next_request_on() {
    let mock = MockServer::start(MockOptions::default()).await.unwrap();
    let yaml = |mask: &str| {
        format!(
            "upstreams: {{mock: {{base_url: \"{}/v1\"}}}}\nmodels: {{other: mock}}\n\
             redaction: {{mask_upstreams: {mask}}}\n",
            mock.url()
        )
    };
    let case = Case::new(&yaml("none"));
    for mask in ["none", "reversible", "none"] {
        let reloaded = case.reload(&yaml(mask)).unwrap();
        assert_eq!(reloaded.needs_restart, Vec::<String>::new());
        let mut body = question("any");
        body["messages"][0]["content"] = "ada@example.com".into();
        let (status, rest) = case.begin(&body).await;
        rest.await;
        assert_eq!(status, 200);
        let asked = mock.requests().pop().unwrap().body;
        let asked = String::from_utf8_lossy(&asked);
        assert_eq!(asked.contains("ada@"), mask == "none", "{asked}");
    }
}

#[tokio::test]
async fn keys_are_exchanged_but_never_all_taken_away() {
    let case = Case::with("", Vec::new(), "a".repeat(24));
    assert_eq!(
        case.ask("lukhas-matriz").await,
        401,
        "a key was made, another one"
    );
    case.reload("").unwrap();
    case.write("keys", &format!("{}\n", case.key));
    let named = "auth: {keys_file: keys}\n";
    assert_eq!(case.reload(named).unwrap().active_keys, 1);
    assert_eq!(case.ask("lukhas-matriz").await, 200);
    let error = case.reload("").unwrap_err().to_string();
    let path = case.folder.path().join("lukhas.yaml");
    let expected = format!(
        "{}: `auth`: no key is configured any more\n  help: name keys, or restart the server to have it make one",
        path.display()
    );
    assert_eq!(error, expected);
    assert_eq!(case.ask("lukhas-matriz").await, 200);
    case.write("keys", &format!("{}\n", "b".repeat(24)));
    case.reload(named).unwrap();
    assert_eq!(case.ask("lukhas-matriz").await, 401);
}

#[test]
fn settings_that_take_a_restart_are_named_and_no_others() {
    let case = Case::new("");
    let yaml = "server: {max_in_flight: 7, listen: \"127.0.0.1:1\"}\nlog: {format: json}\n\
                auth: {max_failures_per_key: 3, keys_env: [LUKHAS_API_TOKEN]}\n\
                store: {max_entries: 9, dir: other}\n\
                overload: {max_queue: 3, priorities: [{priority: high}]}\n\
                engine: {token_delay_ms: 1}\ntimeouts: {heartbeat_ms: 5}\n\
                redis: {prefix: another}\n";
    let expected = [
        "auth.max_failures_per_key",
        "log.format",
        "overload.max_queue",
        "redis.prefix",
        "server.listen",
        "server.max_in_flight",
        "store.dir",
        "store.max_entries",
    ];
    for _ in 0..2 {
        assert_eq!(case.reload(yaml).unwrap().needs_restart, expected);
    }
    assert!(case.reload("").unwrap().needs_restart.is_empty());
}

#[test]
fn files_that_are_named_are_followed_and_those_of_a_refused_configuration_too() {
    let case = Case::new(
        "auth: {keys_file: keys}\n"
            .replace("auth", "# auth")
            .as_str(),
    );
    let changes = || case.app.files_have_changed() || case.app.files_have_changed();
    assert!(!changes());
    // It names files that are not there yet.
    let yaml = "auth: {keys_file: keys}\nupstreams: {u: {base_url: \"http://127.0.0.1:9/v1\", key: \"file:u.key\"}}\n";
    assert!(case.reload(yaml).is_err());
    assert!(!changes());
    case.write("keys", &format!("{}\n", "b".repeat(24)));
    assert!(changes());
    assert!(case.app.reload().is_err(), "the other one is not there");
    case.write("u.key", "sk-x");
    assert!(changes());
    case.app.reload().unwrap();
    case.write("u.key", "sk-y");
    assert!(changes());
    case.app.reload().unwrap();
    case.reload("").unwrap();
    case.write("u.key", "sk-z");
    assert!(!changes(), "nobody names it any more");
    assert!(case.reload("reliability: more.yaml\n").is_err());
    assert!(!changes());
    case.write("more.yaml", "retry: {max_attempts: 2}\n");
    assert!(changes());
}

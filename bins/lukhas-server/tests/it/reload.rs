// SPDX-License-Identifier: Apache-2.0
//! A configuration that changes while it is served.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use crate::process::{PATIENCE, Server, Setup};

const ASK: &str = r#"{"model":"MODEL","messages":[{"role":"user","content":"Say one two"}]}"#;

/// A configuration under which the engine answers for `alias`, too.
fn alias(alias: &str) -> String {
    format!("log: {{filter: info}}\nmodels: {{aliases: {{{alias}: lukhas-matriz}}}}\n")
}

/// Puts a file in the place of another, as editors do.
pub(crate) fn replace(server: &Server, name: &str, text: &str) {
    fs::write(server.path("next"), text).unwrap();
    fs::rename(server.path("next"), server.path(name)).unwrap();
}

/// Waits until `is_so`.
#[track_caller]
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it never came about: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The value of a series of `/metrics`.
fn value(server: &Server, series: &str) -> u64 {
    let metrics = server.get("/metrics").body;
    let line = metrics.lines().find_map(|line| line.strip_prefix(series));
    line.unwrap_or_default().trim().parse().unwrap_or_default()
}

fn applied(server: &Server) -> u64 {
    value(server, r#"lukhas_config_reload_total{outcome="applied"}"#)
}

fn refused(server: &Server) -> u64 {
    value(server, r#"lukhas_config_reload_total{outcome="refused"}"#)
}

/// How a question for `model` is answered.
fn status(server: &Server, model: &str) -> u16 {
    let mut client = server.connect();
    client
        .post("/v1/chat/completions", &ASK.replace("MODEL", model))
        .status
}

/// Set when it is dropped.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[test]
fn a_hundred_reloads_under_load_fail_no_request() {
    let server = Setup::serve(&alias("first")).start();
    let (done, answers) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        for worker in 0..4 {
            let (server, done, answers) = (&server, &done, &answers);
            scope.spawn(move || {
                let mut kept = server.connect();
                while !done.load(SeqCst) {
                    if worker == 0 {
                        let mut client = server.connect();
                        client.send_stream("one two three");
                        let whole = client.read_to(b"\n0\r\n\r\n");
                        assert!(whole.contains("response.completed"), "{whole}");
                    } else {
                        let body = ASK.replace("MODEL", "lukhas-matriz");
                        let answer = kept.post("/v1/chat/completions", &body);
                        assert_eq!(answer.status, 200, "{}", answer.body);
                    }
                    answers.fetch_add(1, SeqCst);
                }
            });
        }
        // Whatever comes of this thread: the others end with it.
        let _done = Done(&done);
        for round in 0..100 {
            let name = format!("name-{round}");
            replace(&server, "lukhas.yaml", &alias(&name));
            server.signal("HUP");
            // A reload that was under way may have read what was there before.
            eventually("a reload", || status(&server, &name) == 200);
        }
    });
    assert!(answers.load(SeqCst) > 400, "{answers:?}");
    assert!(applied(&server) >= 100);
    assert_eq!(refused(&server), 0);
    server.stop();
}

#[test]
fn files_are_followed_however_they_are_exchanged() {
    let server = Setup::serve(&alias("first")).start();
    assert_eq!(status(&server, "first"), 200);
    replace(&server, "lukhas.yaml", &alias("second"));
    eventually("a file in its place", || status(&server, "second") == 200);
    assert_eq!(status(&server, "first"), 404);
    fs::write(server.path("lukhas.yaml"), alias("third")).unwrap();
    eventually("a file that is written", || status(&server, "third") == 200);
    // As Kubernetes does: a link to a folder that is exchanged.
    for (folder, name) in [("v1", "fourth"), ("v2", "fifth")] {
        fs::create_dir(server.path(folder)).unwrap();
        fs::write(server.path(folder).join("lukhas.yaml"), alias(name)).unwrap();
        std::os::unix::fs::symlink(folder, server.path("next")).unwrap();
        fs::rename(server.path("next"), server.path("data")).unwrap();
        if name == "fourth" {
            std::os::unix::fs::symlink("data/lukhas.yaml", server.path("link")).unwrap();
            fs::rename(server.path("link"), server.path("lukhas.yaml")).unwrap();
        }
        eventually("a link", || status(&server, name) == 200);
    }
    assert_eq!(refused(&server), 0);
    server.stop();
}

#[test]
fn what_is_wrong_is_told_by_its_place_and_changes_nothing() {
    let server = Setup::serve(&alias("first")).start();
    let wrong = format!(
        "{}limits: [{{name: a, requests: {{amount: 0, per: second}}}}]\n",
        alias("second")
    );
    replace(&server, "lukhas.yaml", &wrong);
    eventually("a refusal", || refused(&server) == 1);
    assert_eq!(value(&server, "lukhas_config_last_reload_success"), 0);
    assert_eq!(
        [status(&server, "first"), status(&server, "second")],
        [200, 404]
    );
    let ready = server.get("/readyz");
    assert_eq!(ready.status, 200);
    assert!(
        ready
            .body
            .contains(r#""config":{"status":"warning","reason":"the last reload was refused"#)
    );
    assert!(!ready.body.contains("lukhas.yaml"), "{}", ready.body);

    replace(
        &server,
        "lukhas.yaml",
        &format!("{}server: {{max_in_flight: 7}}\n", alias("third")),
    );
    eventually("a reload", || status(&server, "third") == 200);
    assert_eq!(value(&server, "lukhas_config_last_reload_success"), 1);
    let ready = server.get("/readyz").body;
    assert!(
        ready.contains("these settings take a restart: `server.max_in_flight`"),
        "{ready}"
    );

    replace(&server, "lukhas.yaml", &alias("fourth"));
    eventually("a reload", || status(&server, "fourth") == 200);
    assert!(
        server
            .get("/readyz")
            .body
            .contains(r#""config":{"status":"ok"}"#)
    );
    assert_eq!(
        refused(&server),
        1,
        "a file that stays wrong is refused once"
    );
    let log = server.stop();
    assert!(log.contains("lukhas.yaml:3:"), "{log}");
    assert!(log.contains("limits.0.requests.amount"), "{log}");
    assert!(log.contains("server.max_in_flight"), "{log}");
}

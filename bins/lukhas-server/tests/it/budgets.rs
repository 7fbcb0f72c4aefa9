// SPDX-License-Identifier: Apache-2.0
//! Guarantees R7 and R14 on the real process: budgets hold, and what they spent outlasts it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::http::Client;
use crate::process::{Ended, PATIENCE, Setup};
use crate::reload::{eventually, replace};

/// A key that every server of a test knows.
fn key() -> String {
    "k".repeat(24)
}

/// A configuration of `budgets` that keeps them in `folder`, and no other limits.
fn yaml(folder: &TempDir, budgets: &str) -> String {
    format!(
        "limits: []\nstore: {{dir: '{}'}}\nbudgets: [{budgets}]\n",
        folder.path().display()
    )
}

fn serve(yaml: &str) -> Setup {
    Setup::serve(yaml).env("LUKHAS_API_TOKEN", &key())
}

fn show(yaml: &str, format: &[&str]) -> Ended {
    let setup = Setup::new(&[&["budgets", "show"], format].concat());
    setup.config(yaml).env("LUKHAS_API_TOKEN", &key()).run()
}

/// What `lukhas budgets show` says of the only account.
#[track_caller]
fn account(yaml: &str) -> Value {
    only_account(&show(yaml, &["--json"]))
}

#[track_caller]
fn only_account(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mut shown: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(shown["budgets"].as_array().unwrap().len(), 1, "{shown}");
    shown["budgets"][0].take()
}

fn spent_tokens(yaml: &str) -> u64 {
    account(yaml)["spent"].as_u64().unwrap()
}

/// Picodollars of a decimal number of dollars.
fn picodollars(dollars: &Value) -> u64 {
    let (whole, fraction) = dollars.as_str().unwrap().split_once('.').unwrap();
    format!("{whole}{fraction:0<12}").parse().unwrap()
}

fn chat(model: &str) -> String {
    let messages = r#"[{"role":"user","content":"Say one two three"}]"#;
    format!(r#"{{"model":"{model}","max_tokens":20,"messages":{messages}}}"#)
}

/// The status and the body of an answer that came whole.
fn ask(port: u16, model: &str) -> io::Result<(u16, Value)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (key, body) = (key(), chat(model));
    let length = body.len();
    write!(
        stream,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer \
         {key}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(cut)?;
    let status = head.get(9..12).and_then(|status| status.parse().ok());
    let body = serde_json::from_str(body).map_err(|_| cut())?;
    Ok((status.ok_or_else(cut)?, body))
}

fn used(body: &Value, kind: &str) -> u64 {
    body["usage"][kind].as_u64().unwrap()
}

#[test]
fn five_hundred_calls_at_the_edge_spend_what_there_is_and_no_more() {
    let mock = Setup::new(&["mock", "--listen", "127.0.0.1:0"]).start();
    let folder = TempDir::new().unwrap();
    let url = format!("http://127.0.0.1:{}/v1", mock.port);
    let yaml = format!(
        "{}upstreams: {{u: {{base_url: '{url}'}}}}\nmodels: {{table: {{m: {{price: {{input: '2', \
         output: '10'}}, targets: [{{upstream: u, model: plain}}]}}}}}}\n",
        yaml(&folder, "{name: team, per_window: month, usd: '0.005'}")
    );
    let server = serve(&yaml).start();
    let limit = 5_000_000_000;
    let cost = |body: &Value| {
        2_000_000 * used(body, "prompt_tokens") + 10_000_000 * used(body, "completion_tokens")
    };
    let (settled, denied) = (AtomicU64::new(0), AtomicU64::new(0));
    let call = || match ask(server.port, "m").unwrap() {
        (200, body) => {
            let before = settled.fetch_add(cost(&body), Ordering::SeqCst);
            assert!(before + cost(&body) <= limit);
        }
        (429, body) => {
            assert_eq!(body["error"]["code"], "insufficient_quota", "{body}");
            denied.fetch_add(1, Ordering::SeqCst);
        }
        (status, body) => panic!("{status}: {body}"),
    };
    thread::scope(|scope| (0..500).for_each(|_| drop(scope.spawn(call))));
    assert!(denied.load(Ordering::SeqCst) > 100, "the edge was reached");
    // What was reserved and not used can still be spent.
    let before = denied.load(Ordering::SeqCst);
    while denied.load(Ordering::SeqCst) == before {
        call();
    }
    let account = account(&yaml);
    let spent = picodollars(&account["spent"]);
    assert_eq!(spent, settled.load(Ordering::SeqCst));
    assert_eq!(spent + picodollars(&account["left"]), limit);
    // 20 tokens of output and some 20 of input: less than one call needs.
    let most = 20 * 10_000_000 + 30 * 2_000_000;
    assert!(limit - spent < most, "{account}");
    let metrics = server.connect().with_key(&key()).get("/metrics").body;
    assert!(
        metrics.contains("lukhas_budget_journal_writable 1"),
        "{metrics}"
    );
}

/// How often the process is killed. For whoever changes how spends are kept:
/// `LUKHAS_TEST_KILLS=1000 cargo test -p lukhas-server --test it killed` takes a minute.
fn kills() -> u64 {
    std::env::var_os("LUKHAS_TEST_KILLS").map_or(15, |kills| {
        let kills = kills.to_str().and_then(|kills| kills.parse().ok());
        kills.expect("LUKHAS_TEST_KILLS is a number")
    })
}

#[test]
fn a_process_that_is_killed_loses_nothing_and_counts_nothing_twice() {
    const CLIENTS: u64 = 4;
    let folder = TempDir::new().unwrap();
    let yaml = yaml(
        &folder,
        "{name: team, per_window: month, tokens: 1000000000}",
    );
    let mut before = 0;
    for kill in 0..kills() {
        let server = serve(&yaml).start();
        let (each, answers) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            let client = || {
                while let Ok((200, body)) = ask(server.port, "lukhas-matriz") {
                    each.store(used(&body, "total_tokens"), Ordering::SeqCst);
                    answers.fetch_add(1, Ordering::SeqCst);
                }
            };
            (0..CLIENTS).for_each(|_| drop(scope.spawn(client)));
            eventually("answers", || answers.load(Ordering::SeqCst) >= 10);
            // Each time somewhere else.
            thread::sleep(Duration::from_micros(1_370 * kill % 20_000));
            server.signal("KILL");
        });
        drop(server);
        let spent = spent_tokens(&yaml);
        let (each, answers) = (each.into_inner(), answers.into_inner());
        let added = spent - before;
        assert_eq!(added % each, 0, "no part of a call");
        // Each client may have been under way with one call more, whose answer it did not read.
        let calls = added / each;
        assert!(
            (answers..=answers + CLIENTS).contains(&calls),
            "{answers} answers, {calls} calls"
        );
        before = spent;
    }
}

/// The same stream again and again: of this text, in so many tokens at most, of which it needs fewer.
const STREAM: &str = r#"{"model":"lukhas-matriz","stream":true,"input":"Say one two three four","max_output_tokens":20}"#;

/// What [`STREAM`] reserves: 12 tokens of input, and those 20.
const RESERVED: u64 = 32;

#[test]
fn an_answer_that_is_joined_or_given_again_takes_nothing_of_a_budget() {
    let folder = TempDir::new().unwrap();
    let budget = format!("{{name: team, per_window: day, tokens: {RESERVED}}}");
    let yaml = yaml(&folder, &budget);
    let slow = "engine: {token_delay_ms: 400}\n";
    let server = serve(&format!("{yaml}{slow}")).start();
    let send = |headers: &str| {
        let mut client = server.connect().with_key(&key());
        client.send_post_with("/v1/responses", headers, STREAM);
        client
    };
    let head = |client: &mut Client| client.read_to(b"\r\n\r\n");
    let keyed = "idempotency-key: k\r\n";
    let mut first = send(keyed);
    first.first_piece();
    let mut joined = send(keyed);
    let joins = head(&mut joined);
    assert!(joins.starts_with("HTTP/1.1 200") && !joins.contains("idempotent-replayed"));
    let denied = send("").answer();
    assert_eq!(denied.status, 429, "all is reserved: {}", denied.body);
    for client in [&mut first, &mut joined] {
        client.read_to(b"data: [DONE]\n\n");
    }
    let spent = spent_tokens(&yaml);
    assert!((1..RESERVED).contains(&spent));
    assert_eq!(
        send("idempotency-key: other\r\n").answer().status,
        429,
        "too little is left"
    );
    for _ in 0..3 {
        let mut again = send(keyed);
        let head = head(&mut again);
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("idempotent-replayed: true"));
        again.read_to(b"data: [DONE]\n\n");
    }
    assert_eq!(spent_tokens(&yaml), spent);
    let metrics = server.connect().with_key(&key()).get("/metrics").body;
    let settled = format!("lukhas_budget_tokens_total{{budget=\"team\"}} {spent}\n");
    assert!(metrics.contains(&settled), "{metrics}");
}

#[test]
fn a_budget_is_raised_while_the_server_runs_and_what_was_spent_stays() {
    let folder = TempDir::new().unwrap();
    let yaml = |tokens| {
        yaml(
            &folder,
            &format!("{{name: team, per_window: day, tokens: {tokens}}}"),
        )
    };
    let server = serve(&yaml(40)).start();
    let (status, body) = ask(server.port, "lukhas-matriz").unwrap();
    assert_eq!(status, 200);
    let each = used(&body, "total_tokens");
    let call = || ask(server.port, "lukhas-matriz").unwrap().0;
    while call() == 200 {}
    let spent = spent_tokens(&yaml(40));
    replace(&server, "lukhas.yaml", &yaml(spent + 40));
    server.signal("HUP");
    eventually("a larger budget", || call() == 200);
    server.signal("KILL");
    drop(server.wait());
    assert_eq!(account(&yaml(spent + 40))["spent"], spent + each);
    assert_eq!(account(&yaml(spent + 40))["left"], 40 - each);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_no_way_around_a_budget() {
    let folder = TempDir::new().unwrap();
    let yaml = yaml(&folder, "{name: team, per_window: day, tokens: 1000000}");
    let server = serve(&yaml).start_after("trap '' XFSZ");
    let call = || ask(server.port, "lukhas-matriz").unwrap();
    let (status, body) = call();
    assert_eq!(status, 200);
    let each = used(&body, "total_tokens");
    server.limit_files("10");
    // It had begun when nobody knew.
    assert_eq!(call().0, 200);
    let (status, body) = call();
    assert_eq!(status, 503);
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains("cannot be recorded now"), "{message}");
    assert_eq!(server.get("/readyz").status, 503);
    let metrics = || server.connect().with_key(&key()).get("/metrics").body;
    assert!(metrics().contains("lukhas_budget_journal_writable 0"));
    // More than a turn of the journal.
    thread::sleep(Duration::from_millis(1_500));
    assert_eq!(call().0, 503);
    server.limit_files("unlimited");
    let begun = Instant::now();
    while call().0 == 503 {
        assert!(begun.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(server.get("/readyz").status, 200);
    assert!(metrics().contains("lukhas_budget_journal_writable 1"));
    server.signal("KILL");
    drop(server.wait());
    assert_eq!(
        spent_tokens(&yaml),
        3 * each,
        "with what nobody could write"
    );
}

#[test]
fn a_folder_has_one_server_and_its_budgets_can_be_read_meanwhile() {
    let folder = TempDir::new().unwrap();
    let keys = format!("{} alice\n", key());
    let setup = |arguments: &[&str]| {
        let budget = "{name: team, per: [key, project], per_window: day, tokens: 1000}";
        let yaml = yaml(&folder, budget) + "auth: {keys_file: keys}\n";
        Setup::new(arguments)
            .config(yaml)
            .secret_file("keys", &keys)
    };
    let serve = || setup(&["serve", "--listen", "127.0.0.1:0"]);
    let server = serve().start();
    let (_, body) = ask(server.port, "lukhas-matriz").unwrap();
    let each = used(&body, "total_tokens");
    let shown = || only_account(&setup(&["budgets", "show", "--json"]).run());
    assert_eq!(shown()["account"], "key alice, project default/default");
    assert_eq!(shown()["spent"], each);
    assert_eq!(shown()["left"], 1_000 - each);
    let table = setup(&["budgets", "show"]).run().out;
    assert!(table.starts_with("BUDGET  ACCOUNT"), "{table}");
    assert!(
        table.contains("\nteam    key alice, project default/default  "),
        "{table}"
    );
    let second = serve().run();
    let expected = format!(
        "error: `{}` is in use by another process, and is for one at a time\n",
        folder.path().display()
    );
    assert_eq!((second.code, second.err), (Some(1), expected));
    drop(server);
    // Whoever was known by a name is known again.
    let server = serve().start();
    ask(server.port, "lukhas-matriz").unwrap();
    assert_eq!(shown()["spent"], 2 * each);
}

#[test]
fn a_torn_journal_is_said_and_a_damaged_one_refused() {
    let folder = TempDir::new().unwrap();
    let yaml = yaml(&folder, "{name: team, per_window: day, tokens: 1000}");
    let server = serve(&yaml).start();
    ask(server.port, "lukhas-matriz").unwrap();
    drop(server);
    let path = folder.path().join("spends.journal");
    let whole = std::fs::read(&path).unwrap();
    let second = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    std::fs::write(&path, [&whole[..], b"torn"].concat()).unwrap();
    let log = serve(&yaml).start().stop();
    let warning = format!(
        "the journal of budgets ended in a torn write, which was cut off at byte {}",
        whole.len()
    );
    assert!(log.contains(&warning), "{log}");
    let mut damaged = [&whole[..], &whole[second..]].concat();
    damaged[second + 2] ^= 1;
    std::fs::write(&path, damaged).unwrap();
    let refused = serve(&yaml).run();
    let expected = format!(
        "error: `{}` is damaged at byte {second}: a line is damaged, and intact ones follow it\n",
        path.display()
    );
    assert_eq!((refused.code, refused.err), (Some(1), expected));
}

#[test]
fn budgets_without_a_folder_are_in_memory_and_the_start_says_so() {
    let budgets = "budgets: [{name: team, per_window: day, tokens: 1000}]";
    let log = serve(budgets).start().stop();
    let warning = "budgets are kept in memory and begin anew with each start";
    assert!(log.contains(warning), "{log}");
    let shown = show(budgets, &[]);
    assert_eq!(shown.code, Some(2));
    assert!(shown.err.contains("`store.dir`"), "{}", shown.err);
}

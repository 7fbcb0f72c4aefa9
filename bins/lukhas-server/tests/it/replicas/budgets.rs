// SPDX-License-Identifier: Apache-2.0
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::process::Ended;
use crate::reload::{eventually, replace};

/// Most tokens that [`body`] may use: three of input, as they are counted, and so many of output.
const MOST: u64 = 40;

fn yaml(tokens: u64) -> String {
    format!("limits: []\nbudgets: [{{name: team, per_window: month, tokens: {tokens}}}]")
}

fn body() -> String {
    format!(r#"{{"model":"lukhas-matriz","max_output_tokens":{MOST},"input":"Say one two three"}}"#)
}

/// What a request used; or why it was denied.
#[track_caller]
fn ask(client: &mut Client) -> Result<u64, String> {
    let answer = client.post("/v1/responses", &body());
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    match answer.status {
        200 => Ok(body["usage"]["total_tokens"].as_u64().unwrap()),
        429 | 503 => Err(body["error"]["code"].as_str().unwrap().to_owned()),
        other => panic!("{other}: {}", answer.body),
    }
}

/// Has a client of each replica ask until its budget is used up, while `meanwhile` happens; what each
/// used, and how often it was told `store_unavailable`.
fn spend(replicas: &[Server], meanwhile: impl FnOnce()) -> Vec<(u64, usize)> {
    let ask = |server: &Server| {
        let (mut client, mut used, mut unavailable) = (connect(server), 0, 0);
        loop {
            match ask(&mut client) {
                Ok(tokens) => used += tokens,
                Err(code) if code == "insufficient_quota" => return (used, unavailable),
                Err(code) => {
                    assert_eq!(code, "store_unavailable");
                    unavailable += 1;
                    thread::sleep(Duration::from_millis(5));
                }
            }
        }
    };
    thread::scope(|scope| {
        let clients: Vec<_> = replicas.iter().map(|it| scope.spawn(|| ask(it))).collect();
        meanwhile();
        clients.into_iter().map(|it| it.join().unwrap()).collect()
    })
}

#[test]
fn four_replicas_spend_one_budget() {
    let redis = LocalRedis::start(&[]).unwrap();
    let limit = 4_000;
    let replicas: Vec<_> = (0..4)
        .map(|_| setup(&redis, &yaml(limit)).start())
        .collect();
    let spent = spend(&replicas, || ());
    let spent: u64 = spent.iter().map(|it| it.0).sum();
    // One may have been denied for what others had reserved and gave back.
    let mut client = connect(&replicas[0]);
    let spent = spent + std::iter::from_fn(|| ask(&mut client).ok()).sum::<u64>();
    assert!(
        (limit - MOST - 30..=limit).contains(&spent),
        "{spent} of {limit}"
    );
    // What was spent outlasts the replicas.
    drop(replicas);
    let next = setup(&redis, &yaml(limit)).start();
    assert_eq!(ask(&mut connect(&next)), Err("insufficient_quota".into()));
    let more = setup(&redis, &yaml(limit + 100)).start();
    assert!(ask(&mut connect(&more)).is_ok(), "the amount may change");
}

/// What `lukhas budgets show` says.
fn show(redis: &LocalRedis, yaml: &str) -> Ended {
    setup_of(&["budgets", "show", "--json"], redis, yaml).run()
}

#[test]
fn what_is_left_is_shown_as_replicas_share_it() {
    let redis = LocalRedis::start(&[]).unwrap();
    let yaml = "limits: []\nbudgets: [{name: all, per_window: month, tokens: 1000}, \
                {name: each, per: [key, project], per_window: day, tokens: 900}]";
    let replicas = [(); 2].map(|()| setup(&redis, yaml).start());
    let used = replicas.iter().map(|it| ask(&mut connect(it)).unwrap());
    let used: u64 = used.sum();
    // Whatever a folder says.
    let shown = show(&redis, &format!("{yaml}\nstore: {{dir: data}}"));
    assert_eq!((shown.code, &*shown.err), (Some(0), ""));
    let shown: Value = serde_json::from_str(&shown.out).unwrap();
    let accounts = shown["budgets"].as_array().unwrap().iter().map(|it| {
        let [spent, left] = ["spent", "left"].map(|name| it[name].as_u64().unwrap());
        (it["account"].as_str().unwrap(), spent, left)
    });
    let expected = [
        ("all", used, 1_000 - used),
        ("key team, project default/default", used, 900 - used),
    ];
    assert_eq!(accounts.collect::<Vec<_>>(), expected);
    redis.kill().unwrap();
    let ended = show(&redis, yaml);
    let expected = "error: what budgets were spent cannot be read: the Redis that replicas share cannot \
                    be reached\n";
    assert_eq!((ended.code, &*ended.err), (Some(1), expected));
}

#[test]
fn a_budget_that_is_raised_is_still_shared() {
    let redis = LocalRedis::start(&[]).unwrap();
    let [here, there] = [(); 2].map(|()| setup(&redis, &yaml(100)).start());
    let mut client = connect(&here);
    let mut used = std::iter::from_fn(|| ask(&mut client).ok()).sum::<u64>();
    let raised = used + 100;
    let written = format!("auth: {{keys_file: keys}}\n{}", yaml(raised));
    replace(&here, "lukhas.yaml", &written);
    here.signal("HUP");
    eventually("a larger budget", || {
        used += ask(&mut client).unwrap_or_default();
        used > raised - 100
    });
    used += std::iter::from_fn(|| ask(&mut client).ok()).sum::<u64>();
    assert!((raised - MOST - 30..=raised).contains(&used), "{used}");
    assert!(ask(&mut connect(&there)).is_err(), "it has spent, too");
}

#[test]
fn a_budget_outlasts_a_redis_that_is_killed_under_load() {
    let redis = LocalRedis::start(&["--appendonly", "yes", "--appendfsync", "always"]).unwrap();
    let limit = 8_000;
    let replicas: Vec<_> = (0..4)
        .map(|_| setup(&redis, &yaml(limit)).start())
        .collect();
    let spent = spend(&replicas, || {
        until(|| redis.ask("DBSIZE").unwrap_or_default() != ":0");
        redis.kill().unwrap();
        until(|| replicas.iter().all(|it| readiness(it).0 == 503));
        redis.restart().unwrap();
    });
    assert!(spent.iter().all(|it| it.1 > 0), "{spent:?}");
    let spent: u64 = spent.iter().map(|it| it.0).sum();
    // What was being booked when it was killed may count twice, for each replica.
    let least = limit - MOST - 30 - 4 * 2 * (MOST + 30);
    assert!((least..=limit).contains(&spent), "{spent} of {limit}");
}

#[test]
fn a_replica_that_goes_on_alone_keeps_what_it_spends_in_its_folder() {
    let redis = LocalRedis::start(&[]).unwrap();
    let folder = TempDir::new().unwrap();
    let dir = folder.path().display();
    let yaml = format!("{}\nstore: {{dir: '{dir}'}}", yaml(100));
    let local = || setup(&redis, &yaml).env("LUKHAS_REDIS__ON_FAILURE", "local");
    let server = local().start();
    let mut client = connect(&server);
    let shared = std::iter::from_fn(|| ask(&mut client).ok()).sum::<u64>();
    redis.kill().unwrap();
    until(|| readiness(&server).1.contains("warning"));
    let alone = std::iter::from_fn(|| ask(&mut client).ok()).sum::<u64>();
    assert_eq!(alone, shared, "it begins with nothing spent");
    drop((client, server));
    let again = local().start();
    assert_eq!(ask(&mut connect(&again)), Err("insufficient_quota".into()));
}

#[test]
fn a_folder_that_nothing_is_kept_in_is_warned_of() {
    let redis = LocalRedis::start(&[]).unwrap();
    let folder = TempDir::new().unwrap();
    let dir = folder.path().display();
    let yaml = format!("{}\nstore: {{dir: '{dir}'}}", yaml(100));
    let server = setup(&redis, &yaml).start();
    assert!(ask(&mut connect(&server)).is_ok());
    let log = server.stop();
    let warning = "budgets are kept in Redis, and nothing of them in `store.dir`";
    assert!(log.contains(warning), "{log}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

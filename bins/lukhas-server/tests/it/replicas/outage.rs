// SPDX-License-Identifier: Apache-2.0
use super::*;

const MANY: &str =
    "limits: [{name: many, classes: [models], requests: {amount: 1, per: day, burst: 300}}]";

#[test]
fn a_redis_that_is_killed_and_started_again_admits_no_more_than_the_limit() {
    // What it has said is on its disk.
    let redis = LocalRedis::start(&["--appendonly", "yes", "--appendfsync", "always"]).unwrap();
    let replicas: Vec<_> = (0..4).map(|_| setup(&redis, MANY).start()).collect();
    let ask = |server: &Server| {
        let mut client = connect(server);
        let mut admitted = 0;
        let mut unavailable = 0;
        loop {
            let answer = client.get("/v1/models");
            match answer.status {
                200 => admitted += 1,
                429 => return (admitted, unavailable),
                503 => {
                    assert!(
                        answer.body.contains(r#""code":"store_unavailable""#),
                        "{}",
                        answer.body
                    );
                    assert!(
                        answer.head.contains("retry-after: 1\r\n"),
                        "{}",
                        answer.head
                    );
                    unavailable += 1;
                    thread::sleep(Duration::from_millis(5));
                }
                other => panic!("{other}: {}", answer.body),
            }
        }
    };
    let counts: Vec<(usize, usize)> = thread::scope(|scope| {
        let clients: Vec<_> = replicas.iter().map(|it| scope.spawn(|| ask(it))).collect();
        // Some have been admitted when it is killed, and some are not.
        let size = || redis.ask("DBSIZE").unwrap_or_default();
        until(|| size() != ":0");
        redis.kill().unwrap();
        until(|| replicas.iter().all(|it| readiness(it).0 == 503));
        redis.restart().unwrap();
        clients.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let admitted: usize = counts.iter().map(|it| it.0).sum();
    // A question that was asked when it was killed may count without an answer.
    assert!((296..=300).contains(&admitted), "{counts:?}");
    assert!(counts.iter().all(|it| it.1 > 0), "{counts:?}");
    until(|| {
        replicas
            .iter()
            .all(|it| readiness(it) == (200, r#"{"status":"ok"}"#.to_owned()))
    });
}

#[test]
fn each_replica_counts_alone_while_redis_is_gone_if_that_is_wanted() {
    let redis = LocalRedis::start(&[]).unwrap();
    let few = MANY.replace("burst: 300", "burst: 3");
    let local = |few| {
        setup(&redis, few)
            .env("LUKHAS_REDIS__ON_FAILURE", "local")
            .start()
    };
    let replicas = [local(&few), local(&few)];
    let statuses = || -> Vec<u16> {
        let asked = replicas.iter().chain(&replicas);
        let asked = asked.flat_map(|it| [it, it]);
        asked.map(|it| get(it, "/v1/models").status).collect()
    };
    let count = |statuses: &[u16]| statuses.iter().filter(|it| **it == 200).count();
    assert_eq!(count(&statuses()), 3);
    redis.kill().unwrap();
    let warning =
        r#"{"status":"warning","reason":"the Redis that replicas share cannot be reached"}"#;
    until(|| {
        replicas
            .iter()
            .all(|it| readiness(it) == (200, warning.to_owned()))
    });
    assert_eq!(count(&statuses()), 6, "three of each");
    let metrics = get(&replicas[0], "/metrics").body;
    for line in [
        "lukhas_redis_up 0\n",
        "lukhas_limits_fallback_total{outcome=\"local\"} 4\n",
        "lukhas_limits_fallback_total{outcome=\"denied\"} 0\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
    redis.restart().unwrap();
    until(|| {
        replicas
            .iter()
            .all(|it| readiness(it).1 == r#"{"status":"ok"}"#)
    });
    // It has forgotten, and they count together again.
    assert_eq!(count(&statuses()), 3);
}

#[test]
fn a_redis_that_hangs_holds_requests_up_once_and_briefly() {
    let redis = LocalRedis::start(&[]).unwrap();
    let server = setup(&redis, MANY)
        .env("LUKHAS_REDIS__TIMEOUT_MS", "1000")
        .start();
    assert_eq!(get(&server, "/v1/models").status, 200);
    redis.signal("STOP").unwrap();
    let start = Instant::now();
    assert_eq!(get(&server, "/v1/models").status, 503);
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    let start = Instant::now();
    for _ in 0..50 {
        assert_eq!(get(&server, "/v1/models").status, 503);
    }
    assert!(start.elapsed() < Duration::from_secs(10), "each waits");
    redis.signal("CONT").unwrap();
    until(|| get(&server, "/v1/models").status == 200);
    let log = server.stop();
    assert!(log.contains("it does not answer in time"), "{log}");
    assert!(log.contains("redis can be asked again"), "{log}");
}

#[test]
fn routes_that_no_limit_covers_need_no_redis() {
    let redis = LocalRedis::start(&[]).unwrap();
    let server = setup(&redis, MANY).start();
    redis.kill().unwrap();
    until(|| readiness(&server).0 == 503);
    let body = r#"{"model":"lukhas-matriz","input":"Hi"}"#;
    assert_eq!(connect(&server).post("/v1/responses", body).status, 200);
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(get(&server, "/v1/models").status, 503);
}

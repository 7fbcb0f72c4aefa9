// SPDX-License-Identifier: Apache-2.0
use super::*;

/// Nothing comes back while a test runs.
const DAILY: &str = "limits: [{name: daily, classes: [models], per: [key], requests: {amount: 1, per: day, burst: 150}}]";

#[test]
fn four_replicas_admit_exactly_the_limit() {
    let redis = LocalRedis::start(&[]).unwrap();
    let replicas: Vec<_> = (0..4).map(|_| setup(&redis, DAILY).start()).collect();
    let ask = |server: &Server| {
        let mut client = connect(server);
        let answers = (0..60).map(|_| client.get("/v1/models"));
        answers.map(|answer| answer.status).collect::<Vec<_>>()
    };
    let statuses: Vec<u16> = thread::scope(|scope| {
        // Two clients of each.
        let clients = replicas.iter().chain(&replicas);
        let clients: Vec<_> = clients.map(|it| scope.spawn(|| ask(it))).collect();
        clients
            .into_iter()
            .flat_map(|it| it.join().unwrap())
            .collect()
    });
    let count = |status| statuses.iter().filter(|it| **it == status).count();
    assert_eq!((count(200), count(429)), (150, 8 * 60 - 150));
    let denied = get(&replicas[0], "/v1/models");
    assert!(
        denied.head.contains("x-ratelimit-limit-requests: 150\r\n"),
        "{}",
        denied.head
    );
    assert!(
        denied
            .head
            .contains("x-ratelimit-remaining-requests: 0\r\n")
    );
    assert!(denied.head.contains("retry-after-ms: "));
    let metrics = get(&replicas[1], "/metrics").body;
    assert!(metrics.contains("lukhas_redis_up 1\n"), "{metrics}");
    // The counts outlast the replicas.
    drop(replicas);
    let next = setup(&redis, DAILY).start();
    assert_eq!(get(&next, "/v1/models").status, 429);
}

#[test]
fn a_denied_request_whose_body_is_not_there_yet_is_told_that_the_connection_closes() {
    let redis = LocalRedis::start(&[]).unwrap();
    let yaml = "limits: [{name: one, classes: [responses], requests: {amount: 1, per: day}}]";
    let server = setup(&redis, yaml).start();
    let body = r#"{"model":"lukhas-matriz","input":"Hi"}"#;
    assert_eq!(connect(&server).post("/v1/responses", body).status, 200);
    let mut client = connect(&server);
    let head = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        key(),
        body.len()
    );
    client.send(head);
    let denied = client.answer();
    assert_eq!(denied.status, 429);
    assert!(
        denied.head.contains("connection: close\r\n"),
        "{}",
        denied.head
    );
    // With the whole request there, the connection goes on.
    let mut client = connect(&server);
    for _ in 0..2 {
        let denied = client.post("/v1/responses", body);
        assert_eq!(denied.status, 429);
        assert!(
            !denied.head.contains("connection: close"),
            "{}",
            denied.head
        );
    }
}

#[test]
fn tokens_are_held_and_settled_for_all_replicas() {
    let redis = LocalRedis::start(&[]).unwrap();
    let yaml =
        "limits: [{name: t, classes: [chat], output_tokens: {amount: 1, per: day, burst: 1000}}]";
    let replicas = [(); 2].map(|()| setup(&redis, yaml).start());
    let body = |most: u32| {
        format!(
            r#"{{"model":"lukhas-matriz","max_tokens":{most},"messages":[{{"role":"user","content":"Hi"}}]}}"#
        )
    };
    let ask = |replica: usize, most| {
        connect(&replicas[replica]).post("/v1/chat/completions", &body(most))
    };
    let left = |answer: &Answer| -> u64 {
        assert_eq!(answer.status, 200, "{}", answer.body);
        let name = "x-ratelimit-remaining-tokens: ";
        let line = answer.head.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().parse().unwrap()
    };
    let never = ask(0, 1_001);
    assert_eq!(never.status, 429, "{}", never.body);
    assert!(never.head.contains("x-should-retry: false\r\n"));
    assert_eq!(left(&ask(0, 600)), 400, "it holds what it may use");
    // It used less, and the rest has come back before its client had the end of the answer.
    let after = left(&ask(1, 500));
    assert!((400..500).contains(&after), "{after}");
    assert!(left(&ask(0, 1)) > after + 400);
}

#[test]
fn requests_at_a_time_are_counted_together_and_come_back_from_a_killed_replica() {
    let redis = LocalRedis::start(&[]).unwrap();
    let yaml = "limits: [{name: two, classes: [responses], concurrency: 2}]\n\
                engine: {token_delay_ms: 60000}";
    let replicas = [(); 3].map(|()| setup(&redis, yaml).start());
    let mut running: Vec<_> = replicas[..2].iter().map(connect).collect();
    for client in &mut running {
        client.send_stream("one two three");
        client.read_to(b"response.created");
    }
    let probe = || {
        let mut client = connect(&replicas[2]);
        client.send_stream("one two three");
        let head = client.read_to(b"\r\n\r\n");
        (head[9..12].parse::<u16>().unwrap(), client)
    };
    let (status, _) = probe();
    assert_eq!(status, 429);
    // A client that leaves gives its place back at once.
    drop(running.pop());
    let mut third = None;
    until(|| {
        let (status, client) = probe();
        third = Some(client).filter(|_| status == 200);
        status == 200
    });
    assert_eq!(probe().0, 429);
    // A process that is killed gives it back when it has not been heard of for ten seconds.
    replicas[0].signal("KILL");
    until(|| probe().0 == 200);
}

/// How often scripts have been run.
fn scripts(redis: &LocalRedis) -> u64 {
    let stats = redis.ask("INFO commandstats").unwrap();
    let (_, calls) = stats.split_once("cmdstat_evalsha:calls=").unwrap();
    calls.split(',').next().unwrap().parse().unwrap()
}

#[test]
fn with_leases_most_requests_ask_nobody_and_the_limit_holds() {
    let redis = LocalRedis::start(&[]).unwrap();
    let lease = || setup(&redis, DAILY).env("LUKHAS_REDIS__LEASE", "0.1");
    let replicas = [lease().start(), lease().start()];
    let ask = |server: &Server| {
        let mut client = connect(server);
        let answers = (0..200).map(|_| client.get("/v1/models").status);
        answers.filter(|status| *status == 200).count()
    };
    let mut client = connect(&replicas[0]);
    for _ in 0..60 {
        assert_eq!(client.get("/v1/models").status, 200);
    }
    let calls = scripts(&redis);
    assert!(calls < 30, "{calls}");
    let admitted = 60 + replicas.iter().map(ask).sum::<usize>();
    // What the first has taken ahead, the second may not find given back yet.
    assert!((135..=150).contains(&admitted), "{admitted}");
}

#[test]
fn a_request_takes_one_round_trip() {
    let redis = LocalRedis::start(&[]).unwrap();
    let yaml = "limits: [{name: a, per: [key], requests: {amount: 100000, per: day}, concurrency: 9}, \
                {name: b, classes: [models], requests: {amount: 100000, per: day}}]";
    let server = setup(&redis, yaml).start();
    // The script is brought along once.
    get(&server, "/v1/models");
    let before = scripts(&redis);
    let mut client = connect(&server);
    for _ in 0..50 {
        assert_eq!(client.get("/v1/models").status, 200);
    }
    // One asks, and one that nobody waits for gives the place back; a place that is held is renewed once
    // a second.
    let calls = scripts(&redis) - before;
    assert!((100..=110).contains(&calls), "{calls}");
}

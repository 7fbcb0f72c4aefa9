// SPDX-License-Identifier: Apache-2.0
use super::*;

/// Sends a request with the idempotency key `k`.
fn send(client: &mut Client, body: &str) {
    client.send_post_with("/v1/responses", "idempotency-key: k\r\n", body);
}

fn ask(server: &Server, body: &str) -> Answer {
    let mut client = connect(server);
    send(&mut client, body);
    client.answer()
}

fn is_replayed(answer: &Answer) -> bool {
    answer.head.contains("idempotent-replayed: true\r\n")
}

/// A stream of a fake upstream, to its end: the lines that are its own and not its connection's.
fn stream(client: &mut Client) -> Vec<String> {
    let head = client.read_to(b"\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let text = client.read_to(b"data: [DONE]\n\n");
    let lines = text.lines();
    let lines = lines.filter(|line| line.starts_with("data: ") || line.starts_with("event: "));
    lines.map(str::to_owned).collect()
}

/// Two replicas before one fake upstream.
fn replicas(redis: &LocalRedis, mock: &Server) -> [Server; 2] {
    let upstream = format!("{{base_url: \"http://127.0.0.1:{}/v1\"}}", mock.port);
    let yaml = format!("limits: []\nupstreams: {{up: {upstream}}}\nmodels: {{other: up}}");
    [(); 2].map(|()| setup(redis, &yaml).start())
}

fn mock() -> Server {
    Setup::new(&["mock", "--listen", "127.0.0.1:0"]).start()
}

#[test]
fn a_request_is_carried_out_by_one_replica_and_answered_by_all() {
    let redis = LocalRedis::start(&[]).unwrap();
    let mock = mock();
    let [here, there] = replicas(&redis, &mock);
    let body = r#"{"model":"mock","input":"Hello"}"#;
    let first = ask(&here, body);
    assert_eq!((first.status, is_replayed(&first)), (200, false));
    let again = ask(&there, body);
    assert_eq!((again.status, is_replayed(&again)), (200, true));
    assert_eq!(again.body, first.body);
    let other = ask(&there, r#"{"model":"mock","input":"Good day"}"#);
    assert_eq!(other.status, 409);
    assert!(
        other.body.contains("idempotency_key_reused"),
        "{}",
        other.body
    );
    let stats = mock.get("/__mock/stats").body;
    assert!(stats.contains(r#""count":1}"#), "{stats}");
    // The answer outlasts its replica.
    drop(here);
    assert!(is_replayed(&ask(&there, body)));
}

#[test]
fn a_stream_under_way_is_joined_from_another_replica() {
    let redis = LocalRedis::start(&[]).unwrap();
    let mock = mock();
    let [here, there] = replicas(&redis, &mock);
    let body = r#"{"model":"mock+delay=50ms","stream":true,"input":"Say one two three four"}"#;
    let mut first = connect(&here);
    send(&mut first, body);
    first.first_piece();
    let mut second = connect(&there);
    send(&mut second, body);
    let joined = stream(&mut second);
    assert!(joined.len() > 20, "{joined:?}");
    let mut third = connect(&here);
    send(&mut third, body);
    assert_eq!(stream(&mut third), joined);
    let stats = mock.get("/__mock/stats").body;
    assert!(stats.contains(r#""count":1}"#), "{stats}");
    let metrics = get(&there, "/metrics").body;
    let attached = "lukhas_idempotency_claims_total{outcome=\"attached\"} 1\n";
    assert!(metrics.contains(attached), "{metrics}");
}

#[test]
fn a_key_is_new_when_the_replica_that_answered_it_is_gone() {
    let redis = LocalRedis::start(&[]).unwrap();
    let yaml = "limits: []\nengine: {token_delay_ms: 60000}";
    let [killed, other] = [(); 2].map(|()| setup(&redis, yaml).start());
    let body = r#"{"model":"lukhas-matriz","stream":true,"input":"one two"}"#;
    let mut client = connect(&killed);
    send(&mut client, body);
    client.read_to(b"response.created");
    killed.signal("KILL");
    let outcome = |name: &str| {
        let metrics = get(&other, "/metrics").body;
        let start = format!("lukhas_idempotency_claims_total{{outcome=\"{name}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap().parse::<u64>().unwrap()
    };
    until(|| {
        let mut client = connect(&other);
        send(&mut client, body);
        let head = client.read_to(b"\r\n\r\n");
        // Where the answer had not begun for others when its replica was killed, they are told so.
        let abandoned = head.starts_with("HTTP/1.1 503 ") && head.contains("retry-after: 1\r\n");
        assert!(head.starts_with("HTTP/1.1 200 ") || abandoned, "{head}");
        outcome("new") == 1
    });
    assert!(outcome("attached") > 0, "it was waited for");
}

#[test]
fn what_cannot_be_known_to_be_new_is_not_carried_out() {
    let redis = LocalRedis::start(&[]).unwrap();
    let mock = mock();
    let [server, _] = replicas(&redis, &mock);
    redis.kill().unwrap();
    until(|| readiness(&server).0 == 503);
    let body = r#"{"model":"mock","input":"Hello"}"#;
    let denied = ask(&server, body);
    assert_eq!(denied.status, 503);
    assert!(denied.body.contains("store_unavailable"), "{}", denied.body);
    assert!(denied.head.contains("retry-after: 1\r\n"));
    let stats = mock.get("/__mock/stats").body;
    assert!(!stats.contains(r#""count":1}"#), "{stats}");
    // Without a key there is nothing to know.
    assert_eq!(connect(&server).post("/v1/responses", body).status, 200);
    redis.restart().unwrap();
    until(|| readiness(&server).0 == 200);
    assert_eq!(ask(&server, body).status, 200);
    let metrics = get(&server, "/metrics").body;
    let unreachable = "lukhas_idempotency_claims_total{outcome=\"unreachable\"} 1\n";
    assert!(metrics.contains(unreachable), "{metrics}");
}

#[test]
fn a_replica_that_goes_on_alone_keeps_answers_of_its_own() {
    let redis = LocalRedis::start(&[]).unwrap();
    let local = setup(&redis, "limits: []").env("LUKHAS_REDIS__ON_FAILURE", "local");
    let server = local.start();
    redis.kill().unwrap();
    until(|| readiness(&server).1.contains("warning"));
    let body = r#"{"model":"lukhas-matriz","input":"Hello"}"#;
    assert!(!is_replayed(&ask(&server, body)));
    assert!(is_replayed(&ask(&server, body)));
}

// SPDX-License-Identifier: Apache-2.0
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::*;

const SECRET: &str = "hunter2";

/// Runs a server that shares the Redis at `url`, which it cannot, to its end; what it says.
#[track_caller]
fn refused(url: &str) -> String {
    let ended = Setup::serve("{}").env("LUKHAS_REDIS_URL", url).run();
    assert_eq!((ended.code, &*ended.out), (Some(2), ""), "{}", ended.err);
    assert!(!ended.err.contains(SECRET), "{}", ended.err);
    ended.err
}

#[test]
fn a_redis_that_will_not_do_stops_the_start_and_says_why() {
    let open = LocalRedis::start(&[]).unwrap();
    let closed = LocalRedis::start(&["--requirepass", SECRET]).unwrap();
    let [address, locked] = [open.address(), closed.address()];
    let wrong = format!("redis://:{SECRET}x@{locked}");
    for (url, reason, help) in [
        (wrong, "it refuses the user or the password", "of a user"),
        (
            format!("redis://{locked}"),
            "it wants a password",
            "redis://:PASSWORD@HOST",
        ),
        (
            format!("redis://:{SECRET}@{address}"),
            "it has no password, and one is given",
            "leave it out",
        ),
        (
            format!("redis://{address}/99"),
            "it has no database of that number",
            "`databases`",
        ),
        (
            format!("rediss://{address}"),
            "it does not speak TLS",
            "write `redis://`",
        ),
    ] {
        let said = refused(&url);
        let expected = "LUKHAS_REDIS_URL: `redis.url`: the Redis at `";
        assert!(said.starts_with(&format!("error: {expected}")), "{said}");
        assert!(
            said.contains(&format!("cannot be used: {reason}\n")),
            "{said}"
        );
        assert!(said.contains("\n  help: ") && said.contains(help), "{said}");
    }
}

#[test]
fn what_is_no_redis_stops_the_start() {
    let web = Setup::serve("{}").start();
    let said = refused(&format!("redis://:{SECRET}@127.0.0.1:{}", web.port));
    assert!(said.contains("what answers there is no Redis"), "{said}");
}

#[test]
fn what_is_no_url_is_refused_and_not_shown() {
    let said = refused(SECRET);
    let expected =
        "error: LUKHAS_REDIS_URL: `redis.url`: this is not the URL of a Redis: it is not a URL";
    assert!(said.starts_with(expected), "{said}");
    let twice = Setup::serve("redis: {url: 'env:OTHER'}")
        .env("OTHER", "redis://127.0.0.1")
        .env("LUKHAS_REDIS_URL", "redis://127.0.0.1")
        .run();
    assert_eq!(twice.code, Some(2));
    let expected =
        "error: DIR/lukhas.yaml:1:14: `redis.url`: set twice; the other is LUKHAS_REDIS_URL\n";
    assert!(twice.err.starts_with(expected), "{}", twice.err);
    // Whoever writes it where its place should be named.
    let url = format!("redis://:{SECRET}@127.0.0.1");
    let named = Setup::serve(&format!("redis: {{url: '{url}'}}")).run();
    assert_eq!(named.code, Some(2));
    assert!(
        named
            .err
            .contains("this is not a reference to the URL of a Redis"),
        "{}",
        named.err
    );
    assert!(!named.err.contains(SECRET), "{}", named.err);
}

#[test]
fn a_redis_that_is_not_there_yet_is_waited_for() {
    let redis = LocalRedis::start(&["--requirepass", SECRET]).unwrap();
    redis.kill().unwrap();
    let url = format!("redis://:{SECRET}@{}", redis.address());
    let file = Setup::serve("redis: {url: 'file:redis.url', timeout_ms: 20000}");
    let server = file.file("redis.url", format!("{url}\n")).start();
    let reason =
        r#"{"status":"failed","reason":"the Redis that replicas share cannot be reached"}"#;
    assert_eq!(readiness(&server), (503, reason.to_owned()));
    redis.restart().unwrap();
    until(|| readiness(&server) == (200, r#"{"status":"ok"}"#.to_owned()));
    let log = server.stop();
    assert!(log.contains("redis cannot be asked"), "{log}");
    assert!(!log.contains(SECRET), "{log}");
}

#[test]
fn the_configuration_is_checked_without_asking_redis_and_shows_no_url() {
    let url = format!("redis://:{SECRET}@127.0.0.1:9");
    let check = Setup::new(&["config", "show"]).config("redis: {url: 'env:LUKHAS_CACHE'}");
    let shown = check.env("LUKHAS_CACHE", &url).run();
    assert_eq!((shown.code, &*shown.err), (Some(0), ""));
    assert!(
        shown
            .out
            .contains("url: env:LUKHAS_CACHE  # DIR/lukhas.yaml:1:14\n"),
        "{}",
        shown.out
    );
    assert!(!shown.out.contains(SECRET));
}

#[test]
fn a_redis_that_closes_every_connection_is_one_that_may_come_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.flush();
        }
    });
    let server = Setup::serve("{}").env("LUKHAS_REDIS_URL", &url).start();
    assert_eq!(readiness(&server).0, 503);
}

#[test]
fn a_key_that_each_replica_would_take_for_another_is_refused() {
    let serve = || Setup::serve("{}").env("LUKHAS_REDIS_URL", "redis://127.0.0.1:9");
    let ended = serve().env("LUKHAS_API_TOKEN", &key()).run();
    assert_eq!(ended.code, Some(2));
    let expected = "error: LUKHAS_REDIS_URL: `redis.url`: the key of `LUKHAS_API_TOKEN` has no name, so \
                    that each replica would take its holder for another one\n";
    assert!(ended.err.starts_with(expected), "{}", ended.err);
}

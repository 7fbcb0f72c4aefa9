// SPDX-License-Identifier: Apache-2.0
use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use lukhas_redact::Secret;

use super::*;
use crate::redis::LocalRedis;

/// Longer than anything here takes on a busy machine; where nothing is to come, no test waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Of `localhost` and 127.0.0.1, until 2120.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBRDCB66ADAgECAgEHMAoGCCqGSM49BAMCMBQxEjAQBgNVBAMMCWxvY2FsaG9z
dDAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowFDESMBAGA1UEAwwJ
bG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEH2djpvYQFlenc91l
tT+aGaEhBTrjAi7+HodJ4t7TB1OO2/IgRHPY4UucY50zTi0BiEKoWw/Wi15h9ryX
H3EL+qMsMCowGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMAwGA1UdEwEB/wQC
MAAwCgYIKoZIzj0EAwIDSAAwRQIgeDrXSldoW1sJ42i4+SOPKDjzv5LbdLG6KhA+
tpETyc4CIQD8GiNVhhLHv/jDG/eCdK+crEb9Q4y8xIFyg0V+E44ljw==
-----END CERTIFICATE-----
";

/// Its key, in parts: it is nobody's, and no scanner should think so.
const KEY: [&str; 3] = [
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgEZAyIsnT6k1Y5y40",
    "JWX24k45nDNDdm7CdAsoRhqz0fChRANCAAQfZ2Om9hAWV6dz3WW1P5oZoSEFOuMC",
    "Lv4eh0ni3tMHU47b8iBEc9jhS5xjnTNOLQGIQqhbD9aLXmH2vJcfcQv6",
];

async fn connect(url: &str, ca: Option<&str>) -> Result<Connection, Failure> {
    connect_within(PATIENCE, url, ca).await
}

async fn connect_within(
    patience: Duration,
    url: &str,
    ca: Option<&str>,
) -> Result<Connection, Failure> {
    let target = Target {
        url: RedisUrl::parse(&Secret::new(url.to_owned())).unwrap(),
        trust: trust(ca.map(str::as_bytes)).unwrap(),
        patience,
        probe: "test:probe".to_owned(),
    };
    match target.connect().await {
        Ok(connection) => Ok(connection),
        Err(failure) => Err(target.explain(failure).await),
    }
}

/// Asserts that the Redis at `url` will not do.
#[track_caller]
fn check(found: Result<Connection, Failure>, reason: &str) {
    match found.map(|_| ()) {
        Err(Failure::Unfit(error)) => assert_eq!(error.to_string(), reason),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_redis_that_cannot_be_written_to_will_not_do() {
    let cluster = LocalRedis::start(&["--cluster-enabled", "yes"]).unwrap();
    let found = connect(&cluster.url(), None).await;
    check(found, "it is part of a cluster, which is not supported");
    let replica = LocalRedis::start(&["--replicaof", "127.0.0.1", "1"]).unwrap();
    let found = connect(&replica.url(), None).await;
    check(found, "it is a replica, and cannot be written to");
}

#[tokio::test]
async fn a_user_needs_leave_for_what_is_done_and_for_nothing_else() {
    let redis = LocalRedis::start(&[]).unwrap();
    let all = "+@read +@write +@scripting +@connection +info +time";
    for (user, leave, is_enough) in [
        ("enough", format!("~test:* {all}"), true),
        ("elsewhere", format!("~other:* {all}"), false),
        ("blind", format!("~test:* {all} -info"), false),
        (
            "reader",
            "~test:* +@read +@scripting +info".to_owned(),
            false,
        ),
    ] {
        let set = redis.ask(&format!("ACL SETUSER {user} on >word {leave}"));
        assert_eq!(set.unwrap(), "+OK");
        let url = redis.url().replace("//", &format!("//{user}:word@"));
        let found = connect(&url, None).await;
        if is_enough {
            assert!(found.is_ok(), "{:?}", found.err());
        } else {
            check(found, "its user may not do what is needed");
        }
    }
}

#[tokio::test]
async fn a_redis_without_memory_may_have_some_later() {
    let redis = LocalRedis::start(&["--maxmemory", "1"]).unwrap();
    let found = connect_within(Duration::from_secs(2), &redis.url(), None).await;
    let Err(Failure::Down(reason)) = found else {
        panic!("it has room");
    };
    assert_eq!(reason, "it has no memory left");
    redis.ask("CONFIG SET maxmemory 100mb").unwrap();
    let warnings = async || connect(&redis.url(), None).await.ok().unwrap().warnings;
    let [forgets] = &warnings().await[..] else {
        panic!("there is one thing to know");
    };
    assert!(forgets.contains("`appendonly`"), "{forgets}");
    let evict = redis.ask("CONFIG SET maxmemory-policy allkeys-lru");
    evict.unwrap();
    redis.ask("CONFIG SET appendonly yes").unwrap();
    let [evicts] = &warnings().await[..] else {
        panic!("there is one thing to know");
    };
    assert!(evicts.contains("`allkeys-lru`"), "{evicts}");
}

/// A free port.
fn free() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn tls_is_spoken_where_the_url_says_so_and_with_whom_is_trusted_alone() {
    let folder = tempfile::tempdir().unwrap();
    let [certificate, key] = ["certificate", "key"].map(|name| folder.path().join(name));
    fs::write(&certificate, CERTIFICATE).unwrap();
    let [begin, end] = ["BEGIN", "END"].map(|word| format!("-----{word} PRIVATE KEY-----"));
    fs::write(&key, format!("{begin}\n{}\n{end}\n", KEY.join("\n"))).unwrap();
    let [certificate, key] = [&certificate, &key].map(|path| path.to_str().unwrap());
    let port = free();
    let redis = LocalRedis::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        certificate,
        "--tls-key-file",
        key,
        "--tls-ca-cert-file",
        certificate,
        "--tls-auth-clients",
        "no",
    ])
    .unwrap();
    let ca = Some(CERTIFICATE);
    for host in ["127.0.0.1", "localhost"] {
        let found = connect(&format!("rediss://{host}:{port}"), ca).await;
        assert!(found.is_ok(), "{host}: {:?}", found.err());
    }
    let found = connect(&format!("rediss://127.0.0.1:{port}"), None).await;
    let untrusted = "its certificate is not trusted: invalid peer certificate: UnknownIssuer";
    check(found, untrusted);
    let found = connect(&format!("redis://127.0.0.1:{port}"), ca).await;
    check(found, "it speaks TLS");
    // A Redis waits for the end of a line, which TLS does not have.
    let url = redis.url().replace("redis:", "rediss:");
    let found = connect_within(Duration::from_secs(2), &url, ca).await;
    check(found, "it does not speak TLS");
}

#[test]
fn a_file_that_holds_no_certificate_is_refused() {
    for (pem, part) in [
        ("", "it holds no certificate in PEM form"),
        ("hello", "it holds no certificate in PEM form"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "it is not a certificate",
        ),
    ] {
        let error = trust(Some(pem.as_bytes())).unwrap_err().to_string();
        assert!(error.starts_with(part), "{error}");
    }
}

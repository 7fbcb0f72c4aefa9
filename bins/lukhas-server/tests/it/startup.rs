// SPDX-License-Identifier: Apache-2.0
//! Starting, and what is said then.

use std::net::TcpListener;

use crate::process::Setup;

#[test]
fn the_banner_holds_all_that_a_first_request_needs() {
    let server = Setup::serve("{}").start();
    let banner = server
        .banner
        .replace(server.key(), "KEY")
        .replace(&format!(":{}", server.port), ":PORT");
    insta::assert_snapshot!(banner);

    assert_eq!(server.get("/v1/models").status, 200);
    let without_key = server.connect().with_key("nobody").get("/v1/models");
    assert_eq!(without_key.status, 401);
    let bodies: Vec<_> = server
        .banner
        .lines()
        .filter_map(|line| line.strip_prefix("  -d '")?.strip_suffix('\''))
        .collect();
    let [response, stream] = bodies[..] else {
        panic!("{}", server.banner)
    };
    let mut client = server.connect();
    assert_eq!(client.post("/v1/responses", response).status, 200);
    client.send_post("/v1/chat/completions", stream);
    client.read_to(b"data: [DONE]\n\n");
    server.stop();
}

#[test]
fn the_pasted_lines_work() {
    let server = Setup::serve("{}").start();
    let (_, lines) = server.banner.split_once("\n\n").unwrap();
    let shell = std::process::Command::new("/bin/sh")
        .args(["-ec", lines])
        .env("no_proxy", "127.0.0.1")
        .output()
        .unwrap();
    let out = String::from_utf8(shell.stdout).unwrap();
    assert!(shell.status.success(), "{out}");
    assert!(out.contains("\"object\":\"list\""), "{out}");
    assert!(out.contains("\"object\":\"response\""), "{out}");
    assert!(out.ends_with("data: [DONE]\n\n"), "{out}");
}

#[test]
fn a_configured_key_works_and_is_never_echoed() {
    let token = ["sk", "live", &"k3y".repeat(8)].join("-");
    let server = Setup::serve("log: {filter: trace}")
        .env("LUKHAS_API_TOKEN", &token)
        .start();
    assert_eq!(
        server.connect().with_key(&token).get("/v1/models").status,
        200
    );
    let wrong = format!("{token}x");
    assert_eq!(
        server.connect().with_key(&wrong).get("/v1/models").status,
        401
    );
    assert!(server.banner.contains("$LUKHAS_API_TOKEN"));
    assert!(!server.banner.contains("lk_live_"));
    assert!(!server.banner.contains(&token));
    let log = server.stop();
    assert!(!log.contains(&token), "{log}");
}

#[test]
fn an_address_in_use_is_named() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let ended = Setup::new(&["serve", "--listen", &address]).run();
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    insta::assert_snapshot!(ended.err.replace(&address, "127.0.0.1:PORT"));
}

#[test]
fn a_wrong_command_line_is_2_and_help_is_0() {
    for arguments in [&["sevre"][..], &["serve", "--lisen", "x"], &["config"], &[]] {
        let ended = Setup::new(arguments).run();
        assert_eq!(
            (ended.code, ended.out.as_str()),
            (Some(2), ""),
            "{}",
            ended.err
        );
    }
    for arguments in [&["--help"][..], &["serve", "--help"], &["--version"]] {
        let ended = Setup::new(arguments).run();
        assert_eq!(
            (ended.code, ended.err.as_str()),
            (Some(0), ""),
            "{}",
            ended.out
        );
    }
    let version = format!("lukhas {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(Setup::new(&["--version"]).run().out, version);
}

#[test]
fn the_document_is_printed_in_both_forms() {
    let json = Setup::new(&["openapi"]).run();
    let yaml = Setup::new(&["openapi", "--yaml"]).run();
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert!(json["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(yaml.out.starts_with("openapi: \"3.1"), "{}", yaml.out);
    for path in json["paths"].as_object().unwrap().keys() {
        let (plain, quoted) = (format!("\n  {path}:\n"), format!("\n  \"{path}\":\n"));
        assert!(
            yaml.out.contains(&plain) || yaml.out.contains(&quoted),
            "{path}"
        );
    }
}

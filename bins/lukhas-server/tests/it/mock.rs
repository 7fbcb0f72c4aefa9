// SPDX-License-Identifier: Apache-2.0
//! `lukhas mock` from outside.

use std::net::TcpListener;

use crate::process::Setup;

fn mock() -> Setup {
    Setup::new(&["mock", "--listen", "127.0.0.1:0"])
}

#[test]
fn the_banner_holds_all_that_a_first_request_needs() {
    let server = mock().start();
    insta::assert_snapshot!(server.banner.replace(&format!(":{}", server.port), ":PORT"));
    let (_, lines) = server.banner.split_once("\n\n").unwrap();
    let shell = std::process::Command::new("/bin/sh")
        .args(["-ec", lines])
        .env("no_proxy", "127.0.0.1")
        .output()
        .unwrap();
    let out = String::from_utf8(shell.stdout).unwrap();
    assert!(shell.status.success(), "{out}");
    assert!(out.starts_with("{\"connections\":{\"open\":1"), "{out}");
    assert!(out.contains("data: [DONE]\n\n"), "{out}");
    assert!(
        out.ends_with("The mock was told to answer 503.\"}}"),
        "{out}"
    );
    assert_eq!(server.stop(), "");
}

#[test]
fn a_script_is_answered_by_and_its_faults_strike() {
    let script = "
rules:
  - match: {contains: break}
    faults: [tcp_cut@1]
  - reply: {text: As it is written.}
";
    let server = Setup::new(&["mock", "--listen", "127.0.0.1:0", "--script", "script.yaml"])
        .file("script.yaml", script)
        .start();
    let answer = server
        .connect()
        .post("/v1/responses", r#"{"input":"Hello"}"#);
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("As it is written."), "{}", answer.body);

    let mut client = server.connect();
    client.send_post("/v1/responses", r#"{"stream":true,"input":"break"}"#);
    let rest = client.rest();
    assert_eq!(rest.matches("event: response.output_text.delta").count(), 1);
    assert!(
        !rest.contains("response.completed") && !rest.contains("[DONE]"),
        "{rest}"
    );

    let stats = server.get("/__mock/stats").body;
    assert!(stats.contains(r#""ending":"reset""#), "{stats}");
    server.stop();
}

#[test]
fn a_key_is_wanted_and_never_shown() {
    let key = ["sk", "mock", &"k3y".repeat(4)].join("-");
    let arguments = [
        "mock",
        "--listen",
        "127.0.0.1:0",
        "--require-key-env",
        "MOCK_KEY",
    ];
    let server = Setup::new(&arguments).env("MOCK_KEY", &key).start();
    assert!(server.banner.contains("  key   the one in $MOCK_KEY\n"));
    assert_eq!(server.banner.matches("Bearer $MOCK_KEY").count(), 3);
    assert!(!server.banner.contains(&key));
    assert_eq!(
        server.connect().with_key(&key).get("/v1/models").status,
        200
    );
    assert_eq!(
        server.connect().with_key("no").get("/v1/models").status,
        401
    );
    let stats = server.connect().with_key(&key).get("/__mock/stats");
    assert!(!stats.body.contains(&key), "{}", stats.body);
    server.stop();
}

#[test]
fn both_signals_end_it_even_with_a_stream_that_never_ends() {
    for signal in ["TERM", "INT"] {
        let server = mock().start();
        let mut client = server.connect();
        let body = r#"{"model":"mock+stall@1","stream":true,"input":"Hello"}"#;
        client.send_post("/v1/responses", body);
        client.first_piece();
        server.signal(signal);
        assert_eq!(server.wait(), (Some(0), String::new()), "{signal}");
    }
}

#[test]
fn what_cannot_be_used_stops_the_start_with_2() {
    let cases = [
        Setup::new(&["mock", "--listen", "9100"]),
        Setup::new(&["mock", "--script", "none.yaml"]),
        Setup::new(&["mock", "--require-key-env", "MOCK_KEY"]),
        Setup::new(&["mock", "--script", "script.yaml"]).file(
            "script.yaml",
            "rules:\n  - match: {contians: x}\n    faults: [stal@2]\n",
        ),
        Setup::new(&["mock", "--script", "script.yaml"])
            .file("script.yaml", "rules:\n  - faults: [gzip, stal@2]\n"),
    ];
    let texts = cases.map(|setup| {
        let ended = setup.run();
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
        ended.err
    });
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn an_address_in_use_is_1() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let ended = Setup::new(&["mock", "--listen", &address]).run();
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert!(
        ended
            .err
            .starts_with(&format!("error: cannot listen on `{address}`"))
    );
}

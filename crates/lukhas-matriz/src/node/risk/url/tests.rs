// SPDX-License-Identifier: Apache-2.0

use super::*;

fn checked(allowed: &[&str], url: &str) -> Result<(), RunError> {
    let allowed: Vec<PrivateHost> = allowed.iter().map(|host| host.parse().unwrap()).collect();
    let media = |source| Media { source, hint: None };
    let as_url = check(&allowed, &media(MediaSource::Url(url.to_owned())));
    let inline = check(&allowed, &media(MediaSource::Inline(url.to_owned())));
    assert_eq!(
        inline, as_url,
        "{url}: an upstream may read either as a URL"
    );
    as_url
}

#[track_caller]
fn passes(url: &str) {
    assert_eq!(checked(&[], url), Ok(()), "{url}");
}

#[track_caller]
fn refused(url: &str, why: &str) {
    let error = checked(&[], url).expect_err(url);
    assert_eq!(error.param.as_deref(), Some("input"));
    assert!(error.message.contains(why), "{url}: {}", error.message);
}

#[test]
fn hosts_that_are_not_public_are_refused_in_every_spelling() {
    for (host, named) in [
        // Loopback and this network.
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1:8080", "127.0.0.1"),
        ("127.255.255.254", "127.255.255.254"),
        ("0.0.0.0", "0.0.0.0"),
        ("0.1.2.3", "0.1.2.3"),
        // Private.
        ("10.0.0.1", "10.0.0.1"),
        ("10.255.255.255", "10.255.255.255"),
        ("172.16.0.1", "172.16.0.1"),
        ("172.31.255.255", "172.31.255.255"),
        ("192.168.1.1", "192.168.1.1"),
        ("100.64.0.1", "100.64.0.1"),
        ("100.127.255.255", "100.127.255.255"),
        // Metadata of clouds.
        ("169.254.169.254", "169.254.169.254"),
        ("169.254.170.2", "169.254.170.2"),
        ("100.100.100.200", "100.100.100.200"),
        ("168.63.129.16", "168.63.129.16"),
        ("192.0.0.192", "192.0.0.192"),
        ("[fd00:ec2::254]", "[fd00:ec2::254]"),
        ("metadata.google.internal", "metadata.google.internal"),
        ("METADATA.google.INTERNAL.", "metadata.google.internal"),
        // Reserved.
        ("192.0.2.1", "192.0.2.1"),
        ("192.88.99.1", "192.88.99.1"),
        ("198.18.0.1", "198.18.0.1"),
        ("198.19.255.255", "198.19.255.255"),
        ("198.51.100.7", "198.51.100.7"),
        ("203.0.113.7", "203.0.113.7"),
        ("224.0.0.1", "224.0.0.1"),
        ("239.255.255.250", "239.255.255.250"),
        ("240.0.0.1", "240.0.0.1"),
        ("255.255.255.255", "255.255.255.255"),
        // IPv6.
        ("[::]", "[::]"),
        ("[::1]", "[::1]"),
        ("[0:0:0:0:0:0:0:1]:80", "[::1]"),
        ("[fe80::1]", "[fe80::1]"),
        ("[febf::1]", "[febf::1]"),
        ("[fec0::1]", "[fec0::1]"),
        ("[fc00::1]", "[fc00::1]"),
        ("[fdff:ffff::1]", "[fdff:ffff::1]"),
        ("[ff02::1]", "[ff02::1]"),
        ("[2001:db8::1]", "[2001:db8::1]"),
        ("[3fff::1]", "[3fff::1]"),
        ("[100::1]", "[100::1]"),
        ("[5f00::1]", "[5f00::1]"),
        // IPv4 inside of IPv6.
        ("[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
        ("[::ffff:a00:1]", "[::ffff:a00:1]"),
        ("[::FFFF:169.254.169.254]", "[::ffff:a9fe:a9fe]"),
        ("[::127.0.0.1]", "[::7f00:1]"),
        ("[::10.0.0.1]", "[::a00:1]"),
        ("[64:ff9b::10.0.0.1]", "[64:ff9b::a00:1]"),
        ("[64:ff9b::a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]"),
        ("[64:ff9b:1::1]", "[64:ff9b:1::1]"),
        ("[2002:a00:1::1]", "[2002:a00:1::1]"),
        ("[2002:7f00:1::]", "[2002:7f00:1::]"),
        (
            "[2001:0:4136:e378:8000:63bf:f5ff:fffe]",
            "[2001:0:4136:e378:8000:63bf:f5ff:fffe]",
        ),
        // Names of one machine or one network.
        ("localhost", "localhost"),
        ("LOCALHOST", "localhost"),
        ("localhost.", "localhost"),
        ("localhost:3000", "localhost"),
        ("a.localhost", "a.localhost"),
        ("a.localhost.", "a.localhost"),
        ("printer.local", "printer.local"),
        ("printer.local.", "printer.local"),
        ("vault.internal", "vault.internal"),
        ("nas.home.arpa", "nas.home.arpa"),
        ("home.arpa", "home.arpa"),
        ("localhost.localdomain", "localhost.localdomain"),
        ("vllm.default.svc", "vllm.default.svc"),
        (
            "vllm.default.svc.cluster.local",
            "vllm.default.svc.cluster.local",
        ),
        ("wiki.corp", "wiki.corp"),
        ("router.lan", "router.lan"),
        ("nas.home", "nas.home"),
        ("wiki.intranet", "wiki.intranet"),
        ("wiki.private", "wiki.private"),
        ("minio", "minio"),
        ("minio.", "minio"),
        ("minio:9000", "minio"),
        ("ⓛocalhost", "localhost"),
        ("loc\u{ad}alhost", "localhost"),
        ("ｌocalhost", "localhost"),
        ("printer。local", "printer.local"),
    ] {
        for scheme in ["http", "HTTPS"] {
            let expected = format!("the host `{named}`, which is not public");
            refused(&format!("{scheme}://{host}/a.png"), &expected);
        }
        refused(&format!("http://{host}"), "is not public");
        refused(&format!("http://{host}?a"), "is not public");
        refused(&format!("http://{host}#a"), "is not public");
    }
}

#[test]
fn spellings_that_programs_read_differently_are_refused() {
    for url in [
        // Addresses: decimal, octal, hexadecimal, short, with a dot at the end, full-width.
        "http://2130706433/",
        "http://167772161",
        "http://0177.0.0.1/",
        "http://010.8.8.8/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://0/",
        "http://127.0.0.1./",
        "http://１２７.0.0.1/",
        "http://①②⑦.0.0.1/",
        "http://127。0。0。1/",
        "http://8.8.8.08/",
        "http://1.2.3.4.5/",
        "http://256.1.1.1/",
        // Escapes, joiners, zones.
        "http://%31%32%37.0.0.1/",
        "http://%6c%6f%63%61%6c%68%6f%73%74/",
        "http://127.0.0.1%2f.example.com/",
        "http://metadata.google.inter\u{200d}nal/",
        "http://metadata.google.inter\u{200c}nal/",
        "http://[fe80::1%25eth0]/",
        "http://[::1/",
        "http://::1/",
        // What ends a host for some, and is dropped by others.
        "http://example.com\\.evil/",
        "http:\\\\10.0.0.1/",
        "http://exa mple.com/",
        "http://exa\tmple.com/",
        "http://10.0.0.1\n.example.com/",
        "http://example.com/\r\nHost: a",
        "http://\u{a0}example.com/",
        "http://example.com ",
        "http:///10.0.0.1/",
        "http:////10.0.0.1/",
        "http:/10.0.0.1/",
        "http:10.0.0.1/",
        "https:example.com",
        // One slash or none, and a host for the strict behind it.
        "http:/10.0.0.1/?a=://example.com/",
        "http:10.0.0.1/://example.com/",
        "https:10.0.0.1://example.com/",
        "http://",
        "http://?a",
        "http://.../",
        "http://a..example.com/",
        "http://example.com:port/",
        "http://example.com:99999/",
    ] {
        refused(url, "programs read differently");
    }
    let port = format!("{}80", "0".repeat(2_000));
    refused(
        &format!("http://example.com:{port}/"),
        "programs read differently",
    );
    refused(
        &format!("http://{}example.com/", "a.".repeat(300)),
        "programs read differently",
    );
    refused(
        &format!("http://{}", "a".repeat(1_000_000)),
        "programs read differently",
    );
}

#[test]
fn credentials_and_other_schemes_are_refused() {
    for url in [
        "http://user@example.com/",
        "http://user:password@example.com/",
        "http://@example.com/",
        "http://example.com\\@10.0.0.1/",
        "http://example.com#@10.0.0.1/",
        "http://example.com?@10.0.0.1/",
        "http://example.com:80@10.0.0.1/",
    ] {
        refused(url, "holds a user name or a password");
    }
    for url in [
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://127.0.0.1:6379/_",
        "s3://bucket/key",
        "httpx://example.com/",
        " http://10.0.0.1/",
        "\thttp://10.0.0.1/",
        "url:http://10.0.0.1/",
        "xdata:a",
        ":",
    ] {
        refused(url, "neither an `http`, an `https` nor a `data` URL");
    }
}

#[test]
fn public_hosts_pass() {
    for url in [
        "data:image/png;base64,iVBORw0K",
        "DATA:,http://10.0.0.1",
        "https://example.com",
        "https://example.com/",
        "HTTPS://EXAMPLE.com/a.png",
        "https://example.com./a.png",
        "https://example.com:8443/a.png?b=c#d",
        "https://example.com?a=%20",
        "https://example.com/a b.png",
        "https://example.com/ä.png",
        "https://example.com/@user/a.png",
        "https://example.com/?next=http://10.0.0.1/",
        "https://example.com/%7Ea/\\b",
        "https://bücher.example/a.png",
        "https://xn--bcher-kva.example/a.png",
        "https://a_b.example.com/",
        "https://localhost.example.com/",
        "https://notlocal.example/",
        "https://mylocalhost.com/",
        "https://example.notlocal/",
        "https://internal.example.com/",
        "https://example.com.evil.com/",
        "http://8.8.8.8/",
        "http://9.255.255.255/",
        "http://11.0.0.0/",
        "http://100.63.255.255/",
        "http://100.128.0.0/",
        "http://126.255.255.255/",
        "http://128.0.0.0/",
        "http://169.253.255.255/",
        "http://172.15.255.255/",
        "http://172.32.0.0/",
        "http://192.0.1.0/",
        "http://192.167.255.255/",
        "http://198.17.255.255/",
        "http://198.20.0.0/",
        "http://223.255.255.255/",
        "http://[2606:4700:4700::1111]/",
        "http://[2A00:1450::1]:443/",
        "http://[2001:4860:4860::8888]/",
        "http://[::ffff:8.8.8.8]/",
        "http://[64:ff9b::8.8.8.8]/",
    ] {
        passes(url);
    }
}

#[test]
fn base64_and_files_are_no_urls() {
    for source in [
        MediaSource::Inline("aHR0cDovLzEwLjAuMC4xLw==".to_owned()),
        MediaSource::FileId("http://10.0.0.1/".to_owned()),
    ] {
        assert_eq!(check(&[], &Media { source, hint: None }), Ok(()));
    }
}

#[test]
fn what_the_operator_allows_passes_and_nothing_beside_it() {
    let allowed = ["minio", "10.0.0.7", "fd00::7", "*.example.internal"];
    for host in [
        "minio:9000",
        "MINIO.",
        "10.0.0.7",
        "[fd00:0:0::7]",
        "a.example.internal",
        "a.b.example.internal.",
    ] {
        assert_eq!(
            checked(&allowed, &format!("http://{host}/a")),
            Ok(()),
            "{host}"
        );
    }
    for host in [
        "minio2",
        "10.0.0.70",
        "10.0.0.8",
        "[fd00::8]",
        "[::ffff:10.0.0.7]",
        "167772167",
        "example.internal",
        "badexample.internal",
        "a.example.internal.evil.internal",
        "minio@10.0.0.7",
    ] {
        assert!(
            checked(&allowed, &format!("http://{host}/a")).is_err(),
            "{host}"
        );
    }
}

#[test]
fn a_refusal_names_the_host_and_how_to_allow_it_and_nothing_else() {
    let error = checked(&[], "http://10.0.0.1:6379/secret?token=x").unwrap_err();
    let message = "The URL of an image, a file or an audio clip names the host `10.0.0.1`, which \
                   is not public. The operator of this server can allow it in \
                   `urls.private_hosts`.";
    assert_eq!(error, RunError::invalid("input", message));
}

// SPDX-License-Identifier: Apache-2.0
//! What the server says when it is ready.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use lukhas_app::{CHAT_MODEL, UpstreamInfo};

/// What the server says when it is ready: where it is, and three requests to paste.
pub(crate) struct Banner<'k> {
    /// Where it listens, with the port that was chosen.
    pub(crate) address: SocketAddr,
    /// The key, if this start has made one. Others are never shown.
    pub(crate) key: Option<&'k str>,
    /// The upstreams.
    pub(crate) upstreams: &'k [UpstreamInfo],
}

/// The URL that this machine reaches `address` by.
pub(crate) fn url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = url(self.address);
        writeln!(f, "lukhas {} is ready", env!("CARGO_PKG_VERSION"))?;
        write!(f, "  url   {url}")?;
        if self.address.ip().is_unspecified() {
            f.write_str("  (and every other address of this machine)")?;
        }
        writeln!(f)?;
        let key = match self.key {
            Some(key) => {
                writeln!(f, "  key   {key}  (made for this start; not shown again)")?;
                key
            }
            None => {
                writeln!(
                    f,
                    "  key   as configured; below, the one in $LUKHAS_API_TOKEN"
                )?;
                "$LUKHAS_API_TOKEN"
            }
        };
        for upstream in self.upstreams {
            writeln!(f, "  via   {upstream}")?;
        }
        let curl = format!("curl -H \"Authorization: Bearer {key}\"");
        let json = "-H \"Content-Type: application/json\"";
        writeln!(f, "\n{curl} {url}/v1/models\n")?;
        writeln!(
            f,
            "{curl} {json} {url}/v1/responses \\\n  -d '{{\"model\":\"{CHAT_MODEL}\",\
             \"input\":\"What is 6 times 7?\"}}'\n"
        )?;
        writeln!(
            f,
            "{curl} {json} -N {url}/v1/chat/completions \\\n  -d '{{\"model\":\"{CHAT_MODEL}\",\
             \"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_stands_in_every_request() {
        let key = ["lk", "live", "made"].join("_");
        let banner = Banner {
            address: ([127, 0, 0, 1], 8080).into(),
            key: Some(&key),
            upstreams: &[],
        };
        insta::assert_snapshot!(banner);
    }

    fn upstream(name: &str, has_key: bool) -> UpstreamInfo {
        UpstreamInfo {
            name: name.to_owned(),
            address: "http://127.0.0.1:9/v1".to_owned(),
            has_key,
        }
    }

    #[test]
    fn a_configured_key_is_named_and_not_shown() {
        for (address, url) in [
            ("0.0.0.0:80", "http://127.0.0.1:80 "),
            ("[::]:80", "http://[::1]:80 "),
            ("192.0.2.1:80", "http://192.0.2.1:80\n"),
        ] {
            let banner = Banner {
                address: address.parse().unwrap(),
                key: None,
                upstreams: &[upstream("open", false), upstream("closed", true)],
            };
            let text = banner.to_string();
            assert!(text.contains(&format!("  url   {url}")), "{text}");
            assert!(
                text.contains("  via   open at http://127.0.0.1:9/v1, without a key\n"),
                "{text}"
            );
            assert!(text.contains("  via   closed at http://127.0.0.1:9/v1\n"));
            assert_eq!(text.matches("Bearer $LUKHAS_API_TOKEN").count(), 3);
        }
    }
}

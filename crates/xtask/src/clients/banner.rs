// SPDX-License-Identifier: Apache-2.0
//! What the server prints when it is ready.

/// What a client needs: where the server is, and a key for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Banner {
    url: Option<String>,
    key: Option<String>,
}

impl Banner {
    /// Of a server whose key is known.
    pub(super) fn with_key(key: &str) -> Self {
        let key = Some(key.to_owned());
        Self { url: None, key }
    }

    /// Takes what `line` says; the first address and the first key count.
    pub(super) fn read(&mut self, line: &str) {
        if self.url.is_none() {
            self.url = url(line);
        }
        if self.key.is_none() {
            self.key = key(line);
        }
    }

    /// Address and key, once both are known.
    pub(super) fn complete(&self) -> Option<(String, String)> {
        Some((self.url.clone()?, self.key.clone()?))
    }
}

fn url(line: &str) -> Option<String> {
    let scheme = "http://127.0.0.1:";
    let rest = &line[line.find(scheme)? + scheme.len()..];
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (!port.is_empty()).then(|| format!("{scheme}{port}"))
}

fn key(line: &str) -> Option<String> {
    let start = &line[line.find("lk_live_")?..];
    let end = start.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
    Some(start[..end.unwrap_or(start.len())].to_owned())
}

#[cfg(test)]
mod tests {
    use super::Banner;

    #[test]
    fn first_address_and_key_count() {
        let mut banner = Banner::default();
        let key = format!("lk_live_{}", "a1-B_".repeat(3));
        banner.read("lukhas 0.1.0");
        banner.read("  url   http://127.0.0.1:49152");
        assert_eq!(banner.complete(), None);
        banner.read(&format!("  key   {key}"));
        banner.read("  curl http://127.0.0.1:1/v1/models -H 'Authorization: Bearer lk_live_other'");
        let expected = ("http://127.0.0.1:49152".to_owned(), key);
        assert_eq!(banner.complete(), Some(expected));
    }

    #[test]
    fn both_may_stand_in_one_line_of_a_shell() {
        let mut banner = Banner::default();
        banner.read("curl \"http://127.0.0.1:80/v1\" -H \"Authorization: Bearer lk_live_x\"");
        let expected = ("http://127.0.0.1:80".to_owned(), "lk_live_x".to_owned());
        assert_eq!(banner.complete(), Some(expected));
    }
}

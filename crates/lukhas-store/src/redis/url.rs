// SPDX-License-Identifier: Apache-2.0
//! Where a Redis is.

use std::fmt;

use lukhas_redact::Secret;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// The port when none is named.
const DEFAULT_PORT: u16 = 6379;

/// Most databases that a server can be set up with.
const MAX_DATABASE: u32 = i32::MAX as u32;

/// Where a Redis is, and who asks it: `redis://[[user]:password@]host[:port][/database]`, or
/// `rediss://` for TLS; `valkey://` and `valkeys://` mean the same.
///
/// Shown, it leaves user and password out.
///
/// ```
/// use lukhas_redact::Secret;
/// use lukhas_store::RedisUrl;
///
/// let text = Secret::new(String::from("rediss://:a%20word@cache.internal/2"));
/// assert_eq!(RedisUrl::parse(&text)?.to_string(), "rediss://cache.internal:6379/2");
/// # Ok::<(), lukhas_store::RedisUrlError>(())
/// ```
pub struct RedisUrl {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_tls: bool,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret<String>>,
    pub(super) database: u32,
}

/// The text is not the URL of a Redis. It is not shown: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RedisUrlError(&'static str);

impl RedisUrl {
    /// Reads `text`.
    ///
    /// # Errors
    /// [`RedisUrlError`] says which part is wrong.
    pub fn parse(text: &Secret<String>) -> Result<Self, RedisUrlError> {
        let wrong = |what| Err(RedisUrlError(what));
        let Ok(url) = Url::parse(text.expose()) else {
            return wrong("it is not a URL, as in `redis://:PASSWORD@HOST:6379/0`");
        };
        let is_tls = match url.scheme() {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return wrong("it begins with neither `redis://` nor `rediss://`, which is TLS"),
        };
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Ipv4(ip)) => ip.to_string(),
            Some(Host::Ipv6(ip)) => ip.to_string(),
            Some(Host::Domain(_)) | None => return wrong("it names no host"),
        };
        if url.query().is_some() || url.fragment().is_some() {
            return wrong("it has a `?` or a `#`; write `%3F` and `%23` in a password");
        }
        let database = match url.path().trim_start_matches('/') {
            "" => Some(0),
            number => number.parse().ok().filter(|it| *it <= MAX_DATABASE),
        };
        let Some(database) = database else {
            return wrong("what follows its host is not the number of a database, as in `/0`");
        };
        let decoded = |part: &str| percent_decode_str(part).decode_utf8().ok().map(Into::into);
        let (user, password) = (Some(url.username()), url.password());
        let (user, password) = (
            user.filter(|user| !user.is_empty()).map(decoded),
            password.map(decoded),
        );
        if user == Some(None) || password == Some(None) {
            return wrong("its user or password is not UTF-8 text");
        }
        if user.is_some() && password.is_none() {
            return wrong("it has a user and no password; write `redis://:PASSWORD@HOST` for one");
        }
        Ok(Self {
            host,
            port: url.port().unwrap_or(DEFAULT_PORT),
            is_tls,
            user: user.flatten(),
            password: password.flatten().map(Secret::new),
            database,
        })
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "rediss" } else { "redis" };
        let (host, port, database) = (&self.host, self.port, self.database);
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}/{database}")
        } else {
            write!(f, "{scheme}://{host}:{port}/{database}")
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RedisUrl, RedisUrlError> {
        RedisUrl::parse(&Secret::new(text.to_owned()))
    }

    /// Asserts what is read of `text`, and that nothing of it is shown that is secret.
    #[track_caller]
    fn check(text: &str, shown: &str, user: Option<&str>, password: Option<&str>) {
        let url = parse(text).unwrap();
        assert_eq!(url.to_string(), shown);
        assert_eq!(format!("{url:?}"), format!("RedisUrl({shown})"));
        assert_eq!(url.user.as_deref(), user);
        let found = url.password.as_ref().map(|it| it.expose().as_str());
        assert_eq!(found, password);
    }

    #[test]
    fn a_url_says_where_and_as_whom() {
        check("redis://cache", "redis://cache:6379/0", None, None);
        check("valkey://cache:1/", "redis://cache:1/0", None, None);
        check("rediss://[::1]:7/15", "rediss://[::1]:7/15", None, None);
        check("valkeys://10.0.0.7", "rediss://10.0.0.7:6379/0", None, None);
        let word = Some("p@ss/w?rd#");
        let encoded = "p%40ss%2Fw%3Frd%23";
        let shown = "redis://cache:6379/3";
        check(&format!("redis://:{encoded}@cache/3"), shown, None, word);
        let both = format!("redis://team:{encoded}@cache/3");
        check(&both, shown, Some("team"), word);
    }

    #[test]
    fn what_is_no_url_of_a_redis_is_refused_and_not_shown() {
        for (text, part) in [
            ("hunter2", "not a URL"),
            ("", "not a URL"),
            ("hunter2:6379", "begins with"),
            ("http://hunter2@cache", "begins with"),
            ("redis:///hunter2", "no host"),
            ("redis:hunter2", "no host"),
            ("redis://cache/hunter2", "database"),
            ("redis://cache/-1", "database"),
            ("redis://cache/4294967296", "database"),
            ("redis://cache/1/hunter2", "database"),
            ("redis://:hunter2@cache?x", "`?`"),
            ("redis://:hunter2@cache#x", "`#`"),
            ("redis://hunter2@cache", "no password"),
            ("redis://:hunter2%ff@cache", "UTF-8"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}

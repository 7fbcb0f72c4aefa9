// SPDX-License-Identifier: Apache-2.0
//! The variables that alone switch an upstream on, as the official clients name them.

use lukhas_providers::{Dialect, UpstreamConfig as Setup};

use super::Builder;
use super::own::{ASKS_ITSELF, host_of, is_own_address};
use crate::config::{Problem, UpstreamConfig};
use crate::reference::{UPSTREAM_KEY, variable};
use crate::{Origin, UpstreamInfo};

/// How keys of this server begin.
const OWN_KEY: &str = "lk_";

/// A pair of variables.
struct Short {
    name: &'static str,
    key: &'static str,
    url: &'static str,
    default_url: &'static str,
    dialect: Dialect,
    /// How the names of its models begin, where another upstream is switched on, too.
    prefix: &'static str,
}

const SHORT: [Short; 2] = [
    Short {
        name: "openai",
        key: "OPENAI_API_KEY",
        url: "OPENAI_BASE_URL",
        default_url: "https://api.openai.com/v1",
        dialect: Dialect::Chat,
        prefix: "",
    },
    Short {
        name: "anthropic",
        key: "ANTHROPIC_API_KEY",
        url: "ANTHROPIC_BASE_URL",
        default_url: "https://api.anthropic.com",
        dialect: Dialect::Messages,
        prefix: "claude",
    },
];

impl Builder<'_> {
    /// Adds the upstreams that the short variables switch on, a key or an address alone, too; how the names begin that each answers
    /// for, and its own. One alone answers for every name. A configured upstream of the same name
    /// takes its place.
    pub(super) fn short(&mut self) -> Vec<(&'static str, &'static str)> {
        let mut others = Vec::new();
        for short in SHORT {
            let is_set = |name| self.environment.get(name).is_some_and(|v| !v.is_empty());
            let is_on = is_set(short.key) || is_set(short.url);
            if self.config.upstreams.contains_key(short.name) || !is_on {
                continue;
            }
            match self.switched_on(&short) {
                Ok(info) => {
                    self.infos.push(info);
                    others.push((short.prefix, short.name));
                }
                Err(problem) => self.problems.push(problem),
            }
        }
        if let [(prefix, _)] = others.as_mut_slice() {
            *prefix = "";
        }
        others
    }

    fn switched_on(&mut self, short: &Short) -> Result<UpstreamInfo, Problem> {
        let blame =
            |variable: &str, message: String| Problem::new(Origin::Env(variable.into()), message);
        let key = self.environment.get(short.key).filter(|v| !v.is_empty());
        let key = key.map(|_| variable(short.key, UPSTREAM_KEY, self.environment));
        let key = key
            .transpose()
            .map_err(|(message, help)| blame(short.key, message).with_help(help))?;
        let url = self
            .environment
            .get(short.url)
            .filter(|url| !url.is_empty());
        let url = url.map_or(Some(short.default_url), |url| url.to_str());
        let url = url.ok_or_else(|| blame(short.url, "the value is not UTF-8 text".to_owned()))?;
        if key.is_none() && short.is_official(url) {
            let message = format!("that server needs a key, and {} is not set", short.key);
            let help = format!(
                "set {}, or unset {} to start without that upstream",
                short.key, short.url
            );
            return Err(blame(short.url, message).with_help(help));
        }
        let is_own = key
            .as_ref()
            .is_some_and(|key| key.expose().starts_with(OWN_KEY));
        if is_own && url == short.default_url {
            let message = "it holds a key of this server, which no other server knows".to_owned();
            let help = format!(
                "unset {} to start without that upstream, or set {} to the server of the key",
                short.key, short.url
            );
            return Err(blame(short.key, message).with_help(help));
        }
        if is_own_address(&self.config.server.listen, url) {
            let help = format!("unset {} and {}", short.key, short.url);
            return Err(blame(short.url, ASKS_ITSELF.to_owned()).with_help(help));
        }
        let timeouts = self.timeouts("timeouts", &UpstreamConfig::default());
        let info = UpstreamInfo {
            name: short.name.to_owned(),
            address: url.to_owned(),
            has_key: key.is_some(),
        };
        let setup = Setup {
            key,
            timeouts: timeouts.unwrap_or_default(),
            ..Setup::new(short.name, short.dialect, versioned(short, url))
        };
        self.connect(setup).map_err(|error| {
            let variable = if error.field == "key" {
                short.key
            } else {
                short.url
            };
            blame(variable, format!("the value {error}"))
        })?;
        Ok(info)
    }
}

impl Short {
    /// Whether `url` leads to the API's own host, or to one of a region, which know nobody without
    /// a key.
    fn is_official(&self, url: &str) -> bool {
        let host = host_of(url).to_ascii_lowercase();
        let region = host.strip_suffix(host_of(self.default_url));
        region.is_some_and(|region| region.is_empty() || region.ends_with('.'))
    }
}

/// Where the API begins. Anthropic's clients name the host alone, and add the version themselves.
fn versioned(short: &Short, url: &str) -> String {
    let url = url.trim_end_matches('/');
    match short.dialect {
        Dialect::Messages if !url.ends_with("/v1") => format!("{url}/v1"),
        Dialect::Messages | Dialect::Chat | Dialect::Responses => url.to_owned(),
    }
}

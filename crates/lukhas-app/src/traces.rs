// SPDX-License-Identifier: Apache-2.0
//! Where spans are sent, as the variables of OpenTelemetry say (OpenTelemetry, OTLP exporter and
//! general SDK configuration).

use std::collections::BTreeMap;
use std::time::Duration;

use lukhas_observability::{Sampler, TracesConfig, UnknownSampler};
use lukhas_redact::Secret;
use percent_encoding::percent_decode_str;

use crate::config::{Environment, Origin, Problem, Problems, closest, excerpt};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const PROTOCOLS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
];
const HEADERS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_HEADERS",
];
const TIMEOUTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
];
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
const DISABLED: &str = "OTEL_SDK_DISABLED";
const CONTENT: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";

/// Where spans go, if a variable says so.
///
/// # Errors
/// [`Problems`] with everything that is wrong, each with its variable.
pub(crate) fn read(environment: &Environment) -> Result<Option<TracesConfig>, Problems> {
    let mut reader = Reader {
        environment,
        problems: Vec::new(),
    };
    let config = reader.config();
    Problems::none_of(reader.problems)?;
    Ok(config)
}

struct Reader<'e> {
    environment: &'e Environment,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn config(&mut self) -> Option<TracesConfig> {
        let is_off = self.is("true", DISABLED) || self.is("none", EXPORTER);
        let endpoint = self.endpoint().filter(|_| !is_off)?;
        self.exporter();
        self.protocol();
        Some(TracesConfig {
            endpoint,
            headers: self.headers(),
            timeout: self.timeout(),
            sampler: self.sampler(),
            resource: self.resource(),
            content: self.content(),
        })
    }

    /// The value of `name`; one that is empty counts as none.
    fn get(&mut self, name: &'static str) -> Option<String> {
        let value = self.environment.get(name)?;
        match value.to_str() {
            Some(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            None => {
                self.problem(name, "the value is not UTF-8 text", "write text");
                None
            }
        }
    }

    /// The first of `names` that has a value.
    fn first(&mut self, names: [&'static str; 2]) -> Option<(&'static str, String)> {
        names
            .into_iter()
            .find_map(|name| Some((name, self.get(name)?)))
    }

    fn is(&mut self, value: &str, name: &'static str) -> bool {
        let seen = self.get(name);
        seen.is_some_and(|seen| seen.eq_ignore_ascii_case(value))
    }

    /// The URL to post to: that of traces as it is, or the path for traces below that of all signals.
    fn endpoint(&mut self) -> Option<String> {
        if let Some(url) = self.get(TRACES_ENDPOINT) {
            return Some(self.checked(TRACES_ENDPOINT, url));
        }
        let url = self.get(ENDPOINT)?;
        let url = self.checked(ENDPOINT, url);
        Some(format!("{}/v1/traces", url.trim_end_matches('/')))
    }

    fn checked(&mut self, name: &'static str, url: String) -> String {
        let parsed = url.parse::<http::Uri>().ok();
        let right = parsed.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri.query().is_none()
                && !uri.authority().is_some_and(|it| it.as_str().contains('@'))
        });
        if !right {
            let help = "write `http://127.0.0.1:4318`; keys go into OTEL_EXPORTER_OTLP_HEADERS";
            self.problem(
                name,
                "the value is not an http or https URL of a receiver",
                help,
            );
        }
        url
    }

    /// Whether spans show what was said.
    fn content(&mut self) -> bool {
        let Some(wanted) = self.get(CONTENT) else {
            return false;
        };
        match wanted.to_ascii_lowercase().as_str() {
            "true" | "span_only" => return true,
            "false" | "no_content" => {}
            "event_only" | "span_and_event" => {
                let message = format!("`{}`: events are not built in", excerpt(&wanted));
                self.problem(CONTENT, &message, "write `SPAN_ONLY`, or `NO_CONTENT`");
            }
            _ => {
                let message = format!("`{}` is no choice", excerpt(&wanted));
                self.problem(CONTENT, &message, "write `SPAN_ONLY`, or `NO_CONTENT`");
            }
        }
        false
    }

    fn exporter(&mut self) {
        if let Some(name) = self.get(EXPORTER).filter(|name| name != "otlp") {
            let message = format!("`{}` is not built in", excerpt(&name));
            self.problem(EXPORTER, &message, "write `otlp` or `none`");
        }
    }

    fn protocol(&mut self) {
        if let Some((name, protocol)) = self.first(PROTOCOLS)
            && protocol != "http/protobuf"
        {
            let message = format!("`{}` is not built in", excerpt(&protocol));
            let help =
                "write `http/protobuf`, and the receiver's port for it, which is 4318 by default";
            self.problem(name, &message, help);
        }
    }

    fn headers(&mut self) -> Vec<(String, Secret<String>)> {
        let Some((name, text)) = self.first(HEADERS) else {
            return Vec::new();
        };
        let mut headers = Vec::new();
        for (key, value) in self.pairs(name, &text) {
            let is_name = http::HeaderName::try_from(&key).is_ok();
            if is_name && http::HeaderValue::try_from(&value).is_ok() {
                headers.push((key, Secret::new(value)));
            } else {
                // Whatever it is, it may be a secret.
                self.problem(name, "one of the pairs is no header", "write `name=value`");
            }
        }
        headers
    }

    /// `a=1,b=2`, the values percent-encoded.
    fn pairs(&mut self, name: &'static str, text: &str) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for pair in text
            .split(',')
            .map(str::trim)
            .filter(|pair| !pair.is_empty())
        {
            let split = pair.split_once('=');
            let decoded = split.and_then(|(key, value)| {
                let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
                Some((key.trim().to_owned(), value.into_owned()))
            });
            match decoded.filter(|(key, _)| !key.is_empty()) {
                Some(pair) => pairs.push(pair),
                None => {
                    let help = "write `name=value` pairs with commas between them";
                    self.problem(name, "one of the pairs is none", help);
                }
            }
        }
        pairs
    }

    fn timeout(&mut self) -> Duration {
        let default = Duration::from_secs(10);
        let Some((name, text)) = self.first(TIMEOUTS) else {
            return default;
        };
        match text.parse::<u64>() {
            Ok(ms @ 1..=600_000) => Duration::from_millis(ms),
            Ok(_) | Err(_) => {
                let message = format!("`{}` is no time", excerpt(&text));
                self.problem(name, &message, "write milliseconds, 1 to 600000");
                default
            }
        }
    }

    fn sampler(&mut self) -> Sampler {
        let Some(name) = self.get(SAMPLER) else {
            return Sampler::default();
        };
        let argument = self.get(SAMPLER_ARGUMENT);
        match Sampler::new(&name, argument.as_deref()) {
            Ok(sampler) => return sampler,
            Err(UnknownSampler::Name) => {
                let help = match closest(&name, Sampler::NAMES) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => format!("there are {}", Sampler::NAMES.join(", ")),
                };
                let message = format!("there is no sampler `{}`", excerpt(&name));
                self.problem(SAMPLER, &message, &help);
            }
            Err(UnknownSampler::Ratio) => {
                let message = format!("`{}` is no share", excerpt(&argument.unwrap_or_default()));
                self.problem(SAMPLER_ARGUMENT, &message, "write a number from 0 to 1");
            }
        }
        Sampler::default()
    }

    fn resource(&mut self) -> BTreeMap<String, String> {
        let own = [
            ("service.name", "lukhas"),
            ("service.version", env!("CARGO_PKG_VERSION")),
        ];
        let own = own.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let mut resource = BTreeMap::from(own);
        if let Some(text) = self.get(RESOURCE) {
            resource.extend(self.pairs(RESOURCE, &text));
        }
        if let Some(name) = self.get(SERVICE_NAME) {
            resource.insert("service.name".to_owned(), name);
        }
        resource
    }

    fn problem(&mut self, name: &'static str, message: &str, help: &str) {
        let problem = Problem::new(Origin::Env(name.into()), message);
        self.problems.push(problem.with_help(help));
    }
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: Apache-2.0
//! What is wished of a key, as flags say it.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use lukhas_auth::{Label, NewKey, Rights, UtcTime};
use lukhas_core::{Glob, Scope};

use crate::config::{Origin, Problem, Problems, closest};

/// What a key may do when nobody says: what an application needs of the API.
const USUAL: [Scope; 3] = [Scope::Responses, Scope::Embeddings, Scope::Models];

/// Longest text that is shown again: shorter than any key.
const SHOWN: usize = 24;

/// Flags of `lukhas keys create`, as they are written.
#[derive(Clone, Debug, Default)]
pub struct KeyWish {
    /// `--name`.
    pub name: String,
    /// `--tenant`.
    pub tenant: Option<String>,
    /// `--project`.
    pub project: Option<String>,
    /// `--scope`, each.
    pub scopes: Vec<String>,
    /// `--model`, each.
    pub models: Vec<String>,
    /// `--index`, each.
    pub indexes: Vec<String>,
    /// `--expires`.
    pub expires: Option<String>,
}

impl KeyWish {
    /// The key that is wished at `now`.
    ///
    /// # Errors
    /// [`Problems`] with everything that is wrong, each at its flag.
    pub(super) fn read(&self, now: UtcTime) -> Result<NewKey, Problems> {
        let mut reader = Reader::default();
        let name = reader.part("--name", &self.name);
        let tenant = reader.optional("--tenant", self.tenant.as_deref());
        let project = reader.optional("--project", self.project.as_deref());
        let mut scopes: Vec<Scope> = Vec::new();
        for text in &self.scopes {
            match scope(text) {
                Ok(scope) if scopes.contains(&scope) => {}
                Ok(scope) => scopes.push(scope),
                Err(problem) => reader.0.push(problem),
            }
        }
        let models = reader.globs("--model", &self.models);
        let indexes = reader.globs("--index", &self.indexes);
        let expires_at = reader.expires(self.expires.as_deref(), now);
        let Some(name) = name.filter(|_| reader.0.is_empty()) else {
            return Err(Problems::from_failure(reader.0.into_iter()));
        };
        let scopes = if scopes.is_empty() {
            &USUAL[..]
        } else {
            &scopes
        };
        Ok(NewKey {
            name,
            rights: Rights {
                tenant,
                project,
                scopes: scopes.into(),
                models,
                indexes,
            },
            expires_at,
        })
    }
}

/// The end that `--expires` names, from `now` on.
pub(super) fn expires(text: Option<&str>, now: UtcTime) -> Result<Option<UtcTime>, Problems> {
    let mut reader = Reader::default();
    let expires_at = reader.expires(text, now);
    Problems::none_of(reader.0)?;
    Ok(expires_at)
}

/// The time that `--grace` names; none when absent.
pub(super) fn grace(text: Option<&str>) -> Result<Duration, Problem> {
    let Some(text) = text else {
        return Ok(Duration::ZERO);
    };
    duration(text).ok_or_else(|| {
        let problem = Problem::new(Origin::Flag("--grace"), "it is not a length of time");
        problem.with_help("write it as in `24h`: a whole number and `s`, `m`, `h`, `d` or `w`")
    })
}

#[derive(Default)]
struct Reader(Vec<Problem>);

impl Reader {
    /// The value of a flag; its text is not shown again, for it may be a key.
    fn part<T: FromStr<Err: ToString>>(&mut self, flag: &'static str, text: &str) -> Option<T> {
        let read = text.parse();
        read.map_err(|error: T::Err| {
            self.0
                .push(Problem::new(Origin::Flag(flag), error.to_string()));
        })
        .ok()
    }

    fn globs(&mut self, flag: &'static str, texts: &[String]) -> Arc<[Glob]> {
        let read = texts.iter().map(|text| self.part(flag, text));
        read.flatten().collect()
    }

    fn optional(&mut self, flag: &'static str, text: Option<&str>) -> Label {
        let label = text.and_then(|text| self.part(flag, text));
        label.unwrap_or_default()
    }

    fn expires(&mut self, text: Option<&str>, now: UtcTime) -> Option<UtcTime> {
        let text = text?;
        let problem = match text.parse() {
            Ok(at) if at > now => return Some(at),
            Ok(_) => ("it is not in the future", "give a later time"),
            Err(_) => match duration(text).and_then(|duration| now.after(duration)) {
                Some(at) if at > now => return Some(at),
                Some(_) => ("it is not in the future", "give a longer time"),
                None => (
                    "it is neither a length of time nor a time",
                    "write it as in `90d` (`s`, `m`, `h`, `d`, `w`) or `2027-01-31T08:00:00Z`",
                ),
            },
        };
        let (message, help) = problem;
        let problem = Problem::new(Origin::Flag("--expires"), message);
        self.0.push(problem.with_help(help));
        None
    }
}

fn scope(text: &str) -> Result<Scope, Problem> {
    if let Some(scope) = Scope::from_name(text) {
        return Ok(scope);
    }
    let names = || Scope::ALL.into_iter().map(Scope::as_str);
    let message = match text.len() <= SHOWN && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => format!("there is no scope `{text}`"),
        false => "there is no such scope".to_owned(),
    };
    let help = match closest(text, names()) {
        _ if text.starts_with("models:") && text != "models:write" => {
            "name models with `--model PATTERN`; `models:read` lets them be listed".to_owned()
        }
        _ if text.starts_with("indexes:") => "name indexes with `--index PATTERN`".to_owned(),
        Some(best) => format!("did you mean `{best}`?"),
        None => format!("scopes are {}", list(names())),
    };
    Err(Problem::new(Origin::Flag("--scope"), message).with_help(help))
}

fn list(names: impl Iterator<Item = &'static str>) -> String {
    let quoted: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// A whole number of seconds, minutes, hours, days or weeks.
fn duration(text: &str) -> Option<Duration> {
    let (at, unit) = text.char_indices().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let digits = &text[..at];
    let number: u64 = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())??;
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> UtcTime {
        UtcTime::from_unix(1_000).unwrap()
    }

    #[test]
    fn lengths_of_time_have_a_unit() {
        for (text, seconds) in [
            ("90d", Some(7_776_000)),
            ("24h", Some(86_400)),
            ("0s", Some(0)),
            ("1w", Some(604_800)),
            ("30m", Some(1_800)),
            ("", None),
            ("d", None),
            ("90", None),
            ("-1d", None),
            ("+1d", None),
            ("1.5h", None),
            ("1é", None),
            ("99999999999999999999s", None),
            ("18446744073709551615w", None),
        ] {
            assert_eq!(duration(text), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn what_is_not_said_is_what_applications_need() {
        let wish = KeyWish {
            name: "billing".to_owned(),
            ..KeyWish::default()
        };
        let key = wish.read(now()).unwrap();
        assert_eq!(key.rights.tenant.as_str(), "default");
        assert_eq!(key.rights.project.as_str(), "default");
        assert_eq!(*key.rights.scopes, USUAL);
        assert!(key.rights.models.is_empty() && key.rights.indexes.is_empty());
        assert_eq!(key.expires_at, None);
    }

    #[test]
    fn everything_wrong_is_told_at_once_and_no_key_is_repeated() {
        let key = ["lk", "live", &"x".repeat(45)].join("_");
        let wish = KeyWish {
            name: key.clone(),
            tenant: Some("a b".to_owned()),
            project: Some(String::new()),
            scopes: [
                "responses:wite",
                "models:gpt-*",
                "indexes:docs",
                "everything",
                &key,
            ]
            .map(str::to_owned)
            .to_vec(),
            models: vec![String::new(), "a b".to_owned()],
            indexes: vec!["a b".to_owned()],
            expires: Some(key.clone()),
        };
        let problems = wish.read(now()).unwrap_err().to_string();
        assert!(!problems.contains(&key));
        insta::assert_snapshot!(problems);
    }

    #[test]
    fn an_end_is_a_length_of_time_or_a_time_and_in_the_future() {
        let read = |text| {
            let end = expires(Some(text), now()).map_err(|problems| problems.to_string());
            end.map(|at| at.map(UtcTime::as_unix))
        };
        assert_eq!(read("10s"), Ok(Some(1_010)));
        assert_eq!(read("1970-01-01T00:16:41Z"), Ok(Some(1_001)));
        let past = "--expires: it is not in the future\n  help: give a later time".to_owned();
        assert_eq!(read("1970-01-01T00:16:40Z"), Err(past));
        let none = "--expires: it is not in the future\n  help: give a longer time".to_owned();
        assert_eq!(read("0d"), Err(none));
        assert!(read("999999999w").unwrap_err().contains("neither"));
        assert_eq!(expires(None, now()).unwrap(), None);
    }
}

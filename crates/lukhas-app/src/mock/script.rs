// SPDX-License-Identifier: Apache-2.0
//! The file that a mock answers by.

use std::num::NonZeroU32;

use figment::Figment;
use lukhas_core::Usage;
use lukhas_mock::{FAULTS, FaultError, Injection, Reply, Rule, ToolCall};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::AppError;
use crate::config::{Bounded, Layer, Node, Problem, Shape, check, closest};

/// A number of tokens.
type Tokens = Bounded<0, 1_000_000_000>;

/// A script.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct ScriptConfig {
    /// The first that matches a request decides its answer.
    rules: Vec<RuleConfig>,
}

/// What is answered to which request.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RuleConfig {
    /// Which requests; all when absent.
    #[serde(rename = "match")]
    matches: MatchConfig,
    /// The answer; the offline engine's when absent.
    reply: Option<ReplyConfig>,
    /// What the answer says was used; counted when absent.
    usage: Option<UsageConfig>,
    /// What goes wrong.
    faults: Vec<String>,
    /// How many requests it answers; all when absent.
    times: Option<Bounded<1, 4_294_967_295>>,
}

/// Which requests a rule is for.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct MatchConfig {
    /// The model that the request names.
    model: Option<String>,
    /// A text that the newest message or tool output contains.
    contains: Option<String>,
}

/// An answer: one of these.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct ReplyConfig {
    /// A text.
    text: Option<String>,
    /// Calls of functions.
    tool_calls: Option<Vec<ToolCallConfig>>,
    /// An error.
    status: Option<Bounded<400, 599>>,
}

/// A call of a function.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct ToolCallConfig {
    /// The function's name.
    name: String,
    /// Its arguments, as they are sent; `{}` when absent.
    arguments: Option<String>,
}

/// What an answer says was used.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct UsageConfig {
    /// Tokens of the input, cached ones included.
    input_tokens: Tokens,
    /// Of those, read from a cache.
    cached_tokens: Tokens,
    /// Tokens generated.
    output_tokens: Tokens,
}

impl Default for UsageConfig {
    fn default() -> Self {
        Self {
            input_tokens: Tokens::of::<0>(),
            cached_tokens: Tokens::of::<0>(),
            output_tokens: Tokens::of::<0>(),
        }
    }
}

/// The rules of a script, or everything that is wrong with it; an error is a defect.
pub(super) fn rules(script: &Node) -> Result<Result<Vec<Rule>, Vec<Problem>>, AppError> {
    let shape = Shape::of::<ScriptConfig>()?;
    let problems = check(script, &shape, &shape);
    if !problems.is_empty() {
        return Ok(Err(problems));
    }
    let layer = Layer::new("script", script.clone());
    let config: ScriptConfig = match Figment::from(&layer).extract() {
        Ok(config) => config,
        Err(error) => {
            let problem = Problem::new(script.origin.clone(), error.kind.to_string());
            return Ok(Err(vec![problem]));
        }
    };
    let mut reader = Reader {
        script,
        problems: Vec::new(),
    };
    let rules = reader.rules(config);
    Ok(if reader.problems.is_empty() {
        Ok(rules)
    } else {
        Err(reader.problems)
    })
}

/// Gives a script its meaning, and finds what has none.
struct Reader<'s> {
    script: &'s Node,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn rules(&mut self, config: ScriptConfig) -> Vec<Rule> {
        let mut rules = Vec::with_capacity(config.rules.len());
        let mut all = None;
        for (index, rule) in config.rules.into_iter().enumerate() {
            let at = format!("rules.{index}");
            if let Some(before) = all {
                let message = format!("it is never used: `rules.{before}` takes every request");
                self.problem(&at, message, "put it first, or give that one a `match`");
            }
            let rule = self.rule(&at, rule);
            let open = rule.model.is_none() && rule.contains.is_none() && rule.times.is_none();
            all = all.or_else(|| open.then_some(index));
            rules.push(rule);
        }
        rules
    }

    fn rule(&mut self, at: &str, config: RuleConfig) -> Rule {
        let reply = config.reply.and_then(|reply| self.reply(at, reply));
        let faults = config.faults.iter().enumerate();
        let faults = faults
            .filter_map(|(index, fault)| self.fault(&format!("{at}.faults.{index}"), fault))
            .collect();
        let times = config.times.and_then(|times| {
            let times = u32::try_from(times.get()).ok();
            times.and_then(NonZeroU32::new)
        });
        Rule {
            model: config.matches.model,
            contains: config.matches.contains,
            reply,
            usage: config.usage.map(|usage| self.usage(at, &usage)),
            faults,
            times,
        }
    }

    fn reply(&mut self, rule: &str, config: ReplyConfig) -> Option<Reply> {
        let at = format!("{rule}.reply");
        let calls = config.tool_calls.map(|calls| self.calls(&at, calls));
        let status = config
            .status
            .and_then(|status| u16::try_from(status.get()).ok());
        let replies = [
            config.text.map(Reply::Text),
            calls.map(Reply::ToolCalls),
            status.map(Reply::Status),
        ];
        let mut replies: Vec<_> = replies.into_iter().flatten().collect();
        if replies.len() != 1 {
            let message = format!("expected one answer, found {}", replies.len());
            self.problem(
                &at,
                message,
                "write one of `text`, `tool_calls` and `status`",
            );
        }
        replies.pop()
    }

    fn calls(&mut self, reply: &str, calls: Vec<ToolCallConfig>) -> Vec<ToolCall> {
        let at = format!("{reply}.tool_calls");
        if calls.is_empty() {
            self.problem(
                &at,
                "there is no call".to_owned(),
                "write `- name: get_weather`",
            );
        }
        let call = |(index, call): (usize, ToolCallConfig)| {
            if call.name.is_empty() {
                let at = format!("{at}.{index}");
                self.problem(
                    &at,
                    "the call has no name".to_owned(),
                    "write `name: get_weather`",
                );
            }
            ToolCall {
                name: call.name,
                arguments: call.arguments.unwrap_or_else(|| "{}".to_owned()),
            }
        };
        calls.into_iter().enumerate().map(call).collect()
    }

    fn usage(&mut self, rule: &str, config: &UsageConfig) -> Usage {
        let usage = Usage {
            input_tokens: config.input_tokens.get(),
            cached_tokens: config.cached_tokens.get(),
            output_tokens: config.output_tokens.get(),
            ..Usage::default()
        };
        if usage.cached_tokens > usage.input_tokens {
            let at = format!("{rule}.usage.cached_tokens");
            let message = format!("`{}` is more than `input_tokens`", usage.cached_tokens);
            self.problem(&at, message, "cached tokens are part of the input");
        }
        usage
    }

    fn fault(&mut self, at: &str, text: &str) -> Option<Injection> {
        match text.parse() {
            Ok(injection) => return Some(injection),
            Err(FaultError::Unknown(name)) => {
                let names = || FAULTS.iter().map(|info| info.name);
                let bare = name.split(['@', '=']).next().unwrap_or_default();
                let help = match closest(bare, names()) {
                    Some(best) => format!("did you mean `{best}`?"),
                    None => format!("there are `{}`", names().collect::<Vec<_>>().join("`, `")),
                };
                self.problem(at, format!("there is no fault `{name}`"), &help);
            }
            Err(FaultError::Argument { written, example }) => {
                let help = format!("write it as `{example}`");
                self.problem(at, format!("`{written}` is only half a fault"), &help);
            }
        }
        None
    }

    fn problem(&mut self, key: &str, message: String, help: &str) {
        let path: Vec<&str> = key.split('.').collect();
        let node = self.script.get(&path).unwrap_or(self.script);
        let problem = Problem::new(node.origin.clone(), message).with_key(key);
        self.problems.push(problem.with_help(help));
    }
}

// SPDX-License-Identifier: Apache-2.0
//! What an upstream is not to know: personal data and secrets are replaced in what it is asked, and put
//! back in what it answers.

mod restored;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use lukhas_core::{
    BoxFuture, EmbedInput, EmbedRequest, Embedded, Embedder, FunctionCall, FunctionOutput, Item,
    Message, ModelInfo, OutputFormat, OutputStream, Part, Provider, RunCx, RunError, RunRequest,
};
use lukhas_redact::{Escape, JsonRules, Kind, Rules, Vault};
use serde_json::Value;

use self::restored::Restored;

/// Members of an item that only its provider reads, and that are of use to it only as they are.
const OWN_MEMBERS: [&str; 5] = ["encrypted_content", "id", "call_id", "signature", "type"];

/// Is told what was masked.
pub type MaskedSink = Arc<dyn Fn(Kind) + Send + Sync>;

/// A provider that is asked without personal data and secrets.
///
/// Placeholders with numbers stand for them, the same for the same value in one request: in
/// instructions, messages, what functions are called with and give back, descriptions of functions, and
/// texts that stop an answer. What they stand for is put back in texts and arguments of the answer, also
/// where a placeholder comes in pieces. Whoever asks sees none of it.
///
/// Images, audio, files and URLs are passed on as they are, as are names of functions and schemas. A
/// request is never passed on as it came ([`RunRequest::original`]): nobody has looked into all of it.
///
/// ```
/// use lukhas_core::Provider;
/// use lukhas_providers::Masked;
/// use lukhas_redact::{Profile, Rules, RulesConfig};
///
/// fn masked<P: Provider>(upstream: P) -> Result<impl Provider, lukhas_redact::RulesError> {
///     let rules = Rules::new(&RulesConfig::new(Profile::Upstream))?;
///     Ok(Masked::new(upstream, rules))
/// }
/// ```
pub struct Masked<P> {
    inner: P,
    rules: Rules,
    json: JsonRules,
    sink: Option<MaskedSink>,
}

/// What is replaced in one request.
struct Masking<'m> {
    rules: &'m Rules,
    json: &'m JsonRules,
    sink: Option<&'m MaskedSink>,
    vault: Vault,
    /// Whether anything was replaced that an answer could name.
    is_used: bool,
}

impl<P> Masked<P> {
    /// Asks `inner` without what `rules` find.
    #[must_use]
    pub fn new(inner: P, rules: Rules) -> Self {
        Self {
            inner,
            json: JsonRules::new(rules.clone()),
            rules,
            sink: None,
        }
    }

    /// Tells `sink` of each value.
    #[must_use]
    pub fn with_sink(mut self, sink: MaskedSink) -> Self {
        self.sink = Some(sink);
        self
    }

    fn masking(&self) -> Masking<'_> {
        Masking {
            rules: &self.rules,
            json: &self.json,
            sink: self.sink.as_ref(),
            vault: Vault::new(),
            is_used: false,
        }
    }
}

impl<P: Provider> Provider for Masked<P> {
    fn models(&self) -> &[ModelInfo] {
        self.inner.models()
    }

    fn run(&self, cx: &RunCx, request: RunRequest) -> OutputStream {
        let escape = match request.format {
            OutputFormat::Text => Escape::None,
            OutputFormat::JsonObject | OutputFormat::JsonSchema { .. } => Escape::Json,
        };
        let mut masking = self.masking();
        let output = self.inner.run(cx, masking.request(request));
        if !masking.is_used {
            return output;
        }
        Box::pin(Restored::new(output, masking.vault, escape))
    }

    fn count_input<'a>(&'a self, request: &'a RunRequest) -> BoxFuture<'a, Result<u64, RunError>> {
        Box::pin(async move {
            let mut masking = Masking {
                sink: None,
                ..self.masking()
            };
            let masked = masking.request(request.clone());
            self.inner.count_input(&masked).await
        })
    }
}

impl<E: Embedder> Embedder for Masked<E> {
    fn models(&self) -> &[ModelInfo] {
        self.inner.models()
    }

    fn embed<'a>(
        &'a self,
        cx: &'a RunCx,
        mut request: EmbedRequest,
    ) -> BoxFuture<'a, Result<Embedded, RunError>> {
        let mut masking = self.masking();
        if let EmbedInput::Texts(texts) = &mut request.input {
            for text in texts {
                masking.for_good(text);
            }
            if let Some(name) = &mut request.end_user {
                masking.for_good(name);
            }
            return self.inner.embed(cx, request);
        }
        let message = "This model is asked without personal data, which nobody sees in tokens: \
                       `input` must be text.";
        let error = RunError::unsupported("input", message);
        Box::pin(async move { Err(error) })
    }
}

impl Masking<'_> {
    fn request(&mut self, mut request: RunRequest) -> RunRequest {
        request.original = None;
        if let Some(instructions) = &mut request.instructions {
            self.text(instructions);
        }
        for item in &mut request.items {
            self.item(item);
        }
        for tool in &mut request.tools {
            if tool.description.is_some() {
                let tool = Arc::make_mut(tool);
                if let Some(description) = &mut tool.description {
                    self.text(description);
                }
            }
        }
        for stop in &mut request.sampling.stop {
            self.text(stop);
        }
        let hints = &mut request.hints;
        for hint in [&mut hints.end_user, &mut hints.cache_key]
            .into_iter()
            .flatten()
        {
            self.for_good(hint);
        }
        request
    }

    fn item(&mut self, item: &mut Item) {
        match item {
            Item::Message(Message { name, parts, .. }) => {
                if let Some(name) = name {
                    self.for_good(name);
                }
                self.parts(parts);
            }
            Item::FunctionCall(FunctionCall { arguments, .. }) => self.json_text(arguments),
            Item::FunctionOutput(FunctionOutput { parts, .. }) => {
                for part in parts {
                    if let Part::Text(text) = part {
                        self.json_text(text);
                    }
                }
            }
            Item::Opaque(Value::Object(members)) => {
                let other = |name: &str| !OWN_MEMBERS.contains(&name);
                for (_, value) in members.iter_mut().filter(|(name, _)| other(name)) {
                    self.value(value);
                }
            }
            Item::Opaque(_) => {}
        }
    }

    fn parts(&mut self, parts: &mut [Part]) {
        for part in parts {
            match part {
                Part::Text(text) | Part::Refusal(text) => self.text(text),
                Part::Image(_) | Part::File(_) | Part::Audio(_) => {}
            }
        }
    }

    fn text(&mut self, text: &mut String) {
        let masked = self.rules.redact_into(&self.vault, text);
        if !masked.findings.is_empty() {
            self.found(masked.findings.iter().map(|finding| finding.rule.kind));
            *text = masked.text;
        }
    }

    /// What nobody answers with: nothing of it is put back, and it is the same in every request.
    fn for_good(&mut self, text: &mut String) {
        let masked = self.rules.redact(text);
        if !masked.findings.is_empty() {
            let kinds = masked.findings.iter().map(|finding| finding.rule.kind);
            self.tell(kinds);
            *text = masked.text;
        }
    }

    /// A text that is JSON, or may be. One without a value stays as it is written.
    fn json_text(&mut self, text: &mut String) {
        match serde_json::from_str(text) {
            Ok(mut value @ (Value::Array(_) | Value::Object(_))) => {
                if self.value(&mut value) {
                    *text = value.to_string();
                }
            }
            Ok(_) | Err(_) => self.text(text),
        }
    }

    /// Whether there is a value in it.
    fn value(&mut self, value: &mut Value) -> bool {
        let findings = self.json.redact_into(&self.vault, value);
        self.found(findings.iter().map(|found| found.finding.rule.kind));
        !findings.is_empty()
    }

    fn found(&mut self, kinds: impl Iterator<Item = Kind>) {
        self.is_used |= self.tell(kinds);
    }

    /// Whether there are any.
    fn tell(&self, kinds: impl Iterator<Item = Kind>) -> bool {
        let mut any = false;
        for kind in kinds {
            any = true;
            if let Some(sink) = self.sink {
                sink(kind);
            }
        }
        any
    }
}

impl<P> fmt::Debug for Masked<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masked").finish_non_exhaustive()
    }
}

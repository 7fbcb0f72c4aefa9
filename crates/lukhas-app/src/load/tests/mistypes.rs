// SPDX-License-Identifier: Apache-2.0
//! No setting is silently ignored: one wrong letter in any key of a configuration is refused, and
//! named.

use std::collections::BTreeSet;

use super::*;

/// Every kind of object that a configuration can have. Names that are up to the user are in capitals.
const FULL: &str = r#"
server: {listen: "127.0.0.1:0", trusted_proxies: [], header_read_timeout_ms: 50, body_read_timeout_ms: 50, idle_timeout_ms: 50, stream_write_timeout_ms: 50, drain_timeout_ms: 0, max_header_bytes: 8192, max_body_bytes: 4194304, max_connections: 1, max_in_flight: 1}
auth: {keys_file: null, keys_env: [], key_store: null, pepper: null, max_failures_per_address: 60, max_failures_per_key: 10}
log: {filter: info, format: json}
redaction:
  entities: [UK_NHS]
  patterns:
    - {entity: BADGE, pattern: "B-[0-9]{6}", kind: pii, context: [badge]}
  mask_upstreams: none
telemetry:
  run_log: {dir: null, max_file_bytes: 67108864, max_file_age_s: 86400, max_total_bytes: 1073741824, content: none}
  metric_aliases: none
objectives: {responses: {p95_ms: 1200, p99_ms: 2500}, chat_completions: {p95_ms: 1200, p99_ms: 2500}, embeddings: {p95_ms: 800, p99_ms: 1500}}
engine: {token_delay_ms: 0, context_window: 128000}
upstreams:
  LOCAL: {api: chat, base_url: "http://127.0.0.1:1/v1", key: null, ca_file: null, connect_ms: 1000, read_ms: 9000, total_ms: 10000, mask: none}
models:
  other: LOCAL
  aliases: {SHORT: LONG}
  table:
    LONG:
      targets:
        - {upstream: LOCAL, model: X, weight: 1, read_ms: 9000, total_ms: 10000, price: {input: "1", cached_input: "1", output: "1"}}
      context_window: 8192
      max_output_tokens: 1024
      price: {input: "1", cached_input: "1", output: "1"}
      hedge_after_ms: 100
      max_continuations: 0
urls: {private_hosts: []}
timeouts: {connect_ms: 1000, read_ms: 10000, total_ms: 600000, heartbeat_ms: 15000}
retry: {max_attempts: 3, budget: 0.1, base_s: 0.1, factor: 2.0, jitter: 0.1, max_s: 30.0, hedge_after_ms: null, max_continuations: 0}
limits:
  - {name: l, classes: [chat], models: [], projects: [], keys: [], per: [], concurrency: 5, requests: {amount: 1, per: second, burst: 1}, tokens: {amount: 1, per: day}, input_tokens: {amount: 1, per: day}, output_tokens: {amount: 1, per: day}}
budgets:
  - {name: b, projects: [], keys: [], per: [], per_window: day, tokens: 5, usd: "1"}
overload: {max_queue: 256, max_wait_ms: 1000, min_limit: 4, max_delay_ms: 2, priorities: [{projects: [], keys: [], priority: high}]}
store: {dir: null, max_bytes: 16777216, max_entries: 100000}
idempotency: {ttl_s: 60, max_bytes: 67108864, max_entries: 10, max_entry_bytes: 4194304, linger_ms: 1}
redis: {url: null, ca_file: null, prefix: lukhas, connect_ms: 1000, timeout_ms: 100, on_failure: deny, lease: 0}
"#;

/// Where the keys of `text` stand, but for names that are up to the user.
fn keys(text: &str) -> Vec<std::ops::Range<usize>> {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let bytes = text.as_bytes();
    let ends = text.match_indices(':').map(|(at, _)| at);
    let starts = ends.map(|end| {
        let letters = bytes[..end]
            .iter()
            .rev()
            .take_while(|byte| is_letter(**byte));
        end - letters.count()..end
    });
    let is_key = |range: &std::ops::Range<usize>| {
        let before = range.start.checked_sub(1).map_or(b' ', |at| bytes[at]);
        !range.is_empty() && matches!(before, b' ' | b'{' | b'\n')
    };
    starts.filter(is_key).collect()
}

#[test]
fn one_wrong_letter_in_any_key_is_refused_and_named() {
    Case::yaml(FULL)
        .load()
        .map(drop)
        .expect("it is right as it stands");
    let keys = keys(FULL);
    let known: BTreeSet<&str> = keys.iter().map(|key| &FULL[key.clone()]).collect();
    assert!(known.len() > 60, "{known:?}");
    let mut tried = 0;
    for range in keys {
        let key = &FULL[range.clone()];
        for at in BTreeSet::from([0, key.len() / 2, key.len() - 1]) {
            let (start, end) = key.split_at(at);
            for wrong in [
                format!("{start}{}", &end[1..]),
                format!("{start}q{}", &end[1..]),
            ] {
                if known.contains(wrong.as_str()) || wrong.is_empty() {
                    continue;
                }
                let mut text = FULL.to_owned();
                text.replace_range(range.clone(), &wrong);
                let Err(problems) = Case::yaml(&text).load() else {
                    panic!("`{wrong}` for `{key}` is not refused");
                };
                assert!(
                    problems.contains(&wrong),
                    "`{wrong}` is not named: {problems}"
                );
                assert!(
                    problems.contains(key),
                    "`{key}` is not suggested: {problems}"
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 500, "{tried}");
}

/// The keys of the text above are those that there are.
#[test]
fn every_key_is_tried() {
    let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let files = [
        "config.rs",
        "config/limit.rs",
        "config/budget.rs",
        "config/overload.rs",
        "config/redaction.rs",
        "config/slo.rs",
        "config/telemetry.rs",
    ];
    let texts = files.map(|file| fs::read_to_string(source.join(file)).unwrap());
    let text = texts.concat();
    let known: BTreeSet<&str> = keys(FULL).into_iter().map(|key| &FULL[key]).collect();
    let fields = text
        .lines()
        .filter_map(|line| line.strip_prefix("    pub "));
    let fields = fields.filter_map(|line| Some(line.split_once(':')?.0));
    let missing: Vec<&str> = fields.filter(|field| !known.contains(field)).collect();
    assert_eq!(
        missing,
        ["reliability", "slo_budgets"],
        "the names of files"
    );
}

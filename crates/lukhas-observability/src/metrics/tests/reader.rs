// SPDX-License-Identifier: Apache-2.0
//! A strict reader of both formats, written from their specifications alone.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Format;

/// A family, by the name in its `TYPE` line.
#[derive(Debug, Default)]
pub(super) struct Family {
    pub(super) kind: String,
    pub(super) help: String,
    pub(super) unit: Option<String>,
    pub(super) samples: Vec<Sample>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

/// Reads `body`; panics at whatever the format does not allow.
#[track_caller]
pub(super) fn read(body: &str, format: Format) -> BTreeMap<String, Family> {
    let lines = match format {
        Format::OpenMetrics => body.strip_suffix("# EOF\n").expect("an end mark"),
        Format::Text => body,
    };
    assert!(lines.is_empty() || lines.ends_with('\n'));
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    let mut seen = BTreeSet::new();
    for line in lines.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let (kind, rest) = comment.split_once(' ').expect("a kind of comment");
            let (name, text) = rest.split_once(' ').expect("a name and a text");
            if name != current {
                assert!(!families.contains_key(name), "`{name}` comes twice");
                current = name.to_owned();
            }
            let family = families.entry(current.clone()).or_default();
            assert!(family.samples.is_empty(), "`{line}` comes after samples");
            describe(family, name, kind, text, format);
        } else {
            let sample = sample(line);
            let family = families
                .get_mut(&current)
                .expect("a family before its samples");
            assert!(
                belongs(&sample.name, &current, &family.kind, format),
                "{line} in {current}"
            );
            let series = (sample.name.clone(), sample.labels.clone());
            assert!(seen.insert(format!("{series:?}")), "`{line}` comes twice");
            family.samples.push(sample);
        }
    }
    for (name, family) in &families {
        assert!(!family.samples.is_empty(), "`{name}` is empty");
        if family.kind == "histogram" {
            histogram(name, family);
        }
    }
    families
}

fn describe(family: &mut Family, name: &str, kind: &str, text: &str, format: Format) {
    match (kind, format) {
        ("HELP", _) if family.help.is_empty() => family.help = text.to_owned(),
        ("TYPE", _) if family.kind.is_empty() => family.kind = text.to_owned(),
        ("UNIT", Format::OpenMetrics) if family.unit.is_none() => {
            assert!(name.ends_with(&format!("_{text}")));
            family.unit = Some(text.to_owned());
        }
        (_, Format::OpenMetrics | Format::Text) => panic!("`# {kind} {name}` twice, or unknown"),
    }
}

fn belongs(sample: &str, family: &str, kind: &str, format: Format) -> bool {
    let suffix = sample.strip_prefix(family);
    match (kind, format) {
        ("counter", Format::OpenMetrics) => suffix == Some("_total"),
        ("counter", Format::Text) => suffix == Some("") && sample.ends_with("_total"),
        ("info", Format::OpenMetrics) => suffix == Some("_info"),
        ("gauge", _) => suffix == Some(""),
        ("histogram", _) => matches!(suffix, Some("_bucket" | "_sum" | "_count")),
        (kind, _) => panic!("unknown type `{kind}`"),
    }
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).expect("a value");
    let name = line[..end].to_owned();
    assert!(is_name(&name), "{line}");
    let (labels, value) = match line[end..].strip_prefix('{') {
        Some(rest) => labels(rest),
        None => (BTreeMap::new(), &line[end..]),
    };
    let value = value.strip_prefix(' ').expect("one space before the value");
    assert!(!value.contains(' '), "no time, no exemplar: {line}");
    let value = match value {
        "+Inf" => f64::INFINITY,
        value => value.parse().expect("a number"),
    };
    Sample {
        name,
        labels,
        value,
    }
}

/// The labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> (BTreeMap<String, String>, &str) {
    let mut labels = BTreeMap::new();
    loop {
        let (name, value) = rest.split_once("=\"").expect("a label");
        assert!(is_name(name) && !name.contains(':'), "{name}");
        let mut text = String::new();
        let mut characters = value.char_indices();
        let end = loop {
            match characters.next().expect("a closing quote") {
                (at, '"') => break at,
                (_, '\\') => text.push(match characters.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, escaped @ ('"' | '\\'))) => escaped,
                    other => panic!("unknown escape {other:?}"),
                }),
                (_, character) => text.push(character),
            }
        };
        assert_eq!(
            labels.insert(name.to_owned(), text),
            None,
            "`{name}` comes twice"
        );
        rest = &value[end + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return (labels, rest.strip_prefix('}').expect("a closing brace")),
        }
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || b"_:".contains(&byte))
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte))
}

/// One series of a histogram.
#[derive(Default)]
struct Series {
    buckets: Vec<(f64, f64)>,
    counts: Vec<f64>,
    sums: usize,
}

/// Buckets are cumulative, in order, and end with all.
fn histogram(name: &str, family: &Family) {
    let mut all: BTreeMap<String, Series> = BTreeMap::new();
    for sample in &family.samples {
        let mut labels = sample.labels.clone();
        let bound = labels.remove("le");
        let series = all.entry(format!("{labels:?}")).or_default();
        match (sample.name.strip_prefix(name), bound) {
            (Some("_bucket"), Some(bound)) => {
                let bound = if bound == "+Inf" {
                    f64::INFINITY
                } else {
                    bound.parse().unwrap()
                };
                series.buckets.push((bound, sample.value));
            }
            (Some("_count"), None) => series.counts.push(sample.value),
            (Some("_sum"), None) => series.sums += 1,
            other => panic!("{other:?} in {name}"),
        }
    }
    for (
        labels,
        Series {
            buckets,
            counts,
            sums,
        },
    ) in all
    {
        let in_order = buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1);
        assert!(in_order, "{name}{labels}: {buckets:?}");
        assert_eq!(
            buckets.last(),
            Some(&(f64::INFINITY, counts[0])),
            "{name}{labels}"
        );
        assert_eq!((counts.len(), sums), (1, 1), "{name}{labels}");
    }
}

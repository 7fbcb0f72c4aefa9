// SPDX-License-Identifier: Apache-2.0
//! `lukhas keys`: what is shown of keys, and where.
//!
//! A key is written to standard output, once, when it is made; never to standard error, which ends
//! up in logs.

use std::io::{self, Read, Write};

use lukhas_app::{Checked, Flags, KeyAdmin, MadeKey, Sources};
use lukhas_auth::{KeyRecord, KeyState, KeyStore, MAX_TOKEN_CHARS, UtcTime};
use lukhas_redact::Secret;
use serde_json::{Value, json};

use crate::arguments::{KeysCommand, NewKey, StoreSettings};
use crate::command::{pretty, print};
use crate::failure::Failure;
use crate::table;

/// Runs `command` to its end.
pub(crate) fn run(command: KeysCommand) -> Result<(), Failure> {
    let now = UtcTime::now();
    match command {
        KeysCommand::Create(new) => create(new, now),
        KeysCommand::List { store, json } => {
            let list = open(store)?.list()?;
            if json {
                print(&pretty(&to_json(&list, now))?)
            } else {
                print(&rows(&list, now))
            }
        }
        KeysCommand::Revoke { id, store } => {
            let record = open(store)?.revoke(&id, now)?;
            let (id, name) = (&record.id, &record.name);
            say(&format!("key `{id}` ({name}) is revoked\n{FOLLOWS}"));
            Ok(())
        }
        KeysCommand::Rotate {
            id,
            grace,
            expires,
            store,
            json,
        } => {
            let admin = open(store)?;
            let made = admin.rotate(&id, grace.as_deref(), expires.as_deref(), now)?;
            show(&made, json, &format!("in the place of `{id}`"))
        }
        KeysCommand::Check { store } => check(store, now),
    }
}

/// What a change means for servers that run.
const FOLLOWS: &str = "a server that runs on the store follows within two seconds\n";

fn sources(store: &StoreSettings) -> Sources {
    Sources::of_process(Flags {
        config: store.config.clone(),
        ..Flags::default()
    })
}

fn open(store: StoreSettings) -> Result<KeyAdmin, Failure> {
    Ok(KeyAdmin::open(sources(&store), store.store)?)
}

fn create(new: NewKey, now: UtcTime) -> Result<(), Failure> {
    let (wish, json) = (new.wish(), new.json);
    let admin = open(new.store)?;
    let made = admin.create(&wish, now)?;
    show(&made, json, &format!("in `{}`", admin.path().display()))
}

/// Shows a key that was just made, the one time it is shown.
fn show(made: &MadeKey, json: bool, place: &str) -> Result<(), Failure> {
    let key = made.key.expose();
    // First what it is: whoever reads both sees the key last.
    let record = &made.record;
    let (id, name) = (&record.id, &record.name);
    say(&format!(
        "key `{id}` ({name}) {place}: {}\nit is shown this once and kept nowhere\n{FOLLOWS}",
        rights(record)
    ));
    if json {
        let mut shown = record.to_json();
        shown["key"] = key.as_str().into();
        print(&pretty(&shown)?)
    } else {
        print(&format!("{key}\n"))
    }
}

/// What the holder of a key may see and do, and until when.
fn rights(record: &KeyRecord) -> String {
    let rights = &record.rights;
    let models = match join(&rights.models) {
        none if none.is_empty() => "every model".to_owned(),
        some => format!("models {some}"),
    };
    let indexes = match join(&rights.indexes) {
        none if none.is_empty() => String::new(),
        some => format!("indexes {some}, "),
    };
    let end = match record.expires_at {
        Some(at) => format!("until {at}"),
        None => "for ever".to_owned(),
    };
    format!(
        "tenant {}, project {}, {}, {models}, {indexes}{end}",
        rights.tenant,
        rights.project,
        join(&rights.scopes)
    )
}

fn check(store: StoreSettings, now: UtcTime) -> Result<(), Failure> {
    let token = read_key()?;
    let (text, good) = match KeyAdmin::check(sources(&store), store.store, &token)? {
        Checked::Form(fault) => (format!("the key cannot be right: {fault}"), false),
        Checked::Right { id } => (
            format!("key `{id}` has the right form and no typing error"),
            true,
        ),
        Checked::Unknown { id, store } => (
            format!(
                "key `{id}` has the right form, and is no key of `{}`",
                store.display()
            ),
            false,
        ),
        Checked::Known(record) => {
            let state = record.state(now);
            let (id, name) = (&record.id, &record.name);
            let text = format!(
                "key `{id}` ({name}) is {}: {}",
                state.as_str(),
                rights(&record)
            );
            (text, state == KeyState::Active)
        }
    };
    print(&format!("{text}\n"))?;
    if good { Ok(()) } else { Err(Failure::Useless) }
}

/// The key on standard input, without the white space around it.
fn read_key() -> Result<Secret<String>, Failure> {
    // Its full size at once: what grows leaves copies of the key behind.
    let most = MAX_TOKEN_CHARS + 2;
    let mut bytes = Vec::with_capacity(most + 1);
    let read = io::stdin().lock().take(most as u64).read_to_end(&mut bytes);
    let bytes = Secret::new(bytes);
    read.map_err(Failure::Input)?;
    let text = String::from_utf8_lossy(bytes.expose().trim_ascii());
    Ok(Secret::new(text.into_owned()))
}

fn to_json(store: &KeyStore, now: UtcTime) -> Value {
    let entry = |record: &KeyRecord| {
        let mut entry = record.to_json();
        entry["state"] = record.state(now).as_str().into();
        entry
    };
    json!({"keys": store.records().iter().map(entry).collect::<Vec<_>>()})
}

fn rows(store: &KeyStore, now: UtcTime) -> String {
    let mut rows = vec![
        [
            "ID", "NAME", "STATE", "TENANT", "PROJECT", "CREATED", "EXPIRES", "SCOPES", "MODELS",
            "INDEXES",
        ]
        .map(str::to_owned),
    ];
    rows.extend(store.records().iter().map(|record| row(record, now)));
    table::text(&rows)
}

fn row(record: &KeyRecord, now: UtcTime) -> [String; 10] {
    let rights = &record.rights;
    [
        record.id.to_string(),
        record.name.to_string(),
        record.state(now).as_str().to_owned(),
        rights.tenant.to_string(),
        rights.project.to_string(),
        record.created_at.to_string(),
        record
            .expires_at
            .map_or_else(|| "-".to_owned(), |at| at.to_string()),
        join(&rights.scopes),
        patterns(&rights.models),
        patterns(&rights.indexes),
    ]
}

/// Patterns, where none stands for everything.
fn patterns(items: &[impl ToString]) -> String {
    match join(items) {
        none if none.is_empty() => "*".to_owned(),
        some => some,
    }
}

fn join(items: &[impl ToString]) -> String {
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    items.join(",")
}

/// Says something to whoever sits there; where that cannot be written, nobody does.
fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

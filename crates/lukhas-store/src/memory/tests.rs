// SPDX-License-Identifier: Apache-2.0
use std::collections::HashMap;
use std::thread;

use lukhas_core::Role;
use proptest::prelude::*;

use super::*;

const TENANT: &str = "acme";

fn limits(bytes: usize, responses: usize) -> MemoryLimits {
    MemoryLimits {
        bytes,
        responses: NonZeroUsize::new(responses).unwrap(),
    }
}

fn response(id: &str, previous: Option<&str>, text_bytes: usize) -> StoredResponse {
    StoredResponse {
        id: id.to_owned(),
        previous: previous.map(str::to_owned),
        body: vec![b'b'; text_bytes].into(),
        input: vec![Item::text(Role::User, format!("q {id}"))],
        output: vec![Item::text(Role::Assistant, "x".repeat(text_bytes))],
    }
}

/// A store after putting a chain of `turns` responses `0`, `1`, …
fn chain(limits: MemoryLimits, turns: usize, text_bytes: usize) -> MemoryStore {
    let store = MemoryStore::new(limits);
    for number in 0..turns {
        let previous = number.checked_sub(1).map(|number| number.to_string());
        let response = response(&number.to_string(), previous.as_deref(), text_bytes);
        store.put_now(TENANT, response).unwrap();
    }
    store
}

fn holds(store: &MemoryStore, id: &str) -> bool {
    store.find(TENANT, id).unwrap().is_some()
}

fn context_len(store: &MemoryStore, id: &str) -> Option<usize> {
    let found = store.find(TENANT, id).unwrap()?;
    found.context().map(|items| items.len())
}

#[test]
fn the_oldest_goes_first_when_there_are_too_many() {
    let store = MemoryStore::new(limits(1 << 20, 3));
    for id in ["a", "b", "c", "d"] {
        store.put_now(TENANT, response(id, None, 10)).unwrap();
    }
    assert!(!holds(&store, "a"));
    assert!(["b", "c", "d"].iter().all(|id| holds(&store, id)));
    store.put_now("another", response("e", None, 10)).unwrap();
    assert!(!holds(&store, "b"), "age counts, not the tenant");
    let usage = store.usage().unwrap();
    assert_eq!((usage.responses, usage.evicted), (3, 2));
}

#[test]
fn a_replaced_response_is_young_again() {
    let store = MemoryStore::new(limits(1 << 20, 2));
    for id in ["a", "b", "a", "c"] {
        store.put_now(TENANT, response(id, None, 10)).unwrap();
    }
    assert!(holds(&store, "a") && !holds(&store, "b") && holds(&store, "c"));
}

#[test]
fn the_oldest_go_until_the_bytes_fit() {
    let store = MemoryStore::new(limits(100_000, 1_000));
    for number in 0..100 {
        store
            .put_now(TENANT, response(&number.to_string(), None, 5_000))
            .unwrap();
        assert!(store.usage().unwrap().bytes <= 100_000);
        assert!(holds(&store, &number.to_string()));
    }
    let usage = store.usage().unwrap();
    assert!((8..10).contains(&usage.responses), "{usage:?}");
    assert_eq!(usage.evicted + usage.responses as u64, 100);
}

#[test]
fn what_never_fits_is_refused_and_nothing_changes() {
    let store = MemoryStore::new(limits(50_000, 10));
    store.put_now(TENANT, response("a", None, 1_000)).unwrap();
    let before = store.usage().unwrap();
    let error = store
        .put_now(TENANT, response("b", Some("a"), 25_000))
        .unwrap_err();
    assert!(error.0.ends_with("and it holds at most 50000"), "{error}");
    assert_eq!(store.usage().unwrap(), before);
    assert!(holds(&store, "a") && !holds(&store, "b"));
}

#[test]
fn a_conversation_cannot_grow_past_the_limit() {
    let store = MemoryStore::new(limits(200_000, 1_000));
    let mut previous: Option<String> = None;
    let mut refused = 0;
    for number in 0..1_000 {
        let id = number.to_string();
        match store.put_now(TENANT, response(&id, previous.as_deref(), 1_000)) {
            Ok(()) => previous = Some(id),
            Err(_) => refused += 1,
        }
        assert!(store.usage().unwrap().bytes <= 200_000);
    }
    let last = previous.unwrap();
    let turns = 1_000 - refused;
    assert!(
        (100..200).contains(&turns),
        "{turns} turns of a good 1,000 bytes"
    );
    assert_eq!(
        context_len(&store, &last),
        Some(2 * turns - 1),
        "whole, though mostly evicted"
    );
    assert!(!holds(&store, "0"));
}

#[test]
fn an_evicted_turn_counts_while_a_later_one_needs_it() {
    let store = chain(limits(1 << 20, 1), 10, 1_000);
    let usage = store.usage().unwrap();
    assert_eq!((usage.responses, usage.evicted), (1, 9));
    assert!(usage.bytes > 10_000, "{usage:?}");
    assert_eq!(context_len(&store, "9"), Some(19));
    assert!(store.delete_now(TENANT, "9").unwrap());
    assert_eq!(store.usage().unwrap().bytes, 0);
}

#[test]
fn a_chain_takes_the_room_of_its_turns() {
    let bytes_of = |turns| {
        let limits = limits(1 << 30, 1_000_000);
        chain(limits, turns, 0).usage().unwrap().bytes as f64
    };
    let (short, long) = (bytes_of(100), bytes_of(10_000));
    // Later names are longer.
    assert!((long / short) < 103.0, "{short} bytes, then {long}");
}

/// Records of the log, conversations and large ones among each other, over what fits.
#[test]
fn a_full_store_wastes_little_and_gives_all_of_it_back() {
    const BYTES: usize = 1 << 20;
    let store = MemoryStore::new(limits(BYTES, 10_000));
    let kept = |number: usize| {
        let previous = number
            .is_multiple_of(5)
            .then(|| number.saturating_sub(3).to_string());
        response(
            &number.to_string(),
            previous.as_deref(),
            number * 7_919 % 1_500,
        )
    };
    let mut least = usize::MAX;
    for number in 0..5_000 {
        store.put_now(TENANT, kept(number)).unwrap();
        if number.is_multiple_of(7) {
            assert!(store.delete_now(TENANT, &number.to_string()).unwrap());
        }
        let usage = store.usage().unwrap();
        assert!(usage.bytes <= BYTES, "{usage:?}");
        if usage.evicted > 0 {
            least = least.min(usage.bytes);
        }
    }
    assert!(
        least > BYTES * 9 / 10,
        "{least} bytes used of those allowed"
    );
    let usage = store.usage().unwrap();
    // A good 1,500 bytes on average, and what is around them.
    assert!((400..700).contains(&usage.responses), "{usage:?}");
    for number in 0..5_000 {
        let id = number.to_string();
        let Some(found) = store.find(TENANT, &id).unwrap() else {
            continue;
        };
        let (found, kept) = (found.into_response(&id), kept(number));
        assert_eq!(found.body, kept.body);
        assert_eq!((found.input, found.output), (kept.input, kept.output));
        assert_eq!(found.previous, kept.previous);
        store.delete_now(TENANT, &id).unwrap();
    }
    assert_eq!(store.usage().unwrap().bytes, 0);
}

/// 100,000 turns on a stack of 64 KiB: made, read, evicted one by one, and dropped at once.
#[test]
fn a_long_chain_takes_no_stack() {
    const TURNS: usize = 100_000;
    let work = || {
        let store = chain(limits(1 << 30, TURNS), TURNS, 0);
        let last = (TURNS - 1).to_string();
        assert_eq!(context_len(&store, &last), Some(2 * TURNS - 1));
        for number in 0..TURNS - 1 {
            store.delete_now(TENANT, &number.to_string()).unwrap();
        }
        assert_eq!(context_len(&store, &last), Some(2 * TURNS - 1));
        store.delete_now(TENANT, &last).unwrap();
        assert_eq!(store.usage().unwrap().bytes, 0);
        drop(chain(limits(1 << 30, 1), TURNS, 0));
    };
    thread::Builder::new()
        .stack_size(64 << 10)
        .spawn(work)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn a_body_does_not_keep_the_buffer_it_is_cut_from() {
    let buffer = bytes::Bytes::from(vec![b'x'; 1 << 20]);
    let store = MemoryStore::default();
    let body = buffer.slice(..10);
    store
        .put_now(
            TENANT,
            StoredResponse {
                body,
                ..response("a", None, 0)
            },
        )
        .unwrap();
    assert!(buffer.is_unique());
}

#[test]
fn many_threads_leave_a_right_account() {
    let store = MemoryStore::new(limits(500_000, 200));
    thread::scope(|scope| {
        for worker in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..500 {
                    let id = format!("{worker}-{number}");
                    let previous = format!("{}-{}", (worker + 1) % 4, number / 2);
                    let response = response(&id, Some(&previous), number % 100);
                    store.put_now(TENANT, response).unwrap();
                    store
                        .delete_now(TENANT, &format!("{worker}-{}", number / 3))
                        .unwrap();
                    assert!(store.usage().unwrap().bytes <= 500_000);
                }
            });
        }
    });
    for worker in 0..4 {
        for number in 0..500 {
            store
                .delete_now(TENANT, &format!("{worker}-{number}"))
                .unwrap();
        }
    }
    let usage = store.usage().unwrap();
    assert_eq!((usage.bytes, usage.responses), (0, 0));
}

#[test]
fn debug_shows_usage_and_no_content() {
    let store = MemoryStore::new(limits(1_000_000, 5));
    store
        .put_now(TENANT, response("resp_visible", None, 10))
        .unwrap();
    let text = format!("{store:?}");
    assert!(
        text.contains("responses: 1") && !text.contains("visible"),
        "{text}"
    );
}

#[derive(Clone, Debug)]
enum Step {
    Put {
        id: u8,
        previous: Option<u8>,
        bytes: usize,
    },
    Delete {
        id: u8,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let put =
        (0..12_u8, prop::option::of(0..12_u8), 0..2_000_usize).prop_map(|(id, previous, bytes)| {
            Step::Put {
                id,
                previous,
                bytes,
            }
        });
    let delete = (0..12_u8).prop_map(|id| Step::Delete { id });
    prop::collection::vec(prop_oneof![3 => put, 1 => delete], 0..80)
}

proptest! {
    /// Against an oracle that copies whole conversations, in a store that never evicts.
    #[test]
    fn contexts_are_those_of_copied_conversations(steps in steps()) {
        let store = MemoryStore::default();
        let mut oracle: HashMap<u8, (Option<Vec<Item>>, Vec<Item>)> = HashMap::new();
        for step in steps {
            match step {
                Step::Put { id, previous, bytes } => {
                    let named = previous.map(|previous| previous.to_string());
                    let kept = response(&id.to_string(), named.as_deref(), bytes);
                    let mut context = match previous {
                        None => Some(Vec::new()),
                        Some(previous) => oracle.get(&previous).and_then(|(context, output)| {
                            Some([context.as_deref()?, output].concat())
                        }),
                    };
                    if let Some(context) = &mut context {
                        context.extend_from_slice(&kept.input);
                    }
                    oracle.insert(id, (context, kept.output.clone()));
                    store.put_now(TENANT, kept).unwrap();
                }
                Step::Delete { id } => {
                    let existed = oracle.remove(&id).is_some();
                    prop_assert_eq!(store.delete_now(TENANT, &id.to_string()).unwrap(), existed);
                }
            }
        }
        for id in 0..12 {
            let found = store.find(TENANT, &id.to_string()).unwrap();
            prop_assert_eq!(found.is_some(), oracle.contains_key(&id));
            let context = found.and_then(|found| found.context());
            prop_assert_eq!(context, oracle.get(&id).and_then(|(context, _)| context.clone()));
        }
    }

    #[test]
    fn limits_hold_after_every_step_and_the_account_ends_at_zero(
        steps in steps(),
        bytes in 5_000..40_000_usize,
        responses in 1..12_usize,
    ) {
        let store = MemoryStore::new(limits(bytes, responses));
        for step in steps {
            match step {
                Step::Put { id, previous, bytes } => {
                    let previous = previous.map(|previous| previous.to_string());
                    let kept = response(&id.to_string(), previous.as_deref(), bytes);
                    let fits = store.put_now(TENANT, kept).is_ok();
                    prop_assert!(!fits || holds(&store, &id.to_string()));
                }
                Step::Delete { id } => drop(store.delete_now(TENANT, &id.to_string())),
            }
            let usage = store.usage().unwrap();
            prop_assert!(usage.bytes <= bytes && usage.responses <= responses);
        }
        for id in 0..12 {
            store.delete_now(TENANT, &id.to_string()).unwrap();
        }
        let usage = store.usage().unwrap();
        prop_assert_eq!((usage.bytes, usage.responses), (0, 0));
    }
}

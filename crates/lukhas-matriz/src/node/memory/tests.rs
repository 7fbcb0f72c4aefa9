// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;

use lukhas_core::{Item, RunErrorKind};

use crate::tests::support::*;

fn stored() -> Stored {
    Stored::default()
        .with(
            "t",
            "resp_1",
            None,
            vec![user("one")],
            vec![assistant("two")],
        )
        .with(
            "t",
            "resp_2",
            Some("resp_1"),
            vec![user("three")],
            vec![call("call_a")],
        )
        .with("other", "resp_9", None, vec![user("secret")], vec![])
}

/// What the provider is given when `items` continue `previous`.
async fn given(store: Stored, previous: &str, items: Vec<Item>) -> Vec<Item> {
    let provider = Arc::new(Scripted::new(says("ok")));
    let matriz = matriz(&provider).with_store(Arc::new(store));
    let mut asked = request(items);
    asked.previous = Some(previous.into());
    collect(&matriz, cx("t"), asked).await;
    let asked = provider.last_asked();
    assert_eq!(asked.previous, None, "nobody is to resolve it again");
    asked.items
}

#[tokio::test]
async fn a_continued_response_stands_before_the_new_items() {
    let items = given(stored(), "resp_1", vec![user("new")]).await;
    assert_eq!(items, [user("one"), assistant("two"), user("new")]);
}

#[tokio::test]
async fn the_whole_chain_is_recalled_and_its_calls_can_be_answered() {
    let items = given(stored(), "resp_2", vec![output("call_a", "42")]).await;
    let expected = [
        user("one"),
        assistant("two"),
        user("three"),
        call("call_a"),
        output("call_a", "42"),
    ];
    assert_eq!(items, expected);
}

async fn check_not_found(store: Option<Stored>, previous: &str) {
    let provider = Arc::new(Scripted::new(says("ok")));
    let mut matriz = matriz(&provider);
    if let Some(store) = store {
        matriz = matriz.with_store(Arc::new(store));
    }
    let mut asked = request(vec![user("new")]);
    asked.previous = Some(previous.into());
    let error = early_error(collect(&matriz, cx("t"), asked).await);
    assert_eq!(error.kind, RunErrorKind::PreviousResponseNotFound);
    let message = format!("Previous response with id `{previous}` not found.");
    assert_eq!(error.message, message);
    assert_eq!(error.param.as_deref(), Some("previous_response_id"));
    assert!(provider.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_unknown_response_is_not_found() {
    check_not_found(Some(stored()), "resp_x").await;
}

#[tokio::test]
async fn the_response_of_another_tenant_is_not_found() {
    check_not_found(Some(stored()), "resp_9").await;
}

#[tokio::test]
async fn without_a_store_nothing_is_found() {
    check_not_found(None, "resp_1").await;
}

#[tokio::test]
async fn a_broken_store_is_our_defect_and_keeps_its_words_to_itself() {
    let provider = Arc::new(Scripted::new(says("ok")));
    let store = Stored {
        is_broken: true,
        ..stored()
    };
    let matriz = matriz(&provider).with_store(Arc::new(store));
    let mut asked = request(vec![user("new")]);
    asked.previous = Some("resp_1".into());
    let error = early_error(collect(&matriz, cx("t"), asked).await);
    assert_eq!(error.kind, RunErrorKind::Internal);
    assert_eq!(error.message, "The stored conversation could not be read.");
    assert_eq!(error.param, None);
}

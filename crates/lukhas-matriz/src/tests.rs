// SPDX-License-Identifier: Apache-2.0
//! The pipeline as a whole.

pub(crate) mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use lukhas_core::*;

use self::support::*;
use crate::{CatalogError, Matriz};

const NODES: [Node; 6] = [
    Node::Memory,
    Node::Attention,
    Node::Thought,
    Node::Risk,
    Node::Intent,
    Node::Action,
];

fn started(step: u32, node: Node) -> RunEvent {
    let phase = StepPhase::Started;
    RunEvent::Step(StepEvent { step, node, phase })
}

fn completed(step: u32, node: Node, latency: Duration) -> RunEvent {
    let phase = StepPhase::Completed(latency);
    RunEvent::Step(StepEvent { step, node, phase })
}

/// `step` steps whole, none of them taking any time.
fn whole_steps(steps: usize) -> Vec<RunEvent> {
    let pair = |(step, node): (usize, &Node)| {
        let step = step as u32;
        [started(step, *node), completed(step, *node, Duration::ZERO)]
    };
    NODES[..steps].iter().enumerate().flat_map(pair).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_is_six_steps_around_the_answer_and_one_end() {
    let provider = Arc::new(Scripted::new(says("hello")));
    let events = collect(&matriz(&provider), cx("t"), request(vec![user("hi")])).await;

    let mut expected = whole_steps(5);
    expected.push(started(5, Node::Action));
    let [answer @ .., end] = &says("hello")[..] else {
        unreachable!()
    };
    expected.extend(answer.iter().cloned().map(RunEvent::Output));
    expected.push(completed(5, Node::Action, Duration::ZERO));
    expected.push(RunEvent::Output(end.clone()));
    assert_eq!(events, expected);
}

#[tokio::test]
async fn a_run_that_nobody_watches_is_the_answer_alone() {
    let provider = Arc::new(Scripted::new(says("hello")));
    for (asked, answer) in [
        (request(vec![user("hi")]), says("hello")),
        (
            RunRequest {
                model: "unheard-of".into(),
                ..request(vec![user("hi")])
            },
            vec![OutputEvent::Ended(RunEnd::failed(
                RunError::model_not_found("unheard-of"),
            ))],
        ),
    ] {
        let mut unwatched = cx("t");
        unwatched.steps = false;
        let events = collect(&matriz(&provider), unwatched, asked).await;
        let answer: Vec<_> = answer.into_iter().map(RunEvent::Output).collect();
        assert_eq!(events, answer);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_fails_still_completes_before_the_end() {
    let provider = Arc::new(Scripted::new(says("hello")));
    let mut asked = request(vec![user("hi")]);
    asked.model = "unheard-of".into();
    let mut events = collect(&matriz(&provider), cx("t"), asked).await;

    let error = RunError::model_not_found("unheard-of");
    let end = RunEvent::Output(OutputEvent::Ended(RunEnd::failed(error)));
    assert_eq!(events.pop(), Some(end));
    assert_eq!(events, whole_steps(3));
    assert!(provider.asked.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_step_lasts_as_long_as_its_node_waits() {
    let provider = Arc::new(Scripted::new(says("hello")));
    let store = Stored {
        delay: Duration::from_millis(50),
        ..Stored::default()
    };
    let store = store.with("t", "resp_1", None, vec![user("one")], vec![]);
    let matriz = matriz(&provider).with_store(Arc::new(store));
    let mut asked = request(vec![user("hi")]);
    asked.previous = Some("resp_1".into());
    let mut run = matriz.run(cx("t"), asked);

    assert_eq!(run.next().await, Some(started(0, Node::Memory)));
    // The reader's own time does not count.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let latency = Duration::from_millis(100); // two calls of the store
    assert_eq!(run.next().await, Some(completed(0, Node::Memory, latency)));
    assert_eq!(run.next().await, Some(started(1, Node::Attention)));
    let none = Duration::ZERO;
    assert_eq!(run.next().await, Some(completed(1, Node::Attention, none)));
}

#[tokio::test]
async fn a_run_is_over_after_its_end() {
    let provider = Arc::new(Scripted::new(says("hello")));
    let mut run = matriz(&provider).run(cx("t"), request(vec![user("hi")]));
    while run.next().await.is_some() {}
    assert_eq!(run.next().await, None);
    assert_eq!(provider.running.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn dropping_the_run_drops_the_provider() {
    let mut provider = Scripted::new(vec![added(0), text("hel")]);
    provider.stalls = true;
    let provider = Arc::new(provider);
    let mut run = matriz(&provider).run(cx("t"), request(vec![user("hi")]));
    while run.next().await != Some(RunEvent::Output(text("hel"))) {}
    assert_eq!(provider.running.load(Ordering::SeqCst), 1);
    drop(run);
    assert_eq!(provider.running.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_provider_is_gone_when_the_end_is_read() {
    let mut provider = Scripted::new(says("hello"));
    provider.stalls = true;
    let provider = Arc::new(provider);
    let run = matriz(&provider).run(cx("t"), request(vec![user("hi")]));
    let events: Vec<RunEvent> = run
        .inspect(|event| {
            if let RunEvent::Output(OutputEvent::Ended(_)) = event {
                assert_eq!(provider.running.load(Ordering::SeqCst), 0);
            }
        })
        .collect()
        .await;
    assert_eq!(outputs(events), says("hello"));
}

#[tokio::test]
async fn an_alias_is_asked_for_by_its_own_name_and_answered_by_its_model() {
    let provider = Arc::new(Scripted::new(says("hello")));
    let matriz = matriz(&provider).with_alias("gpt-4o-mini", MODEL).unwrap();
    let names: Vec<&str> = matriz.models().iter().map(|model| &*model.id).collect();
    assert_eq!(names, [MODEL, "gpt-4o-mini"]);
    assert_eq!(matriz.models()[1].context_window, 100_000);

    let mut asked = request(vec![user("hi")]);
    asked.model = "gpt-4o-mini".into();
    let events = collect(&matriz, cx("t"), asked).await;
    assert_eq!(outputs(events), says("hello"));
    assert_eq!(provider.last_asked().model, MODEL);
}

#[tokio::test]
async fn each_model_is_answered_by_its_provider() {
    let offering = |id: &str| {
        let mut provider = Scripted::new(says(id));
        provider.models = vec![model(id, 1_000)];
        Arc::new(provider)
    };
    let matriz = matriz(&offering("a")).with_provider(offering("b")).unwrap();
    for id in ["b", "a"] {
        let mut asked = request(vec![user("hi")]);
        asked.model = id.into();
        let events = collect(&matriz, cx("t"), asked).await;
        assert_eq!(outputs(events), says(id));
    }
}

#[test]
fn a_name_is_given_once() {
    let provider = Arc::new(Scripted::new(vec![]));
    let taken = |name: &str| Some(CatalogError::NameTaken(name.into()));
    let matriz = || -> Matriz { matriz(&provider) };

    let again = matriz().with_provider(Arc::clone(&provider) as _);
    assert_eq!(again.err(), taken(MODEL));
    assert_eq!(matriz().with_alias(MODEL, MODEL).err(), taken(MODEL));
    let twice = matriz().with_alias("a", MODEL).unwrap();
    assert_eq!(twice.with_alias("a", MODEL).err(), taken("a"));
}

#[test]
fn an_alias_needs_its_model() {
    let provider = Arc::new(Scripted::new(vec![]));
    let error = matriz(&provider).with_alias("a", "gone").err().unwrap();
    let message = "the alias `a` stands for `gone`, which nobody offers";
    assert_eq!(error.to_string(), message);
}

#[tokio::test]
async fn a_url_of_a_recalled_conversation_is_judged_like_a_new_one() {
    let source = MediaSource::Url("http://10.0.0.7/a.png".into());
    let shown = Item::Message(Message {
        id: None,
        name: None,
        role: Role::User,
        parts: vec![Part::Image(Media { source, hint: None })],
    });
    for (hosts, asked) in [(&["10.0.0.8"], 0), (&["10.0.0.7"], 1)] {
        let provider = Arc::new(Scripted::new(says("hello")));
        let kept = vec![shown.clone()];
        let store = Stored::default().with("t", "resp_1", None, kept, vec![assistant("b")]);
        let matriz = matriz(&provider)
            .with_store(Arc::new(store))
            .with_private_hosts(hosts.iter().map(|host| host.parse().unwrap()));
        let mut continued = request(vec![user("c")]);
        continued.previous = Some("resp_1".into());
        collect(&matriz, cx("t"), continued).await;
        assert_eq!(provider.asked.lock().unwrap().len(), asked, "{hosts:?}");
    }
}

#[tokio::test]
async fn counting_asks_the_provider_about_the_whole_conversation() {
    let provider = Arc::new(Scripted::new(vec![]));
    let store = Stored::default().with("t", "resp_1", None, vec![user("a")], vec![assistant("b")]);
    let matriz = matriz(&provider)
        .with_store(Arc::new(store))
        .with_alias("alias", MODEL)
        .unwrap();
    let mut asked = request(vec![user("c")]);
    asked.model = "alias".into();
    asked.previous = Some("resp_1".into());
    assert_eq!(matriz.count_input(cx("t"), asked).await, Ok(3));
    let asked = provider.last_asked();
    assert_eq!(asked.items, [user("a"), assistant("b"), user("c")]);
    assert_eq!(asked.model, MODEL);
}

#[tokio::test]
async fn counting_fails_as_the_run_would() {
    let provider = Arc::new(Scripted::new(vec![]));
    let matriz = matriz(&provider);
    let mut asked = request(vec![user("c")]);
    asked.model = "unheard-of".into();
    let error = RunError::model_not_found("unheard-of");
    assert_eq!(matriz.count_input(cx("t"), asked.clone()).await, Err(error));

    asked.model = MODEL.into();
    asked.items = vec![user(&"word ".repeat(100_000))];
    let error = matriz.count_input(cx("t"), asked).await.unwrap_err();
    assert_eq!(error.kind, RunErrorKind::ContextLength);
}

#[tokio::test]
async fn a_model_that_the_principal_may_not_use_does_not_exist_for_it() {
    let provider = Arc::new(Scripted::new(says("hello")));
    let rest = Arc::new(Scripted::new(says("rest")));
    let matriz = matriz(&provider)
        .with_alias("alias", MODEL)
        .unwrap()
        .with_other("", rest);
    let restricted = || {
        let mut cx = cx("t");
        let mut principal = (*cx.principal).clone();
        principal.models = ["alias".parse().unwrap(), "rest-*".parse().unwrap()].into();
        cx.principal = Arc::new(principal);
        cx
    };
    for (name, allowed) in [
        ("alias", true),
        (MODEL, false),
        ("rest-1", true),
        ("other", false),
    ] {
        let mut asked = request(vec![user("hi")]);
        asked.model = name.into();
        // A conversation that is too long for the model tells nothing of it either.
        let mut long = asked.clone();
        long.items = vec![user(&"word ".repeat(100_000))];
        let missing = RunError::model_not_found(name);
        for request in [asked, long] {
            let end = outputs(collect(&matriz, restricted(), request.clone()).await).pop();
            let failed = OutputEvent::Ended(RunEnd::failed(missing.clone()));
            let counted = matriz.count_input(restricted(), request).await;
            assert_eq!(end == Some(failed), !allowed, "{name}");
            assert_eq!(counted == Err(missing.clone()), !allowed, "{name}");
        }
    }
}

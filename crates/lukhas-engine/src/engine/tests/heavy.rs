// SPDX-License-Identifier: Apache-2.0
use std::sync::mpsc;
use std::thread::available_parallelism;

use serde_json::json;

use super::*;
use crate::engine::planner::{Planners, is_heavy};

/// A request for an instance of a schema.
fn structured() -> RunRequest {
    RunRequest {
        format: OutputFormat::JsonSchema {
            name: "x".into(),
            schema: Arc::new(json!({"type": "object", "properties": {"a": {"type": "string"}}})),
            strict: true,
        },
        ..ask("hi")
    }
}

#[test]
fn long_conversations_and_schemas_are_heavy() {
    let tool = ToolSpec {
        name: "t".into(),
        description: None,
        parameters: Some(json!({})),
        strict: None,
    };
    let with = |items| RunRequest {
        items,
        ..RunRequest::default()
    };
    let word = || Item::text(Role::User, "word");
    for (request, expected) in [
        (ask("hi"), false),
        (ask(&"x".repeat(16 << 10)), false),
        (ask(&"x".repeat((16 << 10) + 1)), true),
        (with(vec![word(); 256]), false),
        (with(vec![word(); 257]), true),
        (structured(), true),
        (
            RunRequest {
                tools: vec![Arc::new(tool)],
                ..ask("hi")
            },
            true,
        ),
    ] {
        assert_eq!(is_heavy(&request), expected);
    }
}

/// Takes every place of `planners`, until the sender is dropped.
fn fill(
    planners: &Planners,
) -> (
    mpsc::Sender<()>,
    Vec<BoxFuture<'static, Result<(), RunError>>>,
) {
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(held));
    let places = available_parallelism().unwrap().get();
    let work = (0..places).map(|_| {
        let held = Arc::clone(&held);
        let mut work = planners.plan(move || assert!(held.lock().unwrap().recv().is_err()));
        assert!((&mut work).now_or_never().is_none());
        work
    });
    let busy = work.collect();
    (release, busy)
}

#[tokio::test]
async fn a_heavy_answer_is_the_same_and_leaves_the_thread_to_others() {
    for request in [structured(), ask(&"word ".repeat(40_000))] {
        let expected = std::thread::spawn({
            let request = request.clone();
            || events(request)
        });
        let expected = expected.join().unwrap();
        let engine = Engine::default();
        // With every place taken its work cannot begin, so it cannot be there at the first look.
        let (release, _busy) = fill(&engine.planners);
        let mut answer = engine.run(&cx(), request.clone());
        assert!(answer.next().now_or_never().is_none());
        drop(release);
        assert_eq!(answer.collect::<Vec<_>>().await, expected);

        let counted = engine.count_input(&request).await.unwrap();
        assert_eq!(
            Some(counted),
            fold(&expected).end.usage.map(|usage| usage.input_tokens)
        );
    }
}

#[tokio::test]
async fn work_that_has_not_begun_is_taken_back() {
    let planners = Planners::default();
    let (release, busy) = fill(&planners);
    let (began, whether) = mpsc::channel();
    let mut waiting = planners.plan(move || began.send(()).unwrap());
    assert!((&mut waiting).now_or_never().is_none());
    drop(waiting);
    drop(release);
    for work in busy {
        work.await.unwrap();
    }
    // The sender is gone with the work.
    assert_eq!(whether.recv(), Err(mpsc::RecvError));
    planners.plan(|| ()).await.unwrap();
}

#[tokio::test]
async fn a_defect_in_the_work_is_a_failed_answer() {
    let result = Planners::default()
        .plan(|| -> u64 { panic!("a defect") })
        .await;
    assert_eq!(result.unwrap_err().kind, RunErrorKind::Internal);
}

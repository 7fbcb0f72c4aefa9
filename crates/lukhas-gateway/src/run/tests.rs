// SPDX-License-Identifier: Apache-2.0
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, stream};
use http_body_util::BodyExt;
use lukhas_core::{BoxFuture, ItemKind, Usage, Verbatim};
use lukhas_observability::{BuildInfo, Metrics, Redaction};

use super::*;
use crate::ErrorCode;
use crate::admission::tests::{admission, admit};
use crate::admission::{Admission, Drain};

fn text(delta: &str) -> RunEvent {
    RunEvent::Output(OutputEvent::TextDelta(delta.to_owned()))
}

fn added() -> RunEvent {
    RunEvent::Output(OutputEvent::ItemAdded {
        index: 0,
        kind: ItemKind::Message,
        id: None,
    })
}

fn ended(outcome: Outcome) -> RunEvent {
    RunEvent::Output(OutputEvent::Ended(RunEnd {
        outcome,
        usage: Some(Usage::default()),
    }))
}

fn failed(kind: RunErrorKind) -> RunEvent {
    ended(Outcome::Failed(RunError::new(kind, "broken")))
}

async fn start(admission: &Arc<Admission>, streams: Vec<RunStream>) -> Result<Runs, ApiError> {
    let permit = admit(admission).await.expect("there is room");
    let metrics = Metrics::new(BuildInfo {
        version: "test",
        revision: None,
    });
    let meter = Meter::of(&metrics, metrics.tokens(["m"]), "m", Redaction::default());
    let mut never = Heartbeat::new(None);
    let mut runs = Runs::new(permit, meter, streams.into_iter());
    runs.start(&mut never).await.map(|()| runs)
}

fn scripted(events: Vec<RunEvent>) -> RunStream {
    Box::pin(stream::iter(events))
}

async fn all(mut runs: Runs) -> Vec<(usize, RunEvent)> {
    let mut events = Vec::new();
    while let Some(event) = runs.next().await {
        events.push(event);
    }
    events
}

#[tokio::test]
async fn a_failure_before_any_output_keeps_its_true_status() {
    let admission = admission(1);
    let events = vec![failed(RunErrorKind::UpstreamTimeout)];
    let error = start(&admission, vec![scripted(events)])
        .await
        .err()
        .expect("it failed");
    assert_eq!(error.code(), ErrorCode::UpstreamTimeout);
    assert!(
        admit(&admission).await.is_ok(),
        "a failed start gives its place back"
    );
}

#[tokio::test]
async fn what_was_peeked_at_is_not_lost() {
    let events = vec![added(), text("a"), ended(Outcome::Completed)];
    let runs = start(&admission(1), vec![scripted(events.clone())])
        .await
        .expect("it began");
    let seen: Vec<_> = all(runs)
        .await
        .into_iter()
        .map(|(_, event)| event)
        .collect();
    assert_eq!(seen, events);
}

#[tokio::test]
async fn a_stream_that_stops_without_an_end_is_failed_never_completed() {
    let runs = start(&admission(1), vec![scripted(vec![added(), text("a")])]).await;
    let seen = all(runs.expect("it began")).await;
    let Some((0, RunEvent::Output(OutputEvent::Ended(end)))) = seen.last() else {
        panic!("no end in {seen:?}");
    };
    let Outcome::Failed(error) = &end.outcome else {
        panic!("{end:?}")
    };
    assert_eq!(error.kind, RunErrorKind::UpstreamTruncated);
    let empty = start(&admission(1), vec![scripted(vec![])])
        .await
        .err()
        .expect("empty");
    assert_eq!(empty.code(), ErrorCode::UpstreamTruncated);
}

#[tokio::test]
async fn nothing_follows_an_end() {
    let events = vec![
        added(),
        ended(Outcome::Completed),
        text("late"),
        failed(RunErrorKind::Internal),
    ];
    let runs = start(&admission(1), vec![scripted(events)])
        .await
        .expect("it began");
    assert_eq!(all(runs).await.len(), 2);
}

#[tokio::test]
async fn choices_take_turns_and_each_ends_once() {
    let one = |name: &str| scripted(vec![added(), text(name), ended(Outcome::Completed)]);
    let runs = start(&admission(1), vec![one("a"), one("b")])
        .await
        .expect("they began");
    let seen = all(runs).await;
    let order: Vec<usize> = seen.iter().map(|(index, _)| *index).collect();
    assert_eq!(order, [0, 1, 0, 1, 0, 1]);
}

#[tokio::test]
async fn a_forced_stop_ends_runs_with_an_error_and_frees_the_server() {
    let admission = admission(1);
    let drain = Drain::new(Arc::clone(&admission));
    let endless = Box::pin(futures_util::StreamExt::chain(
        stream::iter(vec![added(), text("a")]),
        stream::pending(),
    ));
    let mut runs = start(&admission, vec![endless]).await.expect("it began");
    assert!(runs.next().await.is_some() && runs.next().await.is_some());
    assert!(runs.next_ready().is_none());
    drain.force();
    let Some((0, event)) = runs.next().await else {
        panic!("no end")
    };
    assert!(matches!(event, RunEvent::Output(ref output)
        if failure(output).is_some_and(|e| e.kind == RunErrorKind::ShuttingDown)));
    assert!(runs.next().await.is_none());
    drop(runs);
    drain.idle().await;
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_forced_stop_wakes_whoever_waits_for_a_run() {
    let admission = admission(1);
    let drain = Drain::new(Arc::clone(&admission));
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut cx = Context::from_waker(&waker);
    let mut starting = pin!(start(&admission, vec![Box::pin(stream::pending())]));
    assert!(starting.as_mut().poll(&mut cx).is_pending());
    drain.begin();
    assert!(starting.as_mut().poll(&mut cx).is_pending());
    woken.0.store(false, Ordering::Relaxed);
    drain.force();
    assert!(woken.0.load(Ordering::Relaxed));
    let Poll::Ready(Err(error)) = starting.as_mut().poll(&mut cx) else {
        panic!("it still waits")
    };
    assert_eq!(error.code(), ErrorCode::Overloaded);
}

#[tokio::test]
async fn a_fold_fails_with_the_first_failure() {
    let bad = vec![added(), text("a"), failed(RunErrorKind::Upstream)];
    let good = vec![added(), ended(Outcome::Completed)];
    let runs = start(&admission(1), vec![scripted(good), scripted(bad)]).await;
    let error = runs
        .expect("they began")
        .fold(|_, _| {})
        .await
        .expect_err("one failed");
    assert_eq!(error.code(), ErrorCode::UpstreamError);
    assert!(error.is_an_answer(), "they had begun");
}

#[tokio::test]
async fn only_what_began_and_asks_for_no_retry_is_an_answer() {
    for (begins, kind, expected) in [
        (true, RunErrorKind::Upstream, true),
        (true, RunErrorKind::UpstreamTimeout, true),
        (true, RunErrorKind::RateLimited, false),
        (true, RunErrorKind::Overloaded, false),
        (true, RunErrorKind::ShuttingDown, false),
        (false, RunErrorKind::Upstream, false),
        (false, RunErrorKind::InvalidRequest, false),
    ] {
        let mut events = vec![failed(kind)];
        if begins {
            events.insert(0, added());
        }
        let error = match start(&admission(1), vec![scripted(events)]).await {
            Ok(mut runs) => runs.fold(|_, _| {}).await.expect_err("it failed"),
            Err(error) => error,
        };
        assert_eq!(error.is_an_answer(), expected, "{begins}, {kind:?}");
    }
}

#[tokio::test]
async fn a_choice_that_has_begun_waits_for_the_others() {
    let polled = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&polled);
    let endless = stream::repeat_with(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        text("a")
    });
    let streams: Vec<RunStream> = vec![Box::pin(endless), Box::pin(stream::pending())];
    let admission = admission(1);
    assert!(start(&admission, streams).now_or_never().is_none());
    assert_eq!(polled.load(Ordering::Relaxed), 1, "nothing piles up");
}

/// Shows an answer in its own words, and says when it ends.
struct Words;

impl events::EventWriter for Words {
    fn begin(&mut self, _: &RunEvent, _: &mut BytesMut) -> Result<(), RunError> {
        Ok(())
    }

    fn passes(&mut self, said: &Verbatim) -> bool {
        !said.ends
    }

    fn event(&mut self, _: usize, event: &RunEvent, out: &mut BytesMut) -> Result<(), RunError> {
        match event {
            RunEvent::Output(OutputEvent::Verbatim(said)) => out.extend_from_slice(&said.bytes),
            event => assert_eq!(*event, ended(Outcome::Completed)),
        }
        Ok(())
    }

    fn fail(
        &mut self,
        error: &RunError,
        _: Option<Usage>,
        out: &mut BytesMut,
    ) -> Result<(), RunError> {
        out.extend_from_slice(error.message.as_bytes());
        Ok(())
    }

    fn finish(&mut self, _: &mut BytesMut) -> Result<(), RunError> {
        Ok(())
    }

    fn keep(&mut self) -> BoxFuture<'_, Result<(), ApiError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// What is written of an answer that says `pieces` at once and ends like `outcome`.
async fn written(pieces: &[Bytes], outcome: Outcome) -> Vec<Bytes> {
    let said = pieces.iter().map(|bytes| {
        RunEvent::Output(OutputEvent::Verbatim(Verbatim {
            bytes: bytes.clone(),
            events: 1,
            ends: false,
        }))
    });
    let script = said.chain([ended(outcome)]).collect();
    let runs = start(&admission(1), vec![scripted(script)]).await;
    let runs = runs.expect("it began");
    let mut body = events::stream(runs, Heartbeat::new(None), Words).into_body();
    let mut frames = Vec::new();
    while let Some(frame) = body.frame().await {
        frames.push(frame.expect("a frame").into_data().expect("data"));
    }
    frames
}

#[tokio::test]
async fn words_that_are_passed_on_are_not_copied_and_keep_their_order() {
    let pieces = ["one ", "two ", "three "].map(Bytes::from);
    let frames = written(&pieces, Outcome::Completed).await;
    assert_eq!(frames[0].as_ptr(), pieces[0].as_ptr());
    let text = frames.concat();
    assert_eq!(
        String::from_utf8_lossy(&text),
        "one two three data: [DONE]\n\n"
    );
    let error = RunError::new(RunErrorKind::Upstream, "broken ");
    let text = written(&pieces[..1], Outcome::Failed(error)).await.concat();
    assert_eq!(
        String::from_utf8_lossy(&text),
        "one broken data: [DONE]\n\n"
    );
}

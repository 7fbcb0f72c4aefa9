// SPDX-License-Identifier: Apache-2.0
//! An open load: requests come when they are due, whether or not those before them are answered.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet, yield_now};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::Failure;
use crate::process::Server;

/// How the server says that it has no room.
const SHED: &[u8] = br#"{"error":{"message":"The server has as much to do"#;

/// What stands in the last so many bytes of an answer that is whole.
const STOP: &[u8] = br#""finish_reason":"stop""#;
const END: usize = 512;

/// How long clients wait for the end of an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What clients saw of the requests that were due while it was measured. Times are milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// From sending a request to the end of a good answer.
    pub(crate) good: Vec<f64>,
    /// From sending a request to the end of the refusal of the server.
    pub(crate) shed: Vec<f64>,
    /// What those who were shed were told to wait.
    pub(crate) told: Vec<f64>,
    /// How many left before they had an answer.
    pub(crate) late: u32,
    /// How many were answered anything else, what the upstream refused among it, or not at all.
    pub(crate) failed: u32,
    /// How long after it was due each request was sent: the load's own fault.
    pub(crate) lag: Vec<f64>,
}

/// What is asked, of whom.
#[derive(Clone)]
pub(crate) struct Question(Rc<Asked>);

struct Asked {
    address: String,
    authorization: String,
    body: Bytes,
    /// Connections at rest; the one that was used last is used next.
    idle: RefCell<Vec<SendRequest<Full<Bytes>>>>,
}

/// One answer.
struct Answer {
    /// Whether it is one to its end.
    is_good: bool,
    /// Whether the server itself had no room.
    is_shed: bool,
    retry_after_ms: Option<f64>,
}

impl Question {
    pub(crate) fn new(server: &Server, body: &'static str) -> Self {
        Self::of(&server.address, &server.key, body)
    }

    pub(crate) fn of(address: &str, key: &str, body: &'static str) -> Self {
        Self(Rc::new(Asked {
            address: address.to_owned(),
            authorization: format!("Bearer {key}"),
            body: Bytes::from_static(body.as_bytes()),
            idle: RefCell::default(),
        }))
    }

    async fn ask(&self) -> Result<Answer, Failure> {
        let asked = &*self.0;
        let kept = std::iter::from_fn(|| asked.idle.borrow_mut().pop());
        let mut sender = match { kept }.find(|kept| !kept.is_closed()) {
            Some(kept) => kept,
            None => connect(&asked.address).await?,
        };
        let request = Request::post("/v1/chat/completions")
            .header(HOST, &asked.address)
            .header(AUTHORIZATION, &asked.authorization)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(asked.body.clone()))?;
        sender.ready().await?;
        let answer = sender.send_request(request).await?;
        let told = answer.headers().get("retry-after-ms");
        let told = told.and_then(|value| value.to_str().ok()?.parse().ok());
        let status = answer.status().as_u16();
        let mut body = answer.into_body();
        let (mut is_shed, mut end) = (false, Vec::new());
        while let Some(frame) = body.frame().await {
            let frame = frame?;
            let data = frame.data_ref().map(|data| &data[..]).unwrap_or_default();
            // An error is one piece, and what an upstream refused says something else.
            is_shed |= status == 503 && data.starts_with(SHED);
            end.extend_from_slice(&data[data.len().saturating_sub(END)..]);
            end.drain(..end.len().saturating_sub(END));
        }
        asked.idle.borrow_mut().push(sender);
        let is_whole = end.windows(STOP.len()).any(|it| it == STOP);
        Ok(Answer {
            is_good: status == 200 && is_whole,
            is_shed,
            retry_after_ms: told,
        })
    }
}

async fn connect(address: &str) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends when its sender is gone.
    drop(tokio::task::spawn_local(connection));
    Ok(sender)
}

/// What comes of `task`, while somebody asks, and asks again when that is answered.
pub(crate) async fn beside<T>(question: &Question, task: impl Future<Output = T>) -> T {
    let calls = LocalSet::new();
    let beside = calls.run_until(async {
        let question = question.clone();
        let asked = tokio::task::spawn_local(async move {
            loop {
                // Until there is a place for it.
                let _ = question.ask().await;
                yield_now().await;
            }
        });
        let came = task.await;
        asked.abort();
        came
    });
    beside.await
}

/// Answers a second that `clients` get, each of whom asks again when it is answered: good ones, and
/// those that were shed.
pub(crate) async fn saturate(
    question: &Question,
    clients: usize,
    time: Duration,
) -> Result<(f64, f64), Failure> {
    let calls = LocalSet::new();
    let count = calls.run_until(async {
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            let question = question.clone();
            tasks.spawn_local(async move {
                let (mut good, mut shed) = (0, 0);
                while begun.elapsed() < time {
                    let answer = question.ask().await?;
                    good += u32::from(answer.is_good);
                    shed += u32::from(answer.is_shed);
                }
                Ok::<_, Failure>((good, shed))
            });
        }
        let (mut good, mut shed) = (0, 0);
        while let Some(counted) = tasks.join_next().await {
            let counted = counted??;
            good += counted.0;
            shed += counted.1;
        }
        let seconds = begun.elapsed().as_secs_f64();
        Ok::<_, Failure>((f64::from(good) / seconds, f64::from(shed) / seconds))
    });
    count.await
}

/// Offers `per_second` requests for `warm_up` and then for `measured`, at random moments; calls `mark` when
/// the measured time begins and when it ends.
pub(crate) async fn offer(
    question: &Question,
    per_second: f64,
    (warm_up, measured): (Duration, Duration),
    mut mark: impl FnMut(),
) -> Seen {
    let seen = Rc::new(RefCell::new(Seen::default()));
    let mut random = SmallRng::seed_from_u64(1);
    let calls = LocalSet::new();
    let all = calls.run_until(async {
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        let mut due = begun;
        let mut counts = false;
        loop {
            // Gaps of a Poisson process: nobody waits for anybody.
            let gap = -f64::ln(1.0 - random.random::<f64>()) / per_second;
            due += Duration::from_secs_f64(gap);
            if due >= begun + warm_up + measured {
                break;
            }
            if due > Instant::now() {
                sleep_until(due).await;
            } else {
                // Late: those who wait for answers come first, or it will only be later.
                yield_now().await;
            }
            let (question, seen) = (question.clone(), Rc::clone(&seen));
            if !counts && due >= begun + warm_up {
                counts = true;
                mark();
            }
            tasks.spawn_local(async move {
                let sent = Instant::now();
                let answer = timeout(PATIENCE, question.ask()).await;
                if counts {
                    seen.borrow_mut().note(answer.ok(), sent.elapsed());
                    let lag = sent.duration_since(due).as_secs_f64() * 1e3;
                    seen.borrow_mut().lag.push(lag);
                }
            });
            while tasks.try_join_next().is_some() {}
        }
        mark();
        let end = Instant::now() + PATIENCE + PATIENCE;
        while let Ok(Some(_)) = timeout_at(end, tasks.join_next()).await {}
    });
    all.await;
    seen.take()
}

impl Seen {
    fn note(&mut self, answer: Option<Result<Answer, Failure>>, took: Duration) {
        let took = took.as_secs_f64() * 1e3;
        match answer {
            Some(Ok(Answer { is_good: true, .. })) => self.good.push(took),
            Some(Ok(Answer {
                is_shed: true,
                retry_after_ms,
                ..
            })) => {
                self.shed.push(took);
                self.told.extend(retry_after_ms);
            }
            Some(Ok(_) | Err(_)) => self.failed += 1,
            None => self.late += 1,
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

pub(super) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")
}

impl Case {
    pub(super) async fn send(&mut self, text: &str) {
        self.client.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads until `end` has come.
    pub(super) async fn read_to(&mut self, end: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(end) {
            let byte = self.client.read_u8().await.unwrap();
            text.push(char::from(byte));
        }
        text
    }

    /// Seconds until the server closes, and what it sends until then.
    pub(super) async fn rest(&mut self) -> (u64, String) {
        let start = Instant::now();
        let mut bytes = Vec::new();
        self.client.read_to_end(&mut bytes).await.unwrap();
        (start.elapsed().as_secs(), String::from_utf8(bytes).unwrap())
    }

    async fn closes_silently_after(&mut self, seconds: u64) {
        assert_eq!(self.rest().await, (seconds, String::new()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_closed() {
    Case::new().closes_silently_after(10).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_head_is_closed_however_it_begins() {
    for start in [
        "G",
        "GET / HTTP/1.1\r\nhost: x\r\n",
        "PRI * HTTP/2.0\r\n\r\nS",
    ] {
        let mut case = Case::new();
        case.send(start).await;
        case.closes_silently_after(10).await;
    }
}

#[tokio::test(start_paused = true)]
async fn dripping_bytes_buy_no_time() {
    let mut case = Case::new();
    let start = Instant::now();
    for byte in get("/").as_bytes() {
        tokio::time::sleep(Duration::from_secs(3)).await;
        if case.client.write_all(&[*byte]).await.is_err() {
            break;
        }
    }
    assert_eq!(start.elapsed().as_secs(), 12, "at 10 it was closed");
}

#[tokio::test(start_paused = true)]
async fn a_connection_at_rest_is_closed_after_the_idle_timeout() {
    let mut case = Case::new();
    for _ in 0..3 {
        case.send(&get("/")).await;
        case.read_to("hello").await;
        tokio::time::sleep(Duration::from_secs(70)).await;
    }
    case.closes_silently_after(5).await;
}

#[tokio::test(start_paused = true)]
async fn a_later_head_has_its_own_time() {
    let mut case = Case::new();
    case.send(&get("/")).await;
    case.read_to("hello").await;
    tokio::time::sleep(Duration::from_secs(70)).await;
    case.send("GET /").await;
    case.closes_silently_after(10).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_under_way_is_not_timed() {
    let mut case = Case::new();
    case.send(&get("/never")).await;
    case.read_to("\r\n\r\n").await;
    tokio::time::sleep(Duration::from_secs(100_000)).await;
    assert!(!case.server.is_finished());
    assert!(!case.answer_is_dropped());
    drop(case.client);
    let _ = case.server.await.unwrap();
    assert!(
        case.dropped.load(Ordering::SeqCst),
        "leaving cancels the request"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_is_cut() {
    let mut case = Case::new();
    case.send(&get("/endless")).await;
    let start = Instant::now();
    let error = (&mut case.server).await.unwrap().unwrap_err();
    assert_eq!(start.elapsed().as_secs(), 60);
    assert!(case.answer_is_dropped());
    let cause = std::error::Error::source(&*error).unwrap().to_string();
    assert_eq!(cause, "the client reads nothing of its answer");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_is_not_cut() {
    let mut case = Case::new();
    case.send(&get("/endless")).await;
    let mut bytes = [0; 512];
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_secs(20)).await;
        case.client.read_exact(&mut bytes).await.unwrap();
    }
    assert!(!case.server.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_drain_closes_connections_at_rest_at_once() {
    let mut new = Case::new();
    let mut idle = Case::new();
    idle.send(&get("/")).await;
    idle.read_to("hello").await;
    for case in [&mut new, &mut idle] {
        case.stage.send_replace(Stage::Draining);
        case.closes_silently_after(0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_lets_requests_end() {
    let mut case = Case::new();
    case.send(&get("/second")).await;
    case.read_to("\r\n\r\n").await;
    case.stage.send_replace(Stage::Draining);
    assert_eq!(case.rest().await, (1, "4\r\nlate\r\n0\r\n\r\n".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_drain_answers_a_request_whose_head_has_begun() {
    let mut case = Case::new();
    let head = get("/");
    case.send(&head[..20]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    case.stage.send_replace(Stage::Draining);
    tokio::time::sleep(Duration::from_secs(1)).await;
    case.send(&head[20..]).await;
    let (_, answer) = case.rest().await;
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.ends_with("hello"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_drain_gives_up_heads_on_their_way() {
    let mut case = Case::new();
    case.send("GET /").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    case.stage.send_replace(Stage::Draining);
    tokio::time::sleep(Duration::from_secs(1)).await;
    case.stage.send_replace(Stage::Closing);
    case.closes_silently_after(0).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_comes_during_a_drain_serves_one_request() {
    let mut case = Case::in_stage(Stage::Draining);
    case.send(&get("/")).await;
    let (_, answer) = case.rest().await;
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.ends_with("hello"), "{answer}");

    let mut case = Case::in_stage(Stage::Draining);
    case.stage.send_replace(Stage::Closing);
    case.closes_silently_after(0).await;
}

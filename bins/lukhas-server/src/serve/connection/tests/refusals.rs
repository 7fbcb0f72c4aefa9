// SPDX-License-Identifier: Apache-2.0
//! What is no request, and what only looks like the answer to it.

use super::http1::get;
use super::*;

const BAD: &str = "GET / HTTP/1.1\r\nna me: x\r\n\r\n";

/// The body of a refusal: longer than a pipe holds, so that it goes out in pieces.
pub(super) fn body() -> String {
    "no ".repeat(PIPE)
}

fn refusal(status: &str) -> String {
    let body = body();
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Without its date, which is of the real clock.
fn undated(text: &str) -> String {
    let Some((before, after)) = text.split_once("date: ") else {
        return text.to_owned();
    };
    let (_, after) = after.split_once("\r\n").expect("a whole line");
    format!("{before}{after}")
}

/// What is left of a case is our refusal with `status`, dated, once.
async fn is_refused(case: &mut Case, status: &str) {
    let (_, answer) = case.rest().await;
    assert!(answer.contains("\r\ndate: "), "{answer:.200}");
    assert_eq!(undated(&answer), refusal(status));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_too_large_is_431() {
    let head = |bytes: usize| {
        let start = "GET / HTTP/1.1\r\nhost: x\r\nx: ";
        let filler = "y".repeat(bytes - start.len() - 4);
        format!("{start}{filler}\r\n\r\n")
    };
    let mut case = Case::new();
    case.send(&head(8192)).await;
    let answer = case.read_to("hello").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    case.send(&head(8193)).await;
    is_refused(&mut case, "431 Request Header Fields Too Large").await;
}

#[tokio::test(start_paused = true)]
async fn the_answer_before_a_refusal_is_whole() {
    let large = "x".repeat(9000);
    for (path, end) in [
        ("/", "hello"),
        ("/large", large.as_str()),
        ("/bare", "\r\n\r\n"),
        ("/second", "4\r\nlate\r\n0\r\n\r\n"),
        ("/echo", REFUSAL),
    ] {
        let mut case = Case::new();
        case.send(&(get(path) + BAD)).await;
        let head = case.read_to("\r\n\r\n").await;
        if !head.ends_with(end) {
            case.read_to(end).await;
        }
        is_refused(&mut case, "400 Bad Request").await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_head_of_a_head_is_followed_by_a_refusal() {
    let mut case = Case::new();
    case.send(&(get("/").replace("GET", "HEAD") + BAD)).await;
    case.read_to("\r\n\r\n").await;
    is_refused(&mut case, "400 Bad Request").await;
}

#[tokio::test(start_paused = true)]
async fn answers_that_look_like_refusals_are_left_alone() {
    let mut case = Case::new();
    for _ in 0..2 {
        case.send(&get("/bare")).await;
        let head = case.read_to("\r\n\r\n").await;
        let bare = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(undated(&head), bare);
        case.send(&get("/echo")).await;
        case.read_to("\r\n\r\n").await;
        assert_eq!(case.read_to("\r\n\r\n").await, REFUSAL);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_refusal_is_cut() {
    let mut case = Case::new();
    case.send(&get("/")).await;
    case.read_to("hello").await;
    case.send(BAD).await;
    let start = Instant::now();
    let ended = (&mut case.server).await.unwrap();
    assert!(ended.is_ok(), "the time for heads is over first");
    assert_eq!(start.elapsed().as_secs(), 10);
}

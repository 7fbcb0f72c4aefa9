// SPDX-License-Identifier: Apache-2.0
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::TokioExecutor;

use super::*;

type Client = SendRequest<Empty<Bytes>>;

/// A client of the connection, and its task.
async fn connect(case: &mut Case) -> (Client, JoinHandle<hyper::Result<()>>) {
    let io = std::mem::replace(&mut case.client, duplex(1).0);
    let (client, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(16 * 1024)
        .handshake(TokioIo::new(io))
        .await
        .unwrap();
    (client, Handle::current().spawn(connection))
}

async fn get(client: &mut Client, path: &str) -> Response<Incoming> {
    let request = Request::get(format!("http://x{path}")).body(Empty::new());
    client.send_request(request.unwrap()).await.unwrap()
}

async fn text(response: Response<Incoming>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_reads_is_reset_and_the_others_go_on() {
    let mut case = Case::new();
    let (mut client, _connection) = connect(&mut case).await;
    let unread = get(&mut client, "/endless").await;
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert!(!case.answer_is_dropped());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(case.answer_is_dropped());
    assert!(unread.into_body().collect().await.is_err());
    assert_eq!(text(get(&mut client, "/").await).await, "hello");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_waits_for_its_answer_is_not_reset() {
    let mut case = Case::new();
    let (mut client, _connection) = connect(&mut case).await;
    let _waiting = get(&mut client, "/never").await;
    tokio::time::sleep(Duration::from_secs(100_000)).await;
    assert!(!case.answer_is_dropped());
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_connection_cancels_its_streams() {
    let mut case = Case::new();
    let (mut client, _connection) = connect(&mut case).await;
    let _waiting = get(&mut client, "/never").await;
    case.server.abort();
    assert!((&mut case.server).await.unwrap_err().is_cancelled());
    tokio::task::yield_now().await;
    assert!(case.answer_is_dropped());
}

#[tokio::test(start_paused = true)]
async fn a_connection_at_rest_is_closed_after_the_idle_timeout() {
    let mut case = Case::new();
    let (mut client, connection) = connect(&mut case).await;
    assert_eq!(text(get(&mut client, "/second").await).await, "late");
    let start = Instant::now();
    connection.await.unwrap().unwrap();
    assert_eq!(start.elapsed().as_secs(), 75, "pings are no requests");
}

#[tokio::test(start_paused = true)]
async fn a_drain_lets_streams_end_and_takes_no_more() {
    let mut case = Case::new();
    let (mut client, connection) = connect(&mut case).await;
    let late = get(&mut client, "/second").await;
    case.stage.send_replace(Stage::Draining);
    assert_eq!(text(late).await, "late");
    connection.await.unwrap().unwrap();
    case.server.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn headers_that_are_too_large_are_431_and_the_connection_goes_on() {
    let mut case = Case::new();
    let (mut client, _connection) = connect(&mut case).await;
    let request = Request::get("http://x/").header("x", "y".repeat(9000));
    let request = request.body(Empty::new()).unwrap();
    let refused = client.send_request(request).await.unwrap();
    assert_eq!(refused.status(), 431);
    assert_eq!(text(refused).await, "");
    assert_eq!(text(get(&mut client, "/").await).await, "hello");
}

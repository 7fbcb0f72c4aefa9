// SPDX-License-Identifier: Apache-2.0
//! Clients that leave: what runs for them ends at once.
//!
//! Twenty clients wait, then leave one after the other. What is measured goes from the end of the
//! socket to the last time that `/metrics` was asked and still counted the run: a machine that is
//! slow to answer does not add to it.

use std::net::Shutdown;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::http::Client;
use crate::process::{PATIENCE, Server, Setup};

const CLIENTS: usize = 20;

/// How long a run may outlive its client.
const LIMIT: Duration = Duration::from_millis(100);

/// What a client has of its answer when it leaves.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// Nothing of a whole answer.
    Whole,
    /// Nothing of a streamed answer.
    Stream,
    /// The first piece of a streamed answer.
    Begun,
}

impl Asked {
    const ALL: [Self; 3] = [Self::Whole, Self::Stream, Self::Begun];

    /// A server whose next piece comes long after the last client has left: so it is the leaving
    /// that is noticed, not a failure to write.
    fn server(self) -> Server {
        let delay = match self {
            Self::Whole | Self::Stream => 60_000,
            Self::Begun => 3000,
        };
        Setup::serve(&format!("engine: {{token_delay_ms: {delay}}}")).start()
    }

    fn body(self) -> String {
        let stream = match self {
            Self::Whole => false,
            Self::Stream | Self::Begun => true,
        };
        format!(r#"{{"model":"lukhas-matriz","stream":{stream},"input":"one two three"}}"#)
    }
}

/// Lets `clients` leave one by one.
#[track_caller]
fn check<C>(server: &Server, shown: &str, mut clients: Vec<C>) {
    let mut metrics = server.connect();
    counted_for(&mut metrics, clients.len());
    let mut all = Vec::new();
    while let Some(client) = clients.pop() {
        drop(client);
        all.push(counted_for(&mut metrics, clients.len()));
    }
    all.sort_unstable();
    // A machine that has no time for a thread is late once, not every other time.
    assert!(all[all.len() / 2] < LIMIT, "{shown}: {all:?}");
}

/// Waits until there are `runs`, and gives how long there were others: until `/metrics` was last
/// asked and still counted them.
#[track_caller]
fn counted_for(metrics: &mut Client, runs: usize) -> Duration {
    let start = Instant::now();
    let line = format!("\nlukhas_runs_in_flight {runs}\n");
    let mut counted = Duration::ZERO;
    while counted < PATIENCE {
        let asked = start.elapsed();
        if metrics.get("/metrics").body.contains(&line) {
            return counted;
        }
        counted = asked;
    }
    panic!("there are never {runs} runs");
}

#[test]
fn the_end_of_a_connection_ends_its_run() {
    for asked in Asked::ALL {
        let server = asked.server();
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send_post("/v1/responses", &asked.body());
        }
        if let Asked::Begun = asked {
            clients.iter_mut().for_each(Client::first_piece);
        }
        check(&server, &format!("HTTP/1.1, {asked:?}"), clients);
    }
}

/// What a client sends behind its request without waiting for the answer.
const NEXT: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

#[test]
fn a_reset_behind_further_requests_ends_the_run() {
    for asked in Asked::ALL {
        let server = asked.server();
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send_post("/v1/responses", &asked.body());
            client.send(NEXT);
            // Closing it is a reset then.
            let socket = socket2::SockRef::from(&client.stream);
            socket.set_linger(Some(Duration::ZERO)).unwrap();
        }
        if let Asked::Begun = asked {
            clients.iter_mut().for_each(Client::first_piece);
        }
        check(&server, &format!("a reset, {asked:?}"), clients);
    }
}

#[test]
fn a_client_that_has_sent_its_last_request_may_close_its_side() {
    let server = Setup::serve("engine: {token_delay_ms: 100}").start();
    let mut client = server.connect();
    client.send_stream("one two three");
    client.send(NEXT);
    client.first_piece();
    client.stream.shutdown(Shutdown::Write).unwrap();
    client.read_to(b"event: response.completed");
}

#[test]
fn what_is_sent_behind_a_request_is_answered_in_order() {
    const MANY: usize = 2000;
    let server = Setup::serve("engine: {token_delay_ms: 50}").start();
    let mut client = server.connect();
    client.send_stream("one two three");
    client.first_piece();
    client.send(NEXT.repeat(MANY));
    client.read_to(b"data: [DONE]\n\n\r\n0\r\n\r\n");
    for _ in 0..MANY {
        assert_eq!(client.answer().status, 200);
    }
}

#[test]
fn the_end_of_an_http2_connection_ends_its_run() {
    let runtime = Runtime::new().unwrap();
    for asked in Asked::ALL {
        let server = asked.server();
        let clients = runtime.block_on(async {
            let mut clients = Vec::new();
            for _ in 0..CLIENTS {
                let (connection, mut sender) = connect(&server).await;
                let answer = ask(&mut sender, &server, asked);
                clients.push((connection, sender, answer));
            }
            for (_, _, answer) in &mut clients {
                answer.begin(asked).await;
            }
            clients
        });
        check(&server, &format!("HTTP/2, {asked:?}"), clients);
    }
}

#[test]
fn the_end_of_an_http2_stream_ends_its_run() {
    let runtime = Runtime::new().unwrap();
    for asked in Asked::ALL {
        let server = asked.server();
        let (answers, _connection, _sender) = runtime.block_on(async {
            let (connection, mut sender) = connect(&server).await;
            let asks = (0..CLIENTS).map(|_| ask(&mut sender, &server, asked));
            let mut answers: Vec<_> = asks.collect();
            for answer in &mut answers {
                answer.begin(asked).await;
            }
            (answers, connection, sender)
        });
        check(&server, &format!("an HTTP/2 stream, {asked:?}"), answers);
    }
}

type Sender = SendRequest<Full<Bytes>>;

/// An answer of HTTP/2. Dropping it resets its stream.
struct Http2Answer {
    response: Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>>,
    _body: Option<Incoming>,
}

impl Http2Answer {
    /// Reads as much of it as was `asked`.
    async fn begin(&mut self, asked: Asked) {
        let Asked::Begun = asked else {
            return;
        };
        let mut body = (&mut self.response).await.unwrap().into_body();
        let mut text = Vec::new();
        while !String::from_utf8_lossy(&text).contains("output_text.delta") {
            let frame = body.frame().await.unwrap().unwrap();
            text.extend(frame.into_data().unwrap());
        }
        self._body = Some(body);
    }
}

/// A connection, which ends when it is dropped, and what sends requests over it.
async fn connect(server: &Server) -> (JoinSet<hyper::Result<()>>, Sender) {
    let stream = TcpStream::connect(("127.0.0.1", server.port))
        .await
        .unwrap();
    // A reset is a small write, which would wait 40 ms for the client's own kernel.
    stream.set_nodelay(true).unwrap();
    let builder = http2::Builder::new(TokioExecutor::new());
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    let mut task = JoinSet::new();
    task.spawn(connection);
    (task, sender)
}

fn ask(sender: &mut Sender, server: &Server, asked: Asked) -> Http2Answer {
    let request = Request::post("http://x/v1/responses")
        .header("authorization", format!("Bearer {}", server.key()))
        .header("content-type", "application/json")
        .body(Full::from(asked.body()));
    Http2Answer {
        response: Box::pin(sender.send_request(request.unwrap())),
        _body: None,
    }
}

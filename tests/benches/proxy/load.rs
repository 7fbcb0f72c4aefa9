// SPDX-License-Identifier: Apache-2.0
//! A load of connections that are kept alive, each with its next request as soon as the last one
//! is answered.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::PIECES;
use crate::process::Server;

/// What the model is told before each question.
pub(crate) const INSTRUCTIONS: &str = "You answer in one short paragraph.";

/// Why nothing was measured.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// What is asked, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    Chat,
    ChatStream,
    Responses,
    ResponsesStream,
}

/// What clients saw of their requests, in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// To the first bytes of the body.
    pub(crate) first: Vec<f64>,
    /// To the end of the body.
    pub(crate) whole: Vec<f64>,
}

/// Sends `requests` over `connections` to `server`.
///
/// # Errors
/// When one of them is not answered, or not whole: what fails costs too little.
pub(crate) async fn load(
    server: &Server,
    question: Question,
    connections: usize,
    requests: usize,
) -> Result<Seen, Failure> {
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let client = Client {
            address: server.address.clone(),
            authorization: format!("Bearer {}", server.key),
            body: question.body().into(),
            question,
        };
        clients.spawn(client.run(requests / connections));
    }
    let mut all = Seen::default();
    while let Some(seen) = clients.join_next().await {
        let seen = seen??;
        all.first.extend(seen.first);
        all.whole.extend(seen.whole);
    }
    Ok(all)
}

/// One connection.
struct Client {
    address: String,
    authorization: String,
    body: Bytes,
    question: Question,
}

impl Client {
    async fn run(self, requests: usize) -> Result<Seen, Failure> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let mut connections = JoinSet::new();
        connections.spawn(connection);
        let mut seen = Seen::default();
        for _ in 0..requests {
            let (first, whole) = self.ask(&mut sender).await?;
            seen.first.push(micros(first));
            seen.whole.push(micros(whole));
        }
        Ok(seen)
    }

    /// One request: the time to the first bytes of its answer, and to the last.
    async fn ask(
        &self,
        sender: &mut SendRequest<Full<Bytes>>,
    ) -> Result<(Duration, Duration), Failure> {
        let request = Request::post(self.question.path())
            .header(HOST, &self.address)
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(self.body.clone()))?;
        sender.ready().await?;
        let start = Instant::now();
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let mut body = answer.into_body();
        let mut first = None;
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                first.get_or_insert_with(|| start.elapsed());
                bytes.extend_from_slice(&data);
            }
        }
        let whole = start.elapsed();
        let text = String::from_utf8_lossy(&bytes);
        if !status.is_success() || !self.question.is_answered_by(&text) {
            return Err(format!("{:?}: {status} {text}", self.question).into());
        }
        Ok((first.unwrap_or(whole), whole))
    }
}

impl Question {
    pub(crate) const ALL: [Self; 4] = [
        Self::Chat,
        Self::Responses,
        Self::ChatStream,
        Self::ResponsesStream,
    ];

    /// Its name in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::ChatStream => "chat, 100 chunks",
            Self::Responses => "responses",
            Self::ResponsesStream => "responses, 100 chunks",
        }
    }

    pub(crate) fn streams(self) -> bool {
        match self {
            Self::ChatStream | Self::ResponsesStream => true,
            Self::Chat | Self::Responses => false,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Chat | Self::ChatStream => "/v1/chat/completions",
            Self::Responses | Self::ResponsesStream => "/v1/responses",
        }
    }

    fn body(self) -> String {
        let said = "What does a proxy of language models do for each request, and why should it \
                    add so little time to it that nobody can tell whether it is there?";
        let stream = self.streams();
        let body = match self {
            Self::Chat | Self::ChatStream => json!({
                "model": "chat", "stream": stream, "temperature": 0.7, "max_tokens": 256,
                "messages": [
                    {"role": "system", "content": INSTRUCTIONS},
                    {"role": "user", "content": said},
                ],
            }),
            // Keeping answers is a service that the bare proxy does not do.
            Self::Responses | Self::ResponsesStream => json!({
                "model": "responses", "stream": stream, "temperature": 0.7,
                "max_output_tokens": 256, "store": false, "instructions": INSTRUCTIONS, "input": said,
            }),
        };
        body.to_string()
    }

    /// Whether `text` is a whole answer of the upstream's.
    fn is_answered_by(self, text: &str) -> bool {
        let pieces = match self {
            Self::Chat | Self::Responses => return text.matches(" word").count() >= PIECES,
            Self::ChatStream => text.matches(r#""content":" word""#).count(),
            Self::ResponsesStream => text.matches(r#""delta":" word""#).count(),
        };
        let end = match self {
            Self::ChatStream => "data: [DONE]\n\n",
            _ => "event: response.completed\n",
        };
        pieces == PIECES && text.contains(end)
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

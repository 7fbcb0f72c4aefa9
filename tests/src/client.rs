// SPDX-License-Identifier: Apache-2.0
//! A plain HTTP client, one connection a request.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::HeaderMap;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use lukhas_openai::{SseDecoder, SseEvent};
use serde_json::Value;
use tokio::net::TcpStream;

/// Talks to one server with one key.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) key: String,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Client {
    /// A client of the server at `address`.
    #[must_use]
    pub fn new(address: std::net::SocketAddr, key: &str) -> Self {
        let key = key.to_owned();
        Self { address, key }
    }

    /// The server's address.
    #[must_use]
    pub fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    /// The key it sends.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The same client with another key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            ..self.clone()
        }
    }

    /// Gets a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.whole(self.request("GET", path, Bytes::new())).await
    }

    /// Deletes a path.
    pub async fn delete(&self, path: &str) -> Answer {
        self.whole(self.request("DELETE", path, Bytes::new())).await
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_bytes(path, body.to_string().into_bytes()).await
    }

    /// Posts any bytes as JSON.
    pub async fn post_bytes(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.whole(self.request("POST", path, body.into())).await
    }

    /// Posts JSON that asks for a stream, and reads its events to the end.
    pub async fn stream(&self, path: &str, body: &Value) -> Vec<SseEvent> {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.events()
    }

    /// A request with the key and the headers of JSON.
    pub fn request(&self, method: &str, path: &str, body: Bytes) -> Request<Full<Bytes>> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "test")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.key));
        request.body(Full::new(body)).expect("a request")
    }

    /// Sends a request and reads its answer whole.
    pub async fn whole(&self, request: Request<Full<Bytes>>) -> Answer {
        let (head, body) = self.send(request).await.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        }
    }

    /// Sends a request; its body is the caller's to read, and dropping it closes the connection.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        let stream = TcpStream::connect(self.address)
            .await
            .expect("a connection");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .expect("a handshake");
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(connection);
        let response = sender.send_request(request).await.expect("an answer");
        // The connection ends with the body: nothing else holds it.
        tasks.detach_all();
        response
    }
}

impl Answer {
    /// Its body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// Its body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Its body as server-sent events.
    #[must_use]
    pub fn events(&self) -> Vec<SseEvent> {
        SseDecoder::new(64 << 20)
            .push(&self.body)
            .expect("well-formed events")
    }

    /// A header as text; empty when absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

// SPDX-License-Identifier: Apache-2.0
//! async-openai, an independent client with strict types, decodes everything we send.

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::types::responses::ResponseStreamEvent;
use futures_util::StreamExt;
use lukhas_tests::TestServer;
use serde_json::{Value, json};

fn client(server: &TestServer) -> Client<OpenAIConfig> {
    // Its HTTP client wants a provider of cryptography, even where it speaks without TLS. The second test
    // of a process finds one there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let base = format!("http://{}/v1", server.client.address());
    Client::with_config(
        OpenAIConfig::new()
            .with_api_base(base)
            .with_api_key(server.client.key()),
    )
}

/// Requests for a text, a call, JSON and an incomplete answer, in the fields both dialects share.
fn requests() -> [Value; 4] {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}},
                            "required": ["city"], "additionalProperties": false});
    [
        json!({"text": "What is 6 * 7?"}),
        json!({"text": "What is the weather in Paris?", "tool": parameters}),
        json!({"text": "Paris", "schema": parameters}),
        json!({"text": "one two three four five", "limit": 2}),
    ]
}

fn response_request(of: &Value) -> Value {
    let mut body = json!({"model": "lukhas-matriz", "input": of["text"]});
    if of["tool"].is_object() {
        body["tools"] = json!([{"type": "function", "name": "get_weather", "strict": true,
                                "description": "Weather", "parameters": of["tool"]}]);
    }
    if of["schema"].is_object() {
        body["text"] = json!({"format": {"type": "json_schema", "name": "s", "strict": true,
                                         "schema": of["schema"]}});
    }
    if of["limit"].is_number() {
        body["max_output_tokens"] = of["limit"].clone();
    }
    body
}

fn chat_request(of: &Value) -> Value {
    let messages = json!([{"role": "user", "content": of["text"]}]);
    let mut body = json!({"model": "lukhas-matriz", "messages": messages});
    if of["tool"].is_object() {
        let function = json!({"name": "get_weather", "description": "Weather",
                              "parameters": of["tool"]});
        body["tools"] = json!([{"type": "function", "function": function}]);
    }
    if of["schema"].is_object() {
        body["response_format"] = json!({"type": "json_schema", "json_schema":
            {"name": "s", "strict": true, "schema": of["schema"]}});
    }
    if of["limit"].is_number() {
        body["max_completion_tokens"] = of["limit"].clone();
    }
    body
}

fn typed<T: serde::de::DeserializeOwned>(body: Value) -> T {
    serde_json::from_value(body).expect("a request of async-openai's")
}

#[tokio::test]
async fn every_response_event_is_decoded() {
    let server = TestServer::start().await;
    let client = client(&server);
    for request in requests() {
        let body = response_request(&request);
        let whole = client
            .responses()
            .create(typed(body.clone()))
            .await
            .expect("a response");
        let mut stream = client
            .responses()
            .create_stream(typed(body))
            .await
            .expect("a stream");
        let mut last = None;
        while let Some(event) = stream.next().await {
            last = Some(event.expect("a known event"));
        }
        let response = match last.expect("an end") {
            ResponseStreamEvent::ResponseCompleted(event) => event.response,
            ResponseStreamEvent::ResponseIncomplete(event) => event.response,
            other => panic!("ends with {other:?}"),
        };
        assert_eq!(response.output_text(), whole.output_text());
        let stored = client
            .responses()
            .retrieve(&response.id)
            .await
            .expect("it is stored");
        assert_eq!(stored, response);
        let items = client
            .responses()
            .list_input_items(&response.id)
            .await
            .expect("items");
        assert_eq!(items.data.len(), 1);
        assert!(
            client
                .responses()
                .delete(&response.id)
                .await
                .expect("deleted")
                .deleted
        );
    }
}

#[tokio::test]
async fn every_chat_chunk_is_decoded() {
    let server = TestServer::start().await;
    let client = client(&server);
    for request in requests() {
        let body = chat_request(&request);
        let whole = client
            .chat()
            .create(typed(body.clone()))
            .await
            .expect("a completion");
        let mut stream = client
            .chat()
            .create_stream(typed(body))
            .await
            .expect("a stream");
        let (mut text, mut reason, mut arguments) = (String::new(), None, String::new());
        while let Some(chunk) = stream.next().await {
            for choice in chunk.expect("a known chunk").choices {
                text.push_str(&choice.delta.content.unwrap_or_default());
                reason = reason.or(choice.finish_reason);
                for call in choice.delta.tool_calls.unwrap_or_default() {
                    let function = call.function.expect("a function");
                    arguments.push_str(&function.arguments.unwrap_or_default());
                }
            }
        }
        let choice = &whole.choices[0];
        assert_eq!(text, choice.message.content.clone().unwrap_or_default());
        assert_eq!(reason, choice.finish_reason);
        if request["tool"].is_object() {
            let arguments: Value = serde_json::from_str(&arguments).expect("JSON");
            assert!(arguments["city"].is_string());
        }
    }
}

#[tokio::test]
async fn embeddings_models_and_errors_are_decoded() {
    let server = TestServer::start().await;
    let client = client(&server);
    let body = json!({"model": "lukhas-lexical-hash-1024", "input": ["a fox", "a hound"]});
    let floats = client
        .embeddings()
        .create(typed(body.clone()))
        .await
        .expect("vectors");
    assert_eq!(floats.data.len(), 2);
    let mut body = body;
    body["encoding_format"] = json!("base64");
    let base64 = client
        .embeddings()
        .create_base64(typed(body))
        .await
        .expect("vectors");
    let decoded: Vec<f32> = base64.data[0].embedding.clone().into();
    assert_eq!(
        decoded, floats.data[0].embedding,
        "both encodings carry the same numbers"
    );
    assert!(client.models().list().await.expect("models").data.len() >= 2);
    let unknown = client
        .models()
        .retrieve("none")
        .await
        .expect_err("no such model");
    let OpenAIError::ApiError(error) = unknown else {
        panic!("{unknown:?}")
    };
    assert!(format!("{error:?}").contains("model_not_found"));
}

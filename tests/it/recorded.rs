// SPDX-License-Identifier: Apache-2.0
//! Every body and event we send, read by the official document.

use lukhas_tests::{Client, TestServer, assert_valid, assert_valid_event};
use serde_json::{Value, json};

const MODEL: &str = "lukhas-matriz";

fn weather_tool() -> Value {
    json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
           "additionalProperties": false})
}

fn person_schema() -> Value {
    json!({"type": "object",
           "properties": {"name": {"type": "string"}, "age": {"type": "integer"},
                          "friends": {"type": "array", "items": {"$ref": "#/$defs/friend"}}},
           "required": ["name", "age", "friends"], "additionalProperties": false,
           "$defs": {"friend": {"type": "object", "properties": {"name": {"type": "string"}},
                                "required": ["name"], "additionalProperties": false}}})
}

/// Requests of the Responses API that show every kind of answer.
fn responses() -> Vec<Value> {
    let tool = json!({"type": "function", "name": "get_weather", "description": "Weather of a city",
                      "parameters": weather_tool(), "strict": true});
    let format = json!({"type": "json_schema", "name": "person", "schema": person_schema(),
                        "strict": true});
    vec![
        json!({"input": "What is 6 * 7?"}),
        json!({"input": "Hello", "instructions": "Be kind", "metadata": {"a": "b"}, "user": "u",
               "temperature": 0.5, "seed": 3, "safety_identifier": "s"}),
        json!({"input": "What is the weather in Paris?", "tools": [tool]}),
        json!({"input": "x", "tools": [tool], "tool_choice": "required"}),
        json!({"input": "x", "tools": [tool],
               "tool_choice": {"type": "function", "name": "get_weather"}}),
        json!({"input": "x", "tools": [tool], "tool_choice": {"type": "allowed_tools",
               "mode": "required", "tools": [{"type": "function", "name": "get_weather"}]}}),
        json!({"input": "x", "tools": [tool], "tool_choice": "none"}),
        json!({"input": "Ada is 36", "text": {"format": format}}),
        json!({"input": "x", "text": {"format": {"type": "json_object"}}}),
        json!({"input": "one two three four ".repeat(20), "max_output_tokens": 16}),
        json!({"input": [{"role": "user", "content": [
            {"type": "input_text", "text": "look"},
            {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"}]}]}),
        json!({"input": "x", "store": false, "reasoning": {"effort": "low", "summary": "auto"}}),
    ]
}

async fn streamed(client: &Client, path: &str, mut body: Value) -> Vec<Value> {
    body["stream"] = json!(true);
    let mut events = client.stream(path, &body).await;
    let done = events.pop().expect("an end");
    assert_eq!(done.data, "[DONE]");
    let read = |event: &lukhas_openai::SseEvent| -> Value {
        let data: Value = serde_json::from_str(&event.data).expect("JSON");
        if path == "/v1/responses" {
            assert_eq!(event.event, data["type"].as_str().expect("a type"));
        }
        data
    };
    events.iter().map(read).collect()
}

#[tokio::test]
async fn responses_are_valid_whole_and_streamed() {
    let server = TestServer::start().await;
    for mut body in responses() {
        body["model"] = json!(MODEL);
        assert_valid("CreateResponse", &body);
        let answer = server.client.post("/v1/responses", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let whole = answer.json();
        assert_valid("Response", &whole);
        let events = streamed(&server.client, "/v1/responses", body.clone()).await;
        for (number, event) in events.iter().enumerate() {
            assert_valid_event(event);
            assert_eq!(event["sequence_number"], json!(number));
        }
        let last = &events.last().expect("an end")["response"];
        assert_eq!(
            shape(last),
            shape(&whole),
            "whole and streamed answers agree"
        );
        if body["store"] != json!(false) {
            let id = last["id"].as_str().expect("an id");
            let stored = server.client.get(&format!("/v1/responses/{id}")).await;
            assert_eq!(&stored.json(), last);
            let items = server
                .client
                .get(&format!("/v1/responses/{id}/input_items"))
                .await;
            assert_eq!(items.status, 200);
            assert_valid("ResponseItemList", &items.json());
        }
    }
}

/// An answer without what differs from run to run: identifiers and times.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| {
                !["id", "call_id", "created_at", "completed_at"].contains(&key.as_str())
            })
            .map(|(key, value)| (key.clone(), shape(value)))
            .collect(),
        Value::Array(values) => values.iter().map(shape).collect(),
        other => other.clone(),
    }
}

/// Requests of chat completions that show every kind of answer.
fn chats() -> Vec<Value> {
    let tool = json!({"type": "function", "function": {"name": "get_weather",
                      "description": "Weather of a city", "parameters": weather_tool()}});
    let user = |text: &str| json!([{"role": "user", "content": text}]);
    let call = json!({"id": "call_1", "type": "function",
                      "function": {"name": "get_weather", "arguments": "{\"city\":\"Paris\"}"}});
    vec![
        json!({"messages": user("What is 6 * 7?")}),
        json!({"messages": user("Hello"), "n": 3, "seed": 1}),
        json!({"messages": user("one two three four five"), "max_completion_tokens": 2}),
        json!({"messages": user("one two three four five"), "stop": ["three"]}),
        json!({"messages": user("What is the weather in Paris?"), "tools": [tool]}),
        json!({"messages": user("x"), "tools": [tool], "tool_choice": "required"}),
        json!({"messages": user("x"), "tools": [tool],
               "tool_choice": {"type": "function", "function": {"name": "get_weather"}}}),
        json!({"messages": [{"role": "user", "content": "Weather in Paris?"},
                            {"role": "assistant", "content": null, "tool_calls": [call]},
                            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}],
               "tools": [tool]}),
        json!({"messages": user("Ada is 36"), "response_format": {"type": "json_schema",
               "json_schema": {"name": "person", "schema": person_schema(), "strict": true}}}),
        json!({"messages": user("x"), "response_format": {"type": "json_object"}}),
    ]
}

#[tokio::test]
async fn chat_completions_are_valid_whole_and_streamed() {
    let server = TestServer::start().await;
    for mut body in chats() {
        body["model"] = json!(MODEL);
        assert_valid("CreateChatCompletionRequest", &body);
        let answer = server.client.post("/v1/chat/completions", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_valid("CreateChatCompletionResponse", &answer.json());
        for options in [json!(null), json!({"include_usage": true})] {
            let usage = !options.is_null();
            body["stream_options"] = options;
            let chunks = streamed(&server.client, "/v1/chat/completions", body.clone()).await;
            for chunk in &chunks {
                assert_valid("CreateChatCompletionStreamResponse", chunk);
            }
            let last = chunks.last().expect("a chunk");
            assert_eq!(
                last["choices"] == json!([]),
                usage,
                "usage only when asked for, and last"
            );
            assert_eq!(last["usage"].is_object(), usage);
        }
    }
}

#[tokio::test]
async fn embeddings_models_and_counts_are_valid() {
    let server = TestServer::start().await;
    let client = &server.client;
    for (input, format, count) in [
        (json!("a fox"), "float", 1),
        (json!(["a fox", "a hound"]), "base64", 2),
        (json!([1820, 6031]), "float", 1),
        (json!([[64], [1820, 6031]]), "float", 2),
    ] {
        let body = json!({"model": "text-embedding-3-small", "input": input,
                          "encoding_format": format, "dimensions": 256});
        assert_valid("CreateEmbeddingRequest", &body);
        let answer = client.post("/v1/embeddings", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let list = answer.json();
        assert_eq!(list["data"].as_array().map(Vec::len), Some(count));
        if format == "float" {
            assert_valid("CreateEmbeddingResponse", &list);
            assert_eq!(
                list["data"][0]["embedding"].as_array().map(Vec::len),
                Some(256)
            );
        }
    }
    assert_valid("ListModelsResponse", &client.get("/v1/models").await.json());
    for model in [
        "lukhas-matriz",
        "gpt-4o-mini",
        "lukhas-lexical-hash-1024",
        "text-embedding-3-small",
    ] {
        let answer = client.get(&format!("/v1/models/{model}")).await;
        assert_eq!(answer.json()["id"], model);
        assert_valid("Model", &answer.json());
    }
    let body = json!({"model": MODEL, "input": "What is 6 * 7?"});
    let counted = client
        .post("/v1/responses/input_tokens", &body)
        .await
        .json();
    assert_valid("TokenCountsResource", &counted);
    let answered = client.post("/v1/responses", &body).await.json();
    assert_eq!(counted["input_tokens"], answered["usage"]["input_tokens"]);
}

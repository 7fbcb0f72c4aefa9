// SPDX-License-Identifier: Apache-2.0
//! Stored responses: continued, listed, deleted, and nobody else's.

use lukhas_tests::{Client, TestServer};
use serde_json::{Value, json};

async fn create(client: &Client, body: Value) -> Value {
    let mut body = body;
    body["model"] = json!("lukhas-matriz");
    let answer = client.post("/v1/responses", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn id(response: &Value) -> &str {
    response["id"].as_str().expect("an id")
}

fn text(response: &Value) -> &str {
    response["output"][0]["content"][0]["text"]
        .as_str()
        .expect("a text")
}

#[tokio::test]
async fn a_conversation_goes_on_from_any_of_its_responses() {
    let server = TestServer::start().await;
    let client = &server.client;
    let first = create(client, json!({"input": "My name is Ada."})).await;
    let second = create(
        client,
        json!({"input": "Hello", "previous_response_id": id(&first)}),
    )
    .await;
    let asked = json!({"input": "What is my name?", "previous_response_id": id(&second)});
    let third = create(client, asked.clone()).await;
    assert!(text(&third).contains("Ada"), "{third}");
    assert_eq!(third["previous_response_id"], second["id"]);
    // What was deleted can no longer be fetched, but what came after it remembers.
    let deleted = client
        .delete(&format!("/v1/responses/{}", id(&first)))
        .await
        .json();
    assert_eq!(
        deleted,
        json!({"id": id(&first), "object": "response", "deleted": true})
    );
    assert_eq!(
        client
            .get(&format!("/v1/responses/{}", id(&first)))
            .await
            .status,
        404
    );
    assert!(text(&create(client, asked).await).contains("Ada"));
}

#[tokio::test]
async fn an_unknown_or_unstored_response_cannot_be_continued() {
    let server = TestServer::start().await;
    let unstored = create(&server.client, json!({"input": "x", "store": false})).await;
    for previous in ["resp_none", id(&unstored)] {
        let body =
            json!({"model": "lukhas-matriz", "input": "x", "previous_response_id": previous});
        for stream in [false, true] {
            let mut body = body.clone();
            body["stream"] = json!(stream);
            let answer = server.client.post("/v1/responses", &body).await;
            let error = &answer.json()["error"];
            assert_eq!(answer.status, 400);
            assert_eq!(error["code"], "previous_response_not_found");
            assert_eq!(error["param"], "previous_response_id");
        }
        assert_eq!(
            server
                .client
                .get(&format!("/v1/responses/{previous}"))
                .await
                .status,
            404
        );
    }
}

#[tokio::test]
async fn another_tenant_finds_nothing() {
    let server = TestServer::start().await;
    let mine = create(&server.client, json!({"input": "secret"})).await;
    let path = format!("/v1/responses/{}", id(&mine));
    for (answer, missing) in [
        (
            server.stranger.get(&path).await,
            server.stranger.get("/v1/responses/resp_none").await,
        ),
        (
            server.stranger.delete(&path).await,
            server.stranger.delete("/v1/responses/resp_none").await,
        ),
        (
            server.stranger.get(&format!("{path}/input_items")).await,
            server
                .stranger
                .get("/v1/responses/resp_none/input_items")
                .await,
        ),
    ] {
        assert_eq!((answer.status, missing.status), (404, 404));
        let unnamed = |text: String, id: &str| text.replace(id, "ID");
        assert_eq!(
            unnamed(answer.text(), id(&mine)),
            unnamed(missing.text(), "resp_none")
        );
    }
    let body = json!({"model": "lukhas-matriz", "input": "x", "previous_response_id": id(&mine)});
    let answer = server.stranger.post("/v1/responses", &body).await;
    assert_eq!(
        answer.json()["error"]["code"],
        "previous_response_not_found"
    );
    assert_eq!(
        server.client.get(&path).await.status,
        200,
        "it is still there for its owner"
    );
}

#[tokio::test]
async fn input_items_come_in_pages() {
    let server = TestServer::start().await;
    let client = &server.client;
    let first = create(client, json!({"input": "one"})).await;
    let input = json!([{"role": "user", "content": "two"}, {"role": "user", "content": "three"}]);
    let second = create(
        client,
        json!({"input": input, "previous_response_id": id(&first)}),
    )
    .await;
    let path = format!("/v1/responses/{}/input_items", id(&second));
    let list = client.get(&format!("{path}?order=asc")).await.json();
    let texts: Vec<&str> = list["data"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| item["content"][0]["text"].as_str().expect("a text"))
        .collect();
    assert_eq!([texts[0], texts[2], texts[3]], ["one", "two", "three"]);
    assert!(
        texts[1].contains("one"),
        "the answer to `one`: {}",
        texts[1]
    );
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = client
            .get(&format!("{path}?limit=3&order=asc{after}"))
            .await
            .json();
        seen.extend(page["data"].as_array().expect("items").iter().cloned());
        if page["has_more"] == json!(false) {
            break;
        }
        after = format!("&after={}", page["last_id"].as_str().expect("an id"));
    }
    assert_eq!(json!(seen), list["data"]);
    for (query, param) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("order=up", "order"),
        ("page=2", "page"),
    ] {
        let answer = client.get(&format!("{path}?{query}")).await;
        assert_eq!(
            (answer.status, answer.json()["error"]["param"].as_str()),
            (400, Some(param))
        );
    }
    let answer = client.get(&format!("{path}?after=none")).await;
    assert_eq!(
        (answer.status, answer.json()["error"]["param"].as_str()),
        (404, Some("after"))
    );
}

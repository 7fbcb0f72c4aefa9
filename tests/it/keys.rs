// SPDX-License-Identifier: Apache-2.0
//! What keys may do: scopes on every route, models on every route that takes one.

use bytes::Bytes;
use lukhas_auth::{GeneratedKey, KeyEntry};
use lukhas_core::{Glob, Scope};
use lukhas_gateway::{Access, Route, routes};
use lukhas_tests::{Answer, Client, TestServer};
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";
const COUNT: &str = "/v1/responses/input_tokens";
const EMBEDDINGS: &str = "/v1/embeddings";
const RESPONSES: &str = "/v1/responses";

/// A key that was just made, and its text.
fn made() -> (KeyEntry, String) {
    let key = GeneratedKey::generate(&mut rand::rng()).secret;
    let text = key.expose().clone();
    (KeyEntry::new("the test", key).expect("a good key"), text)
}

/// A key for these models, and its text.
fn for_models(models: &[&str]) -> (KeyEntry, String) {
    let (entry, text) = made();
    let globs: Vec<Glob> = models
        .iter()
        .map(|glob| glob.parse().expect("a glob"))
        .collect();
    (entry.with_models(globs), text)
}

async fn call(client: &Client, route: &Route) -> u16 {
    let path = route
        .path
        .replace("{response_id}", "resp_x")
        .replace("{model}", "none");
    let request = client.request(route.method.as_str(), &path, Bytes::new());
    client.whole(request).await.status
}

#[tokio::test]
async fn every_route_wants_its_scope_and_no_other() {
    let keys = Scope::ALL.map(|scope| {
        let (only, only_text) = made();
        let (lacking, lacking_text) = made();
        let others: Vec<_> = Scope::ALL
            .into_iter()
            .filter(|&other| other != scope)
            .collect();
        let entries = [only.with_scopes([scope]), lacking.with_scopes(others)];
        (scope, entries, [only_text, lacking_text])
    });
    let mut entries = Vec::new();
    let keys = keys.map(|(scope, new, texts)| {
        entries.extend(new);
        (scope, texts)
    });
    let server = TestServer::knowing(entries).await;
    for route in routes() {
        for (scope, [only, lacking]) in &keys {
            let only = call(&server.client.with_key(only), route).await;
            let lacking = call(&server.client.with_key(lacking), route).await;
            let seen = (only == 403, lacking == 403);
            let expected = match route.access {
                Access::Public => (false, false),
                Access::Scope(needed) if needed == *scope => (false, true),
                Access::Scope(_) => (true, false),
            };
            assert_eq!(seen, expected, "{route:?} and {scope}: {only}, {lacking}");
        }
    }
}

/// Every way to ask for `model`: the method, the path and the body.
fn ways(model: &str) -> Vec<(&'static str, String, Value)> {
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let post = |path: &str, body: Value| ("POST", path.to_owned(), body);
    let unknown = "resp_00000000000000000000000000000000";
    vec![
        post(RESPONSES, json!({"model": model, "input": "Hello"})),
        post(
            RESPONSES,
            json!({"model": model, "input": "Hello", "stream": true}),
        ),
        post(
            RESPONSES,
            json!({"model": model, "input": "Hello", "previous_response_id": unknown}),
        ),
        post(CHAT, json!({"model": model, "messages": messages})),
        post(
            CHAT,
            json!({"model": model, "messages": messages, "stream": true}),
        ),
        post(CHAT, json!({"model": model, "messages": messages, "n": 2})),
        post(COUNT, json!({"model": model, "input": "Hello"})),
        post(EMBEDDINGS, json!({"model": model, "input": "Hello"})),
        post(
            EMBEDDINGS,
            json!({"model": model, "input": "Hello", "dimensions": 8}),
        ),
        ("GET", format!("/v1/models/{model}"), Value::Null),
    ]
}

async fn ask(client: &Client, (method, path, body): &(&str, String, Value)) -> Answer {
    let body = if body.is_null() {
        Bytes::new()
    } else {
        body.to_string().into()
    };
    client.whole(client.request(method, path, body)).await
}

#[tokio::test]
async fn a_model_that_a_key_may_not_use_is_one_that_nobody_has() {
    let (entry, key) = for_models(&["gpt-*", "text-embedding-3-?mall"]);
    let server = TestServer::knowing(vec![entry]).await;
    let client = server.client.with_key(&key);
    for forbidden in ["lukhas-matriz", "lukhas-lexical-hash-1024"] {
        for (way, unknown) in ways(forbidden).iter().zip(&ways("unheard-of")) {
            let (seen, expected) = (ask(&client, way).await, ask(&client, unknown).await);
            let expected_text = expected.text().replace("unheard-of", forbidden);
            assert_eq!((seen.status, seen.text()), (expected.status, expected_text));
            let missing = seen.json()["error"]["code"] == "model_not_found";
            let not_asked = seen.json()["error"]["code"] == "previous_response_not_found";
            assert!(missing || not_asked, "{way:?}: {}", seen.text());
        }
    }
}

#[tokio::test]
async fn an_alias_is_a_name_of_its_own() {
    let (alias, alias_key) = for_models(&["gpt-4o-mini", "text-embedding-3-small"]);
    let (target, target_key) = for_models(&["lukhas-*"]);
    let server = TestServer::knowing(vec![alias, target]).await;
    for (key, own, other) in [
        (&alias_key, "gpt-4o-mini", "lukhas-matriz"),
        (&target_key, "lukhas-matriz", "gpt-4o-mini"),
    ] {
        let client = server.client.with_key(key);
        let status = |model: &str| {
            let body = json!({"model": model, "input": "Hello"});
            let client = client.clone();
            async move { client.post(RESPONSES, &body).await.status }
        };
        assert_eq!((status(own).await, status(other).await), (200, 404));
    }
    let client = server.client.with_key(&alias_key);
    let embed = json!({"model": "text-embedding-3-small", "input": "Hello"});
    assert_eq!(client.post(EMBEDDINGS, &embed).await.status, 200);
}

#[tokio::test]
async fn the_list_has_the_models_of_the_key_alone() {
    let (entry, key) = for_models(&["gpt-4o-mini", "lukhas-lex*"]);
    let server = TestServer::knowing(vec![entry]).await;
    let list = async |client: &Client| {
        let list = client.get("/v1/models").await.json();
        let models = list["data"].as_array().expect("a list").clone();
        let names = models
            .iter()
            .map(|model| model["id"].as_str().expect("a name").to_owned());
        names.collect::<Vec<_>>()
    };
    let all = list(&server.client).await;
    let own = list(&server.client.with_key(&key)).await;
    assert_eq!(own, ["gpt-4o-mini", "lukhas-lexical-hash-1024"]);
    assert!(all.len() > own.len() && own.iter().all(|name| all.contains(name)));
}

#[tokio::test]
async fn no_error_names_a_model_that_the_key_may_not_use() {
    let (entry, key) = for_models(&["lukhas-matriz"]);
    let server = TestServer::knowing(vec![entry]).await;
    let body = json!({"model": "lukhas-matriz", "input": "Hello"});
    let says = async |client: &Client| client.post(EMBEDDINGS, &body).await.text();
    assert!(says(&server.client).await.contains("Use `lukhas-lexical"));
    let restricted = says(&server.client.with_key(&key)).await;
    assert!(restricted.contains("does not embed."), "{restricted}");
    assert!(!restricted.contains("lexical"), "{restricted}");
}

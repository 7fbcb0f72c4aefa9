// SPDX-License-Identifier: Apache-2.0
//! The documents that are made from the code are the ones in the tree.

use std::collections::BTreeSet;
use std::path::Path;

use lukhas_gateway::{
    Access, error_catalogue_markdown, openapi_json, routes, scope_table_markdown,
};
use lukhas_tests::TestServer;
use serde_json::Value;

/// Compares a file of the tree with what the code says, or writes it when `LUKHAS_REGEN` is set.
#[track_caller]
fn check_document(path: &str, expected: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if std::env::var_os("LUKHAS_REGEN").is_some() {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("the folder");
        std::fs::write(&file, expected).expect("the document");
        return;
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == expected,
        "{path} is not what the code says; run `cargo xtask regen`"
    );
}

#[test]
fn the_openapi_document_is_the_one_in_the_tree() {
    let yaml = serde_saphyr::to_string(openapi_json()).expect("YAML");
    let back: Value = serde_saphyr::from_str(&yaml).expect("YAML");
    assert_eq!(
        &back,
        openapi_json(),
        "the YAML reads back as what was written"
    );
    let head = "# Made from the route table by `cargo xtask regen`.\n";
    check_document("docs/openapi/lukhas-openai.yaml", &format!("{head}{yaml}"));
}

#[test]
fn the_error_catalogue_is_the_one_in_the_tree() {
    check_document("docs/API_ERRORS.md", &error_catalogue_markdown());
}

#[test]
fn the_scopes_of_routes_are_the_ones_in_the_tree() {
    const PAGE: &str = "docs/security/keys.md";
    let [begin, end] = [
        "<!-- scopes: made by `cargo xtask regen` -->\n",
        "<!-- /scopes -->\n",
    ];
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(PAGE);
    let page = std::fs::read_to_string(file).expect("the page");
    let (before, rest) = page.split_once(begin).expect("the place of the table");
    let (_, after) = rest.split_once(end).expect("the end of the table");
    let table = scope_table_markdown();
    check_document(PAGE, &format!("{before}{begin}\n{table}\n{end}{after}"));
}

#[test]
fn the_document_has_exactly_the_routes_of_the_table() {
    let paths = openapi_json()["paths"].as_object().expect("paths");
    let documented: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("an item").keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let table: BTreeSet<String> = routes().iter().map(|route| format!("{route:?}")).collect();
    assert_eq!(documented, table);
}

#[tokio::test]
async fn every_route_of_the_table_is_live_and_guarded_as_it_says() {
    let server = TestServer::start().await;
    let nobody = server.client.with_key("nobody");
    for route in routes() {
        let path = route
            .path
            .replace("{response_id}", "resp_x")
            .replace("{model}", "none");
        let send = |client: &lukhas_tests::Client| {
            let request = client.request(route.method.as_str(), &path, bytes::Bytes::new());
            let client = client.clone();
            async move { client.whole(request).await }
        };
        let known = send(&server.client).await;
        let unknown_url = known.status == 404 && known.text().contains("Unknown request URL");
        assert!(
            !unknown_url && known.status != 405,
            "{route:?}: {}",
            known.text()
        );
        let unknown = send(&nobody).await;
        match route.access {
            Access::Public => assert_eq!(unknown.status, 200, "{route:?}"),
            Access::Scope(_) => assert_eq!(unknown.status, 401, "{route:?}"),
        }
        if let Access::Scope(scope) = route.access {
            let allowed = scope == lukhas_core::Scope::Models;
            let status = send(&server.reader).await.status;
            assert_eq!(status == 403, !allowed, "{route:?} answers {status}");
        }
    }
}

#[tokio::test]
async fn the_served_document_is_the_one_of_the_code() {
    let server = TestServer::start().await;
    let served = server.client.get("/openapi.json").await;
    assert_eq!(&served.json(), openapi_json());
}

// SPDX-License-Identifier: Apache-2.0
//! Path and query parameters, checked against the table.

use std::borrow::Cow;

use axum::extract::{FromRequestParts, RawPathParams, Request};

use crate::route::{Place, Route};
use crate::{ApiError, ErrorCode};

/// Refuses query parameters that the route does not have, and ones given twice.
pub(crate) fn check_query(route: &Route, query: Option<&str>) -> Result<(), ApiError> {
    let mut seen: Vec<Cow<'_, str>> = Vec::new();
    for (name, _) in pairs(query) {
        let list = name.ends_with("[]");
        let plain = name.strip_suffix("[]").unwrap_or(&name);
        if !route
            .parameters
            .iter()
            .any(|p| p.place == Place::Query && p.name == plain)
        {
            let shown: String = name.chars().take(64).collect();
            let message = format!("Unknown query parameter: `{shown}`.");
            return Err(ApiError::new(ErrorCode::UnknownParameter, message).with_param(shown));
        }
        if seen.contains(&name) && !list && name != "include" {
            return Err(invalid(plain, "is given more than once"));
        }
        seen.push(name);
    }
    Ok(())
}

/// The value of one query parameter, decoded.
pub(super) fn get<'q>(request: &'q Request, name: &str) -> Option<Cow<'q, str>> {
    pairs(request.uri().query())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}

/// The value of the route's one path parameter, decoded.
pub(super) async fn path_parameter(request: Request) -> Result<String, ApiError> {
    let (mut head, _) = request.into_parts();
    let params = RawPathParams::from_request_parts(&mut head, &()).await;
    let first = params
        .ok()
        .and_then(|params| params.iter().next().map(|(_, value)| value.to_owned()));
    first.ok_or_else(|| {
        ApiError::new(
            ErrorCode::NotFound,
            "The URL holds an identifier that is not UTF-8 text.",
        )
    })
}

/// A query parameter has a value out of its range or set.
pub(super) fn invalid(name: &str, rule: &str) -> ApiError {
    let message = format!("Invalid value for `{name}`: {rule}.");
    ApiError::new(ErrorCode::InvalidValue, message).with_param(name)
}

fn pairs(query: Option<&str>) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::routes;

    #[track_caller]
    fn check(path: &str, query: &str, expected: Result<(), (&str, &str)>) {
        let route = routes()
            .iter()
            .find(|route| route.path == path)
            .expect("a route");
        let found = check_query(route, Some(query));
        let found = found
            .as_ref()
            .map_err(|e| (e.code().as_str(), e.param().unwrap_or("")));
        assert_eq!(found.copied(), expected);
    }

    #[test]
    fn only_the_parameters_of_the_route_are_accepted_and_only_once() {
        let items = "/v1/responses/{response_id}/input_items";
        check(items, "limit=5&order=asc&after=x", Ok(()));
        check(items, "include[]=a&include[]=b", Ok(()));
        check(items, "limit=5&limit=6", Err(("invalid_value", "limit")));
        check(items, "limt=5", Err(("unknown_parameter", "limt")));
        check(
            items,
            "response_id=x",
            Err(("unknown_parameter", "response_id")),
        );
        check("/v1/models", "", Ok(()));
        check("/v1/models", "x", Err(("unknown_parameter", "x")));
    }
}

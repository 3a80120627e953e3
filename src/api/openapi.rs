//! `GET /openapi.json`: the API in words for programs. Written by hand; a test holds it against the routes.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// The document.
const DOCUMENT: &str = include_str!("../../assets/openapi.json");

pub(super) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

#[cfg(test)]
mod tests {
    use super::super::{routes_with_key, routes_without_key};
    use super::DOCUMENT;
    use serde_json::Value;
    use std::collections::BTreeSet;

    #[test]
    fn every_path_is_in_it_and_no_other() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let written: BTreeSet<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        let routed: BTreeSet<&str> =
            routes_with_key().iter().chain(&routes_without_key()).map(|(path, _)| *path).collect();
        assert_eq!(written, routed);
    }

    #[test]
    fn what_needs_no_key_says_so() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let open: BTreeSet<&str> = routes_without_key().iter().map(|(path, _)| *path).collect();
        for (path, calls) in document["paths"].as_object().unwrap() {
            for (method, call) in calls.as_object().unwrap() {
                let needs_none = call["security"].as_array().is_some_and(Vec::is_empty);
                assert_eq!(needs_none, open.contains(path.as_str()), "{method} {path}");
            }
        }
    }
}

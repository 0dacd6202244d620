//! Answers in the form of the Beacon API.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An error answer: `{"code", "message"}`.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    message: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("NOT_FOUND: {what}"))
    }

    pub(super) fn bad_request(what: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("BAD_REQUEST: {what}"))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = json!({"code": self.status.as_u16(), "message": self.message});
        (self.status, Json(body)).into_response()
    }
}

/// Wraps `data` without saying anything about its standing.
pub(super) fn data(data: Value) -> Json<Value> {
    Json(json!({"data": data}))
}

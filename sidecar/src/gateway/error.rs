//! Errors as the gateway answers them.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use quintet_api::ErrorBody;

use crate::core::Refusal;

/// An answer that is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    code: u16,
    message: String,
    retry_after: Option<Duration>,
}

impl ApiError {
    /// An error with its HTTP status.
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    /// An error that goes away: the client is told when to come back.
    pub fn later(code: u16, message: impl Into<String>, after: Duration) -> Self {
        Self { retry_after: Some(after), ..Self::new(code, message) }
    }

    /// HTTP status.
    pub const fn code(&self) -> u16 {
        self.code
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(ErrorBody { code: self.code, message: self.message })).into_response();
        if let Some(after) = self.retry_after {
            // Whole seconds, never less than the wait.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::UnknownJob(_) => 404,
            Refusal::Malformed(_) | Refusal::Undivided(_) | Refusal::Signature(_) => 400,
            Refusal::UnknownProver(_) | Refusal::NotSelected(_) | Refusal::Barred { .. } => 403,
            Refusal::NotOpen(_) | Refusal::Late { .. } | Refusal::Duplicate(_) => 409,
            Refusal::Full(_) => 507,
        };
        Self::new(code, refusal.to_string())
    }
}

/// The label of a refusal in metrics.
pub(super) const fn label(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::UnknownJob(_) => "unknown_job",
        Refusal::NotOpen(_) => "not_open",
        Refusal::Late { .. } => "late",
        Refusal::UnknownProver(_) => "unknown_prover",
        Refusal::NotSelected(_) => "not_selected",
        Refusal::Barred { .. } => "barred",
        Refusal::Duplicate(_) => "duplicate",
        Refusal::Undivided(_) => "undivided",
        Refusal::Malformed(_) => "malformed",
        Refusal::Signature(_) => "signature",
        Refusal::Full(_) => "full",
    }
}

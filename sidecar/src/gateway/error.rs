//! Errors as the gateway answers them.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use quintet_api::ErrorBody;

use crate::core::Refusal;

/// An answer that is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    code: u16,
    message: String,
}

impl ApiError {
    /// An error with its HTTP status.
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// HTTP status.
    pub const fn code(&self) -> u16 {
        self.code
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(ErrorBody { code: self.code, message: self.message })).into_response()
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::UnknownJob(_) => 404,
            Refusal::Malformed(_) | Refusal::Signature(_) => 400,
            Refusal::UnknownProver(_) | Refusal::NotSelected(_) | Refusal::Barred { .. } => 403,
            Refusal::NotOpen(_) | Refusal::Late { .. } | Refusal::Duplicate(_) => 409,
            Refusal::Full(_) => 413,
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
        Refusal::Malformed(_) => "malformed",
        Refusal::Signature(_) => "signature",
        Refusal::Full(_) => "full",
    }
}

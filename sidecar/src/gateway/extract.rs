//! Reading paths and bodies, with errors that name what is wrong; JSON or SSZ by header.

use axum::{
    Json,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use quintet_api::{Data, SSZ};
use quintet_types::{Decode, Encode, JobId};
use serde::{Serialize, de::DeserializeOwned};

use super::ApiError;

/// Most entries of a page of any list.
pub(super) const MAX_PAGE: usize = 1000;

/// How many entries a page may have: what was asked for, or the list's default.
pub(super) fn page_limit(asked: Option<usize>, default: usize) -> Result<usize, ApiError> {
    let limit = asked.unwrap_or(default);
    if limit == 0 || limit > MAX_PAGE {
        return Err(ApiError::new(400, format!("limit is {limit}, 1 to {MAX_PAGE} are allowed")));
    }
    Ok(limit)
}

/// A job id out of a path.
pub(super) fn job_id(text: &str) -> Result<JobId, ApiError> {
    text.parse().map_err(|error: quintet_types::TypesError| ApiError::new(400, error.to_string()))
}

/// Anything else out of a path.
pub(super) fn parse<T: std::str::FromStr>(what: &str, text: &str) -> Result<T, ApiError>
where
    T::Err: std::fmt::Display,
{
    let shown: String = text.chars().take(120).collect();
    text.parse().map_err(|error| ApiError::new(400, format!("{shown:?} is no {what}: {error}")))
}

/// Whether the client wants SSZ.
pub(super) fn wants_ssz(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains(SSZ))
}

/// `{"data": …}`.
pub(super) fn json<T: Serialize>(data: T) -> Response {
    Json(Data { data }).into_response()
}

/// SSZ bytes.
pub(super) fn ssz(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, SSZ)], bytes).into_response()
}

/// SSZ or JSON, as the client wants.
pub(super) fn negotiated<T: Serialize + Encode>(headers: &HeaderMap, data: &T) -> Response {
    if wants_ssz(headers) { ssz(data.as_ssz_bytes()) } else { json(data) }
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("application/json")
}

/// Whether the body is said to be SSZ.
pub(super) fn is_ssz(headers: &HeaderMap) -> bool {
    content_type(headers).starts_with(SSZ)
}

/// A body in SSZ or JSON, by its content type.
pub(super) fn body<T: Decode + DeserializeOwned>(headers: &HeaderMap, bytes: &[u8]) -> Result<T, ApiError> {
    let kind = content_type(headers);
    if is_ssz(headers) {
        return T::from_ssz_bytes(bytes)
            .map_err(|error| ApiError::new(400, format!("the body is not the expected SSZ: {error:?}")));
    }
    if kind.starts_with("application/json") {
        return serde_json::from_slice(bytes)
            .map_err(|error| ApiError::new(400, format!("the body is not the expected JSON: {error}")));
    }
    let shown: String = kind.chars().take(80).collect();
    Err(ApiError::new(415, format!("content type {shown:?}; send application/json or {SSZ}")))
}

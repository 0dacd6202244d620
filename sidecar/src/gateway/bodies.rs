//! Reading the body of a submission: its size is limited by kind, and its memory is accounted for before a byte is read.

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, header},
};
use tokio::sync::OwnedSemaphorePermit;

use super::{ApiError, admission::Admission};

/// The body, and the memory that it holds until the submission is decided.
pub(super) async fn read(
    admission: &Admission,
    limit: usize,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Bytes, OwnedSemaphorePermit), ApiError> {
    let too_large = |bytes: &str| ApiError::new(413, format!("the body has {bytes} bytes, {limit} are allowed here"));
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if let Some(length) = length.filter(|length| *length > limit) {
        return Err(too_large(&length.to_string()));
    }
    // Without a length it may come to the limit.
    let memory = admission.memory(length.unwrap_or(limit))?;
    let bytes = to_bytes(body, limit).await.map_err(|error| {
        let by_limit = std::error::Error::source(&error).is_some_and(|source| source.is::<http_body_util::LengthLimitError>());
        if by_limit { too_large("more") } else { ApiError::new(400, format!("the body did not arrive: {error}")) }
    })?;
    Ok((bytes, memory))
}

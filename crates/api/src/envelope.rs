//! The envelopes around answers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A successful answer.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct Data<T> {
    /// What was asked for.
    pub data: T,
}

/// A part of a long list.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct Page<T> {
    /// The entries of this part.
    pub data: Vec<T>,
    /// Pass it as `after` to get the next part; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An error answer.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct ErrorBody {
    /// HTTP status.
    pub code: u16,
    /// What was wrong: names the value, the place and, where there is one, the way out.
    pub message: String,
}

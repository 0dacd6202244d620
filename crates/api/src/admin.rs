//! Answers of the sidecar's admin listener.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /admin/v1/db`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct StoreView {
    /// Version of the records.
    pub schema_version: Option<u32>,
    /// Bytes on disk, space to be used again included.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub disk_bytes: u64,
    /// The tables by name.
    pub tables: Vec<TableView>,
}

/// One table of the store.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct TableView {
    /// Its name.
    pub name: String,
    /// Entries in it.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub entries: u64,
    /// Bytes of keys and values.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub bytes: u64,
}

/// `POST /admin/v1/db/backup`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct Backup {
    /// The file, on the sidecar's machine.
    pub file: String,
    /// Stored entries.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub entries: u64,
    /// Length of the file.
    #[serde(with = "quintet_types::quoted")]
    #[schema(value_type = String)]
    pub bytes: u64,
}

/// `POST /admin/v1/shutdown`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct Stopping {
    /// True.
    pub stopping: bool,
}

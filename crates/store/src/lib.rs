//! Typed tables over sled, with writes that are on disk when they are acknowledged.
//!
//! * A [`Table`] has a name, a key type (order-preserving bytes, [`Key`]) and a value type (SSZ).
//! * A [`Batch`] collects writes to any tables. It is applied whole or not at all, across crashes too.
//! * One thread writes. It takes every batch that is waiting, applies them as one sled batch, flushes once, and tells each
//!   caller ([`Pending`], to be waited for or awaited). That is what makes a thousand acknowledged writes a
//!   second possible on a disk that flushes a hundred times a second.
//! * Reads go straight to sled, see everything applied so far, and never wait for a flush.
//! * The store records what it is and in which version ([`Schema`]); older ones are migrated on opening, newer and foreign
//!   ones refused.
//!
//! What "on disk" means here: sled's log has been written out *and* `fdatasync` has returned for it. sled alone calls
//! `sync_file_range`, which leaves file metadata and the drive's cache to chance, and does not sync the side files it
//! makes for pages beyond 128 KiB; values are cut into pieces of 4 KiB so that no page gets that large.

mod backup;
mod batch;
mod error;
mod inspect;
mod key;
mod key_types;
mod lock;
mod pending;
mod queue;
mod scan;
mod schema;
mod snapshot;
mod store;
mod table;
mod value;
mod writer;

pub use backup::{BackupSummary, restore, verify_backup};
pub use batch::Batch;
pub use error::StoreError;
pub use inspect::{Report, TableReport, inspect};
pub use key::{Key, PrefixOf};
pub use pending::Pending;
pub use scan::Scan;
pub use schema::{Migration, Schema};
pub use store::{Options, Store};
pub use table::Table;
pub use value::MAX_VALUE_BYTES;
pub use writer::Stats;

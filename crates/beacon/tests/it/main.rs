//! Integration tests of the Beacon API client, against recorded answers of real nodes.

mod data;
mod decode;

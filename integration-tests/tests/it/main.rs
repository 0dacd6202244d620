//! Tests of several parts together.

mod block;

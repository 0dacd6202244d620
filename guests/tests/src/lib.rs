//! What the test programs share.
#![no_std]

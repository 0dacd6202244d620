//! Integration tests of `quintet-types`: parameter files and codecs.

mod codecs;
mod networks;
mod roots;

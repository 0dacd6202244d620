//! An AIR from description to checked rows and a balanced bus, and every mistake that `build` names.

mod mistakes;
mod table;
mod toy;

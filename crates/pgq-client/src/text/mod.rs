//! How rows, names and attributes are written as text. Pure.

mod json;
pub mod quoting;
pub mod row;
pub mod urlenc;

//! How rows, names and attributes are written as text. Pure.

pub mod copy;
mod json;
pub mod quoting;
pub mod row;
pub mod urlenc;

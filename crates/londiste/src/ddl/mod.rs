//! A table's structure: read, dropped before a copy, recreated after it; scripts split into statements.

pub mod split;

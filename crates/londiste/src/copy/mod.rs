//! The initial copy of a table and its hand-over to the worker.

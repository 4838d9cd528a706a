//! Table handlers: what to do with a table's events.

//! Foreign keys: dropped before a copy, kept in `londiste.pending_fkeys`, restored once both tables are in sync (contract `worker.md` section 20).

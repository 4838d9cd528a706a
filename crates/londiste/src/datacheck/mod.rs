//! Proof that both sides hold the same rows.

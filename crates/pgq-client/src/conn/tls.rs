//! TLS by rustls for all six `sslmode` values.

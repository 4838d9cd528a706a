//! Configuration files of both dialects.

pub mod config;

pub use config::{Config, ConfigError};

//! Configuration files of both dialects.
//!
//! [`config`] is Londiste's: one section, read lazily, with interpolation and overrides. It stands on `parse` (text to
//! sections), `interpolate` (`%(x)s` and `${x}`) and [`value`] (text to numbers, lists and so on).
//! [`stream`] is pgqd's: keys take effect as they are read, files may include others.

pub mod config;
mod interpolate;
mod nearest;
mod parse;
pub mod stream;
pub mod value;

pub use config::{Config, ConfigError};
pub use nearest::nearest;

//! One section of a Londiste configuration file: keys with inheritance, interpolation and typed reads
//! (contract `cli.md` section 2).

use std::path::{Path, PathBuf};

/// What is wrong with a configuration file or one of its values; the text is the original's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// The effective section of a Londiste ini file: built-in keys, `[DEFAULT]`, the section, then overrides.
#[derive(Debug, Clone)]
pub struct Config {}

impl Config {
    /// Reads `file` and selects the first of `sections` it contains; overrides (`--set K=V`) win over the file.
    /// `builtins` fill in keys the file leaves out (`job_name`, `service_name`, ...).
    pub fn load(
        file: &Path,
        sections: &[&str],
        builtins: &[(&str, String)],
        overrides: &[(String, String)],
    ) -> Result<Config, ConfigError> {
        let _ = (file, sections, builtins, overrides);
        todo!()
    }

    /// The section that was found.
    pub fn section(&self) -> &str {
        todo!()
    }

    /// Every key that can be read, without built-ins, in file order; for "unknown key" warnings.
    pub fn keys(&self) -> Vec<String> {
        todo!()
    }

    /// The interpolated value, or `None` when the key is absent.
    pub fn get(&self, key: &str) -> Result<Option<String>, ConfigError> {
        let _ = key;
        todo!()
    }

    /// The interpolated value; `No option 'db' in section: 'londiste'` when absent.
    pub fn require(&self, key: &str) -> Result<String, ConfigError> {
        let _ = key;
        todo!()
    }

    /// The interpolated value or `default`.
    pub fn text(&self, key: &str, default: &str) -> Result<String, ConfigError> {
        let _ = (key, default);
        todo!()
    }

    /// A whole number, in base 10.
    pub fn int(&self, key: &str, default: i64) -> Result<i64, ConfigError> {
        let _ = (key, default);
        todo!()
    }

    /// A decimal number.
    pub fn float(&self, key: &str, default: f64) -> Result<f64, ConfigError> {
        let _ = (key, default);
        todo!()
    }

    /// 1/yes/true/on or 0/no/false/off in any case.
    pub fn boolean(&self, key: &str, default: bool) -> Result<bool, ConfigError> {
        let _ = (key, default);
        todo!()
    }

    /// A comma-separated list, items trimmed; empty text is the empty list.
    pub fn list(&self, key: &str) -> Result<Vec<String>, ConfigError> {
        let _ = key;
        todo!()
    }

    /// A file name with a leading `~` or `~user` expanded; `None` when absent or empty.
    pub fn file(&self, key: &str) -> Result<Option<PathBuf>, ConfigError> {
        let _ = key;
        todo!()
    }
}

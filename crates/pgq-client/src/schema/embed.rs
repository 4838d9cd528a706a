//! What is in `sql/`, embedded when the library is built.

use super::Schema;

/// The files of one schema in the order they are run.
#[derive(Debug)]
pub struct Files {
    /// Changes with the content of any file.
    pub revision: &'static str,
    /// Run once, into a database without the schema: name and content.
    pub create: &'static [(&'static str, &'static str)],
    /// Run after that, and again over every older installation of ours.
    pub always: &'static [(&'static str, &'static str)],
}

include!(concat!(env!("OUT_DIR"), "/schemas.rs"));

/// The files of a schema.
pub fn files(schema: Schema) -> &'static Files {
    match schema {
        Schema::Pgq => &PGQ,
        Schema::PgqExt => &PGQ_EXT,
        Schema::PgqNode => &PGQ_NODE,
        Schema::Londiste => &LONDISTE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_creates_and_refreshes() {
        for schema in Schema::ALL {
            let files = files(schema);
            assert!(!files.create.is_empty() && !files.always.is_empty(), "{schema:?}");
        }
    }

    #[test]
    fn no_file_manages_transactions_or_speaks_to_psql() {
        for schema in Schema::ALL {
            for (name, text) in files(schema).create.iter().chain(files(schema).always) {
                for line in text.lines().map(|line| line.trim().to_ascii_lowercase()) {
                    assert!(
                        !matches!(line.as_str(), "begin;" | "commit;" | "rollback;"),
                        "{schema:?} {name}: {line}"
                    );
                    assert!(!line.starts_with('\\'), "{schema:?} {name}: {line}");
                }
            }
        }
    }
}

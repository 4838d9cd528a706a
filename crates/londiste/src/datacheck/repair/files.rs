//! Names of the files of a repair, all in the current directory. Pure.

use std::path::PathBuf;

use pgq_client::name::TableName;

/// The files of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files {
    /// Rows of the source, as they come.
    pub(super) src: PathBuf,
    /// Rows of this node, as they come.
    pub(super) dst: PathBuf,
    /// `src` sorted.
    pub(super) src_sorted: PathBuf,
    /// `dst` sorted.
    pub(super) dst_sorted: PathBuf,
    /// The statements that would make both equal.
    pub(super) fix: PathBuf,
    /// The same before it is whole.
    pub(super) unfinished: PathBuf,
}

impl Files {
    /// Of a table here.
    pub(super) fn of(table: &TableName) -> Files {
        let name = file_name(table.as_str());
        let path = |text: String| PathBuf::from(text);
        Files {
            src: path(format!("{name}.src")),
            dst: path(format!("{name}.dst")),
            src_sorted: path(format!("{name}.src.sorted")),
            dst_sorted: path(format!("{name}.dst.sorted")),
            fix: path(format!("fix.{name}.sql")),
            unfinished: path(format!("fix.{name}.sql.part")),
        }
    }

    /// Those that are of no use once the statements are known.
    pub(super) fn dumps(&self) -> [&PathBuf; 4] {
        [&self.src, &self.dst, &self.src_sorted, &self.dst_sorted]
    }
}

/// A table's name as part of a file's name. A slash would lead out of the directory; it is written `%2f`, and the
/// names that could be taken for such a one have their percent signs written `%25`.
fn file_name(table: &str) -> String {
    if ["/", "%2f", "%25"].iter().any(|odd| table.contains(odd)) {
        return table.replace('%', "%25").replace('/', "%2f");
    }
    table.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_table() {
        let files = Files::of(&TableName::new("mytable"));
        assert_eq!(files.dumps()[3], &PathBuf::from("public.mytable.dst.sorted"));
        assert_eq!(files.fix, PathBuf::from("fix.public.mytable.sql"));
    }

    #[test]
    fn no_name_leads_out_and_no_two_are_the_same() {
        for (table, expected) in [
            ("app.two words", "app.two words"),
            ("app.100%", "app.100%"),
            ("../etc.passwd", "..%2fetc.passwd"),
            ("a.b/c", "a.b%2fc"),
            ("a.b%2fc", "a.b%252fc"),
            ("a.b%252fc", "a.b%25252fc"),
            ("a./%", "a.%2f%25"),
        ] {
            assert_eq!(file_name(table), expected);
        }
    }
}

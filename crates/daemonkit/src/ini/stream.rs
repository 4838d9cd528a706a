//! pgqd's dialect (contract `pgqd.md` section 3): the reader hands on every line as it meets it, so that a key works from
//! its line on and an error names file and line. Which sections and keys exist is the receiver's business.
//!
//! Departures: a line with trailing blanks counts once (the original counts it twice, so its errors name later lines); a
//! file that is not UTF-8 and an included folder are errors; a refused value is not shown where it may hold a password.

use std::fs;
use std::path::Path;

use super::value::without_password;
use crate::reason::reason;

/// How deep files may include each other.
const MAX_NESTING: usize = 10;

/// What goes wrong, as the lines to be logged, in order.
pub type Problem = Vec<String>;

/// Takes what the reader finds. A refusal is explained by lines logged before the reader's own.
pub trait Receiver {
    /// `[name]`
    ///
    /// # Errors
    /// When there must be no such section.
    fn section(&mut self, name: &str) -> Result<(), Problem>;

    /// `key = value`, inside a section.
    ///
    /// # Errors
    /// When the key is unknown or the value cannot be used.
    fn key(&mut self, key: &str, value: &str) -> Result<(), Problem>;
}

/// Reads a file and what it includes. Names of included files are relative to the working directory.
///
/// # Errors
/// At the first line that is malformed or refused; what came before has reached the receiver.
pub fn read(file: &Path, receiver: &mut dyn Receiver) -> Result<(), Problem> {
    Reader { receiver, in_section: false }.file(file, 1)
}

struct Reader<'a> {
    receiver: &'a mut dyn Receiver,
    in_section: bool,
}

impl Reader<'_> {
    fn file(&mut self, file: &Path, nesting: usize) -> Result<(), Problem> {
        let name = file.display();
        let bytes = fs::read(file)
            .map_err(|error| vec![format!("could not load file \"{name}\": {}", reason(&error))])?;
        for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            let place = format!("({name}:{})", index + 1);
            let statement = std::str::from_utf8(line).ok().and_then(parse);
            let statement = statement.ok_or_else(|| {
                vec![format!("syntax error in configuration {place}, stopping loading")]
            })?;
            self.statement(&statement, &place, nesting)?;
        }
        Ok(())
    }

    fn statement(
        &mut self,
        statement: &Statement<'_>,
        place: &str,
        nesting: usize,
    ) -> Result<(), Problem> {
        let (result, own_line) = match *statement {
            Statement::Nothing => return Ok(()),
            Statement::Include(_) if nesting > MAX_NESTING => {
                (Err(vec![]), format!("include nesting level too deep {place}, stopping loading"))
            }
            Statement::Include(file) => (
                self.file(Path::new(file), nesting + 1),
                format!("error processing include file in configuration {place}, stopping loading"),
            ),
            Statement::Section(name) => {
                self.in_section = true;
                (
                    self.receiver.section(name),
                    format!("invalid section \"{name}\" in configuration {place}"),
                )
            }
            Statement::Key(key, value) => {
                let result = if self.in_section {
                    self.receiver.key(key, value)
                } else {
                    Err(vec![format!("load_init_file: value without section: {key}")])
                };
                let value = without_password(value);
                (
                    result,
                    format!(
                        "invalid value \"{value}\" for parameter {key} in configuration {place}"
                    ),
                )
            }
        };
        result.map_err(|mut lines| {
            lines.push(own_line);
            lines
        })
    }
}

/// One line.
#[derive(Debug, PartialEq, Eq)]
enum Statement<'a> {
    /// Empty, or a comment.
    Nothing,
    Include(&'a str),
    Section(&'a str),
    Key(&'a str, &'a str),
}

/// `None` is a syntax error.
fn parse(line: &str) -> Option<Statement<'_>> {
    let line = line.trim_ascii();
    if is_empty_or_comment(line) {
        return Some(Statement::Nothing);
    }
    if let Some(rest) = line.strip_prefix("%include") {
        let file = rest.trim_ascii_start();
        return (file.len() < rest.len()).then_some(Statement::Include(file));
    }
    if let Some(rest) = line.strip_prefix('[') {
        let (name, rest) = rest.split_once(']')?;
        return is_empty_or_comment(rest.trim_ascii_start()).then_some(Statement::Section(name));
    }
    let (key, value) = line.split_once('=')?;
    let key = key.trim_ascii_end();
    let valid = |c: char| c.is_ascii_alphanumeric() || "_.-*".contains(c);
    // An empty key is nobody's, too.
    key.chars().all(valid).then(|| Statement::Key(key, value.trim_ascii_start()))
}

fn is_empty_or_comment(text: &str) -> bool {
    text.is_empty() || text.starts_with(['#', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines() {
        let key = |key, value| Some(Statement::Key(key, value));
        for (line, expected) in [
            ("", Some(Statement::Nothing)),
            ("  # x = 1", Some(Statement::Nothing)),
            ("; x", Some(Statement::Nothing)),
            ("\t a.b-c_1* \t=\t x # y ; z \r", key("a.b-c_1*", "x # y ; z")),
            ("a=", key("a", "")),
            ("a = b = c", key("a", "b = c")),
            ("[pgqd]", Some(Statement::Section("pgqd"))),
            (" [ pg qd ]  # x", Some(Statement::Section(" pg qd "))),
            ("%include  a b.ini ", Some(Statement::Include("a b.ini"))),
            ("%include", None),
            ("%included x", None),
            ("[pgqd] x", None),
            ("[pgqd", None),
            ("a", None),
            ("a b = 1", None),
            ("= 1", key("", "1")),
        ] {
            assert_eq!(parse(line), expected, "{line}");
        }
    }

    /// Writes down what it is given; refuses the section `bad` and the key `bad`.
    #[derive(Default)]
    struct Diary(Vec<String>);

    impl Receiver for Diary {
        fn section(&mut self, name: &str) -> Result<(), Problem> {
            self.0.push(format!("[{name}]"));
            if name == "bad" { Err(vec!["fill_defaults fail".to_owned()]) } else { Ok(()) }
        }

        fn key(&mut self, key: &str, value: &str) -> Result<(), Problem> {
            self.0.push(format!("{key}={value}"));
            if key == "bad" { Err(vec![]) } else { Ok(()) }
        }
    }

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Place {
            Place(tempfile::tempdir().expect("a folder"))
        }

        /// Writes a file; `@` in its text stands for the folder.
        fn write(&self, name: &str, text: &str) {
            let folder = self.0.path().display().to_string();
            fs::write(self.0.path().join(name), text.replace('@', &folder)).expect("written");
        }

        /// Reads `x.ini`; the folder is `@` again in the answers.
        fn read(&self) -> (Vec<String>, Vec<String>) {
            let folder = self.0.path().display().to_string();
            let mut diary = Diary::default();
            let problem = read(&self.0.path().join("x.ini"), &mut diary).err().unwrap_or_default();
            let hide = |lines: Vec<String>| {
                lines.into_iter().map(|line| line.replace(&folder, "@")).collect()
            };
            (hide(diary.0), hide(problem))
        }
    }

    #[track_caller]
    fn refuse(text: &str, expected: &[&str]) {
        let place = Place::new();
        place.write("x.ini", text);
        place.write("bad.ini", "bad = 1");
        assert_eq!(place.read().1, expected);
    }

    #[test]
    fn included_files_are_read_in_place() {
        let place = Place::new();
        place.write("x.ini", "[a]\nx = 1\n%include @/y.ini\nz = 3");
        place.write("y.ini", "y = 2\n");
        assert_eq!(
            place.read(),
            (["[a]", "x=1", "y=2", "z=3"].map(str::to_owned).to_vec(), vec![])
        );
    }

    #[test]
    fn errors_name_the_line_and_stop_there() {
        let place = Place::new();
        place.write("x.ini", "[a]\nx = 1\n\nbad = 2\ny = 3");
        let (diary, problem) = place.read();
        assert_eq!(diary, ["[a]", "x=1", "bad=2"]);
        assert_eq!(problem, ["invalid value \"2\" for parameter bad in configuration (@/x.ini:4)"]);
    }

    #[test]
    fn every_problem_has_its_lines() {
        refuse("[a]\n!", &["syntax error in configuration (@/x.ini:2), stopping loading"]);
        refuse(
            "x = 1",
            &[
                "load_init_file: value without section: x",
                "invalid value \"1\" for parameter x in configuration (@/x.ini:1)",
            ],
        );
        refuse(
            "\n[bad]",
            &["fill_defaults fail", "invalid section \"bad\" in configuration (@/x.ini:2)"],
        );
        refuse(
            "[a]\n%include @/bad.ini",
            &[
                "invalid value \"1\" for parameter bad in configuration (@/bad.ini:1)",
                "error processing include file in configuration (@/x.ini:2), stopping loading",
            ],
        );
        refuse(
            "%include @/none.ini",
            &[
                "could not load file \"@/none.ini\": No such file or directory",
                "error processing include file in configuration (@/x.ini:1), stopping loading",
            ],
        );
        refuse(
            "[a]\nbad = host=h password=secret",
            &["invalid value \"host=h [...]\" for parameter bad in configuration (@/x.ini:2)"],
        );
    }

    #[test]
    fn a_file_that_includes_itself_is_an_error() {
        let place = Place::new();
        place.write("x.ini", "%include @/x.ini");
        let (_, problem) = place.read();
        assert_eq!(problem[0], "include nesting level too deep (@/x.ini:1), stopping loading");
        assert_eq!(problem.len(), MAX_NESTING + 1);
    }

    #[test]
    fn latin_1_is_a_syntax_error() {
        let place = Place::new();
        fs::write(place.0.path().join("x.ini"), b"[a]\nx = \xe4").expect("written");
        assert_eq!(place.read().1, ["syntax error in configuration (@/x.ini:2), stopping loading"]);
    }

    proptest! {
        #[test]
        fn no_line_panics(line in any::<String>(), near in "[\\[\\]%#;=a \t]{0,20}") {
            parse(&line);
            parse(&near);
        }
    }
}

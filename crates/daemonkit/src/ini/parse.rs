//! Text of a Londiste ini file to sections, by the rules of Python's `configparser` in strict mode. Pure.
//!
//! Departures: error texts name the line by its number and never quote it, because the line may hold a password.

use super::ConfigError;

/// Keys of one section, lower-cased, in file order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Section {
    keys: Vec<(String, String)>,
}

impl Section {
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.keys.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    pub(super) fn set(&mut self, key: &str, value: &str) {
        match self.keys.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => value.clone_into(old),
            None => self.keys.push((key.to_owned(), value.to_owned())),
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(name, _)| name.as_str())
    }
}

/// A whole file: what `[DEFAULT]` gives to every section, and the sections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct File {
    pub(super) defaults: Section,
    sections: Vec<(String, Section)>,
}

/// Name of the section that all others inherit from.
pub(super) const DEFAULT: &str = "DEFAULT";

impl File {
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        if name == DEFAULT {
            return Some(&self.defaults);
        }
        self.sections.iter().find(|(known, _)| known == name).map(|(_, section)| section)
    }

    /// Names of the sections, in file order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|(name, _)| name.as_str())
    }

    pub(super) fn section_mut(&mut self, name: &str) -> Option<&mut Section> {
        if name == DEFAULT {
            return Some(&mut self.defaults);
        }
        self.sections.iter_mut().find(|(known, _)| known == name).map(|(_, section)| section)
    }
}

/// How keys are compared: case does not matter.
pub(super) fn key_name(text: &str) -> String {
    text.to_lowercase()
}

/// Parses the text of a file; `name` is what errors call it, `wanted` the section that keys without one belong to.
pub(super) fn parse(name: &str, wanted: &str, text: &str) -> Result<File, ConfigError> {
    let mut reader =
        Reader { name, wanted, file: File::default(), section: None, key: None, indent: 0 };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    for (index, line) in text.split('\n').enumerate() {
        reader.line(index + 1, line)?;
    }
    Ok(reader.finish())
}

/// State between two lines.
struct Reader<'a> {
    name: &'a str,
    wanted: &'a str,
    file: File,
    section: Option<String>,
    /// The key that an indented line would continue.
    key: Option<String>,
    /// Indentation of the line that named the key.
    indent: usize,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, line: &str) -> Result<(), ConfigError> {
        let content = line.trim();
        if content.starts_with(['#', ';']) {
            return Ok(());
        }
        if content.is_empty() {
            // An empty line may be followed by more of the same value; if not, `finish` cuts it off again.
            self.extend("");
            return Ok(());
        }
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        if self.key.is_some() && indent > self.indent {
            self.extend(content);
            return Ok(());
        }
        self.indent = indent;
        if let Some(section) = header(content) {
            return self.begin_section(number, section);
        }
        if self.section.is_none() {
            return Err(ConfigError(format!(
                "File contains no section headers.\nfile: '{}', line: {number}\nHINT:  Put a line [{}] before the first key.",
                self.name, self.wanted
            )));
        }
        self.begin_key(number, content)
    }

    fn begin_section(&mut self, number: usize, name: &str) -> Result<(), ConfigError> {
        self.key = None;
        self.section = Some(name.to_owned());
        if name == DEFAULT {
            return Ok(());
        }
        if self.file.section(name).is_some() {
            return Err(ConfigError(format!(
                "While reading from '{}' [line {number:2}]: section '{name}' already exists\n\
                 HINT:  Put all its keys below one line [{name}].",
                self.name
            )));
        }
        self.file.sections.push((name.to_owned(), Section::default()));
        Ok(())
    }

    fn begin_key(&mut self, number: usize, content: &str) -> Result<(), ConfigError> {
        let Some((key, value)) = content.split_once(['=', ':']).filter(|(key, _)| !key.is_empty())
        else {
            return Err(ConfigError(format!(
                "Source contains parsing errors: '{}'\n\t[line {number:2}]: neither a section nor a key with a value\n\
                 HINT:  Write KEY = VALUE; a comment begins with #, a line that continues a value with blanks.",
                self.name
            )));
        };
        let key = key_name(key.trim_end());
        let name = self.name;
        let (section_name, section) = self.current();
        if section.get(&key).is_some() {
            return Err(ConfigError(format!(
                "While reading from '{name}' [line {number:2}]: option '{key}' in section '{section_name}' already exists\n\
                 HINT:  Remove one of its two lines, or make it a comment with #.",
            )));
        }
        section.set(&key, value.trim_start());
        self.key = Some(key);
        Ok(())
    }

    fn extend(&mut self, piece: &str) {
        if let Some(key) = self.key.take() {
            let (_, section) = self.current();
            let value = format!("{}\n{piece}", section.get(&key).unwrap_or_default());
            section.set(&key, &value);
            self.key = Some(key);
        }
    }

    fn current(&mut self) -> (&str, &mut Section) {
        let name = self.section.as_deref().expect("a key was read inside a section");
        (name, self.file.section_mut(name).expect("a header creates its section"))
    }

    fn finish(mut self) -> File {
        let sections = self.file.sections.iter_mut().map(|(_, section)| section);
        for section in sections.chain([&mut self.file.defaults]) {
            for (_, value) in &mut section.keys {
                value.truncate(value.trim_end().len());
            }
        }
        self.file
    }
}

/// The name in `[name]`; text behind the last bracket is ignored.
fn header(content: &str) -> Option<&str> {
    let (name, _) = content.strip_prefix('[')?.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, key: &str, expected: Option<&str>) {
        let file = parse("x.ini", "a", text).expect("valid");
        assert_eq!(file.section("a").expect("section").get(key), expected);
    }

    #[track_caller]
    fn refuse(text: &str, expected: &str) {
        let error = parse("x.ini", "a", text).expect_err("must be refused").0;
        let (problem, hint) = error.split_once("\nHINT:  ").expect("each has a remedy");
        assert_eq!(problem, expected);
        assert!(hint.ends_with('.') && !hint.contains('\n'), "{hint}");
    }

    #[test]
    fn both_delimiters_and_blanks() {
        check("[a]\nk=v", "k", Some("v"));
        check("[a]\nk : v : w = x ", "k", Some("v : w = x"));
        check("[a]\n  k\t =\t v", "k", Some("v"));
        check("[a]\nk =", "k", Some(""));
        check("[a]\nKey = Value", "key", Some("Value"));
        check("\u{feff}[a]\r\nk = v\r\n", "k", Some("v"));
        check("[a] rest is ignored\nk = v", "k", Some("v"));
    }

    #[test]
    fn comments_are_whole_lines() {
        check("# c\n[a]\n ; c\nk = v ; not\n#k = w", "k", Some("v ; not"));
        check("[a]\nk = #1", "k", Some("#1"));
    }

    #[test]
    fn indented_lines_continue_a_value() {
        check("[a]\nk = 1\n  2\n\n  3\n\n\nl = 4", "k", Some("1\n2\n\n3"));
        check("[a]\nk = 1\n  # comment\n  2", "k", Some("1\n2"));
        check("[a]\n  k = 1\n    2\n  l = 3", "l", Some("3"));
        check("[a]\nk = 1\n [b]", "k", Some("1\n[b]"));
    }

    #[test]
    fn a_section_ends_the_value_before() {
        check("[a]\nk = 1\n[b]\n  k = 2", "k", Some("1"));
    }

    #[test]
    fn default_may_be_repeated() {
        let file = parse("x.ini", "a", "[DEFAULT]\nx = 1\n[a]\n[DEFAULT]\ny = 2").expect("valid");
        assert_eq!(file.defaults.names().collect::<Vec<_>>(), ["x", "y"]);
    }

    #[test]
    fn errors() {
        refuse("k = v", "File contains no section headers.\nfile: 'x.ini', line: 1");
        refuse(
            "[a]\nk = 1\nK = 2",
            "While reading from 'x.ini' [line  3]: option 'k' in section 'a' already exists",
        );
        refuse("[a]\n\n[a]", "While reading from 'x.ini' [line  3]: section 'a' already exists");
        refuse(
            "[DEFAULT]\nk=1\nk=2",
            "While reading from 'x.ini' [line  3]: option 'k' in section 'DEFAULT' already exists",
        );
        refuse(
            "[a]\npassword",
            "Source contains parsing errors: 'x.ini'\n\t[line  2]: neither a section nor a key with a value",
        );
    }
}

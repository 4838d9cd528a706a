//! One section of a Londiste configuration file: keys with inheritance, interpolation and typed reads
//! (contract `cli.md` section 2).
//!
//! Departures: texts about a bad number or yes/no end with the key's name; a file that exists but cannot be read says
//! so instead of `No section`.

use std::cell::Cell;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::interpolate::{Format, interpolate};
use super::nearest::nearest;
use super::parse::{self, DEFAULT, File, key_name};
use super::value;
use crate::home;

/// What is wrong with a configuration file or one of its values; the text is the original's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// The effective section of a Londiste ini file: built-in keys, `[DEFAULT]`, the section, then overrides.
#[derive(Debug, Clone)]
pub struct Config {
    file: File,
    section: String,
    builtins: Vec<(String, String)>,
    format: Format,
}

impl Config {
    /// Reads `file` and selects the first of `sections` it contains; overrides (`--set K=V`) win over the file.
    /// `builtins` fill in keys the file leaves out (`job_name`, `service_name`, ...).
    ///
    /// A missing section is reported under the first name of `sections`.
    pub fn load(
        file: &Path,
        sections: &[&str],
        builtins: &[(&str, String)],
        overrides: &[(String, String)],
    ) -> Result<Config, ConfigError> {
        let name = file.display().to_string();
        // Python asks for a regular file first, so that a folder counts as "not found".
        if file.is_dir() {
            return Err(ConfigError(format!(
                "Config file not found: {name}\nHINT:  It is a folder: name the ini file in it."
            )));
        }
        let bytes = std::fs::read(file).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => {
                ConfigError(format!("Config file not found: {name}"))
            }
            _ => ConfigError(format!("Config file not readable: {name}: {error}")),
        })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
            ConfigError(format!("Config file is not valid UTF-8: {name}, line {line}"))
        })?;
        Config::from_text(&name, &text, sections, builtins, overrides)
    }

    /// The same from text; `name` is what errors call the file.
    pub fn from_text(
        name: &str,
        text: &str,
        sections: &[&str],
        builtins: &[(&str, String)],
        overrides: &[(String, String)],
    ) -> Result<Config, ConfigError> {
        let wanted = sections.first().copied().unwrap_or_default();
        let mut file = parse::parse(name, wanted, text)?;
        let section = sections
            .iter()
            .find(|section| **section != DEFAULT && file.section(section).is_some())
            .ok_or_else(|| no_section(name, &file, wanted))?;
        let keys = file.section_mut(section).expect("found above");
        for (key, value) in overrides {
            keys.set(&key_name(key), value);
        }
        let builtins = builtins.iter().map(|(key, value)| (key_name(key), value.clone())).collect();
        let mut config =
            Config { file, section: (*section).to_owned(), builtins, format: Format::Percent };
        config.format = match config.raw(section, "config_format") {
            None | Some("1") => Format::Percent,
            Some("2") => Format::Dollar,
            Some(other) => {
                return Err(ConfigError(format!(
                    "Unsupported config format '{other}' in ['{name}']"
                )));
            }
        };
        Ok(config)
    }

    /// The section that was found.
    pub fn section(&self) -> &str {
        &self.section
    }

    /// Every key that can be read, without built-ins, in file order (the section's own first, then inherited ones);
    /// for "unknown key" warnings.
    pub fn keys(&self) -> Vec<String> {
        let own = self.file.section(&self.section).expect("checked when loaded");
        let inherited = self.file.defaults.names().filter(|key| own.get(key).is_none());
        own.names().chain(inherited).map(str::to_owned).collect()
    }

    /// The keys of the section itself (overrides included), in file order.
    pub fn own_keys(&self) -> Vec<String> {
        let own = self.file.section(&self.section).expect("checked when loaded");
        own.names().map(str::to_owned).collect()
    }

    /// Whether some other value that can be read refers to the key: `%(key)s`, `${key}` or `${section:key}`, also by way of
    /// another section's value.
    pub fn is_referred_to(&self, key: &str) -> bool {
        let key = key_name(key);
        let found = Cell::new(false);
        let lookup = |section: &str, name: &str| {
            found.set(found.get() || name == key && self.is_ours(section, name));
            // What a reference to nothing keeps from being read is no matter here.
            Some(self.raw(section, name).unwrap_or_default())
        };
        for other in self.keys().iter().filter(|other| **other != key) {
            let raw = self.raw(&self.section, other).unwrap_or_default();
            // References in front of a mistake are found, and the mistake is told to whoever reads the value.
            let _ = interpolate(self.format, &self.section, other, raw, &lookup);
        }
        found.get()
    }

    /// Whether a key as seen from some section is the one that is seen from ours.
    fn is_ours(&self, section: &str, key: &str) -> bool {
        let own = |section: &str| self.file.section(section).and_then(|keys| keys.get(key));
        let inherited = section == DEFAULT || own(section).is_none();
        section == self.section || (inherited && own(&self.section).is_none())
    }

    /// The interpolated value, or `None` when the key is absent.
    pub fn get(&self, key: &str) -> Result<Option<String>, ConfigError> {
        let key = key_name(key);
        let Some(raw) = self.raw(&self.section, &key) else { return Ok(None) };
        let lookup = |section: &str, key: &str| self.raw(section, key);
        interpolate(self.format, &self.section, &key, raw, &lookup).map(Some)
    }

    /// The value as written, or `None` when the key is absent.
    pub fn raw_text(&self, key: &str) -> Option<&str> {
        self.raw(&self.section, &key_name(key))
    }

    /// The interpolated value; `No option 'db' in section: 'londiste'` when absent.
    pub fn require(&self, key: &str) -> Result<String, ConfigError> {
        self.get(key)?
            .ok_or_else(|| ConfigError(format!("No option '{key}' in section: '{}'", self.section)))
    }

    /// The interpolated value or `default`.
    pub fn text(&self, key: &str, default: &str) -> Result<String, ConfigError> {
        Ok(self.get(key)?.unwrap_or_else(|| default.to_owned()))
    }

    /// A whole number, in base 10.
    pub fn int(&self, key: &str, default: i64) -> Result<i64, ConfigError> {
        self.typed(key, default, value::int, "Write a whole number, without a unit.")
    }

    /// A decimal number; always finite.
    pub fn float(&self, key: &str, default: f64) -> Result<f64, ConfigError> {
        self.typed(key, default, value::float, "Write a number such as 0.5, without a unit.")
    }

    /// 1/yes/true/on or 0/no/false/off in any case.
    pub fn boolean(&self, key: &str, default: bool) -> Result<bool, ConfigError> {
        self.typed(
            key,
            default,
            value::boolean,
            "Write 1, yes, true or on; or 0, no, false or off.",
        )
    }

    /// A comma-separated list, items trimmed; empty text is the empty list.
    pub fn list(&self, key: &str) -> Result<Vec<String>, ConfigError> {
        Ok(self.get(key)?.map(|text| value::list(&text)).unwrap_or_default())
    }

    /// A file name with a leading `~` or `~user` expanded; `None` when absent or empty. The name of an unknown user
    /// stays as it is.
    pub fn file(&self, key: &str) -> Result<Option<PathBuf>, ConfigError> {
        let name = self.get(key)?.filter(|name| !name.is_empty());
        Ok(name.map(|name| home::expand(&name).unwrap_or_else(|| PathBuf::from(name))))
    }

    fn typed<T>(
        &self,
        key: &str,
        default: T,
        read: fn(&str) -> Result<T, String>,
        remedy: &str,
    ) -> Result<T, ConfigError> {
        let Some(text) = self.get(key)? else { return Ok(default) };
        read(&text)
            .map_err(|error| ConfigError(format!("{error} (option '{key}')\nHINT:  {remedy}")))
    }

    fn raw(&self, section: &str, key: &str) -> Option<&str> {
        let own = self.file.section(section)?.get(key);
        own.or_else(|| self.file.defaults.get(key)).or_else(|| {
            self.builtins.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
        })
    }
}

/// The original's text, and which sections there are instead.
fn no_section(name: &str, file: &File, wanted: &str) -> ConfigError {
    let found: Vec<String> = file.names().map(|section| format!("[{section}]")).collect();
    let remedy = match (found.as_slice(), nearest(wanted, file.names())) {
        ([], _) => format!("{name} has no section: its keys stand below a line [{wanted}]."),
        (_, Some(misspelt)) => format!("{name} has [{misspelt}]: did you mean [{wanted}]?"),
        (found, None) => {
            format!("{name} has only {}: the keys stand below a line [{wanted}].", found.join(" "))
        }
    };
    ConfigError(format!("No section: '{wanted}'\nHINT:  {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn load(text: &str, overrides: &[(&str, &str)]) -> Result<Config, String> {
        let overrides: Vec<_> =
            overrides.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let builtins = [("job_name", "j1".to_owned()), ("service_name", "londiste".to_owned())];
        Config::from_text("x.ini", text, &["londiste", "londiste3"], &builtins, &overrides)
            .map_err(|e| e.0)
    }

    fn config(text: &str) -> Config {
        load(text, &[]).expect("valid")
    }

    fn get(config: &Config, key: &str) -> Option<String> {
        config.get(key).expect("valid")
    }

    #[test]
    fn built_ins_default_section_override() {
        let text = "[DEFAULT]\na = 1\nb = 1\njob_name = d\n[londiste]\nb = 2\nc = %(a)s%(b)s";
        let config = load(text, &[("B", "3"), ("new", "%(c)s")]).expect("valid");
        assert_eq!(get(&config, "a").as_deref(), Some("1"));
        assert_eq!(get(&config, "b").as_deref(), Some("3"));
        assert_eq!(get(&config, "C").as_deref(), Some("13"));
        assert_eq!(get(&config, "new").as_deref(), Some("13"));
        assert_eq!(get(&config, "job_name").as_deref(), Some("d"));
        assert_eq!(get(&config, "service_name").as_deref(), Some("londiste"));
        assert_eq!(get(&config, "absent"), None);
        assert_eq!(config.keys(), ["b", "c", "new", "a", "job_name"]);
    }

    #[test]
    fn the_first_section_found_counts() {
        assert_eq!(config("[londiste3]\n[londiste]").section(), "londiste");
        assert_eq!(config("[londiste3]\n[other]").section(), "londiste3");
        assert_eq!(
            load("[pgqd]\n[x y]", &[]).expect_err("missing"),
            "No section: 'londiste'\nHINT:  x.ini has only [pgqd] [x y]: the keys stand below a line [londiste]."
        );
        assert_eq!(
            load("", &[]).expect_err("missing"),
            "No section: 'londiste'\nHINT:  x.ini has no section: its keys stand below a line [londiste]."
        );
        assert_eq!(
            load("[pgqd]\n[Londiste]", &[]).expect_err("misspelt"),
            "No section: 'londiste'\nHINT:  x.ini has [Londiste]: did you mean [londiste]?"
        );
    }

    #[test]
    fn format_two_uses_dollars() {
        let config = config(
            "[DEFAULT]\nconfig_format = 2\n[londiste]\na = ${job_name} %(x)s $$\nb = ${o:k}\n[o]\nk = ${l}\nl = 5",
        );
        assert_eq!(get(&config, "a").as_deref(), Some("j1 %(x)s $"));
        assert_eq!(get(&config, "b").as_deref(), Some("5"));
        assert_eq!(
            load("[londiste]\nconfig_format = 3", &[]).expect_err("unknown"),
            "Unsupported config format '3' in ['x.ini']"
        );
    }

    #[test]
    fn keys_that_other_values_refer_to() {
        let percent = config(
            "[DEFAULT]\nbase = /b\n[londiste]\nhome = %(base)s/h\nlogfile = %(HOME)s/log\nloop = %(loop)s\nlone = 1\n\
             doubled = 1\nx = %%(doubled)s %(nope)s %(later)s\nlater = 1\nbroken = %(before)s %(\nbefore = 1",
        );
        let referred = |config: &Config| -> Vec<String> {
            config.keys().into_iter().filter(|key| config.is_referred_to(key)).collect()
        };
        assert_eq!(referred(&percent), ["home", "later", "before", "base"]);
        let dollar = config(
            "[DEFAULT]\nconfig_format = 2\nbase = /b\nshared = 1\nhidden = 1\n[londiste]\nhome = /h\nname = x\nback = 1\n\
             logfile = ${londiste:Home}/${name}.log\npidfile = ${other:pid}\nquiet = ${other:hidden}${DEFAULT:shared}\nlone = 1\nalone = 1\n\
             [other]\npid = ${base}/${londiste:back}/${alone}\nalone = 2\nhidden = 3\nunread = ${londiste:lone}",
        );
        assert_eq!(referred(&dollar), ["home", "name", "back", "base", "shared"]);
    }

    #[test]
    fn an_unused_broken_value_is_harmless() {
        let config = config("[londiste]\nbad = %(nope)s\ngood = 1");
        assert_eq!(config.int("good", 0), Ok(1));
        assert!(config.get("bad").is_err());
    }

    #[test]
    fn typed_reads() {
        let config = config(
            "[londiste]\ni = 5\nf = 0.5\nb = on\nl = a, b\ne =\nfile = ~/x\nnouser = ~no-such-user/x",
        );
        assert_eq!(config.int("i", 1), Ok(5));
        assert_eq!(config.int("absent", 1), Ok(1));
        assert_eq!(config.float("f", 1.0), Ok(0.5));
        assert_eq!(config.boolean("b", false), Ok(true));
        assert_eq!(config.list("l"), Ok(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(config.list("e"), Ok(vec![]));
        assert_eq!(config.list("absent"), Ok(vec![]));
        assert_eq!(config.text("e", "x"), Ok(String::new()));
        assert_eq!(config.file("e"), Ok(None));
        assert_eq!(config.file("nouser"), Ok(Some(PathBuf::from("~no-such-user/x"))));
        let file = config.file("file").expect("valid").expect("present");
        assert!(file.is_absolute() && file.ends_with("x"), "{}", file.display());
        assert_eq!(
            config.int("f", 1).expect_err("a fraction").0,
            "invalid literal for int() with base 10: '0.5' (option 'f')\n\
             HINT:  Write a whole number, without a unit."
        );
        assert_eq!(
            config.require("db").expect_err("absent").0,
            "No option 'db' in section: 'londiste'"
        );
    }

    #[test]
    fn files() {
        let folder = tempfile::tempdir().expect("a folder");
        let load = |path: &Path| Config::load(path, &["londiste"], &[], &[]);
        let missing = folder.path().join("x.ini");
        for (path, hint) in [
            (missing.as_path(), ""),
            (folder.path(), "\nHINT:  It is a folder: name the ini file in it."),
        ] {
            assert_eq!(
                load(path).expect_err("not a file").0,
                format!("Config file not found: {}{hint}", path.display())
            );
        }
        std::fs::write(&missing, b"[londiste]\nk = \xff").expect("written");
        assert_eq!(
            load(&missing).expect_err("latin-1").0,
            format!("Config file is not valid UTF-8: {}, line 2", missing.display())
        );
        std::fs::write(&missing, "[londiste]\nk = v").expect("written");
        assert_eq!(get(&load(&missing).expect("valid"), "k").as_deref(), Some("v"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), lines in "([\\[\\]a-z=:%${}() \t\r\n#;]|londiste){0,200}") {
            for text in [text, format!("[londiste]\n{lines}"), lines] {
                if let Ok(config) = load(&text, &[]) {
                    for key in config.keys() {
                        let _ = config.get(&key);
                    }
                }
            }
        }

        #[test]
        fn what_is_written_is_read_back(
            pairs in proptest::collection::btree_map("[a-z][a-z0-9_]{0,10}", "[!-~]([ -~]{0,20}[!-~])?", 0..8)
        ) {
            let mut text = "[londiste]\n".to_owned();
            for (key, value) in &pairs {
                text += &format!("{key} = {}\n", value.replace('%', "%%"));
            }
            if !pairs.contains_key("config_format") {
                let config = config(&text);
                for (key, value) in &pairs {
                    prop_assert_eq!(get(&config, key), Some(value.clone()));
                }
            }
        }
    }
}

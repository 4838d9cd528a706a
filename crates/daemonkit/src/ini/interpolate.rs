//! References from one value to another: `%(key)s`, or `${key}` and `${section:key}`. Pure.
//!
//! The rules and the texts for a missing key and for a loop are those of Python's `configparser`; the texts for a
//! malformed reference name the key instead of quoting the rest of the value, which may be a password.

use super::ConfigError;
use super::parse::key_name;
use super::value::without_password;

/// Deepest chain of references.
const MAX_DEPTH: usize = 10;

/// How references are written; chosen by `config_format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `config_format = 1`: `%(key)s`, `%%` is a percent sign.
    Percent,
    /// `config_format = 2`: `${key}`, `${section:key}`, `$$` is a dollar sign.
    Dollar,
}

impl Format {
    /// The sign that begins a reference and, doubled, stands for itself.
    fn sign(self) -> char {
        match self {
            Format::Percent => '%',
            Format::Dollar => '$',
        }
    }

    /// What follows the sign when it begins a reference, and what ends the reference.
    fn brackets(self) -> (char, &'static str) {
        match self {
            Format::Percent => ('(', ")s"),
            Format::Dollar => ('{', "}"),
        }
    }
}

/// Resolves every reference in the value of `key`. `raw` finds the unresolved value of a key as seen from a section.
pub(super) fn interpolate<'a>(
    format: Format,
    section: &str,
    key: &str,
    raw_value: &str,
    raw: &dyn Fn(&str, &str) -> Option<&'a str>,
) -> Result<String, ConfigError> {
    let mut result = String::with_capacity(raw_value.len());
    let asked = Asked { format, section, key, raw_value, raw };
    asked.append(raw_value, section, 1, &mut result)?;
    Ok(result)
}

/// What is being resolved; errors name it, however deep they happen.
struct Asked<'r, 'a> {
    format: Format,
    section: &'r str,
    key: &'r str,
    raw_value: &'r str,
    raw: &'r dyn Fn(&str, &str) -> Option<&'a str>,
}

impl Asked<'_, '_> {
    fn append(
        &self,
        value: &str,
        section: &str,
        depth: usize,
        result: &mut String,
    ) -> Result<(), ConfigError> {
        if depth > MAX_DEPTH {
            return Err(self.too_deep());
        }
        let sign = self.format.sign();
        let (open, close) = self.format.brackets();
        let mut rest = value;
        while let Some((plain, after)) = rest.split_once(sign) {
            result.push_str(plain);
            if let Some(after) = after.strip_prefix(sign) {
                result.push(sign);
                rest = after;
                continue;
            }
            let Some(reference) = after.strip_prefix(open) else {
                return Err(
                    self.malformed(&format!("'{sign}' must be followed by '{sign}' or '{open}'"))
                );
            };
            let last = close.chars().next().expect("not empty");
            let end = reference.find(last).filter(|&end| end > 0);
            let Some((name, after)) = end
                .and_then(|end| Some((&reference[..end], reference[end..].strip_prefix(close)?)))
            else {
                return Err(self.malformed("bad interpolation variable reference"));
            };
            rest = after;
            let (target, key) = self.target(name, section)?;
            let found = (self.raw)(target, &key).ok_or_else(|| self.missing(name))?;
            self.append(found, target, depth + 1, result)?;
        }
        result.push_str(rest);
        Ok(())
    }

    /// Section and key that a reference means.
    fn target<'n>(
        &self,
        name: &'n str,
        section: &'n str,
    ) -> Result<(&'n str, String), ConfigError> {
        match (self.format, name.split_once(':')) {
            (Format::Percent, _) | (Format::Dollar, None) => Ok((section, key_name(name))),
            (Format::Dollar, Some((_, key))) if key.contains(':') => {
                Err(self.malformed("more than one ':' in an interpolation variable reference"))
            }
            (Format::Dollar, Some((section, key))) => Ok((section, key_name(key))),
        }
    }

    fn malformed(&self, what: &str) -> ConfigError {
        let sign = self.format.sign();
        ConfigError(format!(
            "{what}: option '{}' in section '{}'\nHINT:  Write {sign}{sign} where a {sign} is meant.",
            self.key, self.section
        ))
    }

    fn missing(&self, name: &str) -> ConfigError {
        let name = match self.format {
            Format::Percent => key_name(name),
            Format::Dollar => name.to_owned(),
        };
        ConfigError(format!(
            "Bad value substitution: option '{}' in section '{}' contains an interpolation key '{name}' \
             which is not a valid option name. Raw value: '{}'\n\
             HINT:  Set '{name}' as well; where no reference is meant, write {sign}{sign} instead of {sign}.",
            self.key,
            self.section,
            without_password(self.raw_value),
            sign = self.format.sign(),
        ))
    }

    fn too_deep(&self) -> ConfigError {
        ConfigError(format!(
            "Recursion limit exceeded in value substitution: option '{}' in section '{}' contains an interpolation \
             key which cannot be substituted in {MAX_DEPTH} steps. Raw value: '{}'\n\
             HINT:  It refers to itself, perhaps through others: take one of these references out.",
            self.key,
            self.section,
            without_password(self.raw_value)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &[(&str, &str, &str)] = &[
        ("a", "plain", "p"),
        ("a", "loop", "%(loop)s"),
        ("a", "dloop", "${dloop}"),
        ("a", "chain", "<%(plain)s>"),
        ("a", "dchain", "<${plain}>"),
        ("b", "plain", "q"),
        ("b", "dchain", "[${plain}]"),
    ];

    fn resolve(format: Format, value: &str) -> Result<String, String> {
        let raw = |section: &str, key: &str| {
            KEYS.iter().find(|(s, k, _)| *s == section && *k == key).map(|(_, _, v)| *v)
        };
        interpolate(format, "a", "x", value, &raw).map_err(|e| {
            let (problem, hint) = e.0.split_once("\nHINT:  ").expect("each has a remedy");
            assert!(hint.ends_with('.') && !hint.contains('\n'), "{hint}");
            problem.to_owned()
        })
    }

    #[track_caller]
    fn check(format: Format, value: &str, expected: &str) {
        assert_eq!(resolve(format, value).expect("valid"), expected);
    }

    #[track_caller]
    fn refuse(format: Format, value: &str, expected: &str) {
        assert_eq!(resolve(format, value).expect_err("must be refused"), expected);
    }

    #[test]
    fn percent() {
        check(Format::Percent, "no reference", "no reference");
        check(Format::Percent, "100%% %(plain)s%(PLAIN)s", "100% pp");
        check(Format::Percent, "%(chain)s", "<p>");
        check(Format::Percent, "${plain}", "${plain}");
    }

    #[test]
    fn dollar() {
        check(Format::Dollar, "$$ ${plain}", "$ p");
        check(Format::Dollar, "${b:plain} %(plain)s", "q %(plain)s");
        check(Format::Dollar, "${b:dchain}", "[q]");
    }

    #[test]
    fn references_to_nothing() {
        refuse(
            Format::Percent,
            "%(foo)s",
            "Bad value substitution: option 'x' in section 'a' contains an interpolation key 'foo' which is not a \
             valid option name. Raw value: '%(foo)s'",
        );
        refuse(
            Format::Dollar,
            "${c:foo}",
            "Bad value substitution: option 'x' in section 'a' contains an interpolation key 'c:foo' which is not a \
             valid option name. Raw value: '${c:foo}'",
        );
    }

    #[test]
    fn a_loop_ends() {
        let expected = "Recursion limit exceeded in value substitution: option 'x' in section 'a' contains an \
                        interpolation key which cannot be substituted in 10 steps. Raw value: ";
        refuse(Format::Percent, "%(loop)s", &format!("{expected}'%(loop)s'"));
        refuse(Format::Dollar, "${dloop}", &format!("{expected}'${{dloop}}'"));
    }

    #[test]
    fn malformed_references_do_not_show_the_value() {
        let in_x = "option 'x' in section 'a'";
        refuse(Format::Percent, "secret%", &format!("'%' must be followed by '%' or '(': {in_x}"));
        refuse(Format::Percent, "%secret", &format!("'%' must be followed by '%' or '(': {in_x}"));
        refuse(Format::Dollar, "$secret", &format!("'$' must be followed by '$' or '{{': {in_x}"));
        for bad in ["%(plain)", "%(plain", "%()s"] {
            refuse(Format::Percent, bad, &format!("bad interpolation variable reference: {in_x}"));
        }
        refuse(
            Format::Dollar,
            "${a:b:c}",
            &format!("more than one ':' in an interpolation variable reference: {in_x}"),
        );
    }

    #[test]
    fn a_password_is_not_shown() {
        for value in ["host=h PassWord=secret %(foo)s", "host=h postgresql://u:secret@h/%(foo)s"] {
            let text = resolve(Format::Percent, value).expect_err("missing");
            assert!(
                text.ends_with("Raw value: 'host=h [...]'") || text.ends_with("postgresql [...]'"),
                "{text}"
            );
            assert!(!text.contains("secret"), "{text}");
        }
    }
}

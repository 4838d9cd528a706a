//! Connection strings: libpq keywords and URIs. Pure.
//!
//! Accepts and refuses what libpq's `PQconninfoParse` does, with its wording. Departures: every error also names the byte
//! where the trouble is, and what stands behind a password is never quoted, since it may be the rest of it.

mod uri;

use std::borrow::Cow;
use std::fmt;

use crate::{Error, Result};

/// Every keyword some libpq from 13 to 18 knows, sorted. Those we have no use for are accepted all the same.
pub const KEYWORDS: &[&str] = &[
    "application_name",
    "authtype",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_issuer",
    "oauth_scope",
    "options",
    "passfile",
    "password",
    "port",
    "replication",
    "require_auth",
    "requirepeer",
    "scram_client_key",
    "scram_server_key",
    "service",
    "servicefile",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslkeylogfile",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "tty",
    "user",
];

/// Keywords whose value nobody may see.
const SECRETS: &[&str] =
    &["password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"];

/// What stands in a log in place of a secret.
const HIDDEN: &str = "[...]";

/// A parsed connection string: keywords in order of first appearance. `Debug` and `Display` hide the password.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ConnInfo {
    values: Vec<(&'static str, String)>,
}

impl ConnInfo {
    /// Parses keyword form (`host=a dbname='b c'`) or URI form (`postgresql://...`).
    ///
    /// # Errors
    /// What libpq refuses, in its words and with the byte position; passwords are not quoted.
    pub fn parse(text: &str) -> Result<ConnInfo> {
        let mut info = ConnInfo::default();
        let uri = ["postgresql://", "postgres://"].into_iter().find(|p| text.starts_with(p));
        let parsed = match uri {
            Some(prefix) => uri::parse(text, prefix.len(), &mut info),
            None => keywords(text, &mut info),
        };
        parsed.map_err(|(message, at)| Error::config(format!("{message} (byte {})", at + 1)))?;
        Ok(info)
    }

    /// The value of a keyword as given.
    pub fn get(&self, keyword: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| *known == keyword).map(|(_, value)| value.as_str())
    }

    /// Sets a keyword, replacing an earlier value. A word that is no libpq keyword is ignored.
    pub fn set(&mut self, keyword: &str, value: &str) {
        self.store(keyword, value.to_owned());
    }

    /// Takes over what `other` sets, replacing earlier values: `remote_extra_connstr` and the like.
    pub fn merge(&mut self, other: &ConnInfo) {
        for (keyword, value) in &other.values {
            self.store(keyword, value.clone());
        }
    }

    /// Keywords and values as given, passwords included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(keyword, value)| (*keyword, value.as_str()))
    }

    /// The string libpq would accept, password included.
    pub fn to_libpq(&self) -> String {
        self.render(|_, value| quoted(value))
    }

    fn render<'a>(&'a self, show: impl Fn(&'static str, &'a str) -> Cow<'a, str>) -> String {
        let words: Vec<String> = self
            .values
            .iter()
            .map(|(keyword, value)| format!("{keyword}={}", show(keyword, value)))
            .collect();
        words.join(" ")
    }

    /// False when libpq has no such keyword.
    fn store(&mut self, keyword: &str, value: String) -> bool {
        if let Some(slot) = self.values.iter_mut().find(|(known, _)| *known == keyword) {
            slot.1 = value;
            return true;
        }
        match KEYWORDS.binary_search(&keyword) {
            Ok(at) => self.values.push((KEYWORDS[at], value)),
            Err(_) => return false,
        }
        true
    }
}

impl fmt::Display for ConnInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(|keyword, value| {
            if SECRETS.contains(&keyword) { Cow::Borrowed(HIDDEN) } else { quoted(value) }
        }))
    }
}

impl fmt::Debug for ConnInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnInfo({self})")
    }
}

/// A value as keyword form takes it.
fn quoted(value: &str) -> Cow<'_, str> {
    let plain = |b: u8| !is_space(b) && b != b'\'' && b != b'\\';
    if !value.is_empty() && value.bytes().all(plain) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'")))
}

/// What C's `isspace` takes for a blank.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// A message and the byte it is about.
type Refused<T> = std::result::Result<T, (String, usize)>;

/// Parses `keyword = value` pairs.
fn keywords(text: &str, info: &mut ConnInfo) -> Refused<()> {
    let bytes = text.as_bytes();
    let skip = |mut at: usize| {
        while at < bytes.len() && is_space(bytes[at]) {
            at += 1;
        }
        at
    };
    let mut at = skip(0);
    let mut after_secret = false;
    while at < bytes.len() {
        let start = at;
        while at < bytes.len() && bytes[at] != b'=' && !is_space(bytes[at]) {
            at += 1;
        }
        let keyword = &text[start..at];
        let shown = if after_secret { HIDDEN } else { keyword };
        at = skip(at);
        if bytes.get(at) != Some(&b'=') {
            let message = format!("missing \"=\" after \"{shown}\" in connection info string");
            return Err((message, start));
        }
        at = skip(at + 1);
        let (value, end) = keyword_value(text, at)?;
        if !info.store(keyword, value) {
            return Err((format!("invalid connection option \"{shown}\""), start));
        }
        after_secret = SECRETS.contains(&keyword);
        at = skip(end);
    }
    Ok(())
}

/// The value that begins at `at`, and where it ends.
fn keyword_value(text: &str, mut at: usize) -> Refused<(String, usize)> {
    let bytes = text.as_bytes();
    let quote = (bytes.get(at) == Some(&b'\'')).then_some(at);
    at += usize::from(quote.is_some());
    let mut value = Vec::new();
    loop {
        match (bytes.get(at), quote) {
            (None, Some(opened)) => {
                let message = "unterminated quoted string in connection info string";
                return Err((message.to_owned(), opened));
            }
            (Some(b'\''), Some(_)) => {
                at += 1;
                break;
            }
            (None, None) => break,
            (Some(&byte), None) if is_space(byte) => break,
            (Some(b'\\'), _) => {
                at += 1;
                if let Some(&byte) = bytes.get(at) {
                    value.push(byte);
                    at += 1;
                }
            }
            (Some(&byte), _) => {
                value.push(byte);
                at += 1;
            }
        }
    }
    // Only ASCII characters were taken out of the text, so what is left is UTF-8 as the text was.
    Ok((String::from_utf8_lossy(&value).into_owned(), at))
}

/// The text of a connection string for a log: everything from the first `password` on becomes ` [...]`
/// (contract `cli.md` 2.7). URI passwords are hidden as well.
pub fn hide_password(connstr: &str) -> String {
    let hidden = uri::hide_userinfo(connstr);
    // ASCII only, so that positions in the lower-cased copy are positions in the text.
    match hidden.to_ascii_lowercase().find("password") {
        Some(at) => format!("{} {HIDDEN}", &hidden[..at]),
        None => hidden.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let info = ConnInfo::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(info.iter().collect::<Vec<_>>(), expected, "{text}");
        assert_eq!(ConnInfo::parse(&info.to_libpq()).unwrap(), info, "{text}");
    }

    #[track_caller]
    fn refused(text: &str, message: &str) {
        assert_eq!(ConnInfo::parse(text).unwrap_err().to_string(), message, "{text}");
    }

    #[test]
    fn keyword_list_is_sorted() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn keyword_form() {
        check("", &[]);
        check(" host = a\tport=5 ", &[("host", "a"), ("port", "5")]);
        check(r"dbname='b \'c\\' user=x\ y", &[("dbname", r"b 'c\"), ("user", "x y")]);
        check("host=a host=b dbname=''", &[("host", "b"), ("dbname", "")]);
        check("user=a\\", &[("user", "a")]);
        check("options='-c a=b'", &[("options", "-c a=b")]);
    }

    #[test]
    fn keyword_errors() {
        refused("host", "missing \"=\" after \"host\" in connection info string (byte 1)");
        refused("host=a b c=d", "missing \"=\" after \"b\" in connection info string (byte 8)");
        refused("host=a foo=b", "invalid connection option \"foo\" (byte 8)");
        refused("=b", "invalid connection option \"\" (byte 1)");
        refused("user='a", "unterminated quoted string in connection info string (byte 6)");
    }

    #[test]
    fn uri_form() {
        check("postgresql://", &[]);
        check("postgres://h", &[("host", "h")]);
        check(
            "postgresql://u:p@h:5/d?connect_timeout=10",
            &[
                ("user", "u"),
                ("password", "p"),
                ("host", "h"),
                ("port", "5"),
                ("dbname", "d"),
                ("connect_timeout", "10"),
            ],
        );
        check(
            "postgresql://a:1,b,[::1]:3/d",
            &[("host", "a,b,::1"), ("port", "1,,3"), ("dbname", "d")],
        );
        check("postgresql://%2Ftmp%2Fx/d%20e", &[("host", "/tmp/x"), ("dbname", "d e")]);
        check(
            "postgresql:///d?host=/tmp&ssl=true",
            &[("dbname", "d"), ("host", "/tmp"), ("sslmode", "require")],
        );
        check("postgresql://?user=a+b", &[("user", "a+b")]);
    }

    #[test]
    fn uri_errors() {
        refused(
            "postgresql://[::1",
            "end of string reached when looking for matching \"]\" in IPv6 host address in URI (byte 14)",
        );
        refused("postgresql://[]", "IPv6 host address may not be empty in URI (byte 14)");
        refused(
            "postgresql://[::1]x",
            "unexpected character \"x\" at position 19 in URI (expected \":\" or \"/\") (byte 19)",
        );
        refused(
            "postgresql://h/d?a",
            "missing key/value separator \"=\" in URI query parameter: \"a\" (byte 18)",
        );
        refused(
            "postgresql://h?user=b=c",
            "extra key/value separator \"=\" in URI query parameter: \"user\" (byte 16)",
        );
        refused("postgresql://h?foo=b", "invalid URI query parameter: \"foo\" (byte 16)");
        refused("postgresql://h/%zz", "invalid percent-encoded token: \"%zz\" (byte 16)");
        refused(
            "postgresql://h/%00",
            "forbidden value %00 in percent-encoded value: \"%00\" (byte 16)",
        );
    }

    #[test]
    fn passwords_are_not_shown() {
        for text in [
            "host=a password=top secret",
            "password=top secret=1",
            "postgresql://u:secret%zz@h",
            "postgresql://u@h?password=secret%zz",
        ] {
            let message = ConnInfo::parse(text).unwrap_err().to_string();
            assert!(!message.contains("secret"), "{message}");
        }
        let info = ConnInfo::parse("user=a password=secret").unwrap();
        assert_eq!(info.to_string(), "user=a password=[...]");
        assert_eq!(format!("{info:?}"), "ConnInfo(user=a password=[...])");
    }

    #[test]
    fn hiding_for_the_log() {
        for (text, shown) in [
            ("host=a dbname=b", "host=a dbname=b"),
            ("host=a PassWord=x dbname=b", "host=a  [...]"),
            ("postgresql://u:x@h/d", "postgresql://u:[...]@h/d"),
            ("postgres://u:a@b@h", "postgres://u:[...]@h"),
            ("postgresql://u@h:5/d", "postgresql://u@h:5/d"),
            ("postgresql://h:5/d", "postgresql://h:5/d"),
            ("postgresql://u:x@h/d?password=y", "postgresql://u:[...]@h/d? [...]"),
            ("postgresql://password:x@h", "postgresql:// [...]"),
        ] {
            assert_eq!(hide_password(text), shown);
        }
    }

    #[test]
    fn merging_replaces() {
        let mut info = ConnInfo::parse("postgresql://u@h/d").unwrap();
        info.merge(&ConnInfo::parse("user=x port=7").unwrap());
        assert_eq!(info.to_libpq(), "user=x host=h dbname=d port=7");
    }

    proptest! {
        #[test]
        fn values_survive(values in prop::collection::vec((0..KEYWORDS.len(), any::<String>()), 0..6)) {
            let mut info = ConnInfo::default();
            for (keyword, value) in &values {
                info.set(KEYWORDS[*keyword], value);
            }
            prop_assert_eq!(ConnInfo::parse(&info.to_libpq()).unwrap(), info);
        }

        #[test]
        fn any_text_is_read_without_panic(text in r#"(postgres://)?(host|user|=|'|\\| |:|/|@|\[|\]|%|é|&|\?|a|,){0,20}"#) {
            let _ = ConnInfo::parse(&text);
            let _ = hide_password(&text);
        }
    }
}

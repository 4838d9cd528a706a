//! The password file (`.pgpass`): `host:port:database:user:password`, `*` for any, `\` in front of a colon or backslash.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The password of the first line that matches, with libpq's warnings where the file may not be used. A file that is not
/// there is no mistake.
pub(super) fn look_up(file: &Path, wanted: [&str; 4]) -> Option<String> {
    let shown = file.display();
    let metadata = fs::metadata(file).ok()?;
    if !metadata.is_file() {
        tracing::warn!("password file \"{shown}\" is not a plain file");
        return None;
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        tracing::warn!(
            "password file \"{shown}\" has group or world access; permissions should be u=rw (0600) or less"
        );
        return None;
    }
    match fs::read_to_string(file) {
        Ok(text) => search(&text, wanted),
        Err(e) => {
            tracing::warn!("could not read password file \"{shown}\": {e}");
            None
        }
    }
}

fn search(text: &str, wanted: [&str; 4]) -> Option<String> {
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut rest = line;
        for wanted in wanted {
            let end = field_end(rest);
            let field = &rest[..end];
            if field != "*" && unescape(field) != wanted {
                return None;
            }
            rest = rest[end..].strip_prefix(':')?;
        }
        (!rest.is_empty()).then(|| unescape(rest))
    })
}

/// Where the next colon is that no backslash protects.
fn field_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b':' => return at,
            _ => {}
        }
    }
    text.len()
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            // A backslash at the very end stands for itself.
            '\\' => out.push(chars.next().unwrap_or('\\')),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# comment:*:*:*:no\nh:5432:d:u:first\nh:*:d:u:second\n*:*:*:u\\:x:a\\:b\\\\c:d\n[::1]:*:*:v:no\n\\:\\:1:1:d:v:six\n*:*:*:*:last\nshort\n";

    #[test]
    fn first_match_counts() {
        for (wanted, password) in [
            (["h", "5432", "d", "u"], "first"),
            (["h", "7", "d", "u"], "second"),
            (["h", "7", "other", "u:x"], "a:b\\c:d"),
            (["::1", "1", "d", "v"], "six"),
            (["x", "1", "d", "v"], "last"),
        ] {
            assert_eq!(search(FILE, wanted).as_deref(), Some(password), "{wanted:?}");
        }
        assert_eq!(search("h:1:d:u:x", ["h", "1", "d", "v"]), None);
        assert_eq!(search("h:1:d:u:", ["h", "1", "d", "u"]), None);
    }

    #[test]
    fn others_may_not_read_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgpass");
        let ask = |file: &Path| look_up(file, ["h", "1", "d", "u"]);
        assert_eq!(ask(&file), None);
        fs::write(&file, "*:*:*:*:x\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(ask(&file), None);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(ask(&file).as_deref(), Some("x"));
        assert_eq!(ask(folder.path()), None);
    }
}

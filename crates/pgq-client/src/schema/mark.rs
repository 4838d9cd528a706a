//! The comment by which an installation of ours is known: `londiste schema, revision R, version V`.
//!
//! The revision tells whether it was made from the same files, the version which of two was made later.

use std::fmt;

use super::Outcome;

const REVISION: &str = "londiste schema, revision ";
const VERSION: &str = "version ";

/// The version of this library, and of the files in it.
const OURS: &str = env!("CARGO_PKG_VERSION");

/// A released version. What comes before a release or is built from it (`-rc.1`, `+git`) counts as the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version([u32; 3]);

impl Version {
    fn parse(text: &str) -> Option<Version> {
        let numbers = text.split(['-', '+']).next()?;
        let numbers: Vec<u32> =
            numbers.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
        numbers.try_into().ok().map(Version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// The comment on a schema made from files of this revision by this version.
pub(super) fn mark(revision: &str) -> String {
    format!("{REVISION}{revision}, {VERSION}{OURS}")
}

/// What there is to do with a schema that has this comment, for whoever has the files of `revision`.
pub(super) fn judge(comment: Option<&str>, revision: &str) -> Outcome {
    let Some(mark) = comment.and_then(|comment| comment.strip_prefix(REVISION)) else {
        return Outcome::Present;
    };
    let mut parts = mark.split(", ");
    if parts.next() == Some(revision) {
        return Outcome::Present;
    }
    let version = parts.find_map(|part| part.strip_prefix(VERSION)).and_then(Version::parse);
    match version {
        Some(version) if Some(version) > Version::parse(OURS) => Outcome::Newer(version),
        _ => Outcome::Upgraded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn judged(comment: &str, expected: Outcome) {
        assert_eq!(judge(Some(comment), "1-2"), expected, "{comment}");
    }

    #[test]
    fn what_we_mark_is_ours() {
        judged(&mark("1-2"), Outcome::Present);
        judged(&mark("3-4"), Outcome::Upgraded);
        assert!(Version::parse(OURS).is_some(), "{OURS}");
    }

    #[test]
    fn without_our_mark_it_is_somebody_elses() {
        assert_eq!(judge(None, "1-2"), Outcome::Present);
        judged("Generic queue for PostgreSQL", Outcome::Present);
    }

    #[test]
    fn the_same_files_are_the_same_whatever_the_version() {
        judged("londiste schema, revision 1-2", Outcome::Present);
        judged("londiste schema, revision 1-2, version 999.0.0", Outcome::Present);
    }

    #[test]
    fn other_files_are_older_unless_the_version_is_newer() {
        judged("londiste schema, revision 0", Outcome::Upgraded);
        judged("londiste schema, revision 3-4, version 0.0.99", Outcome::Upgraded);
        judged("londiste schema, revision 3-4, version ?", Outcome::Upgraded);
        let newer = Outcome::Newer(Version([999, 0, 10]));
        judged("londiste schema, revision 3-4, version 999.0.10", newer);
        judged("londiste schema, revision 3-4, version 999.0.10-rc.1", newer);
        judged("londiste schema, revision 3-4, version 999.0.10, and more", newer);
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(Version::parse("0.10.0") > Version::parse("0.9.12"));
        assert_eq!(Version::parse("1.2.3+git"), Version::parse("1.2.3"));
        assert_eq!(Version::parse("1.2"), None);
        assert_eq!(Version([1, 2, 3]).to_string(), "1.2.3");
    }
}

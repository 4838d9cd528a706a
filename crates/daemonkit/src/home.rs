//! `~` in file names.

use std::path::PathBuf;

use nix::unistd::{Uid, User};

/// The name with a leading `~` (the variable HOME, else the password database) or `~user` replaced by the home folder;
/// `None` when that folder is not known. Other names stay as they are.
pub fn expand(name: &str) -> Option<PathBuf> {
    let Some(rest) = name.strip_prefix('~') else { return Some(PathBuf::from(name)) };
    let (user, path) = rest.split_once('/').unwrap_or((rest, ""));
    let home = if user.is_empty() {
        match std::env::var_os("HOME").filter(|home| !home.is_empty()) {
            Some(home) => PathBuf::from(home),
            None => User::from_uid(Uid::current()).ok()??.dir,
        }
    } else {
        User::from_name(user).ok()??.dir
    };
    Some(if path.is_empty() { home } else { home.join(path.trim_start_matches('/')) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tilde() {
        let own = expand("~").expect("a home");
        assert_eq!(expand("~/a/b"), Some(own.join("a/b")));
        assert_eq!(expand("~//a"), Some(own.join("a")));
        assert_eq!(expand("a/~"), Some(PathBuf::from("a/~")));
        assert_eq!(expand("/a"), Some(PathBuf::from("/a")));
        assert_eq!(expand("~no-such-user/a"), None);
        let root = expand("~root/a").expect("root has a home");
        assert!(root.ends_with("a") && root.is_absolute(), "{}", root.display());
    }
}

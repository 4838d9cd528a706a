//! Why the system refused, in the words operators know.

use std::io;

use nix::errno::Errno;

/// The system's own text (`No such file or directory`), without the number that Rust appends.
pub fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => Errno::from_raw(number).desc().to_owned(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_text_alone() {
        assert_eq!(reason(&io::Error::from(Errno::ENOENT)), "No such file or directory");
        assert_eq!(reason(&io::Error::other("what")), "what");
    }
}

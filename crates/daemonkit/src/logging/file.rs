//! The log file: opened for append, rotated by size or opened anew on request.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use super::Rotation;

/// An open log file.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    rotation: Rotation,
    file: File,
}

impl LogFile {
    pub(super) fn open(path: &Path, rotation: Rotation, truncate: bool) -> io::Result<LogFile> {
        // A daemon's folder may change; its log file must not.
        let path = std::path::absolute(path)?;
        let file = append_to(&path)?;
        if truncate {
            file.set_len(0)?;
        }
        Ok(LogFile { path, rotation, file })
    }

    /// Appends one record with one write, so that lines of several processes do not mix.
    pub(super) fn write(&mut self, record: &[u8]) -> io::Result<()> {
        // A file that cannot be moved away grows: that is better than no log.
        let _ = self.make_room(record.len());
        self.file.write_all(record)
    }

    fn make_room(&mut self, record: usize) -> io::Result<()> {
        let Rotation::BySize { size, keep } = self.rotation else { return Ok(()) };
        self.follow()?;
        let length = self.file.metadata()?.len();
        let after = length.saturating_add(record as u64);
        // As Python does it: nothing rotates unless something may be kept. An empty file is not moved away for a record that is
        // longer than the limit.
        let rotates = size > 0 && keep > 0;
        if rotates && length > 0 && after >= size { self.rotate(keep) } else { Ok(()) }
    }

    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.file = append_to(&self.path)?;
        Ok(())
    }

    /// Opens the file anew when its name means another file by now: another process rotated.
    fn follow(&mut self) -> io::Result<()> {
        if self.is_current()? { Ok(()) } else { self.reopen() }
    }

    fn is_current(&self) -> io::Result<bool> {
        let ours = self.file.metadata()?;
        match fs::metadata(&self.path) {
            Ok(named) => Ok((named.dev(), named.ino()) == (ours.dev(), ours.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn rotate(&mut self, keep: u32) -> io::Result<()> {
        // Two processes that reach the limit together must not rotate twice: the second one finds the name moved on.
        let lock = Flock::lock(self.file.try_clone()?, FlockArg::LockExclusive)
            .map_err(|(_, errno)| io::Error::from(errno))?;
        if self.is_current()? {
            for number in (1..keep).rev() {
                rename_if_there(&self.numbered(number), &self.numbered(number + 1))?;
            }
            fs::rename(&self.path, self.numbered(1))?;
        }
        drop(lock);
        self.reopen()
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Place {
            Place(tempfile::tempdir().expect("a folder"))
        }

        fn open(&self, size: u64, keep: u32) -> LogFile {
            LogFile::open(&self.0.path().join("log"), Rotation::BySize { size, keep }, false)
                .expect("opened")
        }

        fn read(&self, name: &str) -> Option<String> {
            fs::read_to_string(self.0.path().join(name)).ok()
        }
    }

    fn write(file: &mut LogFile, text: &str) {
        file.write(text.as_bytes()).expect("written");
    }

    #[test]
    fn rotates_before_the_limit_is_reached() {
        let place = Place::new();
        let mut file = place.open(10, 2);
        for text in ["aaaa\n", "bbb\n", "c\n", "dddddddd\n", "e\n"] {
            write(&mut file, text);
        }
        assert_eq!(place.read("log").as_deref(), Some("e\n"));
        assert_eq!(place.read("log.1").as_deref(), Some("dddddddd\n"));
        assert_eq!(place.read("log.2").as_deref(), Some("c\n"));
        assert_eq!(place.read("log.3"), None);
    }

    #[test]
    fn a_file_that_cannot_be_moved_grows() {
        let place = Place::new();
        let mut file = place.open(10, 1);
        write(&mut file, "aaaa\n");
        // A folder with something in it stands where the old file should go.
        fs::create_dir_all(place.0.path().join("log.1/x")).expect("a folder");
        for text in ["bbbb\n", "cccc\n"] {
            write(&mut file, text);
        }
        assert_eq!(place.read("log").as_deref(), Some("aaaa\nbbbb\ncccc\n"));
    }

    #[test]
    fn what_is_there_counts_and_stays() {
        let place = Place::new();
        fs::write(place.0.path().join("log"), "12345678\n").expect("written");
        let mut file = place.open(10, 1);
        write(&mut file, "new\n");
        assert_eq!(place.read("log").as_deref(), Some("new\n"));
        assert_eq!(place.read("log.1").as_deref(), Some("12345678\n"));
    }

    #[test]
    fn size_zero_never_rotates_and_neither_does_keeping_none() {
        let place = Place::new();
        let mut file = place.open(0, 3);
        write(&mut file, &"x".repeat(1000));
        write(&mut file, "y");
        assert_eq!(place.read("log").map(|text| text.len()), Some(1001));
        let mut file = place.open(100, 0);
        write(&mut file, "z");
        assert_eq!(place.read("log").map(|text| text.len()), Some(1002));
        assert_eq!(place.read("log.1"), None);
    }

    #[test]
    fn two_writers_share_a_file_and_its_rotation() {
        let place = Place::new();
        let (mut one, mut two) = (place.open(10, 3), place.open(10, 3));
        write(&mut one, "11111111\n");
        write(&mut two, "22222222\n");
        write(&mut one, "3\n");
        assert_eq!(place.read("log").as_deref(), Some("3\n"));
        assert_eq!(place.read("log.1").as_deref(), Some("22222222\n"));
        assert_eq!(place.read("log.2").as_deref(), Some("11111111\n"));
        assert_eq!(place.read("log.3"), None);
    }
}

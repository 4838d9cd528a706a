//! Files of lines.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The lines of a file, one at a time.
pub(super) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, line: Vec::new() }
    }

    /// Goes to the next line; false at the end.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        let mut line = std::mem::take(&mut self.line);
        let more = self.advance_into(&mut line);
        self.line = line;
        more
    }

    /// As [`Lines::advance`], with the line put elsewhere.
    pub(super) fn advance_into(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        line.clear();
        let more = self.reader.read_until(b'\n', line)? > 0;
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        Ok(more)
    }

    /// The line, without its end.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// The line for keeps.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.line)
    }
}

/// A new file that only we may read: it holds rows. One of that name is removed, also a link, which is not followed.
///
/// # Errors
/// Those of the file system.
pub(super) fn create(path: &Path) -> io::Result<File> {
    remove(path)?;
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Removes a file if it is there.
///
/// # Errors
/// Those of the file system.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

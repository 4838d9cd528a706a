//! The fixes of one table, as a file for the operator.
//!
//! Departures from the original: the file has its name once it is whole; two repairs of a table cannot run in one
//! directory.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use anyhow::Context as _;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};

use super::files::Files;
use super::lines::remove;
use super::statement::Fix;
use crate::job::UsageError;

/// The fixes of one table, as a file. Nobody else repairs a table of this name in this directory while it exists.
pub(super) struct Script {
    unfinished: PathBuf,
    fix: PathBuf,
    /// Holds the lock.
    _file: Flock<File>,
    out: BufWriter<File>,
    written: bool,
    /// It has its name, and what is called `unfinished` from then on belongs to another repair.
    named: bool,
}

impl Script {
    /// Takes the directory for a table.
    ///
    /// # Errors
    /// [`UsageError`] when another repair has it; those of files.
    pub(super) fn open(files: &Files) -> anyhow::Result<Script> {
        let path = &files.unfinished;
        let cannot = || format!("cannot write {}", path.display());
        loop {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(false);
            // There are rows in it.
            options.mode(0o600).custom_flags(OFlag::O_NOFOLLOW.bits());
            let file = options.open(path).with_context(cannot)?;
            let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(file) => file,
                Err((_, Errno::EWOULDBLOCK)) => {
                    return Err(UsageError(format!(
                        "{}: another repair of a table of this name is running in this directory",
                        path.display()
                    ))
                    .into());
                }
                Err((_, error)) => return Err(error).with_context(cannot),
            };
            // The one who had it may have removed or renamed it between the two.
            let here = fs::symlink_metadata(path).map(|found| (found.dev(), found.ino())).ok();
            let ours = file.metadata().with_context(cannot)?;
            if here != Some((ours.dev(), ours.ino())) {
                continue;
            }
            file.set_len(0).with_context(cannot)?;
            let out = BufWriter::new(file.try_clone().with_context(cannot)?);
            let (unfinished, fix) = (path.clone(), files.fix.clone());
            return Ok(Script { unfinished, fix, _file: file, out, written: false, named: false });
        }
    }

    /// Removes what an earlier repair has found.
    ///
    /// # Errors
    /// Those of files.
    pub(super) fn remove_old(&self) -> anyhow::Result<()> {
        remove(&self.fix).with_context(|| format!("cannot remove {}", self.fix.display()))
    }

    /// Adds a statement.
    ///
    /// # Errors
    /// Those of files.
    pub(super) fn add(&mut self, fix: &Fix) -> anyhow::Result<()> {
        self.written = true;
        writeln!(self.out, "{}", fix.sql)
            .with_context(|| format!("cannot write {}", self.unfinished.display()))
    }

    /// Gives the file its name, if there is anything in it.
    ///
    /// # Errors
    /// Those of files.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        if !self.written {
            return Ok(());
        }
        self.out
            .flush()
            .and_then(|()| self.out.get_ref().sync_all())
            .and_then(|()| fs::rename(&self.unfinished, &self.fix))
            .with_context(|| format!("cannot write {}", self.fix.display()))?;
        self.named = true;
        Ok(())
    }
}

impl Drop for Script {
    /// Without its name it is of no use.
    fn drop(&mut self) {
        if self.named {
            return;
        }
        if let Err(error) = remove(&self.unfinished) {
            tracing::warn!("cannot remove {}: {error}", self.unfinished.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::statement::Kind;
    use super::*;

    fn fix(sql: &str) -> Fix {
        let (source_check, here_check) = (String::new(), String::new());
        Fix { kind: Kind::Delete, sql: sql.to_owned(), source_check, here_check }
    }

    #[test]
    fn a_script_has_its_name_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::of(&pgq_client::name::TableName::new("t"));
        files.fix = folder.path().join(&files.fix);
        files.unfinished = folder.path().join(&files.unfinished);
        let left = || fs::read_dir(folder.path()).unwrap().count();

        let mut script = Script::open(&files).unwrap();
        let second = Script::open(&files).err().unwrap().to_string();
        assert!(
            second.ends_with("another repair of a table of this name is running in this directory")
        );
        script.add(&fix("one;")).unwrap();
        script.add(&fix("two;")).unwrap();
        script.finish().unwrap();
        drop(script);
        assert_eq!(fs::read_to_string(&files.fix).unwrap(), "one;\ntwo;\n");
        assert_eq!(left(), 1);

        // Broken off, and with what a crash has left: neither appears in the file.
        fs::write(&files.unfinished, "half a statem").unwrap();
        let mut script = Script::open(&files).unwrap();
        script.add(&fix("lost;")).unwrap();
        drop(script);
        assert_eq!(left(), 1);
        let mut script = Script::open(&files).unwrap();
        script.remove_old().unwrap();
        script.finish().unwrap();
        drop(script);
        assert_eq!(left(), 0);
    }
}

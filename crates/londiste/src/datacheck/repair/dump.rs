//! The rows of one side, from the server into a file and, sorted, into another: both at once, and no more of them
//! in memory than sorting may take.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::pin::pin;

use anyhow::Context as _;
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use pgq_client::Error;
use pgq_client::conn::Session;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use super::lines::{create, remove};
use super::sort::Sorter;

/// Rows travel to the files together up to this size.
const BLOCK: usize = 256 * 1024;

/// Blocks on their way. When the files are slow, the server waits.
const WAITING: usize = 8;

/// What a side is dumped to.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Rows as they come.
    pub(super) file: PathBuf,
    /// Rows sorted.
    pub(super) sorted: PathBuf,
    /// Memory for sorting.
    pub(super) budget: usize,
}

/// A side that is dumped and is being sorted.
pub(super) struct Dumped {
    /// Size of the file.
    pub(super) bytes: u64,
    sorting: JoinHandle<io::Result<()>>,
    sorted: PathBuf,
}

impl Dumped {
    /// Waits until the sorted file is there.
    ///
    /// # Errors
    /// Those of files.
    pub(super) async fn sorted(self) -> anyhow::Result<()> {
        self.sorting
            .await
            .context("sorting ended")?
            .with_context(|| format!("sort failed: cannot write {}", self.sorted.display()))
    }
}

/// Dumps what `sql`, a COPY, sends. `stop` says when sorting shall give up.
///
/// # Errors
/// The server's and those of files.
pub(super) async fn dump(
    session: &Session,
    sql: &str,
    target: Target,
    stop: impl Fn() -> bool + Clone + Send + 'static,
) -> anyhow::Result<Dumped> {
    let server = |error| Error::sql(error, sql);
    let mut rows = pin!(session.copy_out(sql).await.map_err(server)?);
    let (sender, receiver) = mpsc::channel(WAITING);
    let sorted = target.sorted.clone();
    let file = target.file.clone();
    let sorting = spawn_blocking(move || write_unless(receiver, &target, stop));
    let mut bytes = 0;
    let mut block = BytesMut::with_capacity(BLOCK + BLOCK / 4);
    loop {
        let row = rows.try_next().await.map_err(server)?;
        block.extend_from_slice(row.as_deref().unwrap_or_default());
        if row.is_some() && block.len() < BLOCK {
            continue;
        }
        bytes += block.len() as u64;
        let full = std::mem::replace(&mut block, BytesMut::with_capacity(BLOCK + BLOCK / 4));
        let last = row.is_none();
        if sender.send((full.freeze(), last)).await.is_err() {
            // Nobody takes them any more: a file could not be written, and the task knows why.
            sorting
                .await
                .context("writing ended")?
                .with_context(|| format!("cannot write {}", file.display()))?;
            anyhow::bail!("{} was not written to its end", file.display());
        }
        if last {
            return Ok(Dumped { bytes, sorting, sorted });
        }
    }
}

/// The files, or none when it was told to give up: whoever told it may have cleared up before the last one was made.
fn write_unless(
    blocks: mpsc::Receiver<(Bytes, bool)>,
    target: &Target,
    stop: impl Fn() -> bool + Clone + Send + 'static,
) -> io::Result<()> {
    let outcome = write(blocks, target, stop.clone());
    // Also when all went well: told so during its last lines, it may not have noticed.
    if stop() {
        remove(&target.file)?;
        remove(&target.sorted)?;
    }
    outcome
}

/// Takes blocks of whole or part lines until the last one.
fn write(
    mut blocks: mpsc::Receiver<(Bytes, bool)>,
    target: &Target,
    stop: impl Fn() -> bool + Send + 'static,
) -> io::Result<()> {
    let mut file = create(&target.file)?;
    let mut place = target.sorted.clone().into_os_string();
    place.push(".tmp");
    let mut sorter = Sorter::new(target.budget, place.into(), stop);
    // What a block ends with, when that is no line.
    let mut rest = Vec::new();
    while let Some((block, last)) = blocks.blocking_recv() {
        file.write_all(&block)?;
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &block) {
            if rest.is_empty() {
                sorter.push(&block[start..end])?;
            } else {
                rest.extend_from_slice(&block[start..end]);
                sorter.push(&rest)?;
                rest.clear();
            }
            start = end + 1;
        }
        rest.extend_from_slice(&block[start..]);
        if last {
            if !rest.is_empty() {
                return Err(io::Error::other("the last row has no end"));
            }
            return sorter.finish(&target.sorted);
        }
    }
    // The dump was broken off.
    Err(io::ErrorKind::Interrupted.into())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn written(blocks: &[(&'static str, bool)]) -> io::Result<(String, String)> {
        let folder = tempfile::tempdir().unwrap();
        let target = Target {
            file: folder.path().join("t.src"),
            sorted: folder.path().join("t.src.sorted"),
            budget: 40,
        };
        let (sender, receiver) = mpsc::channel(10);
        for (block, last) in blocks {
            sender.try_send((Bytes::from_static(block.as_bytes()), *last)).unwrap();
        }
        drop(sender);
        write(receiver, &target, || false)?;
        let read = |path| fs::read_to_string(path).unwrap();
        Ok((read(&target.file), read(&target.sorted)))
    }

    #[test]
    fn lines_may_lie_across_blocks() {
        let (file, sorted) =
            written(&[("b\tx\nab", false), ("c\t", false), ("y\n\n", false), ("a\n", true)])
                .unwrap();
        assert_eq!(file, "b\tx\nabc\ty\n\na\n");
        assert_eq!(sorted, "\na\nabc\ty\nb\tx\n");
    }

    #[test]
    fn a_stop_that_comes_when_all_is_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let [file, sorted] = ["t.src", "t.src.sorted"].map(|name| folder.path().join(name));
        let target = Target { file, sorted: sorted.clone(), budget: 40 };
        let one_row = || {
            let (sender, receiver) = mpsc::channel(1);
            sender.try_send((Bytes::from_static(b"a\n"), true)).unwrap();
            receiver
        };
        // How often it is asked on the way to the end.
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let never = move || count.fetch_add(1, Ordering::Relaxed) == usize::MAX;
        write(one_row(), &target, never).unwrap();
        assert!(sorted.exists());
        let left = asked.clone();
        let behind = move || left.fetch_sub(1, Ordering::Relaxed).cast_signed() <= 0;
        write_unless(one_row(), &target, behind).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_dump_that_does_not_end_is_not_sorted() {
        assert_eq!(written(&[("a\n", false)]).unwrap_err().kind(), io::ErrorKind::Interrupted);
        assert!(written(&[("a\nb", true)]).is_err());
        assert_eq!(written(&[("", true)]).unwrap(), (String::new(), String::new()));
    }
}

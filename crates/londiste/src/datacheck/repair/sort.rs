//! Sorting lines in bounded memory: runs of them are sorted and put into files, and the files are merged.
//!
//! The order is that of `LC_ALL=C sort`: lines by their bytes, the end of a line before every byte.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Seek as _, Write};
use std::path::{Path, PathBuf};

use super::lines::{Lines, create};

/// So many files are merged at once. More would take more memory and file handles than it saves time.
const FAN_IN: usize = 64;

/// Bytes that are read and written at a time, for each file.
const BUFFER: usize = 64 * 1024;

/// A line in memory.
#[derive(Debug, Clone, Copy)]
struct Line {
    /// Its first bytes as a number, which decides about most pairs.
    head: u64,
    start: usize,
    end: usize,
}

/// Lines on their way into a sorted file.
pub(super) struct Sorter {
    budget: usize,
    /// Where runs are written; each file is without a name while it exists.
    place: PathBuf,
    text: Vec<u8>,
    lines: Vec<Line>,
    /// Sorted files. Those of a level are of about the same size, a level's merge is one file of the next.
    levels: Vec<Vec<File>>,
    /// Asked now and then whether to give up.
    stop: Box<dyn Fn() -> bool + Send>,
}

impl Sorter {
    /// Takes about `budget` bytes of memory. `place` is the path under which temporary files appear for a moment;
    /// `stop` says when to give up.
    pub(super) fn new(
        budget: usize,
        place: PathBuf,
        stop: impl Fn() -> bool + Send + 'static,
    ) -> Sorter {
        Sorter {
            budget,
            place,
            text: Vec::new(),
            lines: Vec::new(),
            levels: Vec::new(),
            stop: Box::new(stop),
        }
    }

    /// Adds a line, without its end.
    ///
    /// # Errors
    /// Those of writing a file.
    pub(super) fn push(&mut self, line: &[u8]) -> io::Result<()> {
        let used = self.text.len() + self.lines.len() * size_of::<Line>();
        if used + line.len() + size_of::<Line>() > self.budget && !self.lines.is_empty() {
            self.spill()?;
        }
        let start = self.text.len();
        self.text.extend_from_slice(line);
        self.lines.push(Line { head: head(line), start, end: self.text.len() });
        Ok(())
    }

    /// Writes all lines to `path`.
    ///
    /// # Errors
    /// Those of reading and writing files; `Interrupted` when told to give up.
    pub(super) fn finish(mut self, path: &Path) -> io::Result<()> {
        if self.levels.is_empty() {
            self.sort();
            let mut out = BufWriter::with_capacity(BUFFER, create(path)?);
            self.write(&mut out)?;
            return out.flush();
        }
        if !self.lines.is_empty() {
            self.spill()?;
        }
        // What is to be held from here on are buffers.
        self.text = Vec::new();
        self.lines = Vec::new();
        let runs: Vec<File> = std::mem::take(&mut self.levels).into_iter().flatten().collect();
        self.merge(runs, &create(path)?)
    }

    fn sort(&mut self) {
        let text = &self.text;
        self.lines.sort_unstable_by(|a, b| match a.head.cmp(&b.head) {
            Ordering::Equal => text[a.start..a.end].cmp(&text[b.start..b.end]),
            decided => decided,
        });
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for (nr, line) in self.lines.iter().enumerate() {
            self.look_up(nr)?;
            out.write_all(&self.text[line.start..line.end])?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Puts what is in memory into a file, and full levels together.
    fn spill(&mut self) -> io::Result<()> {
        self.sort();
        let mut out = BufWriter::with_capacity(BUFFER, self.run_file()?);
        self.write(&mut out)?;
        let mut run = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        run.rewind()?;
        self.text.clear();
        self.lines.clear();
        let mut level = 0;
        loop {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            self.levels[level].push(run);
            if self.levels[level].len() < FAN_IN {
                return Ok(());
            }
            let full = std::mem::take(&mut self.levels[level]);
            run = self.run_file()?;
            self.merge(full, &run)?;
            run.rewind()?;
            level += 1;
        }
    }

    fn merge(&self, runs: Vec<File>, out: &File) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(BUFFER, out);
        let mut sources: Vec<Lines<BufReader<File>>> = Vec::new();
        let mut heap = BinaryHeap::new();
        for run in runs {
            let mut source = Lines::new(BufReader::with_capacity(BUFFER, run));
            if source.advance()? {
                heap.push(Reverse((source.take(), sources.len())));
                sources.push(source);
            }
        }
        let mut nr = 0;
        while let Some(mut least) = heap.peek_mut() {
            self.look_up(nr)?;
            nr += 1;
            let Reverse((line, source)) = &mut *least;
            out.write_all(line)?;
            out.write_all(b"\n")?;
            // The line gives its memory to the next one, which then finds its place.
            if sources[*source].advance_into(line)? {
                continue;
            }
            std::collections::binary_heap::PeekMut::pop(least);
        }
        out.flush()
    }

    /// A file that is gone once it is closed.
    fn run_file(&self) -> io::Result<File> {
        let file = create(&self.place)?;
        fs::remove_file(&self.place)?;
        Ok(file)
    }

    fn look_up(&self, nr: usize) -> io::Result<()> {
        if nr.is_multiple_of(4096) && (self.stop)() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        Ok(())
    }
}

/// The first eight bytes as a number that is in the same order. A shorter line is like one that goes on with zero
/// bytes; where that makes two equal the bytes decide.
fn head(line: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let length = line.len().min(8);
    bytes[..length].copy_from_slice(&line[..length]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(lines: &[Vec<u8>], budget: usize) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(budget, folder.path().join("run"), || false);
        for line in lines {
            sorter.push(line).unwrap();
        }
        let path = folder.path().join("sorted");
        sorter.finish(&path).unwrap();
        let result = fs::read(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        result
    }

    fn expected(lines: &[Vec<u8>]) -> Vec<u8> {
        let mut lines = lines.to_vec();
        lines.sort();
        lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat()).collect()
    }

    #[test]
    fn nothing_and_one_line() {
        assert_eq!(sorted(&[], 0), b"");
        assert_eq!(sorted(&[b"x".to_vec()], 0), b"x\n");
        assert_eq!(sorted(&[vec![]], 0), b"\n");
    }

    #[test]
    fn the_end_of_a_line_comes_before_every_byte() {
        let lines: Vec<Vec<u8>> =
            [&b"ab"[..], b"ab\0", b"a", b"ab\t1", b"ab\x01", b"\xff", b"abcdefghi", b"abcdefgh"]
                .map(<[u8]>::to_vec)
                .to_vec();
        for budget in [0, 60, 1 << 20] {
            assert_eq!(sorted(&lines, budget), expected(&lines));
        }
    }

    #[test]
    fn many_runs_are_merged_in_levels() {
        // A line per run, so that there are three levels.
        let lines: Vec<Vec<u8>> = (0..5000_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) % 3000).to_string().into())
            .collect();
        assert_eq!(sorted(&lines, 1), expected(&lines));
        assert_eq!(sorted(&lines, 10_000), expected(&lines));
    }

    #[test]
    fn it_gives_up_when_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(1 << 20, folder.path().join("run"), || true);
        sorter.push(b"x").unwrap();
        let error = sorter.finish(&folder.path().join("sorted")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    }

    proptest! {
        #[test]
        fn it_is_the_order_of_bytes(
            lines in proptest::collection::vec(proptest::collection::vec(any::<u8>().prop_filter("end", |b| *b != b'\n'), 0..12), 0..60),
            budget in 0_usize..2000,
        ) {
            prop_assert_eq!(sorted(&lines, budget), expected(&lines));
        }
    }
}

//! The walk over both sorted sides that finds the rows that differ (contract `compare-repair-execute.md` 4.2). Pure
//! but for reading lines.
//!
//! Departure from the original: keys are compared as the lines are, with what ends the key, so that the order of
//! the files and that of the keys can never disagree.

use std::cmp::Ordering;
use std::io::BufRead;

use super::lines::Lines;
use super::row::key;

/// Steps between two questions whether to go on.
const STRIDE: u64 = 4096;

/// A row that is not the same on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Difference<'a> {
    /// The source's row is not here.
    Insert(&'a [u8]),
    /// Both have it, in the source's form and in ours.
    Update(&'a [u8], &'a [u8]),
    /// Our row is not at the source.
    Delete(&'a [u8]),
}

/// Walks over both sides, sorted by lines, whose first `keys` fields are the key. `found` is given each pair of
/// lines that are not the same; the answer is how many rows each side has. `go_on` is asked now and then, also where
/// nothing differs.
///
/// # Errors
/// Those of reading, of `found` and of `go_on`.
pub(super) fn walk<E: From<std::io::Error>>(
    keys: usize,
    src: impl BufRead,
    dst: impl BufRead,
    mut found: impl FnMut(Difference<'_>) -> Result<(), E>,
    mut go_on: impl FnMut() -> Result<(), E>,
) -> Result<(u64, u64), E> {
    let (mut src, mut dst) = (Lines::new(src), Lines::new(dst));
    let (mut src_more, mut dst_more) = (src.advance()?, dst.advance()?);
    let (mut src_rows, mut dst_rows) = (0, 0);
    let mut steps = 0_u64;
    while src_more || dst_more {
        if steps.is_multiple_of(STRIDE) {
            go_on()?;
        }
        steps += 1;
        let (ours, theirs) = (dst.line(), src.line());
        let order = match (src_more, dst_more) {
            (true, false) => Ordering::Less,
            (false, _) => Ordering::Greater,
            _ if theirs == ours => Ordering::Equal,
            _ => key(theirs, keys).cmp(key(ours, keys)),
        };
        match order {
            Ordering::Less => found(Difference::Insert(theirs))?,
            Ordering::Greater => found(Difference::Delete(ours))?,
            Ordering::Equal if theirs != ours => found(Difference::Update(theirs, ours))?,
            Ordering::Equal => {}
        }
        if order.is_le() {
            src_rows += 1;
            src_more = src.advance()?;
        }
        if order.is_ge() {
            dst_rows += 1;
            dst_more = dst.advance()?;
        }
    }
    Ok((src_rows, dst_rows))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn differences(keys: usize, src: &str, dst: &str) -> (Vec<String>, (u64, u64)) {
        let mut all = Vec::new();
        let text = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
        let found = |difference: Difference<'_>| {
            all.push(match difference {
                Difference::Insert(row) => format!("+{}", text(row)),
                Difference::Delete(row) => format!("-{}", text(row)),
                Difference::Update(new, old) => format!("{} was {}", text(new), text(old)),
            });
            Ok::<(), std::io::Error>(())
        };
        let rows = walk(keys, src.as_bytes(), dst.as_bytes(), found, || Ok(()));
        (all, rows.unwrap())
    }

    #[track_caller]
    fn check(keys: usize, src: &str, dst: &str, expected: &[&str]) {
        let (all, rows) = differences(keys, src, dst);
        assert_eq!(all, expected);
        assert_eq!(rows, (src.lines().count() as u64, dst.lines().count() as u64));
    }

    #[test]
    fn every_kind() {
        check(
            1,
            "1\ta\n2\tb\n3\tc\n5\te\n",
            "10\tx\n2\tz\n3\tc\n6\tf\n",
            &["+1\ta", "-10\tx", "2\tb was 2\tz", "+5\te", "-6\tf"],
        );
    }

    #[test]
    fn one_side_ends_first() {
        check(1, "", "", &[]);
        check(1, "1\ta\n2\tb\n", "", &["+1\ta", "+2\tb"]);
        check(1, "", "1\ta\n2\tb\n", &["-1\ta", "-2\tb"]);
        check(1, "1\n2\n3\n", "1\n", &["+2", "+3"]);
        check(1, "1\n", "1\n2\n3\n", &["-2", "-3"]);
    }

    #[test]
    fn keys_of_several_columns() {
        check(
            2,
            "a\tb\t1\na\tc\t1\n",
            "a\tb\t2\nb\tb\t1\n",
            &["a\tb\t1 was a\tb\t2", "+a\tc\t1", "-b\tb\t1"],
        );
    }

    #[test]
    fn equal_rows_can_be_left() {
        let same = "1\n".repeat(20_000);
        let mut asked = 0;
        let outcome = walk(
            1,
            same.as_bytes(),
            same.as_bytes(),
            |_| Ok(()),
            || {
                asked += 1;
                if asked == 3 { Err(std::io::Error::other("stop")) } else { Ok(()) }
            },
        );
        assert_eq!((outcome.unwrap_err().to_string().as_str(), asked), ("stop", 3));
    }

    #[test]
    fn control_characters_in_keys() {
        // Sorted as lines: the one with \x01 comes first.
        check(1, "a\x01\tx\na\tx\n", "a\tx\n", &["+a\x01\tx"]);
        check(1, "a\tx\n", "a\x01\tx\na\ty\n", &["-a\x01\tx", "a\tx was a\ty"]);
    }

    proptest! {
        #[test]
        fn applied_to_our_rows_the_differences_give_the_sources(
            src in proptest::collection::btree_map("[a-c\u{1}é]{0,3}", "[xy]", 0..12),
            dst in proptest::collection::btree_map("[a-c\u{1}é]{0,3}", "[xy]", 0..12),
        ) {
            let file = |rows: &std::collections::BTreeMap<String, String>| {
                let mut lines: Vec<String> = rows.iter().map(|(k, v)| format!("{k}\t{v}\n")).collect();
                lines.sort();
                lines.concat()
            };
            let mut rows = dst.clone();
            let split = |line: &[u8]| {
                let line = String::from_utf8(line.to_vec()).unwrap();
                let (key, value) = line.split_once('\t').unwrap();
                (key.to_owned(), value.to_owned())
            };
            walk(1, file(&src).as_bytes(), file(&dst).as_bytes(), |difference| {
                match difference {
                    Difference::Insert(row) => {
                        let (key, value) = split(row);
                        assert!(rows.insert(key, value).is_none());
                    }
                    Difference::Delete(row) => {
                        let (key, value) = split(row);
                        assert_eq!(rows.remove(&key), Some(value));
                    }
                    Difference::Update(new, old) => {
                        let ((key, value), (old_key, old)) = (split(new), split(old));
                        assert_eq!(key, old_key);
                        assert_eq!(rows.insert(key, value), Some(old));
                    }
                }
                Ok::<(), std::io::Error>(())
            }, || Ok(())).unwrap();
            prop_assert_eq!(rows, src);
        }
    }
}

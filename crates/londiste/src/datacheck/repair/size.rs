//! `--sort-bufsize`: how much memory sorting may take, as `sort -S` reads it. Pure but for [`physical_memory`].

use crate::job::UsageError;

/// Memory for sorting, unless the operator names another size: this part of the machine's ...
const PERCENT: u64 = 30;

/// ... and no more than that. Sorting with more is hardly faster, and the machine has other work.
const ENOUGH: u64 = 1 << 30;

/// Where the machine does not say how much it has.
const UNKNOWN: u64 = 4 << 30;

/// Bytes for sorting one table, both sides together.
///
/// # Errors
/// [`UsageError`] when the size cannot be read.
pub(super) fn budget(option: Option<&str>, physical: u64) -> Result<u64, UsageError> {
    match option {
        None => Ok(percent(PERCENT, physical).min(ENOUGH)),
        Some(text) => parse(text, physical).ok_or_else(|| {
            UsageError(format!(
                "--sort-bufsize: '{text}' is no size; give a number with b, K, M, G, T or % behind it (K without), \
                 such as 500M or 30%"
            ))
        }),
    }
}

/// A whole number and a unit: `%` of the machine's memory, `b` for bytes, powers of 1024 from `K` (also without
/// unit) on. What is larger than any memory is not an error.
fn parse(text: &str, physical: u64) -> Option<u64> {
    let unit = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit);
    if digits.is_empty() {
        return None;
    }
    // Only too many digits are left to fail.
    let number = digits.parse::<u64>().unwrap_or(u64::MAX);
    let power = match unit {
        "%" => return Some(percent(number, physical)),
        "b" => 0,
        "" | "K" | "k" => 1,
        "M" | "m" => 2,
        "G" | "g" => 3,
        "T" | "t" => 4,
        "P" => 5,
        "E" => 6,
        "Z" | "Y" | "R" | "Q" => return Some(if number == 0 { 0 } else { u64::MAX }),
        _ => return None,
    };
    Some(number.saturating_mul(1 << (10 * power)))
}

fn percent(number: u64, physical: u64) -> u64 {
    (physical / 100).saturating_mul(number)
}

/// What the machine has, in bytes.
pub(super) fn physical_memory() -> u64 {
    std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text)).unwrap_or(UNKNOWN)
}

fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    const G: u64 = 1 << 30;

    #[test]
    fn sizes_as_sort_takes_them() {
        for (text, expected) in [
            ("30%", 30 * (10 * G / 100)),
            ("1", 1024),
            ("100K", 100 << 10),
            ("100k", 100 << 10),
            ("100M", 100 << 20),
            ("2G", 2 << 30),
            ("3b", 3),
            ("0", 0),
            ("1Q", u64::MAX),
            ("99999999999999999999999", u64::MAX),
            ("200E", u64::MAX),
        ] {
            assert_eq!(budget(Some(text), 10 * G).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "M", "-1M", "1.5G", "10MB", "10 M", "x", "%", "10%%"] {
            let error = budget(Some(text), 10 * G).unwrap_err().to_string();
            assert!(error.starts_with(&format!("--sort-bufsize: '{text}' is no size")), "{error}");
        }
    }

    #[test]
    fn the_default_is_modest() {
        assert_eq!(budget(None, G).unwrap(), 30 * (G / 100));
        assert_eq!(budget(None, 100 * G).unwrap(), G);
    }

    #[test]
    fn the_machines_memory() {
        assert_eq!(total("MemTotal:       24624032 kB\nMemFree: 1 kB\n"), Some(24_624_032 << 10));
        assert_eq!(total("MemFree: 1 kB\n"), None);
    }
}

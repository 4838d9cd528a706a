//! Outputs made comparable: what differs from run to run gets a name instead.

use crate::folder;

/// Replaces what differs from run to run. Database names stay as they are: a snapshot should not show them.
///
/// | text | becomes |
/// |---|---|
/// | the folder of this test process | `<folder>` |
/// | `2024-05-06 07:08:09,123 12345 INFO` | `<ts> <pid> INFO` |
/// | `2024-05-06 07:08:09.123 UTC [12345] LOG` | `<ts> [<pid>] LOG` |
/// | `port=5432`, `port 5432` | `port=<port>`, `port <port>` |
/// | `Lag: 1m5s`, `Lag: (n/a)` (which is also how zero is printed) | `Lag: <lag>` |
/// | `Tick: 17` | `Tick: <tick>` |
pub fn normalise(text: &str) -> String {
    let text = text.replace(&folder::root().display().to_string(), "<folder>");
    let mut lines: Vec<String> = text.lines().map(line).collect();
    if text.ends_with('\n') {
        lines.push(String::new());
    }
    lines.join("\n")
}

fn line(line: &str) -> String {
    let line = log_prefix(line).unwrap_or_else(|| line.to_owned());
    let line = after(&line, "port=", "<port>", |c| c.is_ascii_digit());
    let line = after(&line, "port ", "<port>", |c| c.is_ascii_digit());
    let line = after(&line, "Lag: ", "<lag>", |c| c.is_ascii_digit() || "dhms(n/a)".contains(c));
    after(&line, "Tick: ", "<tick>", |c| c.is_ascii_digit())
}

/// The line with its time and process number replaced, if it starts with both.
fn log_prefix(line: &str) -> Option<String> {
    const SHAPE: &[u8] = b"0000-00-00 00:00:00?000 ";
    let (time, rest) = line.split_at_checked(SHAPE.len())?;
    let fits = time.bytes().zip(SHAPE).all(|(byte, &shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        b'?' => byte == b',' || byte == b'.',
        _ => byte == shape,
    });
    if !fits {
        return None;
    }
    // The ticker names the time zone.
    let rest = rest.strip_prefix("UTC ").unwrap_or(rest);
    let (process, rest) = rest.split_once(' ')?;
    let bare = process.trim_matches(['[', ']']);
    (!bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| format!("<ts> {} {rest}", process.replace(bare, "<pid>")))
}

/// Every run of characters that follows `key` and `belongs` replaced by `name`.
fn after(line: &str, key: &str, name: &str, belongs: impl Fn(char) -> bool) -> String {
    let mut pieces = line.split(key);
    let mut result = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(&belongs);
        result.push_str(key);
        if rest.len() < piece.len() {
            result.push_str(name);
        }
        result.push_str(rest);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(normalise(text), expected);
    }

    #[test]
    fn log_lines_of_both_daemons() {
        check(
            "2024-05-06 07:08:09,123 12345 INFO Location registered\n",
            "<ts> <pid> INFO Location registered\n",
        );
        check(
            "2024-05-06 07:08:09.123 UTC [12345] LOG Starting pgqd 3.5\n",
            "<ts> [<pid>] LOG Starting pgqd 3.5\n",
        );
    }

    #[test]
    fn lines_that_only_look_like_a_prefix_stay() {
        check("2024-05-06 is a date", "2024-05-06 is a date");
        check("2024-05-06 07:08:09,123 INFO no process", "2024-05-06 07:08:09,123 INFO no process");
        check("börtønes ünicode täxt über allés", "börtønes ünicode täxt über allés");
    }

    #[test]
    fn ports_lags_and_ticks() {
        check(
            "host=h port=5432 user=u, port 5433 failed",
            "host=h port=<port> user=u, port <port> failed",
        );
        check("  |   Lag: 1m5s, Tick: 17, PAUSED", "  |   Lag: <lag>, Tick: <tick>, PAUSED");
        check("Lag: (n/a), PAUSED", "Lag: <lag>, PAUSED");
    }

    #[test]
    fn the_folder_of_this_process() {
        let file = folder::root().join("n1/n1.ini");
        check(
            &format!("Config file not found: {}", file.display()),
            "Config file not found: <folder>/n1/n1.ini",
        );
    }
}

//! Text of a Londiste setting to numbers, yes/no and lists. Pure; the texts of errors are the original's.

/// A whole number in base 10, blanks around it ignored; digits may be grouped as in `1_000`.
pub fn int(text: &str) -> Result<i64, String> {
    ungrouped(text)
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| format!("invalid literal for int() with base 10: '{text}'"))
}

/// A finite decimal number, exponent allowed.
pub fn float(text: &str) -> Result<f64, String> {
    ungrouped(text)
        .and_then(|digits| digits.parse().ok())
        .filter(|number: &f64| number.is_finite())
        .ok_or_else(|| format!("could not convert string to float: '{text}'"))
}

/// 1/yes/true/on or 0/no/false/off in any case.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "yes" | "true" | "on" => Ok(true),
        "0" | "no" | "false" | "off" => Ok(false),
        _ => Err(format!("Not a boolean: {text}")),
    }
}

/// Items between commas, trimmed. Empty text is the empty list; a trailing comma adds an empty item.
pub fn list(text: &str) -> Vec<String> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    text.split(',').map(|item| item.trim().to_owned()).collect()
}

/// The value for a log or an error: nothing behind the word `password`, and of a URI only the scheme.
pub fn without_password(value: &str) -> String {
    let cut = [value.to_ascii_lowercase().find("password"), value.find("://")];
    match cut.into_iter().flatten().min() {
        Some(cut) => format!("{} [...]", value[..cut].trim_end()),
        None => value.to_owned(),
    }
}

/// The number without blanks and without underscores between digits; `None` when an underscore stands elsewhere.
fn ungrouped(text: &str) -> Option<String> {
    let text = text.trim();
    let bytes = text.as_bytes();
    let digit = |index: Option<usize>| {
        index.and_then(|index| bytes.get(index)).is_some_and(u8::is_ascii_digit)
    };
    let well_placed = text
        .match_indices('_')
        .all(|(index, _)| digit(index.checked_sub(1)) && digit(Some(index + 1)));
    well_placed.then(|| text.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(int(" 42 "), Ok(42));
        assert_eq!(int("-1_000"), Ok(-1000));
        assert_eq!(int("x"), Err("invalid literal for int() with base 10: 'x'".to_owned()));
        for bad in ["", "1.5", "1__0", "_1", "1_", "0x10"] {
            assert!(int(bad).is_err(), "{bad}");
        }
        assert_eq!(float("1"), Ok(1.0));
        assert_eq!(float(" .25"), Ok(0.25));
        assert_eq!(float("1e3"), Ok(1000.0));
        assert_eq!(float("1s"), Err("could not convert string to float: '1s'".to_owned()));
        for bad in ["", "nan", "inf", "-infinity"] {
            assert!(float(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn yes_and_no() {
        for yes in ["1", "yes", "True", "ON"] {
            assert_eq!(boolean(yes), Ok(true));
        }
        for no in ["0", "No", "false", "off"] {
            assert_eq!(boolean(no), Ok(false));
        }
        assert_eq!(boolean("2"), Err("Not a boolean: 2".to_owned()));
    }

    #[test]
    fn lists() {
        assert_eq!(list("  "), Vec::<String>::new());
        assert_eq!(list("a, b.c ,\nd"), ["a", "b.c", "d"]);
        assert_eq!(list("a,"), ["a", ""]);
    }
}

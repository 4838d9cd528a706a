//! Numbers of JSON texts: how they are hashed and how they are printed again (contract `handlers.md` 10.2 and 10.3).

use std::borrow::Cow;

/// What is hashed: a whole number's digits however many, any other in the shortest form that reads back as the same
/// double.
pub(super) fn hashed(text: &str) -> Cow<'_, str> {
    match text {
        "-0" => Cow::Borrowed("0"),
        text if is_whole(text) => Cow::Borrowed(text),
        text => Cow::Owned(shortest(double(text))),
    }
}

/// The form that is hashed, where that is the same number. A number that no double holds keeps its digits, because
/// what an operator keeps must not change.
pub(super) fn printed(text: &str) -> Cow<'_, str> {
    let short = hashed(text);
    match (parts(text), parts(&short)) {
        (Some(number), Some(again)) if number == again => short,
        _ => Cow::Borrowed(text),
    }
}

/// Whether a number counts as false.
pub(super) fn is_zero(text: &str) -> bool {
    double(text) == 0.0
}

fn is_whole(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

fn double(text: &str) -> f64 {
    text.parse().expect("the scanner has taken it as a number")
}

/// `1.5`, `100.0`, `1e+16`, `1e-05`: the fewest digits that tell the double from its neighbours, with an exponent where
/// there would be more than 16 digits in front of the point or four zeros behind it.
fn shortest(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').expect("the format has an exponent");
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits = mantissa.replace('.', "");
    let exponent: i32 = exponent.parse().expect("the exponent of a double");
    let places = usize::try_from(exponent.unsigned_abs()).expect("three digits");
    match exponent {
        ..-4 | 16.. => {
            let point = if digits.len() > 1 { "." } else { "" };
            let minus = if exponent < 0 { '-' } else { '+' };
            format!("{sign}{}{point}{}e{minus}{places:02}", &digits[..1], &digits[1..])
        }
        ..0 => format!("{sign}0.{}{digits}", "0".repeat(places - 1)),
        _ if digits.len() <= places + 1 => {
            format!("{sign}{digits}{}.0", "0".repeat(places + 1 - digits.len()))
        }
        _ => format!("{sign}{}.{}", &digits[..=places], &digits[places + 1..]),
    }
}

/// Sign, significant digits and the power of ten behind them: equal for equal numbers. `None` for what is not written
/// with digits, or with an exponent that is out of all bounds.
fn parts(text: &str) -> Option<(bool, String, i64)> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = digits.trim_start_matches('0');
    let trimmed = significant.trim_end_matches('0');
    if trimmed.is_empty() {
        return Some((false, String::new(), 0));
    }
    let zeros = i64::try_from(significant.len() - trimmed.len()).ok()?;
    let places = i64::try_from(fraction.len()).ok()?;
    Some((negative, trimmed.to_owned(), exponent.checked_add(zeros)?.checked_sub(places)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hashed_and_printed() {
        for (text, input, output) in [
            ("1", "1", "1"),
            ("-5", "-5", "-5"),
            ("-0", "0", "0"),
            ("0", "0", "0"),
            (
                "1000000000000000000000000000000",
                "1000000000000000000000000000000",
                "1000000000000000000000000000000",
            ),
            ("1.50", "1.5", "1.5"),
            ("1e2", "100.0", "100.0"),
            ("1E+2", "100.0", "100.0"),
            ("0.1", "0.1", "0.1"),
            ("-0.0", "-0.0", "-0.0"),
            ("0e400", "0.0", "0.0"),
            ("1e15", "1000000000000000.0", "1000000000000000.0"),
            ("1e16", "1e+16", "1e+16"),
            ("1.25e16", "1.25e+16", "1.25e+16"),
            ("9007199254740993.0", "9007199254740992.0", "9007199254740993.0"),
            ("123456.789", "123456.789", "123456.789"),
            ("1e300", "1e+300", "1e+300"),
            ("0.0001", "0.0001", "0.0001"),
            ("0.00012", "0.00012", "0.00012"),
            ("0.00001", "1e-05", "1e-05"),
            ("1.7976931348623157e308", "1.7976931348623157e+308", "1.7976931348623157e+308"),
            ("5e-324", "5e-324", "5e-324"),
            // What a double cannot hold.
            ("0.1234567890123456789", "0.12345678901234568", "0.1234567890123456789"),
            ("1e999", "inf", "1e999"),
            ("-1e999", "-inf", "-1e999"),
            ("1e-999", "0.0", "1e-999"),
            ("1e99999999999999999999", "inf", "1e99999999999999999999"),
            ("NaN", "nan", "NaN"),
            ("-Infinity", "-inf", "-Infinity"),
        ] {
            assert_eq!(hashed(text), input, "{text}");
            assert_eq!(printed(text), output, "{text}");
        }
    }

    #[test]
    fn what_is_false() {
        for (text, zero) in [
            ("0", true),
            ("-0", true),
            ("0.00", true),
            ("0e5", true),
            ("1", false),
            ("-0.1", false),
        ] {
            assert_eq!(is_zero(text), zero, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_double_reads_back(number in any::<f64>().prop_filter("JSON", |n| n.is_finite())) {
            let text = shortest(number);
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), number.to_bits());
            prop_assert_eq!(&hashed(&text), &text);
            let other = format!("{number:e}");
            prop_assert_eq!(&printed(&other), &text);
        }

        #[test]
        fn a_printed_number_is_the_same_number(text in r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][-+]?[0-9]{1,4})?") {
            prop_assert_eq!(parts(&printed(&text)), parts(&text));
        }
    }
}

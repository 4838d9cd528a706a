//! `ev_time` as text, whatever the session's `DateStyle` and `TimeZone` are.

use std::error::Error;

use tokio_postgres::types::{FromSql, Type};

/// A timestamptz in ISO form and UTC (`2024-02-29 13:45:07.123456+00`), which every server reads.
pub(super) struct EventTime(pub(super) String);

impl<'a> FromSql<'a> for EventTime {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(text(i64::from_be_bytes(raw.try_into()?))))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }
}

/// From microseconds since 2000-01-01.
fn text(micros: i64) -> String {
    const DAY: i64 = 86_400_000_000;
    match micros {
        i64::MAX => return "infinity".to_owned(),
        i64::MIN => return "-infinity".to_owned(),
        _ => {}
    }
    let (year, month, day) = civil(micros.div_euclid(DAY));
    let rest = micros.rem_euclid(DAY);
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    // Every event has a time, and formatting it the usual way costs more than reading the rest of the event.
    let mut text = String::with_capacity(32);
    for (number, digits, separator) in [
        (year, (year.ilog10() + 1).max(4), "-"),
        (month, 2, "-"),
        (day, 2, " "),
        (hour, 2, ":"),
        (minute, 2, ":"),
        (second, 2, "."),
        (fraction, 6, "+00"),
    ] {
        push_digits(&mut text, number, digits);
        text.push_str(separator);
    }
    text.push_str(era);
    text
}

/// A number that is not negative, with leading zeros.
fn push_digits(text: &mut String, number: i64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = number / 10_i64.pow(place) % 10;
        text.push(char::from_digit(u32::try_from(digit).unwrap_or(0), 10).unwrap_or('0'));
    }
}

/// Year, month and day from days since 2000-01-01, in the Gregorian calendar. Years begin in March here, so that the
/// leap day is the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_OF_400_YEARS: i64 = 146_097;
    // 2000-03-01 begins a cycle of 400 years.
    let days = days - 60;
    let cycle = days.div_euclid(DAYS_OF_400_YEARS);
    let in_cycle = days.rem_euclid(DAYS_OF_400_YEARS);
    let year = (in_cycle - in_cycle / 1460 + in_cycle / 36_524 - in_cycle / 146_096) / 365;
    let in_year = in_cycle - (365 * year + year / 4 - year / 100);
    let march_month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (2000 + 400 * cycle + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_iso_in_utc() {
        // Microseconds as `extract(epoch ...)` less that of 2000-01-01 gives them.
        for (seconds, micros, expected) in [
            (0, 0, "2000-01-01 00:00:00.000000+00"),
            (59 * 86_400 + 86_399, 999_999, "2000-02-29 23:59:59.999999+00"),
            (60 * 86_400, 0, "2000-03-01 00:00:00.000000+00"),
            (762_529_507, 123_456, "2024-02-29 13:45:07.123456+00"),
            (789_004_799, 0, "2024-12-31 23:59:59.000000+00"),
            (-946_684_800, 0, "1970-01-01 00:00:00.000000+00"),
            (-1, 0, "1999-12-31 23:59:59.000000+00"),
            (4_107_542_400 - 946_684_800, 0, "2100-03-01 00:00:00.000000+00"),
            (-63_082_281_600, 42, "0001-01-01 00:00:00.000042+00"),
            (-63_082_281_601, 0, "0001-12-31 23:59:59.000000+00 BC"),
            (252_455_616_000, 0, "10000-01-01 00:00:00.000000+00"),
        ] {
            assert_eq!(text(seconds * 1_000_000 + micros), expected);
        }
        assert_eq!(text(i64::MAX), "infinity");
    }
}

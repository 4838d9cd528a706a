//! Which partition: the time that chooses it, and the name of its period (contract `handlers.md` 9.8).
//!
//! Year, month, day and hour are read off the text in the zone it is printed in: that of the provider's session for batches
//! and events, whatever the column says for a `date_field`.

use std::fmt;

use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use pgq_client::name::TableName;
use pgq_client::text::row::Columns;

use super::error::EventError;
use super::fields::Fields;
use super::template::Template;

/// Longest name a server takes as it is (`NAMEDATALEN` less one).
const LONGEST_NAME: usize = 63;

/// What `part_name` may use.
pub(super) const NAME_VARIABLES: [&str; 5] = ["parent", "year", "month", "day", "hour"];

/// `table_mode=part`: how rows are split between partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partitioning {
    pub(super) mode: PartMode,
    /// `part_field`: for `date_field` the column to look at, else only handed to the function that makes a partition.
    pub(super) field: Option<String>,
    pub(super) period: Period,
    /// `part_name`
    pub(super) name: Option<Template>,
    /// `part_func` when it is not the default.
    pub(super) func: Option<TableName>,
    /// `part_template`
    pub(super) template: Option<Template>,
    /// `pre_part`
    pub(super) before: Option<Template>,
    /// `post_part`
    pub(super) after: Option<Template>,
    /// `retention_period`
    pub(super) retention: Option<String>,
    /// `ignore_old_events`
    pub(super) ignore_old: bool,
}

/// `part_mode`: which time chooses the partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartMode {
    BatchTime,
    EventTime,
    DateField,
    CurrentTime,
}

/// `period`: what a partition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Period {
    Hour,
    Day,
    Month,
    Year,
}

impl Period {
    /// A unit of `date_trunc`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Period::Hour => "hour",
            Period::Day => "day",
            Period::Month => "month",
            Period::Year => "year",
        }
    }
}

/// The times that can choose a partition.
#[derive(Debug, Clone, Copy)]
pub struct Times<'a> {
    /// When the batch's tick was made, as PostgreSQL prints a `timestamptz` in ISO style.
    pub batch_end: &'a str,
    /// When the event was made, in the same form.
    pub event: &'a str,
    /// The local clock. One look per batch keeps what belongs together in one partition.
    pub now: DateTime,
}

/// The time that chose a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartTime {
    wall: DateTime,
    /// None for the local clock and a column's text.
    offset: Option<Offset>,
}

/// Where an event's row belongs.
#[derive(Debug, Clone)]
pub struct Partition<'a> {
    /// The partition.
    pub name: TableName,
    /// The time that chose it.
    pub time: PartTime,
    pub(super) parent: &'a TableName,
    pub(super) how: &'a Partitioning,
}

impl Partitioning {
    pub(super) fn partition<'a>(
        &'a self,
        parent: &'a TableName,
        times: &Times<'_>,
        fields: &Fields,
        columns: &Columns<'_>,
    ) -> Result<Partition<'a>, EventError> {
        let time = self.time(parent, times, fields, columns)?;
        let name = self.name(parent, time.wall);
        if name.schema().len().max(name.name().len()) > LONGEST_NAME {
            return Err(EventError::NameTooLong(name));
        }
        Ok(Partition { name, time, parent, how: self })
    }

    fn time(
        &self,
        table: &TableName,
        times: &Times<'_>,
        fields: &Fields,
        columns: &Columns<'_>,
    ) -> Result<PartTime, EventError> {
        let printed = |what, text: &str| {
            PartTime::printed(text).ok_or_else(|| EventError::Time { what, text: text.to_owned() })
        };
        match self.mode {
            PartMode::BatchTime => printed("batch", times.batch_end),
            PartMode::EventTime => printed("event", times.event),
            PartMode::CurrentTime => Ok(PartTime { wall: times.now, offset: None }),
            PartMode::DateField => {
                let column = self.field.as_deref().unwrap_or_default();
                let value = fields.value(columns, column);
                if let Some(Some(text)) = value
                    && let Some(time) = PartTime::of_column(text)
                {
                    return Ok(time);
                }
                let (table, column) = (table.clone(), column.to_owned());
                Err(match value {
                    None => EventError::PartFieldMissing { table, column },
                    Some(None) => EventError::PartFieldNull { table, column },
                    Some(Some(_)) => EventError::PartFieldFormat { table, column },
                })
            }
        }
    }

    /// `public.lg_2024_02_29`, or what `part_name` makes of the same parts.
    fn name(&self, parent: &TableName, time: DateTime) -> TableName {
        let year = format!("{:04}", time.year());
        let [month, day, hour] =
            [time.month(), time.day(), time.hour()].map(|part| format!("{part:02}"));
        let text = match &self.name {
            Some(template) => template.fill(|variable| match variable {
                "parent" => parent.as_str(),
                "year" => &year,
                "month" => &month,
                "day" => &day,
                _ => &hour,
            }),
            None => {
                let parts = [parent.as_str(), &year, &month, &day, &hour];
                let count = match self.period {
                    Period::Year => 2,
                    Period::Month => 3,
                    Period::Day => 4,
                    Period::Hour => 5,
                };
                parts[..count].join("_")
            }
        };
        TableName::new(&text)
    }
}

impl PartTime {
    /// A `timestamptz` as PostgreSQL prints it: `2024-02-29 13:45:07.123456+05:30`. Years before 1 and beyond 9999 are none.
    fn printed(text: &str) -> Option<PartTime> {
        let pieces = Pieces::parse(text).ok()?;
        let wall = pieces.date().to_datetime(pieces.time()?);
        (wall.year() > 0).then_some(PartTime { wall, offset: Some(pieces.to_numeric_offset()?) })
    }

    /// The first 19 characters of a column: `2024-02-29 13:45:07`, or with a `T` as it comes from JSON.
    fn of_column(text: &str) -> Option<PartTime> {
        const FORM: &[u8; 19] = b"0000-00-00 00:00:00";
        let start = text.get(..FORM.len())?;
        let fits = start.bytes().zip(FORM).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            b' ' => matches!(byte, b' ' | b'T'),
            form => byte == *form,
        });
        // The year says nothing of the era, which comes last.
        if !fits || text.ends_with("BC") {
            return None;
        }
        let wall: DateTime = start.parse().ok()?;
        (wall.year() > 0).then_some(PartTime { wall, offset: None })
    }

    /// For a call: `'2024-02-29T13:45:07'::timestamp`, with an offset `'2024-02-29T13:45:07.5+00:00'::timestamptz`.
    pub fn literal(&self) -> String {
        let sort = if self.offset.is_some() { "timestamptz" } else { "timestamp" };
        format!("'{}'::{sort}", self.text('T'))
    }

    /// As the variable `part_time`: `2024-02-29 13:45:07`.
    pub(super) fn plain(&self) -> String {
        self.text(' ')
    }

    fn text(&self, between: char) -> String {
        let (date, time) = (self.wall.date(), self.wall.time());
        let micros = time.subsec_nanosecond() / 1000;
        let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
        let offset = self.offset.map_or_else(String::new, |offset| ColonOffset(offset).to_string());
        format!(
            "{:04}-{:02}-{:02}{between}{:02}:{:02}:{:02}{fraction}{offset}",
            date.year(),
            date.month(),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
        )
    }
}

/// `+05:30`, with seconds where the zone has them.
struct ColonOffset(Offset);

impl fmt::Display for ColonOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.seconds();
        let sign = if seconds < 0 { '-' } else { '+' };
        let seconds = seconds.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)?;
        if !seconds.is_multiple_of(60) {
            write!(f, ":{:02}", seconds % 60)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use jiff::civil::datetime;

    use super::super::tests::dispatch;
    use super::*;

    /// Name and time of the partition of a row whose batch ended at 13:45 UTC, whose event is from 23:30 in Delhi, at 8:05 local
    /// time.
    fn partition(handler: &str, columns: &[(&str, Option<&str>)]) -> String {
        let times = Times {
            batch_end: "2024-02-29 13:45:07.123456+00",
            event: "2024-02-28 23:30:00+05:30",
            now: datetime(2024, 3, 1, 8, 5, 9, 500_000_999),
        };
        let columns: Columns<'_> =
            columns.iter().map(|(n, v)| (Cow::Borrowed(*n), v.map(Cow::Borrowed))).collect();
        match dispatch(handler).partition(&TableName::new("lg"), &times, &columns) {
            Ok(Some(partition)) => format!("{} {}", partition.name, partition.time.literal()),
            Ok(None) => "no partitions".to_owned(),
            Err(e) => format!("error: {e}"),
        }
    }

    #[test]
    fn names_go_down_to_the_period() {
        let time = "'2024-02-29T13:45:07.123456+00:00'::timestamptz";
        for (handler, name) in [
            ("dispatch", "public.lg_2024_02_29"),
            ("yearly_batch", "public.lg_2024"),
            ("monthly_batch", "public.lg_2024_02"),
            ("daily_batch", "public.lg_2024_02_29"),
            ("hourly_batch", "public.lg_2024_02_29_13"),
            ("bulk_hourly_batch", "public.lg_2024_02_29_13"),
            ("dispatch(part_name=%25%28parent%29s%25%25%25%28hour%29s)", "public.lg%13"),
            (
                "hourly_batch(part_name=archive.lg_%25%28year%29s%25%28month%29s%25%28day%29s)",
                "archive.lg_20240229",
            ),
            ("dispatch(part_name=lg_%25%28year%29s)", "public.lg_2024"),
        ] {
            assert_eq!(partition(handler, &[]), format!("{name} {time}"), "{handler}");
        }
    }

    #[test]
    fn the_mode_says_which_time() {
        let row = [("ts", Some("2023-12-31 23:59:59.5"))];
        for (handler, expected) in [
            ("daily_event", "public.lg_2024_02_28 '2024-02-28T23:30:00+05:30'::timestamptz"),
            ("daily_time", "public.lg_2024_03_01 '2024-03-01T08:05:09.500000'::timestamp"),
            ("daily_field(part_field=ts)", "public.lg_2023_12_31 '2023-12-31T23:59:59'::timestamp"),
            (
                "daily_field(part_field=at&fields=ts:at)",
                "public.lg_2023_12_31 '2023-12-31T23:59:59'::timestamp",
            ),
            ("direct", "no partitions"),
            ("dispatch(table_mode=ignore)", "no partitions"),
        ] {
            assert_eq!(partition(handler, &row), expected, "{handler}");
        }
    }

    #[test]
    fn a_column_is_read_as_text() {
        let of = |value: &str| partition("hourly_field(part_field=ts)", &[("ts", Some(value))]);
        for value in [
            "2024-01-31 23:59:59",
            "2024-01-31 23:59:59.999999",
            "2024-01-31 23:59:59+05:30",
            "2024-01-31 23:59:59.5-10",
            "2024-01-31T23:59:59.5",
        ] {
            let expected = "public.lg_2024_01_31_23 '2024-01-31T23:59:59'::timestamp";
            assert_eq!(of(value), expected, "{value}");
        }
        assert_eq!(
            of("0987-01-02 03:04:05"),
            "public.lg_0987_01_02_03 '0987-01-02T03:04:05'::timestamp"
        );
        for value in [
            "2024-01-05",
            "",
            "infinity",
            "2024-02-30 00:00:00",
            "2024-01-31 25:00:00",
            "12024-01-31 00:00:00",
            "0000-01-31 00:00:00",
            "0044-03-15 12:00:00 BC",
            "2024-01-31 23:59:5é",
            "2024/01/31 23:59:59",
        ] {
            assert_eq!(
                of(value),
                "error: time data of column ts, table public.lg does not match format '%Y-%m-%d %H:%M:%S'",
                "{value}"
            );
        }
    }

    #[test]
    fn a_column_that_says_nothing() {
        for (handler, columns, error) in [
            ("daily_field(part_field=ts)", [("ts", None)], "part_field(ts) is NULL: public.lg"),
            (
                "daily_field(part_field=ts&fields=ts%2cid)",
                [("id", Some("1"))],
                "part_field(ts) is NULL: public.lg",
            ),
            (
                "daily_field(part_field=ts)",
                [("id", Some("1"))],
                "public.lg: part_field ts is no column of the event; skip_fields and fields come first",
            ),
            (
                "daily_field(part_field=ts&skip_fields=ts)",
                [("ts", Some("2024-01-31 00:00:00"))],
                "public.lg: part_field ts is no column of the event; skip_fields and fields come first",
            ),
            (
                "daily_field(part_field=ts&fields=ts:at)",
                [("ts", Some("2024-01-31 00:00:00"))],
                "public.lg: part_field ts is no column of the event; skip_fields and fields come first",
            ),
        ] {
            assert_eq!(partition(handler, &columns), format!("error: {error}"), "{handler}");
        }
    }

    #[test]
    fn times_as_a_server_prints_them() {
        let read = |text: &str| PartTime::printed(text).map(|time| time.plain());
        for (text, expected) in [
            ("2024-02-29 13:45:07.123456+00", "2024-02-29 13:45:07.123456+00:00"),
            ("2024-02-29 13:45:07.12+02", "2024-02-29 13:45:07.120000+02:00"),
            ("2024-02-29 13:45:07-03:30", "2024-02-29 13:45:07-03:30"),
            ("1880-01-01 00:00:00+00:19:32", "1880-01-01 00:00:00+00:19:32"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in
            ["", "infinity", "2024-02-29", "2024-02-29 13:45:07", "0044-03-15 00:00:00+00 BC"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        let times =
            Times { batch_end: "soon", event: "never", now: datetime(2024, 1, 1, 0, 0, 0, 0) };
        let table = TableName::new("lg");
        for (handler, error) in [
            ("daily_batch", "cannot read the batch time: soon"),
            ("daily_event", "cannot read the event time: never"),
        ] {
            let handler = dispatch(handler);
            let got = handler.partition(&table, &times, &Vec::new()).unwrap_err();
            assert_eq!(got.to_string(), error);
        }
    }

    #[test]
    fn names_that_the_server_would_cut_off() {
        let times = Times {
            batch_end: "2024-02-29 13:45:07+00",
            event: "2024-02-29 13:45:07+00",
            now: datetime(2024, 1, 1, 0, 0, 0, 0),
        };
        let handler = dispatch("daily_batch");
        let fits = TableName::new(&"x".repeat(52));
        let partition = handler.partition(&fits, &times, &Vec::new()).unwrap().unwrap();
        assert_eq!(partition.name.name().len(), 63);
        let long = TableName::new(&"x".repeat(53));
        assert_eq!(
            handler.partition(&long, &times, &Vec::new()).unwrap_err().to_string(),
            format!(
                "name of partition is longer than 63 bytes: {long}_2024_02_29; give a shorter one with part_name"
            )
        );
    }
}

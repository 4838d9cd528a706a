//! Arguments of the family: names, values, defaults (contract `handlers.md` 1.5, 9.1).

use indexmap::IndexMap;
use pgq_client::name::TableName;
use pgq_client::text::row::Op;

use super::fields::Fields;
use super::names::defaults;
use super::period::{NAME_VARIABLES, PartMode, Partitioning, Period};
use super::template::Template;
use super::{Dispatch, LoadMode, Method, RowMode, TableMode, create};
use crate::handler::shard::Shard;
use crate::handler::{HandlerError, args};

/// What can be given.
const ARGUMENTS: [&str; 21] = [
    "table_mode",
    "part_func",
    "part_mode",
    "part_field",
    "period",
    "part_name",
    "part_template",
    "row_mode",
    "event_types",
    "load_mode",
    "method",
    "fields",
    "skip_fields",
    "table",
    "pre_part",
    "post_part",
    "retention_period",
    "ignore_old_events",
    "ignore_truncate",
    "encoding",
    "analyze",
];

/// The arguments given, and below them those that the name stands for.
struct Args<'a> {
    given: &'a IndexMap<String, String>,
    defaults: Vec<(&'static str, &'static str)>,
}

impl Args<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let default =
            || self.defaults.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        self.given.get(name).map(String::as_str).or_else(default)
    }

    /// A text; an empty one is none.
    fn text(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|text| !text.is_empty())
    }

    fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// One of a list of words, the first when absent.
    fn word<T: Clone>(
        &self,
        name: &'static str,
        words: &[(&'static str, T)],
    ) -> Result<T, HandlerError> {
        let Some(text) = self.get(name) else { return Ok(words[0].1.clone()) };
        words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, meaning)| meaning.clone())
            .ok_or_else(|| HandlerError::Word { name, value: text.to_owned() })
    }

    /// A number from 0 that says which, the first when absent.
    fn number<T: Copy>(&self, name: &'static str, meanings: &[T]) -> Result<T, HandlerError> {
        let Some(text) = self.get(name) else { return Ok(meanings[0]) };
        let number = args::parse(text)?;
        usize::try_from(number)
            .ok()
            .and_then(|at| meanings.get(at).copied())
            .ok_or_else(|| HandlerError::Value { name, value: number.to_string() })
    }

    fn flag(&self, name: &'static str) -> Result<bool, HandlerError> {
        self.number(name, &[false, true])
    }
}

impl Dispatch {
    /// Checks the arguments of a handler of the family. Those for partitions count, and are looked at, only when there are any.
    ///
    /// # Errors
    /// A name of another family, arguments that are not known, values outside their lists, and templates that could not be filled.
    pub fn new(name: &str, given: &IndexMap<String, String>) -> Result<Dispatch, HandlerError> {
        let defaults = defaults(name).ok_or_else(|| HandlerError::Unknown(name.to_owned()))?;
        // The caller makes a filter of the shard's.
        args::only(given, &[&ARGUMENTS[..], &Shard::KEYS].concat())?;
        args::no_encoding(given)?;
        let args = Args { given, defaults };
        let ignore_truncate = args.flag("ignore_truncate")?;
        // There is no temporary table to analyze.
        args.flag("analyze")?;
        let words = [
            ("part", None),
            ("direct", Some(TableMode::Direct)),
            ("ignore", Some(TableMode::Ignore)),
        ];
        let mode = match args.word("table_mode", &words)? {
            Some(mode) => mode,
            None => TableMode::Part(Box::new(partitioning(&args)?)),
        };
        Ok(Dispatch {
            mode,
            dest: args.text("table").map(TableName::new),
            row_mode: args.word(
                "row_mode",
                &[
                    ("plain", RowMode::Plain),
                    ("keep_all", RowMode::KeepAll),
                    ("keep_latest", RowMode::KeepLatest),
                ],
            )?,
            event_types: event_types(args.get("event_types").unwrap_or("*"))?,
            load_mode: args
                .word("load_mode", &[("direct", LoadMode::Direct), ("bulk", LoadMode::Bulk)])?,
            method: args.number(
                "method",
                &[Method::Correct, Method::Delete, Method::Merged, Method::Insert],
            )?,
            fields: Fields::parse(
                args.get("skip_fields").unwrap_or_default(),
                args.get("fields").unwrap_or("*"),
            )?,
            ignore_truncate,
        })
    }
}

fn partitioning(args: &Args<'_>) -> Result<Partitioning, HandlerError> {
    let mode = args.word(
        "part_mode",
        &[
            ("batch_time", PartMode::BatchTime),
            ("event_time", PartMode::EventTime),
            ("date_field", PartMode::DateField),
            ("current_time", PartMode::CurrentTime),
        ],
    )?;
    let field = args.owned("part_field");
    if mode == PartMode::DateField && field.is_none() {
        return Err(HandlerError::PartFieldRequired);
    }
    let template = |name: &'static str| {
        args.text(name).map(|text| create::template(name, text, field.as_deref())).transpose()
    };
    Ok(Partitioning {
        mode,
        period: args.word(
            "period",
            &[
                ("day", Period::Day),
                ("month", Period::Month),
                ("year", Period::Year),
                ("hour", Period::Hour),
            ],
        )?,
        name: args
            .text("part_name")
            .map(|text| Template::parse("part_name", text, &NAME_VARIABLES))
            .transpose()?,
        func: args.text("part_func").map(TableName::new),
        template: template("part_template")?,
        before: template("pre_part")?,
        after: template("post_part")?,
        retention: args.owned("retention_period"),
        ignore_old: args.flag("ignore_old_events")?,
        field,
    })
}

/// `*`, or letters in any case with commas between them.
fn event_types(text: &str) -> Result<Vec<Op>, HandlerError> {
    let text = if text == "*" { "I,U,D" } else { text };
    text.to_uppercase()
        .split(',')
        .map(|letter| match letter {
            "I" => Ok(Op::Insert),
            "U" => Ok(Op::Update),
            "D" => Ok(Op::Delete),
            other => Err(HandlerError::Operation(other.to_owned())),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::NAMES;
    use super::super::tests::{built, dispatch};
    use super::*;

    #[test]
    fn every_name_can_be_built() {
        for (name, _) in NAMES {
            let got = built(name).map(|_| ()).map_err(|e| e.to_string());
            if name.ends_with("_field") {
                assert_eq!(got, Err("part_mode date_field requires part_field!".into()), "{name}");
                assert!(built(&format!("{name}(part_field=ts)")).is_ok(), "{name}");
            } else {
                assert_eq!(got, Ok(()), "{name}");
            }
        }
        assert_eq!(built("bulk").unwrap_err(), HandlerError::Unknown("bulk".into()));
    }

    #[test]
    fn names_are_below_what_is_given() {
        assert_eq!(
            dispatch("hourly_event(period=day&part_mode=batch_time&load_mode=bulk)"),
            dispatch("bulk_daily_batch")
        );
        assert_eq!(dispatch("daily_batch(row_mode=plain)"), dispatch("dispatch"));
        assert_eq!(
            dispatch("bulk_monthly_field(table_mode=direct&row_mode=plain)"),
            dispatch("bulk_direct")
        );
        assert_eq!(dispatch("dispatch(table_mode=direct)"), dispatch("direct"));
    }

    #[test]
    fn settings_for_the_caller() {
        let registered = TableName::new("public.lg");
        let plain = dispatch("direct");
        assert_eq!(plain.dest(&registered), registered);
        assert_eq!(
            (plain.ignore_truncate(), plain.load_mode(), plain.method),
            (false, LoadMode::Direct, Method::Correct)
        );
        let given = dispatch(
            "bulk_direct(table=lg2&ignore_truncate=+1+&analyze=1&method=2&key=id&hash_expr=h%28id%29)",
        );
        assert_eq!(given.dest(&registered), TableName::new("public.lg2"));
        assert_eq!(
            (given.ignore_truncate(), given.load_mode(), given.method),
            (true, LoadMode::Bulk, Method::Merged)
        );
    }

    #[test]
    fn arguments_are_checked() {
        for (text, error) in [
            ("dispatch(foo=1&period=x&bar=2)", "Invalid handler argument: ['foo', 'bar']"),
            ("dispatch(ignore_truncate=2)", "Bad argument ignore_truncate value 2"),
            ("dispatch(analyze=2)", "Bad argument analyze value 2"),
            ("dispatch(method=4)", "Bad argument method value 4"),
            ("dispatch(method=-1)", "Bad argument method value -1"),
            ("dispatch(method=x)", "invalid literal for int() with base 10: 'x'"),
            ("dispatch(ignore_truncate=true)", "invalid literal for int() with base 10: 'true'"),
            ("dispatch(ignore_old_events=3)", "Bad argument ignore_old_events value 3"),
            ("dispatch(table_mode=x)", "Bad argument table_mode value 'x'"),
            ("dispatch(part_mode=Batch_time)", "Bad argument part_mode value 'Batch_time'"),
            ("dispatch(period=week)", "Bad argument period value 'week'"),
            ("dispatch(row_mode=)", "Bad argument row_mode value ''"),
            ("dispatch(load_mode=copy)", "Bad argument load_mode value 'copy'"),
            ("dispatch(part_mode=date_field)", "part_mode date_field requires part_field!"),
            ("daily_field(part_field=)", "part_mode date_field requires part_field!"),
            ("dispatch(event_types=i%2cx)", "Unsupported operation: X"),
            ("dispatch(event_types=i%2c+u)", "Unsupported operation:  U"),
            ("dispatch(event_types=)", "Unsupported operation: "),
            ("dispatch(encoding=utf8)", "encoding validator not supported"),
            ("dispatch(fields=id%2cid)", "Bad argument fields: id is named twice"),
            (
                "dispatch(part_name=%25%28week%29s)",
                "Bad argument part_name: no value for %(week)s, only for: parent, year, month, day, hour",
            ),
            (
                "dispatch(part_template=%25%28part_field%29s)",
                "Bad argument part_template: no value for %(part_field)s, only for: dest, part, parent, pkeys, pkey, schema_table, part_time, period",
            ),
            (
                "dispatch(post_part=like+%27a%25%27)",
                "Bad argument post_part: a percent sign is written %%, a variable %(name)s",
            ),
        ] {
            assert_eq!(built(text).unwrap_err().to_string(), error, "{text}");
        }
    }

    #[test]
    fn without_partitions_nobody_looks_at_their_arguments() {
        let args = "part_mode=x&period=week&part_name=%25&ignore_old_events=7&pre_part=%25%28x%29s";
        for mode in ["direct", "ignore"] {
            assert_eq!(
                dispatch(&format!("dispatch(table_mode={mode}&{args})")),
                dispatch(&format!("dispatch(table_mode={mode})"))
            );
        }
    }
}

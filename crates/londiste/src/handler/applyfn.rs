//! `applyfn` and `multimaster`: a function of the database applies the events (contract `handlers.md` 6.4 and 6.5).

use pgq_client::event::Event;
use pgq_client::id::TickId;
use pgq_client::name::TableName;
use pgq_client::text::quoting::push_literal;
use pgq_client::text::urlenc;

use super::HandlerError;
use super::args::{self, Args};

/// The function of `multimaster`, which `sql/contrib/merge_on_time.sql` has.
const MERGE: &str = "public.merge_on_time";

/// Which function, and what it is told besides the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyFn {
    /// Schema and name, without schema in `public`.
    pub function: TableName,
    /// `func_conf`: the first argument of every call.
    pub conf: String,
}

impl ApplyFn {
    pub(super) fn new(args: &Args) -> Result<ApplyFn, HandlerError> {
        args::only(args, &["func_name", "func_conf"])?;
        let function = args.get("func_name").filter(|name| !name.trim().is_empty());
        let function = function.ok_or(HandlerError::NoFunction)?;
        let conf = args.get("func_conf").cloned().unwrap_or_default();
        Ok(ApplyFn { function: TableName::new(function.trim()), conf })
    }

    /// `multimaster`: a fixed function is told all arguments.
    pub(super) fn multimaster(args: &Args) -> ApplyFn {
        let told =
            args.iter().filter(|(key, _)| !matches!(key.as_str(), "func_name" | "func_conf"));
        let conf =
            urlenc::encode_pairs(told.map(|(key, value)| (key.as_str(), Some(value.as_str()))));
        ApplyFn { function: TableName::new(MERGE), conf }
    }

    /// The statement for an event of a batch that ends at `tick`. Literals without a type, so that the function chooses.
    pub fn call(&self, tick: TickId, event: &Event) -> String {
        let (tick, id, txid) = (tick.to_string(), event.id.to_string(), event.txid.to_string());
        let retry = event.retry.map(|times| times.to_string());
        let time = iso_time(&event.time);
        let told =
            [Some(&*self.conf), Some(&tick), Some(&id), Some(&time), Some(&txid), retry.as_deref()];
        let fields =
            [&event.kind, &event.data, &event.extra1, &event.extra2, &event.extra3, &event.extra4];
        let mut sql = format!("select {}(", self.function.quoted());
        for (nr, value) in
            told.into_iter().chain(fields.into_iter().map(Option::as_deref)).enumerate()
        {
            if nr > 0 {
                sql.push_str(", ");
            }
            push_literal(&mut sql, value);
        }
        sql.push_str(");");
        sql
    }
}

/// A time as functions written for the original expect it: six digits of a second or none, minutes in the offset.
fn iso_time(text: &str) -> String {
    let Some(sign) = text.rfind(['+', '-']).filter(|place| *place > "2024-02-29".len()) else {
        return text.to_owned();
    };
    let (clock, offset) = text.split_at(sign);
    let clock = match clock.split_once('.') {
        Some((seconds, digits)) => format!("{seconds}.{digits:0<6}"),
        None => clock.to_owned(),
    };
    let minutes = if offset.contains(':') { "" } else { ":00" };
    format!("{clock}{offset}{minutes}")
}

#[cfg(test)]
mod tests {
    use pgq_client::id::{EventId, Txid};

    use super::*;

    fn args(pairs: &[(&str, &str)]) -> Args {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn event() -> Event {
        Event {
            id: EventId(1),
            time: "2024-02-29 13:45:07.123456+00".to_owned(),
            txid: Txid(1001),
            retry: None,
            kind: Some("I:id".to_owned()),
            data: Some("id=1&data=x".to_owned()),
            extra1: Some("public.t".to_owned()),
            extra2: None,
            extra3: None,
            extra4: None,
        }
    }

    #[test]
    fn the_function_gets_everything_there_is() {
        let handler = ApplyFn::new(&args(&[("func_name", "fn"), ("func_conf", "a=b")])).unwrap();
        assert_eq!(
            handler.call(TickId(77), &event()),
            "select public.fn('a=b', '77', '1', '2024-02-29 13:45:07.123456+00:00', '1001', null, 'I:id', \
             'id=1&data=x', 'public.t', null, null, null);"
        );
    }

    #[test]
    fn multimaster_tells_its_function_all_arguments() {
        let given = args(&[("timefield", "tstamp"), ("altpk", "a,b"), ("func_name", "x")]);
        let handler = ApplyFn::multimaster(&given);
        let call = handler.call(TickId(77), &event());
        assert!(
            call.starts_with("select public.merge_on_time('timefield=tstamp&altpk=a%2cb', '77', "),
            "{call}"
        );
    }

    #[test]
    fn a_function_has_to_be_named() {
        let error = ApplyFn::new(&args(&[("func_conf", "x")])).unwrap_err().to_string();
        assert_eq!(error, "specify the function with --handler-arg=func_name=NAME");
        let error = ApplyFn::new(&args(&[("func_nam", "x")])).unwrap_err().to_string();
        assert_eq!(error, "Invalid handler argument: ['func_nam']");
    }

    #[test]
    fn times_have_six_digits_or_none_and_minutes_in_their_offset() {
        for (text, wanted) in [
            ("2024-02-29 13:45:07.1+00", "2024-02-29 13:45:07.100000+00:00"),
            ("2024-02-29 13:45:07+05:30", "2024-02-29 13:45:07+05:30"),
            ("2024-02-29 13:45:07-08", "2024-02-29 13:45:07-08:00"),
            ("infinity", "infinity"),
        ] {
            assert_eq!(iso_time(text), wanted);
        }
    }
}

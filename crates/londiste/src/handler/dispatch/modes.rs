//! From an event to changes of rows: `event_types`, `row_mode` and the `method` of a bulk load (contract `handlers.md` 9.3,
//! 9.5, 9.7).

use std::borrow::Cow;

use pgq_client::name::TableName;
use pgq_client::text::row::{Columns, Op};

use super::{Dispatch, EventError, LoadMode, Method, RowMode, TableMode};
use crate::handler::RowChange;

impl Dispatch {
    /// Whether an event of this kind does anything: not with `table_mode=ignore`, when it is not among the `event_types`, or
    /// when it is a delete and all versions of a row are kept.
    pub fn wants(&self, op: Op) -> bool {
        !matches!(self.mode, TableMode::Ignore)
            && self.event_types.contains(&op)
            && !(self.row_mode == RowMode::KeepAll && op == Op::Delete)
    }

    /// What an event does to the rows of its table or partition, in this order; nothing for an event that is not wanted and
    /// for an update without new values.
    ///
    /// A row that an update replaces is a delete and an insert. Two updates of a key in one batch are then two of these, and
    /// whoever folds them comes to what the original's bulk load comes to. `table` is named in errors.
    ///
    /// # Errors
    /// No key where one is needed, a key column that the event lacks, a change that `method` 3 does not do.
    pub fn changes<'a>(
        &'a self,
        table: &TableName,
        op: Op,
        key: Vec<Cow<'a, str>>,
        columns: Columns<'a>,
    ) -> Result<Vec<RowChange<'a>>, EventError> {
        if !self.wants(op) {
            return Ok(Vec::new());
        }
        let steps = self.steps(op)?;
        let bulk = self.load_mode == LoadMode::Bulk;
        if bulk || steps != [Op::Insert] {
            self.check_key(table, &key, &columns)?;
        }
        let key = self.fields.key(key);
        let columns = self.fields.columns(columns);
        if key.is_empty() {
            match steps {
                _ if bulk => return Err(EventError::NoKey(table.clone())),
                [Op::Update, ..] => return Err(EventError::UpdateWithoutKey),
                [Op::Delete, ..] => return Err(EventError::DeleteWithoutKey),
                _ => {}
            }
        }
        let in_key = |name: &Cow<'_, str>| key.contains(name);
        if op == Op::Update
            && self.row_mode == RowMode::Plain
            && columns.iter().all(|(name, _)| in_key(name))
        {
            return Ok(Vec::new());
        }
        let op = steps[steps.len() - 1];
        let change = RowChange { op, key, columns, expected: true };
        if steps.len() > 1 {
            // The older version may be in another partition.
            let expected = self.row_mode != RowMode::KeepLatest;
            return Ok(vec![change.deletion(expected), change]);
        }
        Ok(vec![change])
    }

    /// The operations that an event is, one or two.
    fn steps(&self, op: Op) -> Result<&'static [Op], EventError> {
        let steps: &[Op] = match (self.row_mode, op) {
            (RowMode::KeepAll, _) | (_, Op::Insert) => &[Op::Insert],
            (RowMode::KeepLatest, Op::Update) => REPLACE,
            (RowMode::Plain, Op::Update) => &[Op::Update],
            (_, Op::Delete) => &[Op::Delete],
        };
        if self.load_mode == LoadMode::Direct {
            return Ok(steps);
        }
        match (self.method, steps) {
            (Method::Insert, [Op::Update, ..]) => Err(EventError::InsertsOnly('U')),
            (Method::Insert, [Op::Delete, ..]) => Err(EventError::InsertsOnly('D')),
            (Method::Delete | Method::Merged, [Op::Update]) => Ok(REPLACE),
            _ => Ok(steps),
        }
    }

    /// A key column that gets through the filter has to be in the event: with a map it would be NULL, and find no row.
    fn check_key(
        &self,
        table: &TableName,
        key: &[Cow<'_, str>],
        columns: &Columns<'_>,
    ) -> Result<(), EventError> {
        let missing = key.iter().find(|name| {
            self.fields.target(name).is_some() && columns.iter().all(|(column, _)| column != *name)
        });
        match missing {
            None => Ok(()),
            Some(name) => {
                Err(EventError::KeyMissing { table: table.clone(), column: name.to_string() })
            }
        }
    }
}

const REPLACE: &[Op] = &[Op::Delete, Op::Insert];

#[cfg(test)]
mod tests {
    use super::super::tests::{dispatch, show};
    use super::*;

    /// The changes an event comes to: `D id=1, I id=1 data=x`.
    fn changes(handler: &str, event: &str, data: &str) -> String {
        let handler = dispatch(handler);
        match show(&handler, &TableName::new("lg"), event, data) {
            Ok(changes) => changes.join(", "),
            Err(e) => format!("error: {e}"),
        }
    }

    #[track_caller]
    fn check(handler: &str, insert: &str, update: &str, delete: &str) {
        let of = |event| changes(handler, event, "id=1&data=x");
        let expected = [insert, update, delete].map(|letters| {
            let shown: Vec<String> = letters
                .split_whitespace()
                .map(|letter| match letter {
                    // Alone it has the whole row, in front of an insert the key.
                    "D" if letters == "D" => "D id=1 data=x".to_owned(),
                    "D" => "D id=1".to_owned(),
                    _ => format!("{letter} id=1 data=x"),
                })
                .collect();
            if letters.starts_with("error") { letters.to_owned() } else { shown.join(", ") }
        });
        assert_eq!([of("I:id"), of("U:id"), of("D:id")], expected, "{handler}");
    }

    #[test]
    fn row_modes() {
        check("dispatch", "I", "U", "D");
        check("dispatch(row_mode=plain)", "I", "U", "D");
        check("dispatch(row_mode=keep_all)", "I", "I", "");
        check("dispatch(row_mode=keep_latest)", "I", "D I", "D");
        check("dispatch(table_mode=ignore)", "", "", "");
        check("direct", "I", "U", "D");
        check("daily_event", "I", "D I", "D");
    }

    #[test]
    fn methods_of_a_bulk_load() {
        check("bulk_direct", "I", "U", "D");
        check("bulk_direct(method=1)", "I", "D I", "D");
        check("bulk_direct(method=2)", "I", "D I", "D");
        let error = "error: D not supported by method insert";
        check(
            "bulk_direct(method=3)",
            "I",
            "error: U not supported by method insert",
            "error: D not supported by method insert",
        );
        check("bulk_direct(method=3&row_mode=keep_latest)", "I", error, error);
        check("bulk_direct(method=3&row_mode=keep_all)", "I", "I", "");
        // A row's older version may be in another partition: it is no update.
        for method in 0..3 {
            check(&format!("bulk_daily_event(method={method})"), "I", "D I", "D");
        }
        // Without bulk there is no method.
        check("direct(method=3)", "I", "U", "D");
        check("direct(method=1)", "I", "U", "D");
    }

    #[test]
    fn event_types() {
        check("direct(event_types=*)", "I", "U", "D");
        check("direct(event_types=i)", "I", "", "");
        check("direct(event_types=D%2cu)", "", "U", "D");
        check("bulk_direct(method=3&event_types=I)", "I", "", "");
        check("dispatch(row_mode=keep_all&event_types=U)", "", "I", "");
    }

    #[test]
    fn key_columns_alone_change_nothing() {
        assert_eq!(changes("direct", "U:id", "id=1"), "");
        assert_eq!(changes("direct(fields=id:x)", "U:id", "id=1&data=x"), "");
        assert_eq!(changes("bulk_direct(method=1)", "U:id", "id=1"), "");
        assert_eq!(
            changes("bulk_direct(method=3)", "U:id", "id=1"),
            "error: U not supported by method insert"
        );
        assert_eq!(changes("daily_event", "U:id", "id=1"), "D id=1, I id=1");
        assert_eq!(changes("dispatch(row_mode=keep_all)", "U:id", "id=1"), "I id=1");
    }

    #[test]
    fn keys_that_do_not_get_through() {
        for (handler, event, expected) in [
            ("direct(fields=data)", "I:id", "I data=x"),
            ("direct(fields=data)", "U:id", "error: update needs pkeys"),
            ("direct(skip_fields=id)", "U:id", "error: update needs pkeys"),
            ("direct(fields=data)", "D:id", "error: delete needs pkeys"),
            ("daily_event(fields=data)", "U:id", "error: delete needs pkeys"),
            ("direct", "I:", "I id=1 data=x"),
            ("direct", "D:", "error: delete needs pkeys"),
            ("dispatch(row_mode=keep_all)", "U:", "I id=1 data=x"),
            ("bulk_direct(fields=data)", "I:id", "error: non-pk tables not supported: public.lg"),
            ("bulk_direct", "D:", "error: non-pk tables not supported: public.lg"),
            ("direct", "D:nr", "error: public.lg: key column nr is not in the event"),
            ("direct(fields=nr:id)", "U:nr", "error: public.lg: key column nr is not in the event"),
            ("bulk_direct", "I:nr", "error: public.lg: key column nr is not in the event"),
            ("direct", "I:nr", "I id=1 data=x"),
            ("direct(skip_fields=nr)", "U:id,nr", "U id=1 data=x"),
            ("direct(fields=id:nr%2cdata)", "U:id", "U nr=1 data=x"),
        ] {
            assert_eq!(changes(handler, event, "id=1&data=x"), expected, "{handler} {event}");
        }
    }

    #[test]
    fn rows_of_json_triggers() {
        let event = r#"{"op":"UPDATE","table":["public","lg"],"pkey":["id"]}"#;
        let data = r#"{"id":1,"data":null,"b":true}"#;
        assert_eq!(changes("daily_event", event, data), "D id=1, I id=1 data b=t");
    }
}

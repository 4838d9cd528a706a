//! Which columns get through, and under what name: `skip_fields` and `fields` (contract `handlers.md` 9.4).

use std::borrow::Cow;

use indexmap::IndexMap;
use pgq_client::text::row::Columns;

use crate::handler::HandlerError;

/// The field filter: first some columns are left out, then those wanted are taken and renamed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fields {
    /// `skip_fields`, trimmed and in lower case; compared exactly.
    skip: Vec<String>,
    /// `fields` without `*`: source to destination.
    map: Option<IndexMap<String, String>>,
}

impl Fields {
    /// From the two arguments. The map is taken as it is written, blanks included.
    ///
    /// # Errors
    /// An empty name, and a column that is named twice on either side: one of the two would be lost.
    pub(super) fn parse(skip: &str, fields: &str) -> Result<Fields, HandlerError> {
        let skip = skip
            .split(',')
            .map(|name| name.trim().to_lowercase())
            .filter(|name| !name.is_empty())
            .collect();
        if fields == "*" {
            return Ok(Fields { skip, map: None });
        }
        let mut map = IndexMap::new();
        for field in fields.split(',') {
            let mut names = field.split(':');
            let source = names.next().unwrap_or_default();
            let target = names.next().unwrap_or(source);
            if source.is_empty() || target.is_empty() {
                return Err(HandlerError::Word { name: "fields", value: fields.to_owned() });
            }
            if map.values().any(|other| other == target) {
                return Err(HandlerError::FieldTwice(target.to_owned()));
            }
            if map.insert(source.to_owned(), target.to_owned()).is_some() {
                return Err(HandlerError::FieldTwice(source.to_owned()));
            }
        }
        Ok(Fields { skip, map: Some(map) })
    }

    /// What a column of the event is called behind the filter; `None` when it does not get through.
    pub(super) fn target<'s>(&'s self, source: &'s str) -> Option<&'s str> {
        if self.skips(source) {
            return None;
        }
        match &self.map {
            None => Some(source),
            Some(map) => map.get(source).map(String::as_str),
        }
    }

    /// The value that a column has behind the filter: `None` when there is no such column, `Some(None)` when it is NULL.
    pub(super) fn value<'c>(
        &self,
        columns: &'c Columns<'_>,
        target: &str,
    ) -> Option<Option<&'c str>> {
        let Some(map) = &self.map else {
            let found = find(columns, target).filter(|_| !self.skips(target))?;
            return Some(columns[found].1.as_deref());
        };
        let (source, _) = map.iter().find(|(_, name)| *name == target)?;
        let found = find(columns, source).filter(|_| !self.skips(source));
        Some(found.and_then(|at| columns[at].1.as_deref()))
    }

    /// The row behind the filter. With a map it has exactly the columns of the map, in its order; one that the event lacks is NULL.
    pub(super) fn columns<'a>(&'a self, mut columns: Columns<'a>) -> Columns<'a> {
        let Some(map) = &self.map else {
            if !self.skip.is_empty() {
                columns.retain(|(name, _)| !self.skips(name));
            }
            return columns;
        };
        map.iter()
            .map(|(source, target)| {
                let found = find(&columns, source).filter(|_| !self.skips(source));
                let value = found.and_then(|at| columns[at].1.take());
                (Cow::Borrowed(target.as_str()), value)
            })
            .collect()
    }

    /// The key behind the filter: columns that do not get through are no part of it.
    pub(super) fn key<'a>(&'a self, key: Vec<Cow<'a, str>>) -> Vec<Cow<'a, str>> {
        match &self.map {
            None if self.skip.is_empty() => key,
            None => key.into_iter().filter(|name| !self.skips(name)).collect(),
            Some(map) => key
                .into_iter()
                .filter(|name| !self.skips(name))
                .filter_map(|name| map.get(&*name))
                .map(|target| Cow::Borrowed(target.as_str()))
                .collect(),
        }
    }

    fn skips(&self, name: &str) -> bool {
        self.skip.iter().any(|skipped| skipped == name)
    }
}

/// Where a column is. Of a name that comes twice the last one counts, as everywhere in url-encoded data.
fn find(columns: &Columns<'_>, name: &str) -> Option<usize> {
    columns.iter().rposition(|(column, _)| column == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Columns<'static> {
        [("id", Some("1")), ("Data", Some("a")), ("data", None), ("ts", Some("now"))]
            .map(|(name, value)| (Cow::Borrowed(name), value.map(Cow::Borrowed)))
            .to_vec()
    }

    fn show(fields: &Fields) -> String {
        let columns = fields.columns(row());
        let columns: Vec<String> = columns
            .iter()
            .map(|(name, value)| match value {
                Some(value) => format!("{name}={value}"),
                None => name.to_string(),
            })
            .collect();
        let key = fields.key(vec![Cow::Borrowed("id"), Cow::Borrowed("ts")]);
        format!("{} | {}", columns.join(" "), key.join(","))
    }

    #[test]
    fn columns_are_skipped_then_taken_and_renamed() {
        for (skip, fields, expected) in [
            ("", "*", "id=1 Data=a data ts=now | id,ts"),
            ("data", "*", "id=1 Data=a ts=now | id,ts"),
            // Names are compared in lower case, but those of the event as they are.
            (" Data , TS,,", "*", "id=1 Data=a | id"),
            ("", "id,Data:x", "id=1 x=a | id"),
            ("", "ts,id:nr", "ts=now nr=1 | nr,ts"),
            ("", "Data", "Data=a | "),
            ("", "id,gone,data", "id=1 gone data | id"),
            ("ts", "id,ts", "id=1 ts | id"),
            ("", "id,data: x", "id=1  x | id"),
            ("", "id:ts,ts:id", "ts=1 id=now | ts,id"),
            ("", "id:a:b", "a=1 | a"),
        ] {
            let filter = Fields::parse(skip, fields).unwrap();
            assert_eq!(show(&filter), expected, "{skip} {fields}");
        }
    }

    #[test]
    fn a_single_column_is_what_the_whole_row_says() {
        for (skip, fields) in
            [("", "*"), ("ts", "*"), ("", "id,ts:when"), ("ts", "ts,id"), ("", "gone,id:ts")]
        {
            let filter = Fields::parse(skip, fields).unwrap();
            let filtered = filter.columns(row());
            for name in ["id", "ts", "when", "data", "gone", "nothing"] {
                let expected =
                    filtered.iter().find(|(column, _)| column == name).map(|(_, v)| v.as_deref());
                assert_eq!(filter.value(&row(), name), expected, "{skip} {fields} {name}");
            }
        }
    }

    #[test]
    fn the_copy_renames_the_same_way() {
        let filter = Fields::parse("ts", "id,Data:x,ts").unwrap();
        assert_eq!(filter.target("id"), Some("id"));
        assert_eq!(filter.target("Data"), Some("x"));
        assert_eq!(filter.target("ts"), None);
        assert_eq!(filter.target("data"), None);
    }

    #[test]
    fn the_last_of_equal_names_counts() {
        let mut columns = row();
        columns.push(("id".into(), Some("2".into())));
        let filter = Fields::parse("", "id").unwrap();
        assert_eq!(filter.value(&columns, "id"), Some(Some("2")));
        assert_eq!(filter.columns(columns), [("id".into(), Some("2".into()))]);
    }

    #[test]
    fn lists_that_would_lose_a_column() {
        for (fields, error) in [
            ("", "Bad argument fields value ''"),
            ("a,,b", "Bad argument fields value 'a,,b'"),
            ("a,b:", "Bad argument fields value 'a,b:'"),
            (":b", "Bad argument fields value ':b'"),
            ("a,a:b", "Bad argument fields: a is named twice"),
            ("a:c,b:c", "Bad argument fields: c is named twice"),
        ] {
            assert_eq!(Fields::parse("", fields).unwrap_err().to_string(), error, "{fields}");
        }
    }
}

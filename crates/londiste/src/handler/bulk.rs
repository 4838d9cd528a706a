//! `bulk`: the net effect of a batch, by set (contract `handlers.md` section 8).
//!
//! The default handler folds and applies by set as well. What is left of `bulk` is that it forgives: a row that is inserted over
//! another one replaces it, and with `method` 1 and 2 an update of a row that is not there stores it.

use pgq_client::text::row::Op;

use super::args::{self, Args};
use super::{HandlerError, RowChange};

/// Arguments of the handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bulk {
    /// `method` 1 and 2: an update is a delete and an insert.
    pub replaces: bool,
}

impl Bulk {
    pub(super) fn new(args: &Args) -> Result<Bulk, HandlerError> {
        args::only(args, &["method"])?;
        match args::integer(args, "method")?.unwrap_or(0) {
            0 => Ok(Bulk { replaces: false }),
            1 | 2 => Ok(Bulk { replaces: true }),
            other => Err(HandlerError::Method(other)),
        }
    }

    /// The changes to make for one of the source's.
    pub fn changes<'a>(&self, change: RowChange<'a>) -> Vec<RowChange<'a>> {
        if self.replaces && change.op == Op::Update {
            let deletion = change.deletion(true);
            vec![deletion, RowChange { op: Op::Insert, ..change }]
        } else {
            vec![change]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(method: &str) -> Result<Bulk, String> {
        Bulk::new(&[("method".to_owned(), method.to_owned())].into_iter().collect())
            .map_err(|e| e.to_string())
    }

    fn change(op: Op) -> RowChange<'static> {
        let columns = vec![("id".into(), Some("1".into())), ("a".into(), None)];
        RowChange { op, key: vec!["id".into()], columns, expected: true }
    }

    #[test]
    fn methods() {
        assert_eq!(Bulk::new(&Args::default()).unwrap(), Bulk { replaces: false });
        assert_eq!(bulk("0"), Ok(Bulk { replaces: false }));
        assert_eq!(bulk("1"), Ok(Bulk { replaces: true }));
        assert_eq!(bulk(" 2 "), Ok(Bulk { replaces: true }));
        assert_eq!(bulk("3"), Err("unknown method: 3".to_owned()));
        assert_eq!(bulk("x"), Err("invalid literal for int() with base 10: 'x'".to_owned()));
    }

    #[test]
    fn an_update_may_be_a_delete_and_an_insert() {
        let plain = bulk("0").unwrap();
        assert_eq!(plain.changes(change(Op::Update)), [change(Op::Update)]);
        let replacing = bulk("1").unwrap();
        let gone = RowChange {
            op: Op::Delete,
            key: vec!["id".into()],
            columns: vec![("id".into(), Some("1".into()))],
            expected: true,
        };
        assert_eq!(replacing.changes(change(Op::Update)), [gone, change(Op::Insert)]);
        assert_eq!(replacing.changes(change(Op::Insert)), [change(Op::Insert)]);
        assert_eq!(replacing.changes(change(Op::Delete)), [change(Op::Delete)]);
    }
}

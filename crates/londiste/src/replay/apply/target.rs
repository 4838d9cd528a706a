//! One destination table: what it looks like, what is pending for it, its prepared statements.

use std::borrow::Cow;

use pgq_client::name::TableName;
use pgq_client::text::row::{Columns, Op};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Statement};

use super::super::fold::{Conflict, Fold, MOST_SHAPES, Slot};
use super::relation::{Fingerprint, NoSuchColumn, Relation};
use super::statement::{self, Form, Shape};
use super::{EventError, EventRef, Mode};

/// A destination table on one connection.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) dest: TableName,
    pub(super) relation: Relation,
    /// What the description was read from.
    pub(super) fingerprint: Fingerprint,
    /// The description has to be read again.
    pub(super) stale: bool,
    /// The batch has changed the table by this description.
    pub(super) used: bool,
    pub(super) fold: Fold,
    pub(super) missed_updates: u64,
    pub(super) missed_deletes: u64,
    /// The key of the latest events, by name and by place, and whether it folds.
    key: Key,
    statements: Vec<Prepared>,
}

#[derive(Debug, Default)]
struct Key {
    names: Vec<String>,
    slots: Vec<Slot>,
    folds: bool,
}

#[derive(Debug)]
struct Prepared {
    form: Form,
    slots: Box<[Slot]>,
    key: Box<[Slot]>,
    statement: Statement,
}

/// What is known of a statement.
pub(super) enum Found {
    /// It would change nothing.
    Nothing,
    Ready(Statement),
    Unprepared(Unprepared),
}

/// A statement that was not used yet on this connection.
pub(super) struct Unprepared {
    sql: String,
    form: Form,
    slots: Box<[Slot]>,
    key: Box<[Slot]>,
}

impl Found {
    /// The statement, prepared if it was not; `None` when it would change nothing.
    pub(super) async fn prepare(&self, client: &Client) -> pgq_client::Result<Option<Statement>> {
        let Unprepared { sql, form, slots, .. } = match self {
            Found::Nothing => return Ok(None),
            Found::Ready(statement) => return Ok(Some(statement.clone())),
            Found::Unprepared(unprepared) => unprepared,
        };
        let types = match form {
            Form::Set(_) => vec![Type::TEXT_ARRAY; slots.len()],
            Form::Row(_) | Form::Copy => Vec::new(),
        };
        let prepared = client.prepare_typed(sql, &types).await;
        prepared.map(Some).map_err(|e| pgq_client::Error::sql(e, &**sql))
    }
}

/// A change as a statement or a fold takes it.
#[derive(Debug)]
pub(super) enum Change<'v> {
    /// Values for columns of this table.
    Row { op: Op, columns: Vec<(Slot, Option<&'v str>)> },
    /// SQL that came with the event.
    Fragment { op: Op, sql: String },
}

impl Target {
    pub(super) fn new(dest: TableName, (relation, fingerprint): (Relation, Fingerprint)) -> Self {
        Self {
            dest,
            relation,
            fingerprint,
            stale: false,
            used: false,
            fold: Fold::default(),
            missed_updates: 0,
            missed_deletes: 0,
            key: Key::default(),
            statements: Vec::new(),
        }
    }

    pub(super) fn begin_batch(&mut self) {
        self.used = false;
        self.fold = Fold::like(&self.fold);
        (self.missed_updates, self.missed_deletes) = (0, 0);
    }

    /// Takes a newly read description. Statements and folds stay when it is the old one.
    pub(super) fn refresh(&mut self, (relation, fingerprint): (Relation, Fingerprint)) {
        self.stale = false;
        if self.relation == relation {
            self.fingerprint = fingerprint;
        } else {
            let missed = (self.missed_updates, self.missed_deletes);
            *self = Self::new(self.dest.clone(), (relation, fingerprint));
            (self.missed_updates, self.missed_deletes) = missed;
        }
    }

    pub(super) fn miss(&mut self, op: Op, rows: u64) {
        match op {
            Op::Insert => {}
            Op::Update => self.missed_updates += rows,
            Op::Delete => self.missed_deletes += rows,
        }
    }

    /// Finds the event's columns here: generated ones are left out, missing ones are an error. `None` when nothing is to
    /// be done.
    pub(super) fn change<'v>(
        &mut self,
        event: EventRef,
        op: Op,
        key: &[Cow<'_, str>],
        columns: &'v Columns<'_>,
    ) -> Result<Option<Change<'v>>, EventError> {
        self.set_key(event, key)?;
        if op != Op::Insert && self.key.slots.is_empty() {
            let word = if op == Op::Update { "update" } else { "delete" };
            let problem = format!("{word} needs pkeys (table {})", self.dest);
            return Err(EventError::unusable(event, problem));
        }
        let mut found = Vec::with_capacity(columns.len());
        for (hint, (name, value)) in columns.iter().enumerate() {
            let slot = self.slot(event, name, hint)?;
            let column = self.relation.column(slot);
            let is_key = self.key.slots.contains(&slot);
            let written = match op {
                Op::Insert => !column.generated,
                // An identity that is always the server's cannot be assigned. Only `set default` changes it.
                Op::Update => is_key || !(column.generated || column.always_identity),
                Op::Delete => is_key,
            };
            if written {
                found.push((slot, value.as_deref()));
            }
        }
        if op != Op::Insert {
            let has = |slot: &Slot| found.iter().any(|(known, _)| known == slot);
            if let Some(missing) = self.key.slots.iter().find(|slot| !has(slot)) {
                let column = &self.relation.column(*missing).name;
                let problem =
                    format!("key column \"{column}\" is not in the event (table {})", self.dest);
                return Err(EventError::unusable(event, problem));
            }
        }
        // Nothing but the key: there is nothing to set.
        let idle = op == Op::Update && found.len() == self.key.slots.len();
        Ok((!idle).then_some(Change::Row { op, columns: found }))
    }

    /// A change that came as SQL.
    pub(super) fn fragment<'v>(&self, op: Op, sql: &str) -> Change<'v> {
        let table = self.dest.quoted();
        let only = self.relation.only();
        let sql = match op {
            Op::Insert => format!("insert into {table} {sql};"),
            Op::Update => format!("update {only}{table} set {sql};"),
            Op::Delete => format!("delete from {only}{table} where {sql};"),
        };
        Change::Fragment { op, sql }
    }

    /// The text that identifies the row among this table's changes; `None` when it has to be found by the server.
    pub(super) fn fold_key(&self, change: &Change<'_>) -> Option<String> {
        let Change::Row { columns, .. } = change else { return None };
        if !(self.key.folds && self.relation.takes_sets()) {
            return None;
        }
        let mut text = String::new();
        for slot in &self.key.slots {
            let (_, value) = columns.iter().find(|(known, _)| known == slot)?;
            let part = self.relation.column(*slot).key_text((*value)?)?;
            if self.key.slots.len() > 1 {
                // The length keeps ("a", "bc") and ("ab", "c") apart.
                text.push_str(&part.len().to_string());
                text.push(':');
            }
            text.push_str(&part);
        }
        Some(text)
    }

    pub(super) fn fold_in(
        &mut self,
        mode: Mode,
        key: &str,
        change: &Change<'_>,
        expected: bool,
    ) -> Result<(), Conflict> {
        match change {
            Change::Row { op, columns } => {
                let columns = columns.iter().copied();
                match op {
                    Op::Insert if mode == Mode::Net => self.fold.put(key, columns),
                    Op::Delete if !expected => self.fold.clear(key, columns),
                    op => self.fold.add(*op, key, columns),
                }
            }
            Change::Fragment { .. } => Err(Conflict),
        }
    }

    /// Whether pending changes were folded by another key than this one.
    pub(super) fn folds_by_other(&self, names: &[Cow<'_, str>]) -> bool {
        !self.fold.is_empty() && !self.has_key(names)
    }

    fn has_key(&self, names: &[Cow<'_, str>]) -> bool {
        self.key.names.len() == names.len() && self.key.names.iter().zip(names).all(|(a, b)| a == b)
    }

    /// The key columns of the latest change.
    pub(super) fn key_slots(&self) -> &[Slot] {
        &self.key.slots
    }

    /// The statement for some columns, prepared at its first use; `None` when it would change nothing.
    pub(super) async fn statement(
        &mut self,
        client: &Client,
        form: Form,
        slots: &[Slot],
    ) -> pgq_client::Result<Option<Statement>> {
        let found = self.find(form, slots);
        let statement = found.prepare(client).await?;
        if let (Found::Unprepared(from), Some(statement)) = (found, &statement) {
            self.keep(from, statement.clone());
        }
        Ok(statement)
    }

    /// The statement for some columns, as far as it is known.
    pub(super) fn find(&self, form: Form, slots: &[Slot]) -> Found {
        let key: &[Slot] = match form {
            Form::Copy | Form::Row(Op::Insert) | Form::Set(Op::Insert) => &[],
            Form::Row(_) | Form::Set(_) => &self.key.slots,
        };
        let known = self.statements.iter().find(|prepared| {
            prepared.form == form && *prepared.slots == *slots && *prepared.key == *key
        });
        if let Some(prepared) = known {
            return Found::Ready(prepared.statement.clone());
        }
        let shape = Shape { slots, key };
        match statement::sql(form, &self.dest, &self.relation, &shape) {
            None => Found::Nothing,
            Some(sql) => {
                Found::Unprepared(Unprepared { sql, form, slots: slots.into(), key: key.into() })
            }
        }
    }

    /// Keeps a statement that was prepared.
    pub(super) fn keep(&mut self, from: Unprepared, statement: Statement) {
        if self.statements.len() > 4 * MOST_SHAPES {
            self.statements.clear();
        }
        let Unprepared { form, slots, key, .. } = from;
        self.statements.push(Prepared { form, slots, key, statement });
    }

    /// How many statements it has prepared.
    pub(super) fn prepared(&self) -> usize {
        self.statements.len()
    }

    /// Gives the prepared statements back to the server.
    pub(super) fn forget_statements(&mut self) {
        self.statements.clear();
    }

    fn set_key(&mut self, event: EventRef, names: &[Cow<'_, str>]) -> Result<(), EventError> {
        if self.has_key(names) {
            return Ok(());
        }
        let slots = names
            .iter()
            .enumerate()
            .filter(|(_, name)| !name.is_empty())
            .map(|(hint, name)| self.slot(event, name, hint))
            .collect::<Result<Vec<_>, _>>()?;
        self.key = Key {
            names: names.iter().map(|name| name.clone().into_owned()).collect(),
            folds: !slots.is_empty() && self.relation.folds_by(&slots),
            slots,
        };
        Ok(())
    }

    fn slot(&self, event: EventRef, name: &str, hint: usize) -> Result<Slot, EventError> {
        self.relation.slot(name, hint).ok_or_else(|| {
            let missing = NoSuchColumn { table: self.dest.clone(), column: name.to_owned() };
            EventError::unusable(event, missing.to_string())
        })
    }
}

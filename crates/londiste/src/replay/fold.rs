//! Changes of one table folded to their net effect per row. Pure.
//!
//! Events of a valid history that touch the same key collapse into one change: what the row was before the first of them
//! and what it is after the last is all the destination has to learn. A row that was deleted and inserted again keeps
//! both steps, because columns that the insert leaves out get their defaults. What cannot follow from a valid history (an
//! insert over a row that is there) is a [`Conflict`], and the caller repeats the batch in event order, where the server
//! finds the words.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use pgq_client::text::row::Op;

/// Values of this many bytes are not expected to come in numbers.
const LARGE_VALUE: usize = 256 * 1024;

/// Combinations of columns worth remembering. A table has one or two, unless its events are made by hand.
pub(crate) const MOST_SHAPES: usize = 64;

/// A column of the destination table, by its place in the table's description.
pub(crate) type Slot = u16;

/// The history cannot be folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Conflict;

/// A value in the arena; NULL has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    start: u32,
    len: u32,
}

const NULL: Cell = Cell { start: u32::MAX, len: 0 };

/// The net effect of what happened to one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Net {
    Insert,
    Update,
    /// `known`: the row was in the destination before, so the delete must find it.
    Delete {
        known: bool,
    },
    /// Deleted and inserted again.
    Replace {
        known: bool,
    },
}

#[derive(Debug, Clone, Copy)]
struct Row {
    net: Net,
    /// Which columns are known, as an index into the shapes.
    shape: u32,
    /// Where the row's cells begin; as many as the shape has columns.
    cells: u32,
}

/// Net changes of one table, until they are applied.
#[derive(Debug, Default)]
pub(crate) struct Fold {
    shapes: Vec<Box<[Slot]>>,
    text: String,
    cells: Vec<Cell>,
    rows: Vec<Row>,
    index: HashMap<Box<str>, u32, RandomState>,
    missed_updates: u64,
    missed_deletes: u64,
}

/// The net changes of a table as sets, each to be handled by one statement: deletes, then updates, then inserts.
#[derive(Debug)]
pub(crate) struct Plan {
    fold: Fold,
    sets: Vec<Set>,
}

/// Rows with the same operation and the same columns.
#[derive(Debug)]
struct Set {
    op: Op,
    shape: u32,
    rows: Vec<u32>,
    known: u64,
}

/// A set of a plan, with its rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group<'a> {
    fold: &'a Fold,
    set: &'a Set,
}

impl Fold {
    /// Adds a change. `key` identifies the row: equal keys are equal texts. `columns` are those the change writes or
    /// finds the row by: all columns for an insert, key and new values for an update, at least the key for a delete.
    pub(crate) fn add<'v>(
        &mut self,
        op: Op,
        key: &str,
        columns: impl Iterator<Item = (Slot, Option<&'v str>)> + Clone,
    ) -> Result<(), Conflict> {
        let Some(&nr) = self.index.get(key) else {
            let net = match op {
                Op::Insert => Net::Insert,
                Op::Update => Net::Update,
                Op::Delete => Net::Delete { known: true },
            };
            let nr = u32::try_from(self.rows.len()).map_err(|_| Conflict)?;
            let row = self.store(net, columns)?;
            self.rows.push(row);
            self.index.insert(key.into(), nr);
            return Ok(());
        };
        let nr = nr as usize;
        let net = self.rows[nr].net;
        match (net, op) {
            (Net::Insert | Net::Update | Net::Replace { .. }, Op::Insert) => return Err(Conflict),
            (Net::Insert | Net::Update | Net::Replace { .. }, Op::Update) => {
                self.merge(nr, columns)?;
            }
            (Net::Insert, Op::Delete) => self.rows[nr].net = Net::Delete { known: false },
            (Net::Update, Op::Delete) => self.rows[nr].net = Net::Delete { known: true },
            (Net::Replace { known }, Op::Delete) => self.rows[nr].net = Net::Delete { known },
            (Net::Delete { known }, Op::Insert) => {
                self.rows[nr] = self.store(Net::Replace { known }, columns)?;
            }
            (Net::Delete { .. }, Op::Update) => self.missed_updates += 1,
            (Net::Delete { .. }, Op::Delete) => self.missed_deletes += 1,
        }
        Ok(())
    }

    /// Adds an insert that replaces what came before it for the same row.
    pub(crate) fn put<'v>(
        &mut self,
        key: &str,
        columns: impl Iterator<Item = (Slot, Option<&'v str>)> + Clone,
    ) -> Result<(), Conflict> {
        let known = self.index.get(key).map(|nr| *nr as usize);
        let Some((nr, net)) = known.map(|nr| (nr, self.rows[nr].net)) else {
            return self.add(Op::Insert, key, columns);
        };
        let net = match net {
            Net::Insert => Net::Insert,
            Net::Update => Net::Replace { known: true },
            Net::Delete { known } | Net::Replace { known } => Net::Replace { known },
        };
        self.rows[nr] = self.store(net, columns)?;
        Ok(())
    }

    /// Adds a delete of a row that need not be there.
    pub(crate) fn clear<'v>(
        &mut self,
        key: &str,
        columns: impl Iterator<Item = (Slot, Option<&'v str>)> + Clone,
    ) -> Result<(), Conflict> {
        match self.index.get(key).map(|nr| self.rows[*nr as usize].net) {
            Some(Net::Delete { .. }) => Ok(()),
            Some(_) => self.add(Op::Delete, key, columns),
            None => {
                self.add(Op::Delete, key, columns)?;
                if let Some(row) = self.rows.last_mut() {
                    row.net = Net::Delete { known: false };
                }
                Ok(())
            }
        }
    }

    /// Whether there is nothing to apply.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Updates and deletes that met no row already here.
    pub(crate) fn missed(&self) -> (u64, u64) {
        (self.missed_updates, self.missed_deletes)
    }

    /// An empty one that knows the same combinations of columns, unless there are too many to be useful.
    pub(crate) fn like(other: &Fold) -> Fold {
        let shapes =
            if other.shapes.len() > MOST_SHAPES { Vec::new() } else { other.shapes.clone() };
        Fold { shapes, ..Fold::default() }
    }

    /// What is to be done, in this order. Key columns are in every shape.
    pub(crate) fn plan(mut self) -> Plan {
        // Only needed while changes come in.
        self.index = HashMap::default();
        let mut sets = Vec::new();
        self.sets(&mut sets, Op::Delete, |net| match net {
            Net::Delete { known } | Net::Replace { known } => Some(known),
            Net::Insert | Net::Update => None,
        });
        self.sets(&mut sets, Op::Update, |net| (net == Net::Update).then_some(true));
        self.sets(&mut sets, Op::Insert, |net| {
            matches!(net, Net::Insert | Net::Replace { .. }).then_some(true)
        });
        Plan { fold: self, sets }
    }

    fn sets(&self, sets: &mut Vec<Set>, op: Op, wanted: impl Fn(Net) -> Option<bool>) {
        let mut of_shape: Vec<Option<usize>> = vec![None; self.shapes.len()];
        for (nr, row) in (0..).zip(&self.rows) {
            let Some(known) = wanted(row.net) else { continue };
            let place = *of_shape[row.shape as usize].get_or_insert_with(|| {
                sets.push(Set { op, shape: row.shape, rows: Vec::new(), known: 0 });
                sets.len() - 1
            });
            sets[place].rows.push(nr);
            sets[place].known += u64::from(known);
        }
    }

    fn store<'v>(
        &mut self,
        net: Net,
        columns: impl Iterator<Item = (Slot, Option<&'v str>)> + Clone,
    ) -> Result<Row, Conflict> {
        let shape = self.shape(columns.clone().map(|(slot, _)| slot))?;
        let cells = u32::try_from(self.cells.len()).map_err(|_| Conflict)?;
        for (_, value) in columns {
            let cell = self.cell(value)?;
            self.cells.push(cell);
        }
        Ok(Row { net, shape, cells })
    }

    /// Writes new values over a row's; columns the row did not know yet are added to it.
    fn merge<'v>(
        &mut self,
        nr: usize,
        columns: impl Iterator<Item = (Slot, Option<&'v str>)>,
    ) -> Result<(), Conflict> {
        let mut added: Vec<(Slot, Cell)> = Vec::new();
        let Row { shape, cells, .. } = self.rows[nr];
        for (slot, value) in columns {
            let cell = self.cell(value)?;
            match self.shapes[shape as usize].iter().position(|known| *known == slot) {
                Some(place) => self.cells[cells as usize + place] = cell,
                None => added.push((slot, cell)),
            }
        }
        if !added.is_empty() {
            let known = self.shapes[shape as usize].clone();
            let wider = known.iter().copied().chain(added.iter().map(|(slot, _)| *slot));
            self.rows[nr].shape = self.shape(wider)?;
            self.rows[nr].cells = u32::try_from(self.cells.len()).map_err(|_| Conflict)?;
            let start = cells as usize;
            self.cells.extend_from_within(start..start + known.len());
            self.cells.extend(added.iter().map(|(_, cell)| *cell));
        }
        Ok(())
    }

    fn cell(&mut self, value: Option<&str>) -> Result<Cell, Conflict> {
        let Some(value) = value else { return Ok(NULL) };
        let start = u32::try_from(self.text.len()).map_err(|_| Conflict)?;
        let len = u32::try_from(value.len()).map_err(|_| Conflict)?;
        // Byte budgets keep the arena far below this.
        start.checked_add(len).filter(|end| *end < u32::MAX).ok_or(Conflict)?;
        if value.len() > LARGE_VALUE {
            // Doubling the arena for it would waste as much again.
            self.text.reserve_exact(value.len());
        }
        self.text.push_str(value);
        Ok(Cell { start, len })
    }

    fn value(&self, nr: u32, place: usize) -> Option<&str> {
        let first = self.rows[nr as usize].cells as usize;
        let cell = self.cells[first + place];
        (cell != NULL).then(|| {
            let start = cell.start as usize;
            &self.text[start..start + cell.len as usize]
        })
    }

    fn shape(&mut self, slots: impl Iterator<Item = Slot> + Clone) -> Result<u32, Conflict> {
        // Nearly all events of a table have the same columns, so the first look is the last.
        let known = self.shapes.iter().position(|shape| shape.iter().copied().eq(slots.clone()));
        let nr = known.unwrap_or_else(|| {
            self.shapes.push(slots.collect());
            self.shapes.len() - 1
        });
        u32::try_from(nr).map_err(|_| Conflict)
    }
}

impl Plan {
    /// The sets in the order in which they are applied.
    pub(crate) fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        self.sets.iter().map(|set| Group { fold: &self.fold, set })
    }
}

impl<'a> Group<'a> {
    /// What its rows have in common.
    pub(crate) fn op(&self) -> Op {
        self.set.op
    }

    /// The columns its rows have, in the order of their events.
    pub(crate) fn slots(&self) -> &'a [Slot] {
        &self.fold.shapes[self.set.shape as usize]
    }

    /// How many rows.
    pub(crate) fn len(&self) -> usize {
        self.set.rows.len()
    }

    /// How many of its rows must be met; the others may or may not exist.
    pub(crate) fn known(&self) -> u64 {
        self.set.known
    }

    /// The values of the column at `place` in [`Group::slots`], row by row.
    pub(crate) fn column(&self, place: usize) -> impl Iterator<Item = Option<&'a str>> + use<'a> {
        let fold = self.fold;
        self.set.rows.iter().map(move |nr| fold.value(*nr, place))
    }

    /// The values of every row, in the order of [`Group::slots`].
    pub(crate) fn rows(
        &self,
    ) -> impl Iterator<Item = impl Iterator<Item = Option<&'a str>> + use<'a>> + use<'a> {
        let (fold, width) = (self.fold, self.slots().len());
        self.set.rows.iter().map(move |nr| (0..width).map(move |place| fold.value(*nr, place)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Values = BTreeMap<Slot, Option<String>>;
    /// Rows by key; what a table would hold.
    type Model = BTreeMap<String, Values>;

    const KEY: Slot = 0;

    #[derive(Debug, Clone)]
    struct Change {
        op: Op,
        key: u8,
        values: Values,
    }

    fn full(change: &Change) -> Values {
        let mut values = change.values.clone();
        values.insert(KEY, Some(change.key.to_string()));
        values
    }

    /// What row-by-row application does. `None` when the history is not valid.
    fn apply_in_order(model: &mut Model, change: &Change) -> Option<()> {
        let key = change.key.to_string();
        match change.op {
            Op::Insert => model.insert(key, full(change)).is_none().then_some(()),
            Op::Update => {
                if let Some(row) = model.get_mut(&key) {
                    row.extend(change.values.clone());
                }
                Some(())
            }
            Op::Delete => {
                model.remove(&key);
                Some(())
            }
        }
    }

    fn row_values(group: &Group<'_>) -> Vec<Values> {
        let slots = group.slots();
        group
            .rows()
            .map(|row| slots.iter().copied().zip(row.map(|v| v.map(str::to_owned))).collect())
            .collect()
    }

    fn key_of(values: &Values) -> String {
        values[&KEY].clone().expect("keys are not null")
    }

    fn apply_sets(model: &mut Model, fold: Fold) {
        for group in fold.plan().groups() {
            for row in row_values(&group) {
                match group.op() {
                    Op::Delete => drop(model.remove(&key_of(&row))),
                    Op::Update => {
                        if let Some(old) = model.get_mut(&key_of(&row)) {
                            old.extend(row);
                        }
                    }
                    Op::Insert => {
                        assert!(model.insert(key_of(&row), row).is_none(), "insert over a row");
                    }
                }
            }
        }
    }

    /// Operations with the numbers of their rows, in order.
    fn sizes(plan: &Plan) -> Vec<(Op, usize)> {
        plan.groups().map(|group| (group.op(), group.len())).collect()
    }

    fn feed(fold: &mut Fold, change: &Change) -> Result<(), Conflict> {
        let values = full(change);
        let columns = values.iter().map(|(slot, value)| (*slot, value.as_deref()));
        match change.op {
            Op::Delete => {
                fold.add(change.op, &change.key.to_string(), columns.filter(|(s, _)| *s == KEY))
            }
            _ => fold.add(change.op, &change.key.to_string(), columns),
        }
    }

    fn change() -> impl Strategy<Value = Change> {
        let op = prop_oneof![Just(Op::Insert), Just(Op::Update), Just(Op::Delete)];
        let values =
            proptest::collection::btree_map(1..4_u16, proptest::option::of("[a-c]{0,2}"), 0..4);
        (op, 0..4_u8, values).prop_map(|(op, key, values)| Change { op, key, values })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn sets_have_the_effect_of_the_history(
            before in proptest::collection::btree_set(0..4_u8, 0..4),
            history in proptest::collection::vec(change(), 0..24),
            budget in 1..12_usize,
        ) {
            let start = Model::from_iter(before.iter().map(|key| {
                (key.to_string(), Values::from([(KEY, Some(key.to_string())), (1, Some("old".into()))]))
            }));
            let (mut in_order, mut by_set) = (start.clone(), start);
            let mut fold = Fold::default();
            // Rows whose update met nothing: only a table that was changed here has such, and the batch may have to be
            // repeated row by row.
            let mut strays = Vec::new();
            for change in &history {
                if change.op == Op::Update && !in_order.contains_key(&change.key.to_string()) {
                    strays.push(change.key);
                }
                // Histories that no database could have made end where they go wrong.
                if apply_in_order(&mut in_order.clone(), change).is_none() {
                    break;
                }
                apply_in_order(&mut in_order, change);
                if feed(&mut fold, change).is_err() {
                    prop_assert!(strays.contains(&change.key), "a conflict in a valid history");
                    return Ok(());
                }
                if fold.rows.len() >= budget {
                    let next = Fold::like(&fold);
                    apply_sets(&mut by_set, fold);
                    fold = next;
                }
            }
            apply_sets(&mut by_set, fold);
            prop_assert_eq!(in_order, by_set);
        }
    }

    type Given<'a> = (Slot, Option<&'a str>);

    fn folded(changes: &[(Op, &[Given<'_>])]) -> Fold {
        let mut fold = Fold::default();
        for (op, columns) in changes {
            fold.add(*op, "k", columns.iter().copied()).unwrap();
        }
        fold
    }

    const K: Given<'_> = (KEY, Some("k"));

    #[test]
    fn an_insert_takes_in_later_updates() {
        let fold = folded(&[
            (Op::Insert, &[K, (1, Some("a")), (2, None)]),
            (Op::Update, &[K, (2, Some("b"))]),
            (Op::Update, &[K, (1, None)]),
        ]);
        let plan = fold.plan();
        assert_eq!(sizes(&plan), [(Op::Insert, 1)]);
        let row: Vec<_> = plan.groups().next().unwrap().rows().next().unwrap().collect();
        assert_eq!(row, [Some("k"), None, Some("b")]);
    }

    #[test]
    fn updates_of_other_columns_are_merged() {
        let fold =
            folded(&[(Op::Update, &[K, (1, Some("a"))]), (Op::Update, &[K, (2, Some("b"))])]);
        let plan = fold.plan();
        let update = plan.groups().next().unwrap();
        assert_eq!(update.slots(), [KEY, 1, 2]);
        assert_eq!(update.column(2).collect::<Vec<_>>(), [Some("b")]);
    }

    #[test]
    fn a_replaced_row_is_deleted_and_inserted() {
        let fold = folded(&[(Op::Delete, &[K]), (Op::Insert, &[K, (1, Some("new"))])]);
        let plan = fold.plan();
        assert_eq!(sizes(&plan), [(Op::Delete, 1), (Op::Insert, 1)]);
        assert_eq!(plan.groups().next().unwrap().known(), 1);
    }

    #[test]
    fn a_row_that_came_and_went_need_not_be_met() {
        let fold = folded(&[(Op::Insert, &[K, (1, Some("x"))]), (Op::Delete, &[K])]);
        let plan = fold.plan();
        assert_eq!(sizes(&plan), [(Op::Delete, 1)]);
        assert_eq!(plan.groups().next().unwrap().known(), 0);
    }

    #[test]
    fn changes_of_a_deleted_row_are_missed() {
        let fold = folded(&[(Op::Delete, &[K]), (Op::Update, &[K, (1, None)]), (Op::Delete, &[K])]);
        assert_eq!(fold.missed(), (1, 1));
        assert_eq!(sizes(&fold.plan()), [(Op::Delete, 1)]);
    }

    #[test]
    fn combinations_of_columns_do_not_pile_up() {
        let mut fold = Fold::default();
        for slot in 1..=100 {
            fold.add(Op::Update, &slot.to_string(), [K, (slot, None)].into_iter()).unwrap();
            fold = Fold::like(&fold);
        }
        assert!(fold.shapes.len() <= MOST_SHAPES, "{}", fold.shapes.len());
    }

    #[test]
    fn an_insert_over_a_row_is_a_conflict() {
        for first in [Op::Insert, Op::Update] {
            let mut fold = folded(&[(first, &[K, (1, None)])]);
            assert_eq!(fold.add(Op::Insert, "k", [K].into_iter()), Err(Conflict));
        }
    }

    #[test]
    fn an_insert_may_replace_what_came_before_it() {
        let new = || [K, (1, Some("new"))].into_iter();
        let old = || [K, (1, Some("old")), (2, None)].into_iter();
        type Before = fn(&mut Fold);
        let cases: [(Before, &[(Op, usize)]); 5] = [
            (|_| (), &[(Op::Insert, 1)]),
            (|fold| fold.add(Op::Insert, "k", [K].into_iter()).unwrap(), &[(Op::Insert, 1)]),
            // The row may be missing: it is stored all the same.
            (
                |fold| fold.add(Op::Update, "k", [K].into_iter()).unwrap(),
                &[(Op::Delete, 1), (Op::Insert, 1)],
            ),
            (
                |fold| fold.add(Op::Delete, "k", [K].into_iter()).unwrap(),
                &[(Op::Delete, 1), (Op::Insert, 1)],
            ),
            (|fold| fold.clear("k", [K].into_iter()).unwrap(), &[(Op::Delete, 1), (Op::Insert, 1)]),
        ];
        for (before, expected) in cases {
            let mut fold = Fold::default();
            before(&mut fold);
            fold.put("k", old()).unwrap();
            fold.put("k", new()).unwrap();
            let plan = fold.plan();
            assert_eq!(sizes(&plan), expected);
            let inserted = plan.groups().find(|group| group.op() == Op::Insert).unwrap();
            assert_eq!(row_values(&inserted)[0].len(), 2, "columns of the last one only");
        }
    }

    #[test]
    fn a_row_that_need_not_be_there_is_not_missed() {
        let mut fold = Fold::default();
        fold.clear("k", [K].into_iter()).unwrap();
        fold.clear("k", [K].into_iter()).unwrap();
        assert_eq!(fold.missed(), (0, 0));
        let plan = fold.plan();
        assert_eq!(sizes(&plan), [(Op::Delete, 1)]);
        assert_eq!(plan.groups().map(|group| group.known()).sum::<u64>(), 0);
    }
}

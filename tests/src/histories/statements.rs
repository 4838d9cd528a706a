//! Statements that change rows. Keys and unique values are few, so that changes meet.

use super::table::{KeyForm, Made, Table};
use super::world::World;
use crate::random::Random;

impl World {
    /// One change or a few that belong together.
    pub(super) fn changes(&self, random: &mut Random) -> Vec<String> {
        let number = random.below(self.tables.len());
        let table = &self.tables[number];
        let values = table.values();
        let one = |sql: String| vec![sql];
        match random.below(100) {
            0..26 => one(self.insert(random, number)),
            26..31 => one(table.upsert(random)),
            31..36 => vec![table.delete_one(random), self.insert(random, number)],
            36..46 => one(table.delete_one(random)),
            46..48 => one(format!("delete from {}", table.quoted())),
            48..50 => {
                one(format!("delete from {} where {}", table.quoted(), table.some_rows(random)))
            }
            50..52 => one(format!("truncate {} cascade", table.quoted())),
            52..62 => one(table.change_key(random)),
            62..65 => table.swap_keys(random),
            65..71 => table.swap_unique(random),
            71..72 => one("set constraints all deferred".to_owned()),
            72..74 if table.many && table.bulk_column().is_some() => table.bulk(random),
            _ if values.is_empty() => one(self.insert(random, number)),
            72..78 => one(table.update(random, &values, "true")),
            78..80 => {
                let column = table.column(random.pick(&values));
                one(format!("update {} set {column} = {column}", table.quoted()))
            }
            80..84 => {
                let rows = table.some_rows(random);
                one(table.update(random, &values, &rows))
            }
            _ => {
                let row = table.one_row(random);
                one(table.update(random, &values, &row))
            }
        }
    }

    pub(super) fn insert(&self, random: &mut Random, table: usize) -> String {
        let table = &self.tables[table];
        let rows: Vec<String> = (0..random.weighted(&[(6, 1), (2, 2), (1, 3)]))
            .map(|_| format!("({})", table.row(random).join(", ")))
            .collect();
        let then = if random.chance(70) { " on conflict do nothing" } else { "" };
        format!("{} values {}{then}", table.insert_into(), rows.join(", "))
    }

    /// What somebody may do on a leaf.
    pub(super) fn interference(&self, random: &mut Random) -> String {
        let table = &self.tables[random.below(self.tables.len())];
        let name = table.quoted();
        match random.below(10) {
            0..5 => format!("delete from {name} where {}", table.one_row(random)),
            5..8 => {
                let extra = "set extra = 'changed here'";
                if table.twist == super::twist::Twist::ExtraColumn {
                    format!("update {name} {extra}")
                } else {
                    format!("delete from {name} where {}", table.some_rows(random))
                }
            }
            _ => {
                let row = table.row(random).join(", ");
                format!("{} values ({row}) on conflict do nothing", table.insert_into())
            }
        }
    }
}

impl Table {
    fn insert_into(&self) -> String {
        let always = self.columns.iter().any(|column| column.made == Made::IdentityAlways);
        let overriding = if always { " overriding system value" } else { "" };
        format!("insert into {} ({}){overriding}", self.quoted(), self.names(&self.written()))
    }

    /// Values for the columns that an insert gives.
    fn row(&self, random: &mut Random) -> Vec<String> {
        self.written().into_iter().map(|place| self.value(random, place)).collect()
    }

    fn value(&self, random: &mut Random, place: usize) -> String {
        let column = &self.columns[place];
        if column.not_null { column.kind.value(random) } else { column.kind.any_value(random) }
    }

    fn key_values(&self, random: &mut Random) -> Vec<String> {
        self.key.iter().map(|place| self.columns[*place].kind.value(random)).collect()
    }

    fn one_row(&self, random: &mut Random) -> String {
        self.with_values(&self.key_values(random))
    }

    /// Some rows, the same ones each time.
    fn some_rows(&self, random: &mut Random) -> String {
        let first = format!("{}::text", self.column(self.key[0]));
        format!("ascii(md5({first})) % 3 = {}", random.below(3))
    }

    fn update(&self, random: &mut Random, values: &[usize], rows: &str) -> String {
        let set: Vec<String> = random
            .some(values, 2)
            .into_iter()
            .map(|place| format!("{} = {}", self.column(place), self.value(random, place)))
            .collect();
        format!("update {} set {} where {rows}", self.quoted(), set.join(", "))
    }

    fn upsert(&self, random: &mut Random) -> String {
        let values = self.values();
        let row = self.row(random).join(", ");
        let insert = format!("{} values ({row})", self.insert_into());
        if values.is_empty() {
            return format!("{insert} on conflict do nothing");
        }
        let column = self.column(random.pick(&values));
        let key = self.names(&self.key);
        format!("{insert} on conflict ({key}) do update set {column} = excluded.{column}")
    }

    fn delete_one(&self, random: &mut Random) -> String {
        format!("delete from {} where {}", self.quoted(), self.one_row(random))
    }

    fn change_key(&self, random: &mut Random) -> String {
        let place = random.pick(&self.key);
        let value = self.columns[place].kind.value(random);
        let mut set = format!("{} = {value}", self.column(place));
        let values = self.values();
        if !values.is_empty() && random.chance(30) {
            let place = random.pick(&values);
            set.push_str(&format!(", {} = {}", self.column(place), self.value(random, place)));
        }
        format!("update {} set {set} where {}", self.quoted(), self.one_row(random))
    }

    /// Two keys change places, over a third one.
    fn swap_keys(&self, random: &mut Random) -> Vec<String> {
        let place = random.pick(&self.key);
        let (kind, name) = (self.columns[place].kind, self.column(place));
        let first = random.below(kind.values.len());
        let [a, b, free] = [0, 1, 2].map(|step| kind.nth(first + step));
        let table = self.quoted();
        if self.key_form == KeyForm::Primary && self.key.len() == 1 && random.chance(25) {
            // Refused unless the rows come in a lucky order.
            return vec![format!(
                "update {table} set {name} = case when {name} = {a} then {b} else {a} end where {name} in ({a}, {b})"
            )];
        }
        [(&free, &a), (&a, &b), (&b, &free)]
            .map(|(to, from)| format!("update {table} set {name} = {to} where {name} = {from}"))
            .to_vec()
    }

    /// Two values of the other unique index change places.
    fn swap_unique(&self, random: &mut Random) -> Vec<String> {
        let Some(unique) = &self.unique else { return vec![self.delete_one(random)] };
        let place = unique.columns[0];
        let (kind, name, table) = (self.columns[place].kind, self.column(place), self.quoted());
        let first = random.below(kind.values.len());
        let [a, b, free] = [0, 1, 2].map(|step| kind.nth(first + step));
        if random.chance(40) {
            return vec![format!(
                "update {table} set {name} = case when {name} = {a} then {b} else {a} end where {name} in ({a}, {b})"
            )];
        }
        [(&free, &a), (&a, &b), (&b, &free)]
            .map(|(to, from)| format!("update {table} set {name} = {to} where {name} = {from}"))
            .to_vec()
    }

    fn bulk_column(&self) -> Option<usize> {
        self.key.iter().copied().find(|place| self.columns[*place].kind.many.is_some())
    }

    /// Many rows come, change and go.
    fn bulk(&self, random: &mut Random) -> Vec<String> {
        let many = self.bulk_column().expect("asked before");
        let expression = self.columns[many].kind.many.unwrap_or_default();
        let values: Vec<String> = self
            .written()
            .into_iter()
            .map(|place| {
                let unique =
                    self.unique.as_ref().is_some_and(|unique| unique.columns.contains(&place));
                if place == many {
                    expression.to_owned()
                } else if unique && !self.columns[place].not_null {
                    "null".to_owned()
                } else if unique || self.columns[place].not_null {
                    self.columns[place].kind.value(random)
                } else {
                    format!(
                        "case when i % 3 = 0 then null else {} end",
                        self.columns[place].kind.value(random)
                    )
                }
            })
            .collect();
        let rows = random.pick(&[150, 250, 600]);
        let insert = format!(
            "{} select {} from generate_series(1, {rows}) i on conflict do nothing",
            self.insert_into(),
            values.join(", ")
        );
        let mut all = vec![insert];
        let rows = self.some_rows(random);
        if !self.values().is_empty() && random.chance(60) {
            all.push(self.update(random, &self.values(), &rows));
        }
        if random.chance(40) {
            all.push(format!("delete from {} where {rows}", self.quoted()));
        }
        all
    }
}

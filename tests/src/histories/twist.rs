//! How a table on a leaf differs from the source's.

use super::kinds::literal;
use super::table::{KeyForm, Made, Table, UniqueForm, quoted};
use super::world::Side;
use crate::random::Random;

/// What is particular about a table on the leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Twist {
    Same,
    /// Columns in another order.
    Reordered,
    /// A column that no event knows, with a default.
    ExtraColumn,
    /// Types that hold more.
    Wider,
    /// Types that hold less, outside the key.
    Narrower,
    /// A trigger that writes to another table, in the state `replica` or `always`.
    Audited(&'static str),
    /// A trigger that changes values on their way.
    Rewriting(usize),
    /// A trigger that drops some updates.
    Suppressing(usize),
    /// A rule that writes to another table.
    Rule,
    /// A table that inherits from it, with rows of its own.
    Child,
    /// In partitions; a plain table for the reference, which does not find rows there.
    Partitioned,
}

impl Twist {
    pub(super) fn new(random: &mut Random, table: &Table) -> Self {
        let values: Vec<usize> = table
            .values()
            .into_iter()
            .filter(|place| !table.columns[*place].not_null)
            .filter(|place| table.parent.as_ref().is_none_or(|parent| parent.column != *place))
            .filter(|place| {
                table.unique.as_ref().is_none_or(|unique| !unique.columns.contains(place))
            })
            .collect();
        let twist = random.weighted(&[
            (30, Self::Same),
            (6, Self::Reordered),
            (16, Self::ExtraColumn),
            (6, Self::Wider),
            (4, Self::Narrower),
            (5, Self::Audited("replica")),
            (3, Self::Audited("always")),
            (3, Self::Rewriting(0)),
            (3, Self::Suppressing(0)),
            (3, Self::Rule),
            (3, Self::Child),
            (8, Self::Partitioned),
        ]);
        match twist {
            Self::Rewriting(_) | Self::Suppressing(_) if values.is_empty() => Self::Same,
            Self::Rewriting(_) => Self::Rewriting(random.pick(&values)),
            Self::Suppressing(_) => Self::Suppressing(random.pick(&values)),
            // Before version 17 they may not have identities, and a unique index has to have the key in it.
            Self::Partitioned if table.has_identity() || table.unique.is_some() => Self::Same,
            other => other,
        }
    }

    /// Whether the rows, without extra columns, are the source's.
    pub(super) fn keeps_rows(&self) -> bool {
        !matches!(self, Self::Rewriting(_) | Self::Suppressing(_) | Self::Narrower)
    }
}

impl Table {
    /// `create table` and what belongs to it, but for foreign keys.
    pub(super) fn ddl(&self, side: Side) -> String {
        let twist = if side == Side::Source { &Twist::Same } else { &self.twist };
        let mut parts: Vec<String> =
            (0..self.columns.len()).map(|place| self.column_ddl(place, twist, side)).collect();
        match twist {
            Twist::Reordered => parts.reverse(),
            Twist::ExtraColumn => {
                parts.insert(1, "extra text default 'here'".to_owned());
                parts.push("\"Extra 2\" numeric not null default 1.50".to_owned());
            }
            _ => {}
        }
        let key = self.names(&self.key);
        parts.push(match self.key_form {
            KeyForm::Primary => format!("primary key ({key})"),
            // The reference takes no other.
            KeyForm::Unique if side == Side::Reference => format!("primary key ({key})"),
            KeyForm::Unique => format!("unique ({key})"),
        });
        let mut after = String::new();
        if let Some(unique) = &self.unique {
            let (columns, first) = (self.names(&unique.columns), unique.columns[0]);
            let (name, lit) = (self.column(first), self.columns[first].kind.nth(0));
            let table = self.quoted();
            let constraint = quoted(&self.unique_name());
            match unique.form {
                UniqueForm::Plain => parts.push(format!("unique ({columns})")),
                UniqueForm::DeferrableImmediate => {
                    parts.push(format!("unique ({columns}) deferrable"));
                }
                UniqueForm::InitiallyDeferred => parts.push(format!(
                    "constraint {constraint} unique ({columns}) deferrable initially deferred"
                )),
                UniqueForm::Partial => {
                    after = format!(
                        "create unique index on {table} ({columns}) where {name} is distinct from {lit};"
                    );
                }
                UniqueForm::Expression => {
                    after = format!("create unique index on {table} (coalesce({name}, {lit}));");
                }
                UniqueForm::Exclusion => {
                    parts.push(format!("exclude using btree ({name} with =)"));
                }
            }
        }
        let partitioned = *twist == Twist::Partitioned && side == Side::Ours;
        let by = if partitioned {
            format!(" partition by range ({})", self.column(self.key[0]))
        } else {
            String::new()
        };
        let mut ddl = format!("create table {} ({}){by};{after}", self.quoted(), parts.join(", "));
        if partitioned {
            ddl.push_str(&self.partitions());
        }
        ddl + &self.code(twist)
    }

    /// The constraint that is checked at the end of a transaction.
    pub(super) fn unique_name(&self) -> String {
        format!("deferred {}", self.name)
    }

    fn column_ddl(&self, place: usize, twist: &Twist, side: Side) -> String {
        let column = &self.columns[place];
        let kind = column.kind;
        let (is_key, theirs) = (self.key.contains(&place), side == Side::Reference);
        let changed = match twist {
            Twist::Wider => kind.wider,
            Twist::Narrower if !is_key => kind.narrower,
            _ => None,
        };
        let for_reference = if is_key && theirs { kind.for_reference } else { None };
        let mut ddl = format!(
            "{} {}",
            self.column(place),
            for_reference.or(changed).unwrap_or(kind.declared)
        );
        if column.not_null {
            ddl.push_str(" not null");
        }
        // The reference writes every column of an event.
        match &column.made {
            Made::Generated(expression) if !theirs => {
                ddl.push_str(&format!(" generated always as ({expression}) stored"));
            }
            Made::IdentityAlways if !theirs => ddl.push_str(" generated always as identity"),
            Made::IdentityByDefault => ddl.push_str(" generated by default as identity"),
            _ => {}
        }
        if twist != &Twist::Same && column.made == Made::Written && kind.cast == "text" && !is_key {
            ddl.push_str(" default 'another default'");
        }
        ddl
    }

    fn partitions(&self) -> String {
        let (table, kind) = (self.quoted(), self.columns[self.key[0]].kind);
        let part = |suffix: &str| format!("@.{}", quoted(&format!("{} {suffix}", self.name)));
        format!(
            "create table {} partition of {table} for values from (minvalue) to ({});
             create table {} partition of {table} default;",
            part("low"),
            literal(kind.values[1]),
            part("rest"),
        )
    }

    /// Triggers and rules.
    fn code(&self, twist: &Twist) -> String {
        let table = self.quoted();
        let name = |suffix: &str| quoted(&format!("{} {suffix}", self.name));
        let function = |body: &str| {
            format!(
                "create function @.{}() returns trigger language plpgsql as $code$ begin {body} end $code$;",
                name("code")
            )
        };
        let trigger = |when: &str, state: &str| {
            format!(
                "create trigger {own} {when} on {table} for each row execute function @.{code}();
                 alter table {table} enable {state} trigger {own};",
                own = name("own"),
                code = name("code"),
            )
        };
        match twist {
            Twist::Audited(state) => {
                let body = "insert into @.audit
                     select count(*) + 1, tg_table_name || ' ' || tg_op,
                            case when tg_op <> 'INSERT' then old::text end, case when tg_op <> 'DELETE' then new::text end,
                            (select sum(n) from @.counts) from @.audit; return null;";
                function(body) + &trigger("after insert or update or delete", state)
            }
            Twist::Rewriting(place) => {
                let (column, value) = (self.column(*place), self.columns[*place].kind.nth(0));
                let body = format!("new.{column} := coalesce(new.{column}, {value}); return new;");
                function(&body) + &trigger("before insert or update", "always")
            }
            Twist::Suppressing(place) => {
                let column = self.column(*place);
                let body = format!("if new.{column} is null then return null; end if; return new;");
                function(&body) + &trigger("before update", "replica")
            }
            Twist::Rule => format!(
                "create rule {own} as on delete to {table} do also insert into @.audit
                     select (select count(*) + 1 from @.audit), 'rule', old::text, null, null;
                 alter table {table} enable always rule {own};",
                own = name("own"),
            ),
            Twist::Child => format!("create table @.{} () inherits ({table});", name("child")),
            _ => String::new(),
        }
    }
}

//! Calls of the functions of londiste on roots, branches, leaves and merge leaves.

use super::super::look;
use super::super::script::{Step, literal};
use super::nodes::Caller;
use system_tests::random::Random;

/// Tables of the application, made at the start. Not all are fit to be replicated.
const TABLES: &[(&str, &str)] = &[
    ("public.t1", "create table t1 (id int primary key, txt text)"),
    (
        "public.t2",
        "create table t2 (a text, id serial primary key, b numeric, t1_id int references t1)",
    ),
    (
        "public.Odd.Name",
        "create table \"Odd.Name\" (\"Key 1\" int, b text, primary key (b, \"Key 1\"))",
    ),
    (
        "other.t'3",
        "create table other.\"t'3\" (id bigserial primary key, t2_id int, constraint \"to t2\" foreign key (t2_id) references t2 (id))",
    ),
    ("public.nokey", "create table nokey (id int unique, txt text)"),
    ("public.self", "create table self (id int primary key, up int references self)"),
    ("public.view", "create view view as select * from t1"),
    (
        "public.base",
        "create table base (id serial primary key, d date not null, txt text check (txt <> 'no'), n int unique)",
    ),
];

const SEQUENCES: &[&str] = &[
    "public.s1",
    "s1",
    "public.t2_id_seq",
    "other.t'3_id_seq",
    "other.Seq 2",
    "public.base_id_seq",
    "public.t1",
];

pub(super) fn script(random: Random) -> Vec<Step> {
    let mut caller = Caller::new(random);
    caller.script.plain("create schema other");
    for (_, statement) in TABLES {
        caller.script.plain(*statement);
    }
    caller.script.plain("create sequence s1");
    caller.script.plain("create sequence other.\"Seq 2\" start 5 increment 3");
    if caller.random.chance(30) {
        caller
            .script
            .plain("create trigger own after insert on base for each row execute function noop()");
        caller.script.plain("create rule r as on delete to base do instead nothing");
        caller.script.plain("grant select, update on base to pgq_reader with grant option");
    }
    // A set to work with.
    for queue in caller.queues.clone() {
        for (table, _) in &TABLES[..4] {
            caller.script.plain(format!(
                "select * from londiste.global_add_table({}, {})",
                literal(queue),
                literal(table)
            ));
        }
        caller.script.plain(format!(
            "select * from londiste.global_update_seq({}, 's1', 100)",
            literal(queue)
        ));
    }
    for _ in 0..20 + caller.random.below(45) {
        caller.call_londiste();
    }
    caller.script.plain("rollback");
    look::at_londiste(&mut caller.script);
    look::at_triggers(&mut caller.script);
    look::at_relations(&mut caller.script);
    look::at_nodes(&mut caller.script);
    caller.script.plain(look::EVENTS);
    caller.script.steps
}

impl Caller {
    fn table(&mut self) -> String {
        match self.random.below(30) {
            0 => "null".to_owned(),
            1 => self
                .random
                .pick(&["'nope'", "''", "'.'", "'a.b.c'", "'PUBLIC.t1'", "'pg_catalog.pg_class'"])
                .to_owned(),
            2..=5 => self.random.pick(&["'t1'", "'t2'", "'base'", "'self'"]).to_owned(),
            6..=17 => literal(self.random.pick(&TABLES[..4]).0),
            _ => literal(self.random.pick(TABLES).0),
        }
    }

    fn sequence(&mut self) -> String {
        match self.random.below(20) {
            0 => "null".to_owned(),
            1 => "'nope'".to_owned(),
            _ => literal(self.random.pick(SEQUENCES)),
        }
    }

    fn attributes(&mut self) -> &'static str {
        self.random.weighted(&[
            (6, "null"),
            (2, "'copy_condition=id+%3e+1'"),
            (1, "''"),
            (1, "'h=1&x'"),
        ])
    }

    fn trigger_arguments(&mut self) -> String {
        const ARGUMENTS: &[&str] = &[
            "expect_sync",
            "skip_truncate",
            "merge_all",
            "no_merge",
            "no_triggers",
            "virtual_table",
            "skip",
            "SKIP",
            "tgflags=I",
            "tgflags=bqiud",
            "tgflags=BS",
            "tgflags=J",
            "tgflags=xyz",
            "tgflags=",
            "backup",
            "ignore=txt",
            "pkey=id",
            "when=true",
            "ev_extra1='x'",
            "ev_extra2=id",
            "deny",
            "it's",
            "TGFLAGS=B",
            "",
        ];
        match self.random.below(10) {
            0..=3 => "null".to_owned(),
            4 => "array[]::text[]".to_owned(),
            5 if self.random.chance(30) => "array[null, 'backup']::text[]".to_owned(),
            5 if self.random.chance(30) => "array[['backup', 'no_triggers']]".to_owned(),
            _ => {
                let chosen = self.random.some(ARGUMENTS, 3);
                let list: Vec<String> = chosen.iter().map(|argument| literal(argument)).collect();
                format!("array[{}]", list.join(", "))
            }
        }
    }

    fn state(&mut self) -> &'static str {
        self.random.weighted(&[
            (3, "null"),
            (5, "'in-copy'"),
            (5, "'catching-up'"),
            (1, "'wanna-sync:5'"),
            (1, "'do-sync:5'"),
            (4, "'ok'"),
            (1, "'it''s'"),
        ])
    }

    fn all(&mut self, call: &str) {
        self.script.plain(format!("select * from londiste.{call}"));
    }

    fn call_londiste(&mut self) {
        let (queue, table) = (self.queue(), self.table());
        match self.random.below(100) {
            0..=19 => self.add(&queue, &table),
            20..=24 => self.script.client(format!("select * from londiste.local_remove_table({queue}, {table})")),
            25..=28 => self.all(&format!("global_add_table({queue}, {table})")),
            29 | 30 => self.all(&format!("global_remove_table({queue}, {table})")),
            31..=37 => {
                let (state, snapshot) = (self.state(), self.random.pick(&["null", "null", "'1:2:'"]));
                self.all(&format!("local_set_table_state({queue}, {table}, {snapshot}, {state})"));
            }
            38..=39 => {
                let attributes = self.attributes();
                self.all(&format!("local_set_table_attrs({queue}, {table}, {attributes})"));
            }
            40..=42 => {
                let ddl = self.random.pick(&["null", "'select 1'", "'create index on t1 (txt); select 1'"]);
                self.all(&format!("local_set_table_struct({queue}, {table}, {ddl})"));
            }
            43..=44 => {
                let (arguments, attributes) = (self.trigger_arguments(), self.attributes());
                self.script.client(format!(
                    "select * from londiste.local_change_handler({queue}, {table}, {arguments}, {attributes})"
                ));
            }
            45..=47 => self.all(&format!("get_table_list({queue})")),
            48..=49 => self.all(&format!("_coordinate_copy({queue}, {table})")),
            50 => self.all(&format!("local_show_missing({queue})")),
            51..=60 => self.sequences(&queue),
            61..=70 => self.foreign_keys(&queue, &table),
            71..=75 => self.execute(&queue),
            76..=81 => self.partitions(),
            82..=86 => self.names(&table),
            87..=88 => {
                let (arguments, kind) = (self.trigger_arguments(), self.random.pick(&["'root'", "'leaf'", "'branch'", "null"]));
                let destination = if self.random.chance(70) { table.clone() } else { self.table() };
                self.script.client(format!(
                    "select * from londiste.create_trigger({queue}, {table}, {arguments}, {destination}, {kind})"
                ));
            }
            89 => self.script.plain(format!("select londiste.drop_table_triggers({queue}, {table})")),
            90..=91 => self.write(),
            92 => self.script.plain(format!(
                "select londiste.root_notify_change({queue}, 'type', {})",
                self.random.pick(&["'data'", "null"]).to_owned()
            )),
            93 => {
                let role = self.random.pick(&["'origin'", "'replica'", "'local'", "'x'", "null"]);
                let local = self.random.pick(&["true", "false", "null"]);
                self.script.plain("begin");
                self.script.plain(format!("select londiste.set_session_replication_role({role}, {local})"));
                self.script.plain("show session_replication_role");
                self.script.plain("commit");
                self.script.plain("show session_replication_role");
                self.script.plain("reset session_replication_role");
            }
            94 => self.script.plain("select londiste.periodic_maintenance(), londiste.upgrade_schema(), londiste.version()"),
            95 => self.script.plain("select * from pgq.maint_operations() order by 1, 2"),
            _ => self.call(),
        }
    }

    fn add(&mut self, queue: &str, table: &str) {
        let (arguments, attributes) = (self.trigger_arguments(), self.attributes());
        let destination = self.destination();
        let call = match self.random.below(6) {
            0 | 1 => format!("local_add_table({queue}, {table})"),
            2 | 3 => format!("local_add_table({queue}, {table}, {arguments})"),
            4 => format!("local_add_table({queue}, {table}, {arguments}, {attributes})"),
            _ => format!(
                "local_add_table({queue}, {table}, {arguments}, {attributes}, {destination})"
            ),
        };
        self.script.client(format!("select * from londiste.{call}"));
    }

    /// Mostly none of its own. A table with sequences would take them along when it is removed, which only ours does.
    fn destination(&mut self) -> String {
        if self.random.chance(75) {
            return "null".to_owned();
        }
        loop {
            let table = self.table();
            if !["t2'", "t''3'", "base'"].iter().any(|end| table.ends_with(end)) {
                return table;
            }
        }
    }

    fn sequences(&mut self, queue: &str) {
        let sequence = self.sequence();
        match self.random.below(12) {
            0..=3 => self
                .script
                .client(format!("select * from londiste.local_add_seq({queue}, {sequence})")),
            4 => self.all(&format!("local_remove_seq({queue}, {sequence})")),
            5 => self.all(&format!("global_remove_seq({queue}, {sequence})")),
            6 | 7 => {
                let value = self.random.pick(&["1", "5000", "1000000", "null"]);
                self.all(&format!("global_update_seq({queue}, {sequence}, {value})"));
            }
            8 => self.all(&format!("root_check_seqs({queue})")),
            9 => {
                let buffer = self.random.pick(&["10", "5", "null", "100000"]);
                self.all(&format!("root_check_seqs({queue}, {buffer})"));
            }
            10 => self.script.plain("select setval('s1', 25000), setval('t2_id_seq', 40000)"),
            _ => self.all(&format!("get_seq_list({queue})")),
        }
    }

    fn foreign_keys(&mut self, queue: &str, table: &str) {
        let key =
            self.random.pick(&["'t2_t1_id_fkey'", "'to t2'", "'self_up_fkey'", "'nope'", "null"]);
        let from = match (key, self.random.below(6)) {
            ("'t2_t1_id_fkey'", 1..) => "'public.t2'".to_owned(),
            ("'to t2'", 1..) => literal("other.t'3"),
            ("'self_up_fkey'", 1..) => "'public.self'".to_owned(),
            _ => table.to_owned(),
        };
        match self.random.below(12) {
            0 | 1 => self.all(&format!("find_table_fkeys({table})")),
            2..=5 => self.script.plain(format!("select londiste.drop_table_fkey({from}, {key})")),
            6 => self.all(&format!("get_table_pending_fkeys({table})")),
            7 | 8 => self.all(&format!("get_valid_pending_fkeys({queue})")),
            _ => {
                let lazy = self.random.pick(&["", "", ", true", ", false", ", null"]);
                self.script
                    .plain(format!("select londiste.restore_table_fkey({from}, {key}{lazy})"));
            }
        }
    }

    fn execute(&mut self, queue: &str) {
        let file = self.random.pick(&["'a.sql'", "'it''s.sql'", "'a.sql'", "null", "''"]);
        let (sql, root) = (
            self.random.pick(&["'select 1'", "'x'", "null"]),
            self.random.pick(&["true", "false", "null"]),
        );
        match self.random.below(3) {
            0 => self.all(&format!("execute_start({queue}, {file}, {sql}, {root})")),
            1 => {
                let attributes = self.attributes();
                self.all(&format!("execute_start({queue}, {file}, {sql}, {root}, {attributes})"));
            }
            _ => self.all(&format!("execute_finish({queue}, {file})")),
        }
    }

    fn partitions(&mut self) {
        let period = self.random.pick(&[
            "'day'",
            "'month'",
            "'year'",
            "'hour'",
            "'daily'",
            "'monthly'",
            "'week'",
            "'x'",
            "null",
        ]);
        match self.random.below(10) {
            0..=5 => {
                let parent = self.random.pick(&[
                    "'base'",
                    "'public.base'",
                    "'public.base'",
                    "'t1'",
                    "'other.t''3'",
                    "'nope'",
                    "null",
                ]);
                let part = self.random.pick(&[
                    "'base_2020_01_02'",
                    "'public.base_2020_01'",
                    "'other.Base Part_2021'",
                    "'t1_2020_01_02'",
                    "'base'",
                    "null",
                ]);
                let field =
                    self.random.weighted(&[(6, "'d'"), (2, "null"), (1, "''"), (1, "'nope'")]);
                let time = self.random.weighted(&[
                    (8, "'2020-01-15 23:00+00'"),
                    (1, "null"),
                    (1, "'infinity'"),
                ]);
                self.script.plain(format!(
                    "select londiste.create_partition({parent}, {part}, 'id', {field}, {time}, {period})"
                ));
            }
            6 | 7 => {
                let part = self.random.pick(&[
                    "'base_2020_01_02'",
                    "'base_2020_01'",
                    "'base_2020'",
                    "'_2020'",
                    "'base'",
                    "'base_2120_01_02'",
                    "null",
                ]);
                let age = self.random.pick(&["'1 year'", "null", "'0'"]);
                self.script.plain(format!(
                    "select londiste.is_obsolete_partition({part}, {age}, {period})"
                ));
            }
            8 => {
                let parent =
                    self.random.pick(&["'base'", "'public.base'", "'other.Base Part'", "'nope'"]);
                self.all(&format!("list_obsolete_partitions({parent}, '1 year', {period})"));
            }
            _ => self.all(&format!("drop_obsolete_partitions('public.base', '1 year', {period})")),
        }
    }

    fn names(&mut self, table: &str) {
        let function =
            self.random.pick(&["make_fqname", "quote_fqname", "split_fqname", "find_column_types"]);
        match self.random.below(5) {
            0 => self.script.plain(format!(
                "select londiste.find_table_oid({table}) = {table}::regclass::oid as found"
            )),
            1 => self
                .script
                .plain(format!("select londiste.find_table_oid({table}) is null as missing")),
            2 => {
                let sequence = self.sequence();
                self.script
                    .plain(format!("select londiste.find_seq_oid({sequence}) is null as missing"));
            }
            3 => {
                let kind = self.random.pick(&["'r'", "'S'", "'v'", "'p'", "null", "''"]);
                self.script.plain(format!(
                    "select londiste.find_rel_oid({table}, {kind}) is null as missing"
                ));
            }
            _ => self.all(&format!("{function}({table})")),
        }
    }

    /// Rows, so that the triggers have something to say.
    fn write(&mut self) {
        self.script.plain(self.random.pick(&[
            "insert into t1 values (1, 'a') on conflict do nothing",
            "insert into t1 values (2, 'b') on conflict do nothing",
            "update t1 set txt = 'it''s'",
            "delete from t1 where id = 2",
            "insert into t2 (a, b, t1_id) values ('a', 1.50, null)",
            "insert into \"Odd.Name\" values (1, 'x') on conflict do nothing",
            "update \"Odd.Name\" set \"Key 1\" = \"Key 1\"",
            "delete from other.\"t'3\"",
            "truncate t1 cascade",
            "truncate \"Odd.Name\"",
            "insert into other.\"t'3\" default values",
            "insert into base (d, txt) values ('2020-01-15', 'x')",
        ]));
    }
}

//! A table's structure survives being dropped and recreated for a copy, to the last detail the catalogs know.

use londiste::ddl::{self, Purpose, create, drop, table};
use pgq_client::name::TableName;
use system_tests::{Cluster, Database};
use tokio_postgres::{Client, NoTls};

/// Runs `body` with a connection to the database, in one transaction that is committed.
fn in_transaction<T>(db: &Database, body: impl AsyncFnOnce(&Client) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&db.connstr(), NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        client.batch_execute("begin").await.unwrap();
        let result = body(&client).await;
        client.batch_execute("commit").await.unwrap();
        std::mem::drop(client);
        connection.await.unwrap().unwrap();
        result
    })
}

/// Drops and recreates; returns the names of what was dropped and the script that brought it back.
fn drop_and_recreate(db: &Database, table: &str, purpose: Purpose) -> (Vec<String>, String) {
    in_transaction(db, async |client| {
        let structure = ddl::load_structure(client, &TableName::new(table), purpose).await.unwrap();
        let drops = drop::drops(&structure);
        for object in &drops {
            client
                .batch_execute(&object.statement)
                .await
                .unwrap_or_else(|e| panic!("{object:?}: {e:?}"));
        }
        let script = create::script(&structure);
        client.batch_execute(&script).await.unwrap_or_else(|e| panic!("{script}\n{e:?}"));
        (drops.into_iter().map(|object| object.name).collect(), script)
    })
}

/// Everything the catalogs say about a table's keys and indexes.
fn facts(db: &Database, table: &str) -> String {
    let table = TableName::new(table).quoted();
    db.text(&format!(
        "select 'constraint', c.conname, pg_get_constraintdef(c.oid), c.condeferrable, c.condeferred,
                c.convalidated, c.conislocal, c.coninhcount, c.connoinherit,
                obj_description(c.oid, 'pg_constraint')
           from pg_constraint c where c.conrelid = '{table}'::regclass order by 2"
    )) + "\n"
        + &db.text(&format!(
            "select 'index', i.relname, pg_get_indexdef(i.oid), i.reloptions, t.spcname,
                    obj_description(i.oid, 'pg_class'), x.indisprimary, x.indisunique,
                    x.indisclustered, x.indisreplident, x.indisvalid, x.indimmediate,
                    pg_get_userbyid(i.relowner),
                    (select string_agg(a.attname || ':' || a.attstattarget, ',' order by a.attnum)
                       from pg_attribute a where a.attrelid = i.oid)
               from pg_index x join pg_class i on i.oid = x.indexrelid
               left join pg_tablespace t on t.oid = i.reltablespace
              where x.indrelid = '{table}'::regclass order by 2"
        ))
        + "\n"
        + &db.text(&format!(
            "select 'table', c.relreplident, c.relhasrules, c.relispartition,
                    (select string_agg(inhparent::regclass::text, ',' order by inhseqno)
                       from pg_inherits where inhrelid = c.oid),
                    (select string_agg(format('%s %s %s', attname, attnotnull, attidentity), ',' order by attnum)
                       from pg_attribute where attrelid = c.oid and attnum > 0)
               from pg_class c where c.oid = '{table}'::regclass"
        ))
        + "\n"
        + &db.text(&format!(
            "select 'rule', rulename, pg_get_ruledef(oid), ev_enabled from pg_rewrite
              where ev_class = '{table}'::regclass order by 2"
        ))
}

#[track_caller]
fn survives(db: &Database, table: &str, purpose: Purpose) -> (Vec<String>, String) {
    let before = facts(db, table);
    let result = drop_and_recreate(db, table, purpose);
    assert_eq!(facts(db, table), before, "script:\n{}", result.1);
    result
}

#[test]
fn every_kind_of_key_and_index_comes_back_as_it_was() {
    let db = Cluster::shared().create_database("structure");
    db.sql(
        r#"
        create extension btree_gist;
        create schema "Odd";
        create function "Odd".f(text) returns text immutable language sql as 'select lower($1)';
        create table "Odd"."My table" (
            id int generated always as identity,
            "Name" text not null,
            during int4range,
            a int, b int,
            constraint "My key" primary key (id) include (a) with (fillfactor = 70),
            constraint later unique (a, b) deferrable initially deferred,
            constraint later2 unique ("Name") with (fillfactor = 80) deferrable,
            constraint no_overlap exclude using gist (a with =, during with &&) with (fillfactor = 60)
                where (a > 0) deferrable,
            constraint positive check (a > 0) no inherit,
            check (b < 1000)
        );
        alter table "Odd"."My table" add constraint later_valid check ("Name" <> 'x') not valid;
        comment on constraint "My key" on "Odd"."My table" is 'it''s a key';
        comment on constraint positive on "Odd"."My table" is E'back\\slash';
        comment on index "Odd"."My key" is 'index of a key';
        create index "by name USING f" on "Odd"."My table" using btree ("Odd".f("Name") desc nulls last)
            with (fillfactor = 50, deduplicate_items = off) where b is not null;
        alter index "Odd"."by name USING f" alter column 1 set statistics 321;
        comment on index "Odd"."by name USING f" is 'an index';
        create unique index u on "Odd"."My table" (b, "Name" collate "C" text_pattern_ops) include (a);
        create index during_gist on "Odd"."My table" using gist (during);
        create index h on "Odd"."My table" using hash (a);
        create unique index ident on "Odd"."My table" (id);
        alter table "Odd"."My table" cluster on u;
        alter table "Odd"."My table" replica identity using index ident;
        create rule ignored as on delete to "Odd"."My table" where old.a = 5 do instead nothing;
        "#,
    );
    let (dropped, _) =
        survives(&db, r#""Odd"."My table""#.replace('"', "").as_str(), Purpose::Atomic);
    assert_eq!(dropped.len(), 12, "{dropped:?}");
}

#[test]
fn an_index_in_a_tablespace_returns_to_it() {
    let db = Cluster::shared().create_database("structure");
    if db.int("select current_setting('server_version_num')::int") < 150_000 {
        // A tablespace needs a folder on the server's machine there.
        return;
    }
    let name = format!("ts_{}", db.name());
    let mut client = db.client();
    // Inside the data folder: nothing to make and nothing to remove. Needs a statement of its own.
    client.batch_execute("set allow_in_place_tablespaces = on").unwrap();
    client.batch_execute(&format!("create tablespace {name} location ''")).unwrap();
    client
        .batch_execute(&format!(
            "create table t (id int primary key using index tablespace {name}, a int, r int4range,
                             exclude using gist (r with &&) using index tablespace {name} where (a > 0));
             create index i on t (a) tablespace {name} where a > 5;
             create index plain on t (a)"
        ))
        .unwrap();
    survives(&db, "public.t", Purpose::Atomic);
    client.batch_execute("drop table t").unwrap();
    client.batch_execute(&format!("drop tablespace {name}")).unwrap();
}

#[test]
fn a_replica_identity_by_primary_key_survives() {
    let db = Cluster::shared().create_database("structure");
    db.sql(
        "create table t (id int, b int, constraint t_pkey primary key (id));
         alter table t replica identity using index t_pkey;
         alter table t cluster on t_pkey",
    );
    survives(&db, "public.t", Purpose::Atomic);
}

#[test]
fn a_partition_stays_attached_and_its_inherited_keys_stay_in_place() {
    let db = Cluster::shared().create_database("structure");
    db.sql(
        "create table p (id int, d int, check (d > 0), primary key (id, d)) partition by range (d);
         create index on p (d);
         create table p1 partition of p for values from (1) to (10);
         create index own on p1 (id);
         alter table p1 add constraint own_unique unique (id)",
    );
    let (dropped, _) = survives(&db, "public.p1", Purpose::Interrupted);
    assert_eq!(dropped, ["public.own", "own_unique"]);
}

#[test]
fn an_inheriting_table_leaves_its_parents_only_while_half_copied() {
    let db = Cluster::shared().create_database("structure");
    db.sql(
        "create table a (id int, check (id > 0));
         create table b (id int);
         create table t (extra int, primary key (id)) inherits (a, b)",
    );
    let (dropped, _) = survives(&db, "public.t", Purpose::Atomic);
    assert_eq!(dropped, ["t_pkey"]);
    let parents = "select string_agg(inhparent::regclass::text, ',' order by inhseqno) \
                   from pg_inherits where inhrelid = 't'::regclass";
    let (dropped, script) = drop_and_recreate(&db, "public.t", Purpose::Interrupted);
    assert_eq!(dropped, ["public.t", "public.t", "t_pkey"]);
    assert_eq!(db.text(parents), "a,b", "{script}");
}

#[test]
fn what_others_depend_on_stays() {
    let db = Cluster::shared().create_database("structure");
    db.sql(
        "create table t (id int primary key, a text, b int, c int unique);
         create unique index bi on t (b);
         create table child (id int references t (id), b int references t (b));
         create table grouped (id int primary key, a text);
         create view v as select id, a from grouped group by id",
    );
    let (dropped, _) = survives(&db, "public.t", Purpose::Atomic);
    assert_eq!(dropped, ["t_c_key"]);
    let (dropped, _) = survives(&db, "public.grouped", Purpose::Atomic);
    assert_eq!(dropped, [""; 0]);
}

#[test]
fn an_invalid_index_is_left_alone() {
    let db = Cluster::shared().create_database("structure");
    db.sql("create table t (id int); insert into t values (1), (1)");
    let mut client = db.client();
    client.batch_execute("create unique index concurrently broken on t (id)").unwrap_err();
    let (dropped, _) = survives(&db, "public.t", Purpose::Atomic);
    assert_eq!(dropped, [""; 0]);
}

#[test]
fn a_missing_table_is_named() {
    let db = Cluster::shared().create_database("structure");
    let error = in_transaction(&db, async |client| {
        ddl::load_structure(client, &TableName::new("nowhere.t"), Purpose::Atomic)
            .await
            .unwrap_err()
    });
    assert_eq!(error.to_string(), "table nowhere.t does not exist");
}

#[test]
fn the_search_path_is_as_before_afterwards() {
    let db = Cluster::shared().create_database("structure");
    db.sql("create table t (id int primary key)");
    in_transaction(&db, async |client| {
        client.batch_execute("set local search_path = a, \"B c\"").await.unwrap();
        ddl::load_structure(client, &TableName::new("public.t"), Purpose::Atomic).await.unwrap();
        let row = client.query_one("show search_path", &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), "a, \"B c\"");
    });
}

#[test]
fn a_table_is_created_like_its_original() {
    let db = Cluster::shared().create_database("structure");
    db.sql(
        r#"
        create schema s;
        create domain s.positive as int check (value > 0);
        create table s.t (
            "Key" int, b varchar(20) not null, c numeric(10, 2)[] default '{}', d s.positive,
            e text collate "C", f int generated always as (d * 2) stored,
            g timestamp(3) with time zone, primary key ("Key", b)
        );
        "#,
    );
    let dest = TableName::new("public.Other");
    let statements = in_transaction(&db, async |client| {
        let definition = ddl::load_table(client, &TableName::new("s.t")).await.unwrap();
        let (key, _) = definition.primary_key.as_ref().unwrap();
        let key = table::free_name(client, key, &[]).await.unwrap();
        let creations = table::creations(&definition, &dest, &key);
        let statements: Vec<String> = creations.into_iter().flat_map(|c| c.statements).collect();
        client.batch_execute(&statements.join("\n")).await.unwrap();
        statements
    });
    let columns = |table: &str| {
        db.text(&format!(
            "select attname, format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation,
                    attgenerated, (select pg_get_expr(adbin, adrelid) from pg_attrdef
                                    where adrelid = attrelid and adnum = attnum and attgenerated <> '')
               from pg_attribute where attrelid = '{table}'::regclass and attnum > 0 order by attnum"
        ))
    };
    assert_eq!(columns("public.\"Other\""), columns("s.t"), "{statements:?}");
    let key = "select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = 'public.\"Other\"'::regclass and contype = 'p'";
    assert_eq!(db.text(key), "t_pkey_1|PRIMARY KEY (\"Key\", b)");
}

#[test]
fn a_sequence_is_created_to_go_on() {
    let db = Cluster::shared().create_database("structure");
    db.sql("create sequence s increment 3 minvalue 5 start 8 cache 2; select nextval('s'), nextval('s')");
    let (name, copy) = (TableName::new("public.s"), TableName::new("public.s2"));
    in_transaction(&db, async |client| {
        let definition = ddl::load_sequence(client, &name).await.unwrap();
        client.batch_execute(&definition.statement(&copy).unwrap()).await.unwrap();
    });
    assert_eq!(db.int("select nextval('s')"), db.int("select nextval('s2')"));
    assert_eq!(
        db.text("select seqincrement, seqmin, seqmax, seqcache, seqcycle from pg_sequence where seqrelid = 's2'::regclass"),
        db.text("select seqincrement, seqmin, seqmax, seqcache, seqcycle from pg_sequence where seqrelid = 's'::regclass"),
    );
}

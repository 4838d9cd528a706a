select londiste.make_fqname(n), londiste.quote_fqname(n), f.schema_part, f.name_part
  from unnest(array['t', 's.t', '', '.a', 'a.b.c', 'Odd', 'public.Odd.Name', 'S x.t"y', '.x', 'select.table', 'ü.ö']) n,
       londiste.split_fqname(n) f;
select londiste.make_fqname(null), londiste.quote_fqname(null);
select * from londiste.split_fqname(null);

-- relations are found by their exact name and kind
create schema "Odd S";
create table plain (id int primary key);
create table "Odd S"."Tab.le" (id serial primary key);
create view a_view as select 1 as id;
create unlogged table unlogged (id int);
create sequence a_seq;
select n, londiste.find_table_oid(n)::regclass as "table", londiste.find_seq_oid(n)::regclass as seq
  from unnest(array['plain', 'public.plain', 'Plain', 'other.plain', 'Odd S.Tab.le', 'a_view',
                    'unlogged', 'a_seq', 'public.a_seq', 'Odd S.Tab.le_id_seq', 'plain_pkey', '', 'pg_catalog.pg_class']) n;
select londiste.find_rel_oid('a_view', 'v')::regclass, londiste.find_rel_oid('plain_pkey', 'i')::regclass,
       londiste.find_rel_oid('plain', 'x')::regclass;
select londiste.find_rel_oid(null, 'r'), londiste.find_rel_oid('plain', null), londiste.find_table_oid(null), londiste.find_seq_oid(null);

-- key columns
create table key_first (id int primary key, a text, b text);
create table key_two (a int, b int, c int, primary key (a, b));
create table no_key (a int, b int);
create table dropped_behind (id int primary key, a int, b int);
alter table dropped_behind drop column a;
create table no_columns ();
select n, londiste.find_column_types(n)
  from unnest(array['key_first', 'key_two', 'no_key', 'dropped_behind', 'no_columns', 'a_view', 'unknown', 'Odd S.Tab.le']) n;
select londiste.find_column_types(null);

select p.proname, londiste.is_replica_func(p.oid) from pg_proc p
 where p.proname in ('sqltriga', 'logutriga', 'jsontriga', 'insert_event', 'now') order by 1, 2;
select londiste.is_replica_func(0), londiste.is_replica_func(null);

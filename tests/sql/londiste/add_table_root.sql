create view triggers as
select t.tgrelid::regclass::text as on_table, t.tgname as name, t.tgenabled as en,
       -- a trigger made for one table is as good as the general one
       regexp_replace(regexp_replace(pg_get_triggerdef(t.oid, true),
           'londiste\._capture_\w+', 'pgq.logutriga'), '^CREATE (CONSTRAINT )?TRIGGER \S+ ', '\1') as definition
  from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
 where not t.tgisinternal and n.nspname not in ('pgq', 'pgq_node', 'londiste')
 order by 1, 2;
create view events as
select ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4 from pgq.event_template order by ev_id;
create view tables as
select queue_name, table_name, local, merge_state, custom_snapshot, dropped_ddl, table_attrs, dest_table
  from londiste.table_info order by queue_name, table_name;
select pgq_node.register_location('R', 'top', 'dbname=top', false);
select * from pgq_node.create_node('R', 'root', 'top', 'top_worker', null, null, null);
create table t1 (id int primary key, txt text);
create table t2 (id int primary key, txt text);
create table t3 (id int primary key, txt text);
create table no_key (id int);
create view a_view as select * from t1;

-- what is wrong is said in this order
select * from londiste.local_add_table('unknown', 'missing');
select * from londiste.local_add_table('unknown', 'no_key');
select * from londiste.local_add_table('unknown', 't1');
select * from londiste.local_add_table('R', 'missing');
select * from londiste.local_add_table('R', 'missing', null, null, 'other.missing');
select * from londiste.local_add_table('R', 'missing', null, null, 't1');
select * from londiste.local_add_table('R', 'no_key');
select * from londiste.local_add_table('R', 'something', null, null, 'no_key');
select * from londiste.local_add_table('R', 'a_view');
select * from londiste.local_add_table('R', 't1', array['merge_all', 'no_merge']);
select * from londiste.local_add_table('R', null);
select * from londiste.local_add_table(null, 't1');
select * from tables;
select * from londiste.local_remove_table('R', 'missing');

-- plain, twice, with other arguments
select * from londiste.local_add_table('R', 't1');
select * from londiste.local_add_table('R', 'public.t1');
select * from londiste.local_add_table('R', 't1', array['backup']);
select * from londiste.local_add_table('R', 't1', array['backup'], 'a=b');
select * from londiste.local_add_table('R', 't1', array['skip_truncate']);

-- attributes
select * from londiste.local_add_table('R', 't2', array['skip_truncate'], 'handler=x');
select * from londiste.local_add_table('R', 't2', array['skip_truncate'], 'handler=x');
select * from londiste.local_add_table('R', 't2', null, 'handler=x');
select * from londiste.local_add_table('R', 't3', array['skip_truncate', 'SKIP_TRUNCATE', null, 'expect_sync'], '');
select * from londiste.local_add_table('R', 't3');

-- renamed
create schema s;
create table s.phys (id int primary key, txt text);
select * from londiste.local_add_table('R', 'logical', null, null, 's.phys');
select * from londiste.local_add_table('R', 'logical', array['x'], 'y', 's.phys');
select * from londiste.local_add_table('R', 'same', null, null, 'same');
create table same (id int primary key);
select * from londiste.local_add_table('R', 'same', null, null, 'public.same');

-- virtual, without triggers
select * from londiste.local_add_table('R', 'air', array['virtual_table'], 'handler=vtable');
create table quiet (id int primary key);
select * from londiste.local_add_table('R', 'quiet', array['no_triggers']);

-- a known one that is not local
select * from londiste.global_add_table('R', 'later');
create table later (id int primary key);
select * from londiste.local_add_table('R', 'later');
select * from londiste.local_add_table('R', 'later', array[['no_triggers', 'x']]);
create table flat (id int primary key);
select * from londiste.local_add_table('R', 'flat', array[['no_triggers'], ['backup']]);
create table empty_args (id int primary key);
select * from londiste.local_add_table('R', 'empty_args', '{}');

select * from tables;
select * from triggers;
select * from londiste.get_table_list('R');
select * from londiste.get_table_list('unknown');

insert into t1 values (1, 'one');
update t1 set txt = 'uno';
delete from t1;
truncate t1;
insert into s.phys values (1, 'one');
truncate s.phys;
insert into quiet values (1);
insert into t3 values (3, null);
select * from events;

-- earlier user triggers make no difference
create function noop() returns trigger as $$ begin return null; end; $$ language plpgsql;
create table early (id int primary key);
create trigger "AAA" after insert on early for each row execute function noop();
select * from londiste.local_add_table('R', 'early');

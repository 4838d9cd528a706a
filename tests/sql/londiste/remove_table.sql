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
select pgq_node.register_location(q, n, 'dbname=' || n, false)
  from unnest(array['R', 'L', 'L2']) q, unnest(array['top', 'here']) n;
select * from pgq_node.create_node('R', 'root', 'top', 'top_worker', null, null, null);
create table t1 (id serial primary key, big bigserial, txt text default 'x');
create table t2 (id int primary key);
select * from londiste.local_add_table('R', 't1', null, 'a=b');
select * from londiste.local_add_seq('R', 't1_id_seq');
select * from londiste.local_add_seq('R', 't1_big_seq');
select * from londiste.local_add_table('R', 't2');
select * from londiste.global_add_table('R', 'known_only');

select * from londiste.local_remove_table('unknown', 't1');
select * from londiste.local_remove_table('R', 'unknown');
select * from londiste.local_remove_table('R', null);
select * from londiste.local_remove_table('R', 't1');
select * from londiste.local_remove_table('R', 't1');
select * from londiste.local_remove_table('R', 'known_only');
select * from londiste.get_seq_list('R');
drop table t2;
select * from londiste.local_remove_table('R', 't2');
select * from tables;
select * from triggers;
select * from events;

-- leaf
select * from pgq_node.create_node('L', 'leaf', 'here', 'l_worker', 'top', 5, null);
create table t3 (id serial primary key);
select londiste.global_add_table('L', t) from unnest(array['t3', 't4']) t;
select * from londiste.global_update_seq('L', 't3_id_seq', 100);
select * from londiste.local_add_seq('L', 't3_id_seq');
select * from londiste.local_remove_table('L', 't4');
select * from londiste.local_add_table('L', 't3', null, 'a=b');
select * from londiste.local_remove_table('L', 't3');
select * from londiste.get_seq_list('L');
select * from tables;
select * from triggers;
select * from londiste.local_remove_table('L', 't3');

-- in the middle of a copy: rows off, structure back
select * from londiste.local_add_table('L', 't3');
begin;
set local session_replication_role = replica;
insert into t3 values (1), (1000);
commit;
alter table t3 drop constraint t3_pkey;
select * from londiste.local_set_table_state('L', 't3', '1:2:', 'in-copy');
select * from londiste.local_set_table_struct('L', 'public.t3', 'alter table t3 add constraint t3_pkey primary key (id); create index t3_idx on t3 (id);');
select * from londiste.local_remove_table('L', 't3');
select count(*) from t3;
select indexname from pg_indexes where tablename = 't3' order by 1;
select * from tables;

-- another queue's trigger does not let the rows be taken off
select * from pgq_node.create_node('L2', 'leaf', 'here', 'l2_worker', 'top', 5, null);
select * from londiste.global_add_table('L2', 't3');
select * from londiste.local_add_table('L', 't3', array['no_merge']);
select * from londiste.local_add_table('L2', 't3', array['no_merge']);
select * from londiste.local_set_table_state('L', 't3', '1:2:', 'in-copy');
select * from londiste.local_set_table_struct('L', 'public.t3', 'select 1');
select * from londiste.local_remove_table('L', 't3');
select * from tables;

-- out of the set
select * from londiste.global_remove_table('unknown', 't3');
select * from londiste.global_remove_table('L2', 'unknown');
select * from londiste.global_remove_table('L2', 't3');
select * from londiste.global_remove_table('L', 't4');
select * from londiste.global_add_table('L', 't4');
select * from londiste.global_add_table('L', 'public.t4');
select * from londiste.global_add_table('unknown', 't4');
select * from londiste.global_add_table(null, 't4');
select * from tables;
select * from triggers;

-- on a root too: the row's trigger takes the table's triggers off
create table t5 (id int primary key);
select * from londiste.local_add_table('R', 't5');
select * from londiste.global_remove_table('R', 't5');
select * from triggers;
select * from londiste.local_add_table('R', 't5');
begin;
set local session_replication_role = replica;
delete from londiste.table_info where queue_name = 'R';
commit;
select * from triggers where on_table = 't5';
select * from londiste.local_add_table('R', 't5');
-- the node goes: its rows and triggers with it
select * from pgq_node.drop_node('R', 'top');
select * from pgq_node.drop_node('L', 'here');
select * from pgq_node.drop_node('L2', 'here');
select * from tables;
select * from londiste.seq_info;
select * from triggers;

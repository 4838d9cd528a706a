select pgq_node.register_location(q, n, 'dbname=' || n, false)
  from unnest(array['CR', 'pr1', 'pr2', 'CB', 'pb1', 'pb2', 'B', 'R']) q, unnest(array['top', 'here']) n;
create schema "Odd S";
create table a (id int primary key, parent int constraint self_fk references a);
create table b (id int primary key, a_id int constraint b_a_fk references a on delete cascade deferrable);
create table "Odd S"."C c" (id int primary key, b_id int, a_id int,
    constraint "fk B" foreign key (b_id) references b, constraint "fk A" foreign key (a_id) references a);
alter table "Odd S"."C c" add constraint late_fk foreign key (id) references a not valid;

select * from londiste.find_table_fkeys('a');
select * from londiste.find_table_fkeys('public.b');
select * from londiste.find_table_fkeys('Odd S.C c');
select * from londiste.find_table_fkeys('unknown');
select * from londiste.find_table_fkeys(null);
set search_path = pg_catalog;
select * from londiste.find_table_fkeys('public.b');
reset search_path;

select londiste.drop_table_fkey('b', 'b_a_fk');
select londiste.drop_table_fkey('public.a', 'b_a_fk');
select londiste.drop_table_fkey('public.b', 'unknown');
select londiste.drop_table_fkey('public.b', 'b_a_fk');
select londiste.drop_table_fkey('public.b', 'b_a_fk');
select londiste.drop_table_fkey('Odd S.C c', 'fk B');
select londiste.drop_table_fkey('Odd S.C c', 'late_fk');
select londiste.drop_table_fkey('public.a', 'self_fk');
select londiste.drop_table_fkey(null, 'self_fk');
alter table b add constraint b_a_fk foreign key (a_id) references a;
select londiste.drop_table_fkey('public.b', 'b_a_fk');
alter table b drop constraint b_a_fk;
select * from londiste.get_table_pending_fkeys('public.a');
select * from londiste.get_table_pending_fkeys('Odd S.C c');
select * from londiste.get_table_pending_fkeys('a');
select conname from pg_constraint where contype = 'f' and conrelid in ('a'::regclass, 'b'::regclass, '"Odd S"."C c"'::regclass) order by 1;

-- at once
select londiste.restore_table_fkey('public.b', 'unknown');
select londiste.restore_table_fkey('public.b', 'b_a_fk');
select londiste.restore_table_fkey('public.b', 'b_a_fk');
select londiste.drop_table_fkey('public.b', 'b_a_fk');
alter table b add constraint b_a_fk foreign key (a_id) references a;
select londiste.restore_table_fkey('public.b', 'b_a_fk', false);
alter table b drop constraint b_a_fk;
insert into b values (1, 99);
select londiste.restore_table_fkey('public.b', 'b_a_fk', false);
delete from b;
select londiste.restore_table_fkey('public.b', 'b_a_fk', null);

-- step by step
select londiste.restore_table_fkey('Odd S.C c', 'fk B', true) \gset
\echo :restore_table_fkey
:restore_table_fkey;
select londiste.restore_table_fkey('Odd S.C c', 'fk B', true) \gset
\echo :restore_table_fkey
:restore_table_fkey;
select londiste.restore_table_fkey('Odd S.C c', 'fk B', true);
select londiste.restore_table_fkey('Odd S.C c', 'fk B', true);
select londiste.restore_table_fkey('Odd S.C c', 'late_fk', true);
select * from londiste.get_table_pending_fkeys('Odd S.C c');
delete from londiste.pending_fkeys;

-- which queue restores which key
select * from pgq_node.create_node('CR', 'root', 'here', 'cr_worker', null, null, null);
select * from pgq_node.create_node('CB', 'branch', 'here', 'cb_worker', 'top', 5, null);
select * from pgq_node.create_node('pr1', 'leaf', 'here', 'pr1_worker', 'top', 5, 'CR');
select * from pgq_node.create_node('pr2', 'leaf', 'here', 'pr2_worker', 'top', 5, 'CR');
select * from pgq_node.create_node('pb1', 'leaf', 'here', 'pb1_worker', 'top', 5, 'CB');
select * from pgq_node.create_node('pb2', 'leaf', 'here', 'pb2_worker', 'top', 5, 'CB');
select * from pgq_node.create_node('B', 'branch', 'here', 'b_worker', 'top', 5, null);
select * from pgq_node.create_node('R', 'root', 'here', 'r_worker', null, null, null);
insert into londiste.pending_fkeys
select 'public.' || f, 'public.' || t, 'fk', 'ddl'
  from (values ('x', 'y'), ('x1', 'x1'), ('u', 'v'), ('p', 'q'), ('half', 'nowhere'), ('n', 'n2')) v (f, t);
create view who as
select p.from_table, q.queue_name
  from pgq_node.node_info q, londiste.get_valid_pending_fkeys(q.queue_name) p
 order by 1, 2;
select * from who;
insert into londiste.table_info (queue_name, table_name, local, merge_state)
select q, 'public.' || t, true, 'ok'
  from (values ('CR', 'x'), ('CR', 'y'), ('pr1', 'x'), ('pr1', 'y'), ('pr2', 'x'), ('pr2', 'y'), ('pr2', 'x1'),
               ('CB', 'u'), ('CB', 'v'), ('pb1', 'u'), ('pb1', 'v'), ('pb2', 'u'), ('pb2', 'v'),
               ('B', 'p'), ('R', 'q'), ('R', 'half'), ('R', 'n')) v (q, t);
insert into londiste.table_info (queue_name, table_name, local, merge_state, dest_table) values ('R', 'public.logical', true, 'ok', 'public.n2');
select * from who;
select * from londiste.get_valid_pending_fkeys('pr1');
select * from londiste.get_valid_pending_fkeys('unknown');
select * from londiste.get_valid_pending_fkeys(null);
update londiste.table_info set merge_state = null where queue_name = 'pr2' and table_name = 'public.y';
update londiste.table_info set custom_snapshot = '1:1:' where queue_name = 'CB' and table_name = 'public.v';
update londiste.table_info set merge_state = 'catching-up' where queue_name = 'R' and table_name = 'public.n';
select * from who;
update londiste.table_info set merge_state = 'ok', custom_snapshot = null;
update londiste.table_info set local = false where queue_name = 'CB';
update londiste.table_info set local = false where queue_name = 'pr1';
update londiste.table_info set local = false where queue_name = 'R' and table_name = 'public.q';
select * from who;

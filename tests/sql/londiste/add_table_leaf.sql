create view triggers as
select t.tgrelid::regclass::text as on_table, t.tgname as name, t.tgenabled as en,
       -- a trigger made for one table is as good as the general one
       regexp_replace(regexp_replace(pg_get_triggerdef(t.oid, true),
           'londiste\._capture_\w+', 'pgq.logutriga'), '^CREATE (CONSTRAINT )?TRIGGER \S+ ', '\1') as definition
  from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
 where not t.tgisinternal and n.nspname not in ('pgq', 'pgq_node', 'londiste')
 order by 1, 2;
create view tables as
select queue_name, table_name, local, merge_state, custom_snapshot, dropped_ddl, table_attrs, dest_table
  from londiste.table_info order by queue_name, table_name;
select pgq_node.register_location(q, n, 'dbname=' || n, false)
  from unnest(array['L', 'L2', 'B', 'R']) q, unnest(array['top', 'here']) n;
select * from pgq_node.create_node('L', 'leaf', 'here', 'l_worker', 'top', 5, null);
select * from pgq_node.create_node('B', 'branch', 'here', 'b_worker', 'top', 5, null);
create table t1 (id int primary key);
create table t2 (id int primary key);
create table t3 (id int primary key);
create table t4 (id int primary key);
create table phys (id int primary key);

select * from londiste.local_add_table('L', 't1');
select * from londiste.local_add_table('L', 't1', null, null, 'phys');
select * from londiste.local_add_table('L', 'air', array['virtual_table']);
select londiste.global_add_table('L', t), londiste.global_add_table('B', t) from unnest(array['t1', 't2']) t;
select londiste.global_add_table('L', t) from unnest(array['t3', 't4', 'far.name', 'air']) t;
select * from londiste.local_add_table('L', 't3');
select * from londiste.local_add_table('L', 't3');
select * from londiste.local_add_table('L', 't4', array['expect_sync']);
select * from londiste.local_add_table('L', 'far.name', array['skip_truncate'], 'copy_condition=id%3c5', 'phys');
select * from londiste.local_add_table('L', 'air', array['virtual_table']);
select * from tables;

-- A plain leaf takes branches and roots of the same table for other sources.
select * from londiste.local_add_table('L', 't1', array['no_merge']);
select * from londiste.local_add_table('B', 't2');
begin;
select * from londiste.local_add_table('L', 't2');
rollback;
begin;
select * from londiste.local_add_table('L', 't2', array['merge_all']);
rollback;
select * from londiste.local_add_table('L', 't2', array['no_merge']);
select * from tables;

select * from pgq_node.create_node('L2', 'leaf', 'here', 'l2_worker', 'top', 5, null);
select londiste.global_add_table('L2', t) from unnest(array['t3', 't4', 'phys']) t;
begin;
select * from londiste.local_add_table('L2', 't3');
rollback;
select * from londiste.local_add_table('L2', 't3', array['expect_sync'], 'x=y');
select * from tables;
select * from triggers;

-- states, attributes and structure
select * from londiste.local_set_table_state('L', 't3', '1:2:', 'in-copy');
select * from londiste.local_set_table_state('L', 'public.t3', null, null);
select * from londiste.local_set_table_state('L', 't3', null, E'back\\slash');
select * from londiste.local_set_table_state('L', 'unknown', null, 'ok');
select * from londiste.local_set_table_state('unknown', 't3', null, 'ok');
select * from londiste.local_set_table_struct('L', 'public.t3', 'create index');
select * from londiste.local_set_table_state('L', 't3', null, 'in-copy');
select * from londiste.local_set_table_struct('L', 'public.t3', 'create index');
select * from londiste.local_set_table_struct('L', 't3', 'create index');
select * from londiste.local_set_table_state('L', 't3', '1:2:', 'catching-up');
select * from londiste.local_set_table_state('L', 't3', '1:2:', 'wanna-sync:5');
select * from londiste.local_set_table_state('L', 't3', '1:2:', null);
select * from londiste.local_set_table_struct('L', 'public.t3', null);
select * from londiste.local_set_table_state('L', 't3', null, 'wanna-sync:5');
select * from londiste.local_set_table_attrs('L', 'public.t3', 'a=b');
select * from londiste.local_set_table_attrs('L', 't3', 'a=b');
select * from londiste.local_set_table_attrs('L', 'public.t3', null);
select * from londiste.local_set_table_attrs('unknown', 'public.t3', null);
select * from tables where table_name = 'public.t3';

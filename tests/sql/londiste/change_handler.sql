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
  from unnest(array['R', 'L']) q, unnest(array['top', 'here']) n;
select * from pgq_node.create_node('R', 'root', 'top', 'top_worker', null, null, null);
select * from pgq_node.create_node('L', 'leaf', 'here', 'l_worker', 'top', 5, null);
create table t1 (id int primary key);
create table t2 (id int primary key);
create table t3 (id int primary key);
select * from londiste.local_add_table('R', 't1');
select * from londiste.local_add_table('R', 'logical', null, null, 't2');
select londiste.global_add_table('L', 't3');

select * from londiste.local_change_handler('unknown', 'public.t1', array['backup'], 'handler=x');
select * from londiste.local_change_handler('R', 't1', array['backup'], 'handler=x');
select * from londiste.local_change_handler('L', 'public.t3', array['backup'], 'handler=x');
select * from londiste.local_change_handler('R', 'public.t1', array['backup'], 'handler=x');
select * from londiste.local_change_handler('R', 'public.logical', array['backup'], 'handler=y');
select * from triggers;
select * from londiste.local_change_handler('R', 'public.t1', array['no_triggers'], null);
select * from londiste.local_change_handler('R', 'public.t1', array['tgflags=BS'], 'handler=z');
select * from londiste.local_change_handler('R', 'public.t1', null, 'handler=late');
select * from londiste.local_add_table('L', 't3');
select * from londiste.local_change_handler('L', 'public.t3', array['tgflags=J'], 'handler=x');
select * from triggers;
select * from tables;

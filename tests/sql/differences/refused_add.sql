-- A refused local_add_table leaves nothing behind, also where the caller commits. In the reference the table stays
-- attached without triggers, and the next attempt says that it was added already.
create view triggers as
select t.tgrelid::regclass::text as on_table, t.tgname as name, regexp_replace(pg_get_triggerdef(t.oid), 'londiste\._capture_\w+', 'pgq.logutriga') as definition
  from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
 where not t.tgisinternal and n.nspname not in ('pgq', 'pgq_node', 'londiste')
 order by 1, 2;
select pgq_node.register_location(q, n, 'dbname=' || n, false)
  from unnest(array['R', 'L1', 'L2', 'CR', 'm1', 'm2']) q, unnest(array['top', 'here']) n;
select * from pgq_node.create_node('R', 'root', 'top', 'top_worker', null, null, null);
select * from pgq_node.create_node('L1', 'leaf', 'here', 'l1_worker', 'top', 5, null);
select * from pgq_node.create_node('L2', 'leaf', 'here', 'l2_worker', 'top', 5, null);
create table t1 (id int primary key);
select londiste.global_add_table(q, 't1') from unnest(array['L1', 'L2']) q;
select * from londiste.local_add_table('L1', 't1');
select * from londiste.local_add_table('L1', 't1');
select queue_name, table_name, local from londiste.table_info order by 1, 2;
select * from triggers;

create function noop() returns trigger as $$ begin return null; end; $$ language plpgsql;
create table t2 (id int primary key);
create trigger skipper before insert on t2 for each row execute function noop('one', 'SKIP');
select * from londiste.local_add_table('R', 't2');
select * from londiste.local_add_table('R', 't2');
select queue_name, table_name, local from londiste.table_info order by 1, 2;
select ev_type, ev_data from pgq.event_template order by ev_id;

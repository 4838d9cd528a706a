-- A SKIP trigger whose name needs quotes is put last like any other.
create view triggers as
select t.tgrelid::regclass::text as on_table, t.tgname as name, regexp_replace(pg_get_triggerdef(t.oid), 'londiste\._capture_\w+', 'pgq.logutriga') as definition
  from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
 where not t.tgisinternal and n.nspname not in ('pgq', 'pgq_node', 'londiste')
 order by 1, 2;
select pgq_node.register_location('R', 'top', 'dbname=top', false);
select * from pgq_node.create_node('R', 'root', 'top', 'top_worker', null, null, null);
create function noop() returns trigger as $$ begin return null; end; $$ language plpgsql;
create table t (id int primary key);
create trigger "Skip Me" before insert on t for each row execute function noop('one', 'SKIP');
select * from londiste.local_add_table('R', 't', array['tgflags=BS']);
select * from triggers;

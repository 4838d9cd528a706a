-- A queue name the server would have to cut: triggers keep names of their own and can be made anew.
create view triggers as
select t.tgrelid::regclass::text as on_table, t.tgname as name, regexp_replace(pg_get_triggerdef(t.oid), 'londiste\._capture_\w+', 'pgq.logutriga') as definition
  from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
 where not t.tgisinternal and n.nspname not in ('pgq', 'pgq_node', 'londiste')
 order by 1, 2;
create table t (id int primary key);
create table u (id int primary key);
select repeat('q', 44) as q44, repeat('q', 45) as q45, repeat('q', 53) as q53, repeat('q', 60) as q60, repeat('ü', 40) as umlauts \gset
select pgq_node.register_location(q, 'top', 'dbname=top', false) from unnest(array[:'q44', :'q45', :'q53', :'q60', :'umlauts']) q;
select ret_code from unnest(array[:'q44', :'q45', :'q53', :'q60', :'umlauts']) q, pgq_node.create_node(q, 'root', 'top', q, null, null, null);
select * from londiste.local_add_table(:'q44', 't');
select * from londiste.local_add_table(:'q45', 't');
select * from londiste.local_add_table(:'q53', 't');
select * from londiste.local_add_table(:'q60', 't');
select * from londiste.local_add_table(:'umlauts', 't');
select * from londiste.local_change_handler(:'q44', 'public.t', array['backup'], null);
select * from londiste.local_change_handler(:'q45', 'public.t', array['backup'], null);
select * from londiste.local_change_handler(:'q60', 'public.t', array['backup'], null);
select * from londiste.local_add_table(:'q60', 'u', array['tgflags=BS']);
select on_table, name, octet_length(name) as bytes from triggers;
select * from londiste.local_remove_table(:'q60', 't');
select on_table, name, octet_length(name) as bytes from triggers;

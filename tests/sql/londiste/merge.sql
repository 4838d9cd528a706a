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
  from unnest(array['CR', 'pr1', 'pr2', 'CB', 'pb1', 'pb2', 'plain', 'mp']) q, unnest(array['top', 'here']) n;
select pgq.create_queue('plain');
select * from pgq_node.create_node('CR', 'root', 'here', 'cr_worker', null, null, null);
select * from pgq_node.create_node('CB', 'branch', 'here', 'cb_worker', 'top', 5, null);
select * from pgq_node.create_node('pr1', 'leaf', 'here', 'pr1_worker', 'top', 5, 'CR');
select * from pgq_node.create_node('pr2', 'leaf', 'here', 'pr2_worker', 'top', 5, 'CR');
select * from pgq_node.create_node('pb1', 'leaf', 'here', 'pb1_worker', 'top', 5, 'CB');
select * from pgq_node.create_node('pb2', 'leaf', 'here', 'pb2_worker', 'top', 5, 'CB');
select * from pgq_node.create_node('mp', 'leaf', 'here', 'mp_worker', 'top', 5, 'plain');
do $$
begin
    for i in 1 .. 9 loop
        execute format('create table t%s (id int primary key)', i);
    end loop;
end;
$$;

-- a merged table is known to the combined queue at once
select londiste.global_add_table(q, t) from unnest(array['pr1', 'pr2']) q, generate_series(1, 4) i, cast('t' || i as text) t;
select londiste.global_add_table(q, t) from unnest(array['pb1', 'pb2']) q, generate_series(5, 7) i, cast('t' || i as text) t;
select londiste.global_add_table('mp', 't8');
select * from tables;

begin;
select * from londiste.local_add_table('pr1', 't1');
rollback;
select * from londiste.local_add_table('pr1', 't1', array['merge_all', 'skip_truncate'], 'h=1');
select * from londiste.local_add_table('pr1', 't2', array['no_merge']);
begin;
select * from londiste.local_add_table('pr2', 't2');
rollback;
begin;
select * from londiste.local_add_table('pr2', 't2', array['merge_all']);
rollback;
select * from londiste.local_add_table('pr2', 't2', array['no_merge']);
select * from londiste.local_add_table('pr2', 't3', array['expect_sync']);
select * from londiste.local_add_table('pb1', 't5');
select * from londiste.local_add_table('pb1', 't6', array['merge_all', 'skip_truncate'], 'h=1');
select * from londiste.local_add_table('pb2', 't7', array['no_merge']);
select * from londiste.local_add_table('mp', 't8');
select * from tables;
select * from triggers;

-- renamed: merge_all does not reach a source of another name
create table mdest (id int primary key);
select londiste.global_add_table(q, 'src') from unnest(array['pr1', 'pr2']) q;
select * from londiste.local_add_table('pr1', 'src', array['merge_all'], null, 'mdest');
begin;
select * from londiste.local_add_table('pr2', 'src', array['merge_all'], null, 'mdest');
rollback;
select * from londiste.local_add_table('pr2', 'src', array['expect_sync'], null, 'mdest');
select * from tables where table_name = 'public.src';

-- a primary key put away for the copy of another source is excused
create table away (id int);
select londiste.global_add_table(q, 'away') from unnest(array['pr1', 'pr2', 'mp']) q;
update londiste.table_info set local = true, merge_state = 'in-copy', dropped_ddl = 'alter table away add primary key (id)'
 where queue_name = 'pr1' and table_name = 'public.away';
select * from londiste.local_add_table('mp', 'away');
begin;
select * from londiste.local_add_table('pr2', 'away', array['no_merge']);
rollback;
select * from londiste.local_add_table('pr2', 'away');
update londiste.table_info set merge_state = null, dropped_ddl = null where queue_name = 'pr1' and table_name = 'public.away';
select * from londiste.local_add_table('pr2', 'away');

-- the combined queue has it already
select * from londiste.local_add_table('CR', 't4');
select * from londiste.local_add_table('pr1', 't4', array['merge_all', 'backup']);
select * from tables where table_name = 'public.t4';
select * from triggers where on_table = 't4';

-- removal leaves the others alone
select * from londiste.local_remove_table('pr1', 't1');
select * from tables where table_name = 'public.t1';
select * from triggers where on_table = 't1';
select * from londiste.global_remove_table('pr1', 't1');
select * from tables where table_name = 'public.t1';

-- a combined queue without node
select * from pgq_node.drop_node('CB', 'here');
select * from londiste.global_add_table('pb1', 't9');
select * from londiste.local_add_table('pb1', 't9');
select * from tables where queue_name like '%b%';

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
select pgq_node.register_location(q, n, 'dbname=' || n, false)
  from unnest(array['R', 'L', 'B', 'L1']) q, unnest(array['top', 'here']) n;
select * from pgq_node.create_node('R', 'root', 'top', 'top_worker', null, null, null);
select * from pgq_node.create_node('B', 'branch', 'here', 'b_worker', 'top', 5, null);
select * from pgq_node.create_node('L', 'leaf', 'here', 'l_worker', 'top', 5, null);
select * from pgq_node.create_node('L1', 'leaf', 'here', 'l1_worker', 'top', 5, null);

do $$
begin
    for i in 1 .. 24 loop
        execute format('create table t%s (id int primary key, txt text)', i);
    end loop;
end;
$$;
select * from londiste.local_add_table('R', 't1', array['tgflags=bqiu', 'pkey=id', 'ev_extra2=a']);
select * from londiste.local_add_table('R', 't2', array['tgflags=QLJ']);
select * from londiste.local_add_table('R', 't3', array['tgflags=ABD']);
select * from londiste.local_add_table('R', 't4', array['tgflags=I', 'tgflags=D']);
select * from londiste.local_add_table('R', 't5', array['tgflags=BQ', 'skip']);
select * from londiste.local_add_table('R', 't6g', array['backup'], null, 't6');
select * from londiste.local_add_table('R', 't7g', array['ev_extra1=''foo''', 'tgflags=BS'], null, 't7');
select * from londiste.local_add_table('R', 't8', array['tgflags=']);
select * from londiste.local_add_table('R', 't9', array['tgflags=xyz', 'TGFLAGS=B', 'Expect_Sync']);
select * from londiste.local_add_table('R', 't10', array['tgflags=qj', 'SkIp', 'tgflags=b']);
select * from londiste.local_add_table('R', 't11', array['when=txt = ''a''', 'ignore=txt', E'back\\slash', 'quo"te', '']);
select * from londiste.local_add_table('R', 't12', array['skip']);
select * from londiste.global_add_table('L', 't13');
select * from londiste.local_add_table('L', 't13');
select * from londiste.global_add_table('B', 't14');
select * from londiste.local_add_table('B', 't14');
select * from londiste.global_add_table('L1', 't15');
select * from londiste.local_add_table('L1', 't15', array['tgflags=BS', 'backup']);
select * from triggers;

-- AFTER and SKIP do not go together, the first change says so
insert into t12 values (1);
-- the deny triggers of a leaf, the closed queue of a branch
insert into t13 values (1);
truncate t13;
insert into t14 values (1);
begin;
set local session_replication_role = replica;
insert into t13 values (1);
insert into t14 values (1);
commit;
insert into t5 values (1, 'not stored');
select * from t5;
insert into t6 values (1, 'stored');
insert into t11 values (1, 'a');
select * from events;

-- create_trigger by itself: node types, renewal, nothing to do
select * from londiste.create_trigger('R', 'public.t16', null, 'public.t16', null);
select * from londiste.create_trigger('R', 'public.t16', array['backup'], 'public.t16', 'root');
select * from londiste.create_trigger('R', 'public.t16', array['no_triggers', 'backup'], 'public.t16', 'root');
select * from londiste.create_trigger('R', 'public.t16', array['virtual_table'], 'public.t16', 'root');
select * from londiste.create_trigger('R', 'public.t16', array['expect_sync', 'skip_truncate', 'merge_all', 'no_merge', 'x'], 'public.t16', 'leaf');
select * from londiste.create_trigger('R', 'public.t17', array['a'], 'public.t17', 'twig');
select * from londiste.create_trigger('R', 't18', null, 'public.t18', 'root');
select * from londiste.create_trigger('R', 'public.t19', null, null, 'root');
select * from londiste.create_trigger('R', 'public.t19', null, 'public.missing', 'root');
select * from triggers where on_table in ('t16', 't17', 't18', 't19');

-- other SKIP triggers
create function noop() returns trigger as $$ begin return null; end; $$ language plpgsql;
create trigger skipper before insert on t20 for each row execute function noop('one', 'SKIP');
begin;
select * from londiste.local_add_table('R', 't20');
rollback;
select * from londiste.local_add_table('R', 't20', array['tgflags=B']);
select * from londiste.local_remove_table('R', 't20');
select * from londiste.local_add_table('R', 't20', array['tgflags=B', 'skip']);
create trigger zzz_skipper before insert on t21 for each row execute function noop('one', 'SKIP', 'two');
select * from londiste.local_add_table('R', 't21', array['tgflags=BS']);
create trigger skip1 before insert on t22 for each row execute function noop('one', 'SKIP');
create trigger skip2 before insert on t22 for each row execute function noop('one', 'SKIP');
select * from londiste.create_trigger('R', 'public.t22', array['tgflags=BS'], 'public.t22', 'root');
-- not whole, not preceded, not upper case
create trigger only_arg before insert on t23 for each row execute function noop('SKIP');
create trigger longer before insert on t23 for each row execute function noop('one', 'SKIPPER', 'skip');
select * from londiste.local_add_table('R', 't23', array['tgflags=BS']);
-- the own one counts as well when it is made anew
select * from londiste.create_trigger('R', 'public.t23', array['tgflags=BS'], 'public.t23', 'root');
select * from londiste.create_trigger('R', 'public.t23', array['tgflags=B'], 'public.t23', 'root');
select * from londiste.create_trigger('R', 'public.t23', null, 'public.t23', 'root');
select * from triggers where on_table in ('t20', 't21', 't22', 't23');

-- two queues on one table, odd names
select pgq_node.register_location('Q''x "y', 'top', 'dbname=top', false);
select * from pgq_node.create_node('Q''x "y', 'root', 'top', 'odd_worker', null, null, null);
create schema "S s";
create table "S s"."T.t" (id int primary key);
select * from londiste.local_add_table('Q''x "y', 'S s.T.t');
select * from londiste.local_add_table('R', 'S s.T.t');
select * from triggers where on_table like '"S s"%';
select londiste.drop_table_triggers('Q''x "y', 'S s.T.t');
select * from triggers where on_table like '"S s"%';

-- all that feed the queue go, under whatever name; not those of others
create trigger extra after insert on t24 for each row execute function pgq.logutriga('R', 'mine');
create trigger foreign_queue after insert on t24 for each row execute function pgq.logutriga('RR');
create trigger userland after insert on t24 for each row execute function noop('R');
select * from londiste.local_add_table('R', 't24');
select londiste.drop_table_triggers('R', 't24');
select * from triggers where on_table = 't24';
select londiste.drop_table_triggers('R', 'public.unknown');
select londiste.drop_table_triggers('R', 'public.t24');
select londiste.drop_table_triggers(null, 'public.t24') is null;
select * from triggers where on_table = 't24';

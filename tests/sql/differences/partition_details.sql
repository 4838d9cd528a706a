-- A parent with generated columns has partitions too; trigger names with the table's name in them survive; only the
-- target of a rule is replaced, also for a table outside the search path.
create table gen (id int primary key, doubled int generated always as (id * 2) stored);
select londiste.create_partition('gen', 'gen_1', 'id', null, null, null);
insert into gen_1 values (4);
select * from gen_1;

create function noop() returns trigger as $$ begin return null; end; $$ language plpgsql;
create table t (id int primary key);
create trigger "x ON public.t y" after insert on t for each row execute function noop();
select londiste.create_partition('t', 't_1', 'id', null, null, null);
select tgname, pg_get_triggerdef(oid) from pg_trigger where tgrelid = to_regclass('t_1') and not tgisinternal;

create schema s;
create table s.evs (id int primary key, val int);
create rule r as on delete to s.evs do instead update s.evs set val = -1 where id = old.id;
select londiste.create_partition('s.evs', 's.evs_1', 'id', null, null, null);
insert into s.evs_1 values (1, 1);
delete from s.evs_1;
select * from s.evs_1;

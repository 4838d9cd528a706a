-- The triggers with ordinary tables: the worked examples of the contract.
-- Events are shown in the order they were made and then forgotten.
\set VERBOSITY terse
select pgq.create_queue('q');
create function events(out ev_type text, out ev_data text, out ev_extra1 text, out ev_extra2 text,
                       out ev_extra3 text, out ev_extra4 text) returns setof record
language plpgsql as $$
begin
    return query select e.ev_type, e.ev_data, e.ev_extra1, e.ev_extra2, e.ev_extra3, e.ev_extra4
                   from pgq.event_1 e order by e.ev_id;
    delete from pgq.event_1;
end;
$$;
-- one trigger of each kind, with the same arguments
create function trig(tab text, args text default '', timing text default 'after',
                     ops text default 'insert or update or delete') returns void
language plpgsql as $$
declare kind text;
begin
    foreach kind in array array['logutriga', 'sqltriga', 'jsontriga'] loop
        execute format('drop trigger if exists %I on %s', kind, tab);
        execute format('create trigger %I %s %s on %s for each row execute function pgq.%I(%L%s)',
                       kind, timing, ops, tab, kind, 'q', args);
    end loop;
end;
$$;
set client_min_messages = warning;
\pset null <null>
\pset format unaligned
\set QUIET on

create table trigger_base (id serial primary key, txt text, val float);
select trig('trigger_base');
insert into trigger_base (txt, val) values ('text1', null);
update trigger_base set txt = 'text2' where id = 1;
insert into trigger_base (txt, val) values (null, 1.5);
delete from trigger_base where id = 2;
select * from events();

create table t (dat1 text primary key);
create trigger a before truncate on t execute function pgq.jsontriga('q');
create trigger b after truncate on t execute function pgq.logutriga('q');
create trigger c after truncate on t execute function pgq.sqltriga('q');
truncate t;
select * from events();

create table cpk (a int, b int, c text, primary key (b, a));
select trig('cpk');
insert into cpk values (1, 2, 'x');
update cpk set c = 'y';
delete from cpk;
select * from events();

create table mm (id int primary key, a text, b int, c timestamp, d bool);
select trig('mm');
insert into mm values (1, 'a', 2, '2020-01-01 10:00:00', true);
update mm set a = null, d = false;
update mm set a = a;
select * from events();

create schema "My Schema";
create table "My Schema"."Tbl ""x"", é" (
    "Id col" int primary key, "select" text, "a.b&c=d" text, "UPPER" text, "naïve" text);
select trig('"My Schema"."Tbl ""x"", é"');
insert into "My Schema"."Tbl ""x"", é" values (1, 'a''b\c', null, '', '%+&= ~*/:@é€');
update "My Schema"."Tbl ""x"", é" set "select" = 'x', "naïve" = '日本語 テスト 🐘 ''q''';
delete from "My Schema"."Tbl ""x"", é";
select * from events();
create table keywords ("between" int primary key, "timestamp" text, "user" text, name text, value text,
                       "order" text, "all" text, "true" text);
select trig('keywords');
insert into keywords values (1, '1', '2', '3', '4', '5', '6', '7');
update keywords set name = 'n', "user" = 'u';
set quote_all_identifiers = on;
update keywords set name = 'n2', "user" = 'u2';
reset quote_all_identifiers;
select * from events();

-- no key
create table nokey (a int, b text);
select trig('nokey');
insert into nokey values (1, 'x');
update nokey set b = 'y';
delete from nokey;
select * from events();
create unique index on nokey (a);
update nokey set b = 'y';
alter table nokey alter a set not null;
alter table nokey replica identity full;
update nokey set b = 'y';

-- included columns count as key, renamed key columns do not
create table incl (a int, b int, c text, primary key (a) include (b));
select trig('incl');
insert into incl values (1, 2, 'x');
update incl set c = 'y';
update incl set b = 3;
delete from incl;
select * from events();
create table renamed (id int primary key, c text);
select trig('renamed');
insert into renamed values (1, 'x');
alter table renamed rename id to id2;
insert into renamed values (2, 'x');
update renamed set c = 'y' where id2 = 1;
update renamed set id2 = 4 where id2 = 1;
delete from renamed;
update renamed set c = c;
select * from events();
select count(*) from renamed;

-- tables that change
create table changing (id int primary key, a text, b text);
select trig('changing');
insert into changing values (1, 'a', 'b');
alter table changing add c int default 7;
insert into changing values (2, 'a', 'b', 3);
alter table changing drop column a;
insert into changing values (3, 'b', 3);
alter table changing rename b to bb;
update changing set bb = 'x' where id = 1;
alter table changing alter c type text;
update changing set c = 'x' where id = 1;
alter table changing drop constraint changing_pkey;
insert into changing values (4, 'b', 'x');
alter table changing add primary key (bb, id);
delete from changing where id = 4;
alter table changing rename to changed;
insert into changed values (5, 'b', 'x');
create schema elsewhere;
alter table changed set schema elsewhere;
insert into elsewhere.changed values (6, 'b', 'x');
begin;
alter table elsewhere.changed add d bool;
insert into elsewhere.changed values (7, 'b', 'x', true);
rollback;
insert into elsewhere.changed values (8, 'b', 'x');
select * from events();

-- generated, identity and dropped columns
create table gen (id int generated always as identity primary key, a int, g int generated always as (a * 2) stored,
                  d date generated always as (date '2020-01-01' + a) stored, gone text);
alter table gen drop column gone;
select trig('gen');
insert into gen (a) values (4);
update gen set a = 5;
delete from gen;
select trig('gen', '', 'before');
insert into gen (a) values (4);
update gen set a = 5;
delete from gen;
select * from events();

-- partitions, views, conflicts, temporary tables
create table part (id int, v text, primary key (id)) partition by range (id);
create table part1 partition of part for values from (0) to (10);
create table part2 (v text, id int not null);
alter table part attach partition part2 for values from (10) to (20);
create trigger l after insert or update or delete on part for each row execute function pgq.logutriga('q');
insert into part values (1, 'a'), (11, 'b');
update part set v = 'c';
update part set id = 12 where id = 1;
delete from part;
select * from events();
create table base (id int primary key, v text);
create view vw as select id, v as w from base;
create trigger i instead of insert or update or delete on vw for each row execute function pgq.logutriga('q', 'pkey=id');
create trigger j instead of insert or update or delete on vw for each row execute function pgq.jsontriga('q', 'pkey=id');
insert into vw values (1, 'x');
insert into base values (2, 'y');
update vw set w = 'z';
delete from vw;
select * from events();
drop trigger i on vw;
drop trigger j on vw;
create trigger i instead of insert or update or delete on vw for each row execute function pgq.sqltriga('q');
insert into vw values (1, 'x');
update vw set w = 'z';
select * from events();
select trig('base', '', 'before');
insert into base values (2, 'n') on conflict (id) do update set v = excluded.v;
insert into base values (2, 'n') on conflict (id) do nothing;
select * from events();
create temp table tmp (id int primary key);
select trig('tmp');
insert into tmp values (1);
select ev_type = 'I:id' or ev_type ~ 'pg_temp', ev_data, ev_extra1 ~ '^pg_temp_\d+\.tmp$' from events() where ev_type ~ ':';

-- wide tables, wide keys
do $$
begin
    execute 'create table wide33 (' || (select string_agg(format('c%s text', i), ', ') from generate_series(1, 33) i) || ', primary key (c1, c33))';
    execute 'create table wide32 (' || (select string_agg(format('c%s text', i), ', ') from generate_series(1, 32) i) || ', primary key (c1, c32))';
    execute 'create table wide300 (' || (select string_agg(format('c%s text', i), ', ') from generate_series(1, 300) i) || ', primary key (c1, c33))';
end;
$$;
select trig('wide32'), trig('wide33'), trig('wide300');
insert into wide32 (c1, c32, c2, c3, c4, c5, c6) values ('a', 'b', '', 'x,y', '"q"', '(\)', ' ');
insert into wide33 (c1, c33, c2, c3, c4, c5, c6) values ('a', 'b', '', 'x,y', '"q"', '(\)', ' ');
insert into wide300 (c1, c33, c2, c3, c4, c5, c6, c299, c300) values ('a', 'b', '', 'x,y', '""",\"\\,', '(\)', ' ', e'\n', 'é"');
insert into wide300 select format('%s', i), '"a', 'a"', ',"', '",', '""', '\', '\\', '"\"', ',,', '()', e'\t' from generate_series(2, 2) i;
update wide32 set c7 = 'x', c6 = null;
update wide33 set c7 = 'x', c6 = null;
update wide300 set c7 = 'x', c6 = null, c300 = '';
select * from events();
create table one (a text);
create table oneid (a int primary key);
create table none ();
select trig('one'), trig('oneid'), trig('none');
insert into one values (null), (''), ('x'), ('()'), ('""');
insert into oneid values (1);
update oneid set a = 1;
delete from oneid;
insert into none default values;
select * from events();

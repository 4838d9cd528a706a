-- What counts as a change, and updates of keys.
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

create extension citext;
create type mood as enum ('sad', 'ok');
create type pair as (a int, b numeric);
create domain dnum as numeric;
create domain dcit as citext;
create domain darr as numeric[];
create collation ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create function chg(typ text, val1 text, val2 text) returns setof text language plpgsql as $$
declare kind text; ev record; col text;
begin
    execute format('create table chg (id int primary key, k %1$s, v %1$s, other text)', typ);
    foreach kind in array array['logutriga', 'sqltriga', 'jsontriga'] loop
        execute format('create trigger t after update on chg for each row execute function pgq.%I(''q'', ''pkey=id,k'', ''ignore=other'')', kind);
        foreach col in array array['k', 'v'] loop
            execute format('insert into chg values (1, %1$s, %1$s)', val1);
            begin
                execute format('update chg set %I = %s, other = ''changed''', col, val2);
            exception when others then
                return next format('%s %s %s %s: ERROR %s', kind, col, val1, val2, sqlerrm);
            end;
            for ev in select * from events() loop
                return next format('%s %s %s %s: %s', kind, col, val1, val2, ev);
            end loop;
            delete from chg;
        end loop;
        drop trigger t on chg;
    end loop;
    drop table chg;
end;
$$;
select chg('int', '1', '1');
select chg('int', '1', '2');
select chg('text', '''a''', '''A''');
select chg('text', '''a''', 'null');
select chg('text', 'null', '''''');
select chg('text', 'null', 'null');
select chg('numeric', '1.0', '1.00');
select chg('numeric', '1.0', '1.01');
select chg('numeric', '''NaN''', '''NaN''');
select chg('float8', '0', '''-0''');
select chg('float8', '''NaN''', '''NaN''');
select chg('float4', '1.5', '1.25');
select chg('interval', '''1 day''', '''24:00''');
select chg('interval', '''1 day''', '''25:00''');
select chg('citext', '''a''', '''A''');
select chg('citext', '''a''', '''B''');
select chg('dcit', '''a''', '''A''');
select chg('dnum', '1.0', '1.00');
select chg('darr', '''{1.0}''', '''{1.00}''');
select chg('numeric[]', '''{1.0}''', '''{1.00}''');
select chg('numeric[]', '''{1.0}''', '''{1.0}''');
select chg('json', '''{"a":1}''', '''{"a": 1}''');
select chg('jsonb', '''{"a":1.0}''', '''{"a": 1.00}''');
select chg('point', '''(1,2)''', '''(1,2.0)''');
select chg('point', '''(1,2)''', '''(1,3)''');
select chg('box', '''(1,1),(0,0)''', '''(2,1),(1,0)''');
select chg('circle', '''<(0,0),1>''', '''<(5,5),1>''');
select chg('lseg', '''(0,0),(1,1)''', '''(0,0),(1,2)''');
select chg('xml', '''<a/>''', '''<a />''');
select chg('xml', '''<a/>''', '''<a/>''');
select chg('bpchar', '''a''', '''a  ''');
select chg('char(5)', '''a''', '''b''');
select chg('varchar', '''a''', '''a ''');
select chg('text collate ci', '''a''', '''A''');
select chg('text collate ci', '''a''', '''B''');
select chg('text collate "C"', '''a''', '''A''');
select chg('mood', '''ok''', '''sad''');
select chg('mood', '''ok''', '''ok''');
select chg('pair', 'row(1, 1.0)', 'row(1, 1.00)');
select chg('pair', 'row(1, 1.0)', 'row(1, 1.01)');
select chg('pair', 'row(null, null)', 'null');
select chg('int4range', '''[1,5)''', '''[1,4]''');
select chg('numrange', '''[1.0,5)''', '''[1.00,5)''');
select chg('timestamptz', '''2020-01-01 00:00+00''', '''2020-01-01 01:00+01''');
select chg('timetz', '''10:00+00''', '''11:00+01''');
select chg('inet', '''10.0.0.1''', '''10.0.0.1/32''');
select chg('money', '1', '1.00');
select chg('bytea', '''\x01''', '''\x02''');
select chg('uuid', '''a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11''', '''A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11''');
select chg('tsvector', '''a b''', '''b a''');
select chg('xid', '''1''', '''2''');
select chg('oid', '1', '2');
select chg('"char"', '''a''', '''b''');
select chg('name', '''a''', '''b''');
select chg('bit(3)', '''101''', '''100''');
select chg('pg_lsn', '''0/1''', '''0/2''');
select chg('tid', '''(0,1)''', '''(0,2)''');
select chg('float8', '0.3', '0.1::float8 + 0.2');
select chg('float8', '0.3', '0.3');
select chg('float4', '0.3', '0.30000004');
select chg('float8[]', 'array[0.3]', 'array[0.1::float8 + 0.2]');
set search_path = pg_temp, public;
select public.chg('public.citext', '''a''', '''A''');
reset search_path;

-- no ignore list
create table t (a int, id int primary key, b text, n numeric);
create function upd(args text, change text) returns setof text
language plpgsql as $$
declare kind text; ev record;
begin
    foreach kind in array array['logutriga', 'sqltriga', 'jsontriga'] loop
        truncate t;
        insert into t values (1, 1, 'b', 1.0);
        execute format('create trigger t after update on t for each row execute function pgq.%I(''q''%s)', kind, args);
        begin
            execute change;
        exception when others then
            return next format('%s: ERROR %s', kind, sqlerrm);
        end;
        drop trigger t on t;
        for ev in select * from events() loop
            return next format('%s: %s', kind, ev);
        end loop;
    end loop;
end;
$$;
select upd('', 'update t set a = a');
select upd('', 'update t set n = 1.00');
select upd('', 'update t set n = 2, b = null');
select upd('', 'update t set id = 2');
select upd('', 'update t set id = 2, b = b');
select upd(', ''ignore=b''', 'update t set a = 3, id = 3');
select upd(', ''ignore=b''', 'update t set n = 3, id = 3');
select upd(', ''ignore=b''', 'update t set b = 3, id = 3');
select upd(', ''ignore=a''', 'update t set a = 3, id = 3');
select upd(', ''ignore=nope''', 'update t set a = 3, n = 5');
select upd(', ''ignore=n''', 'update t set n = 1.00');
select upd(', ''ignore=n''', 'update t set n = 1.01');

-- every letter counts
create table letters (val int, b int, k text, f text, r text, n text, t text, x0 text, primary key (val, k));
select trig('letters', $$, 'ignore=f,v,n, r'$$);
insert into letters values (1, 1, 'k', 'f', 'r', 'n', 't', 'x');
update letters set val = 2;
update letters set k = 'l';
update letters set f = 'f2', r = 'r2', n = 'n2';
update letters set t = 't2', x0 = 'x2';
select * from events();
-- names with commas
create table "com,mas" ("x,y" int, b int, x int, primary key ("x,y", b));
create trigger j after insert on "com,mas" for each row execute function pgq.jsontriga('q');
create trigger k after insert on "com,mas" for each row execute function pgq.jsontriga('q', 'pkey=x,y,b');
create trigger l after insert on "com,mas" for each row execute function pgq.logutriga('q');
create trigger t after truncate on "com,mas" for each statement execute function pgq.jsontriga('q');
insert into "com,mas" values (1, 2, 3);
truncate "com,mas";
alter table "com,mas" rename "x,y" to z;
insert into "com,mas" values (1, 2, 3);
select * from events();

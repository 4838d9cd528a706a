-- Value texts: every type, as url-encoded, SQL and JSON.
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

create extension hstore;
create extension citext;
create type mood as enum ('sad', 'very happy', 'null');
create type pair as (a int, b text);
create domain dint as int;
create domain dbool as bool;
create domain dtz as timestamptz;
create domain dtext as text check (value <> 'bad');
create domain darr as int[];
create function val(typ text, val text) returns void language plpgsql as $$
begin
    execute format('create table v (v %s)', typ);
    perform trig('v', '', 'after', 'insert');
    execute format('insert into v values (%s)', val);
    drop table v;
end;
$$;
create function vals() returns void language plpgsql as $$
begin
perform val('bytea', '''\x00ff5c27''');
perform val('timestamptz', '''2020-01-02 03:04:05.6+00''');
perform val('timestamptz', '''infinity''');
perform val('timestamptz', '''-infinity''');
perform val('timestamptz', '''0044-03-15 12:00:00+00 BC''');
perform val('timestamptz', '''1850-01-01 12:00:00+00''');
perform val('timestamptz', '''12345-01-01 12:00:00+00''');
perform val('timestamptz(0)', '''2020-07-02 03:04:05.6+00''');
perform val('timestamp', '''2009-09-19 11:59:48.599''');
perform val('timestamp', '''2009-09-19 00:00:00''');
perform val('timestamp', '''infinity''');
perform val('timestamp', '''-infinity''');
perform val('timestamp', '''0044-03-15 12:00:00 BC''');
perform val('date', '''2009-09-19''');
perform val('date', '''infinity''');
perform val('date', '''-infinity''');
perform val('date', '''0044-03-15 BC''');
perform val('time', '''10:11:12.5''');
perform val('timetz', '''10:11:12.5+02''');
perform val('interval', '''1 year 2 mons 3 days 04:05:06.7''');
perform val('interval', '''-1 day 2 hours''');
perform val('bool', 'true');
perform val('bool', 'false');
perform val('int2', '-7');
perform val('int4', '7');
perform val('int8', '9223372036854775807');
perform val('oid', '4294967295');
perform val('numeric', '''NaN''');
perform val('numeric(10,3)', '1.5');
perform val('numeric', '1e30');
perform val('numeric', '0.000000000001');
perform val('float4', '1.1');
perform val('float8', '1e100');
perform val('float8', '''NaN''');
perform val('float8', '''-Infinity''');
perform val('float8', '''-0''');
perform val('float8', '0.1::float8 + 0.2');
perform val('money', '1234.5');
perform val('char(5)', '''ab''');
perform val('bpchar', '''ab  ''');
perform val('"char"', '''x''');
perform val('varchar(10)', '''ab ''');
perform val('name', '''n''');
perform val('text', 'null');
perform val('text', '''''');
perform val('text', ''' ''');
perform val('text', 'e''\x01\x1f\x7f\x08\x0c\r\n\t"\\/''''''');
perform val('text', '''NULL''');
perform val('text', '''a&b=c%20+''');
perform val('text', '''ÄÖü€ и 中文 🐘''');
perform val('text', '''{}[]<>|!?*()~`^#$;''');
perform val('text', '''a:b/c@d,e-f.g_h+i''');
perform val('text', 'repeat(''long value é '', 100)');
perform val('text[]', '''{{a,b},{c,"d\\e"}}''');
perform val('bool[]', '''{t,null}''');
perform val('timestamp[]', '''{2020-01-01 10:00:00}''');
perform val('int[]', '''{}''');
perform val('json', '''{"a" :  1}''');
perform val('jsonb', '''{"a" :  1}''');
perform val('hstore', '''d=>NULL, "a b"=>c''');
perform val('citext', '''MiXed''');
perform val('uuid', '''a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11''');
perform val('inet', '''10.0.0.1''');
perform val('inet', '''10.0.0.1/8''');
perform val('cidr', '''10.0.0.0/8''');
perform val('macaddr', '''08:00:2b:01:02:03''');
perform val('bit(4)', '''1010''');
perform val('varbit', '''101''');
perform val('point', '''(1,2)''');
perform val('box', '''(1,2),(3,4)''');
perform val('int4range', '''[1,5)''');
perform val('tstzrange', '''[2020-01-01 00:00+00,)''');
perform val('xml', '''<a b="c"/>''');
perform val('tsvector', '''a b''');
perform val('pg_lsn', '''16/B374D848''');
perform val('mood', '''very happy''');
perform val('mood', '''null''');
perform val('pair', 'row(1, ''x "y'')');
perform val('pair', 'row(null, null)');
perform val('pair[]', 'array[row(1, ''x "y'')::pair]');
perform val('dint', '5');
perform val('dbool', 'true');
perform val('dtz', '''2020-01-02 03:04:05.6+00''');
perform val('dtext', '''x y''');
perform val('darr', '''{1,2}''');
perform val('regclass', '''pg_class''');
perform val('xid', '''7''');
perform val('tid', '''(1,2)''');
perform val('txid_snapshot', '''1:2:''');
end;
$$;
create table wide (c1 int primary key);
do $$ begin for i in 2 .. 40 loop execute format('alter table wide add c%s text', i); end loop; end $$;
select vals();
select * from events();
set timezone = 'Asia/Kolkata';
select vals();
select * from events();
set datestyle = 'German';
set bytea_output = escape;
set extra_float_digits = 0;
set intervalstyle = 'iso_8601';
select vals();
select * from events();
set datestyle = 'SQL, DMY';
set intervalstyle = 'sql_standard';
set timezone = 'America/New_York';
select vals();
select * from events();
reset all;

-- the way strings are read must not matter to us
set standard_conforming_strings = off;
set escape_string_warning = off;
create table s (id int primary key, "Id col" text, a text, b text);
select trig('s', $$, 'ignore=Id col,b', 'ev_extra3=a || id', 'ev_extra4=upper(a) from pg_class where relname = ''pg_class'''$$);
insert into s values (1, E'\\', E'"\\ \t''ü', 'x');
update s set b = 'y', a = 'z';
delete from s;
select trig('wide');
insert into wide (c1, c2, c40) values (1, E'"\\', E'\\"\\');
select * from events();
reset standard_conforming_strings;

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
create table list (nr serial, typ text, val text);
insert into list (typ, val) values
    ('bytea', '''\x00ff5c27'''),
    ('timestamptz', '''2020-01-02 03:04:05.6+00'''),
    ('timestamptz', '''infinity'''),
    ('timestamptz', '''-infinity'''),
    ('timestamptz', '''0044-03-15 12:00:00+00 BC'''),
    ('timestamptz', '''1850-01-01 12:00:00+00'''),
    ('timestamptz', '''12345-01-01 12:00:00+00'''),
    ('timestamptz(0)', '''2020-07-02 03:04:05.6+00'''),
    ('timestamp', '''2009-09-19 11:59:48.599'''),
    ('timestamp', '''2009-09-19 00:00:00'''),
    ('timestamp', '''infinity'''),
    ('timestamp', '''-infinity'''),
    ('timestamp', '''0044-03-15 12:00:00 BC'''),
    ('date', '''2009-09-19'''),
    ('date', '''infinity'''),
    ('date', '''-infinity'''),
    ('date', '''0044-03-15 BC'''),
    ('time', '''10:11:12.5'''),
    ('timetz', '''10:11:12.5+02'''),
    ('interval', '''1 year 2 mons 3 days 04:05:06.7'''),
    ('interval', '''-1 day 2 hours'''),
    ('bool', 'true'),
    ('bool', 'false'),
    ('int2', '-7'),
    ('int4', '7'),
    ('int8', '9223372036854775807'),
    ('oid', '4294967295'),
    ('numeric', '''NaN'''),
    ('numeric(10,3)', '1.5'),
    ('numeric', '1e30'),
    ('numeric', '0.000000000001'),
    ('float4', '1.1'),
    ('float8', '1e100'),
    ('float8', '''NaN'''),
    ('float8', '''-Infinity'''),
    ('float8', '''-0'''),
    ('float8', '0.1::float8 + 0.2'),
    ('money', '1234.5'),
    ('char(5)', '''ab'''),
    ('bpchar', '''ab  '''),
    ('"char"', '''x'''),
    ('varchar(10)', '''ab '''),
    ('name', '''n'''),
    ('text', 'null'),
    ('text', ''''''),
    ('text', ''' '''),
    ('text', 'e''\x01\x1f\x7f\x08\x0c\r\n\t"\\/'''''''),
    ('text', '''NULL'''),
    ('text', '''a&b=c%20+'''),
    ('text', '''ÄÖü€ и 中文 🐘'''),
    ('text', '''{}[]<>|!?*()~`^#$;'''),
    ('text', '''a:b/c@d,e-f.g_h+i'''),
    ('text', 'repeat(''long value é '', 100)'),
    ('text[]', '''{{a,b},{c,"d\\e"}}'''),
    ('bool[]', '''{t,null}'''),
    ('timestamp[]', '''{2020-01-01 10:00:00}'''),
    ('int[]', '''{}'''),
    ('json', '''{"a" :  1}'''),
    ('jsonb', '''{"a" :  1}'''),
    ('hstore', '''d=>NULL, "a b"=>c'''),
    ('citext', '''MiXed'''),
    ('uuid', '''a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'''),
    ('inet', '''10.0.0.1'''),
    ('inet', '''10.0.0.1/8'''),
    ('cidr', '''10.0.0.0/8'''),
    ('macaddr', '''08:00:2b:01:02:03'''),
    ('bit(4)', '''1010'''),
    ('varbit', '''101'''),
    ('point', '''(1,2)'''),
    ('box', '''(1,2),(3,4)'''),
    ('int4range', '''[1,5)'''),
    ('tstzrange', '''[2020-01-01 00:00+00,)'''),
    ('xml', '''<a b="c"/>'''),
    ('tsvector', '''a b'''),
    ('pg_lsn', '''16/B374D848'''),
    ('mood', '''very happy'''),
    ('mood', '''null'''),
    ('pair', 'row(1, ''x "y'')'),
    ('pair', 'row(null, null)'),
    ('pair[]', 'array[row(1, ''x "y'')::pair]'),
    ('dint', '5'),
    ('dbool', 'true'),
    ('dtz', '''2020-01-02 03:04:05.6+00'''),
    ('dtext', '''x y'''),
    ('darr', '''{1,2}'''),
    ('regclass', '''pg_class'''),
    ('xid', '''7'''),
    ('tid', '''(1,2)'''),
    ('txid_snapshot', '''1:2:''');
-- The values in tables of eight columns, one row of each per kind of trigger.
create function vals() returns void language plpgsql as $$
declare part record;
begin
    for part in
        select string_agg(format('v%s %s', nr, typ), ', ' order by nr) as columns,
               string_agg(val, ', ' order by nr) as val
          from list group by nr / 8 order by nr / 8
    loop
        execute format('create table v (%s)', part.columns);
        perform trig('v', '', 'after', 'insert');
        execute format('insert into v values (%s)', part.val);
        drop table v;
    end loop;
end;
$$;
create table wide (c1 int primary key);
do $$ begin for i in 2 .. 40 loop execute format('alter table wide add c%s text', i); end loop; end $$;
select vals();
select * from events();
set timezone = 'Asia/Kolkata';
select vals();
select * from events();
set bytea_output = escape;
select vals();
select * from events();
set timezone = 'America/New_York';
select vals();
select * from events();
reset all;

-- the way strings are read must not matter to us
set standard_conforming_strings = off;
set escape_string_warning = off;
create table s (id int primary key, "Id col" text, a text, b text);
select trig('s', $$, 'ignore=Id col,b', 'ev_extra3=a || id', 'ev_extra4=length(a) from pg_class where relname = ''pg_class'''$$);
insert into s values (1, E'\\', E'"\\ \t''ü', 'x');
update s set b = 'y', a = 'z';
delete from s;
select trig('wide');
insert into wide (c1, c2, c40) values (1, E'"\\', E'\\"\\');
select * from events();
reset standard_conforming_strings;

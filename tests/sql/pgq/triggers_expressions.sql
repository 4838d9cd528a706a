-- Magic columns and expressions.
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

create table m (id int primary key, a text, _pgq_ev_type text, _pgq_ev_data text, _pgq_ev_extra1 text,
                _pgq_ev_extra2 text, _pgq_ev_extra3 text, _pgq_ev_extra4 text);
select trig('m');
insert into m values (1, 'a', 'T', 'D', 'E1', 'E2', 'E3', 'E4');
insert into m values (2, 'a');
update m set a = 'b';
update m set _pgq_ev_type = 'U';
delete from m;
select * from events();
select trig('m', $$, 'ignore=nope'$$);
insert into m values (1, 'a', 'T', 'D', 'E1', 'E2', 'E3', 'E4');
update m set _pgq_ev_type = 'U';
update m set _pgq_ev_type = 'V', a = 'c';
update m set a = a;
select * from events();
select trig('m', $$, 'backup', 'ev_extra2=a', 'pkey=id,_pgq_ev_type'$$);
update m set _pgq_ev_type = 'W';
update m set a = '9';
select * from events();
select trig('m', $$, 'pkey=_pgq_ev_type'$$);
update m set a = '9';
update m set a = '10';
delete from m;
select * from events();
create table m2 (id int primary key, _pgq_ev_bool bool, a text);
select trig('m2');
insert into m2 values (1);
select trig('m2', $$, 'ignore=_pgq_ev_bool,a'$$);
insert into m2 values (1);
alter table m2 rename _pgq_ev_bool to _pgq_ev_extra3;
insert into m2 values (1, true);
alter table m2 rename _pgq_ev_extra3 to _pgq_ev_x;
update m2 set a = 'x';
update m2 set a = a;
select trig('m2', $$, 'ignore=a', 'backup'$$);
update m2 set a = 'y';
select * from events();

create table e (id int primary key, a text, "B" text, n numeric, t timestamptz, ok bool, "Odd name" text, "é" text);
create function val(args text, change text default $$insert into e values (1, 'a''b', 'B b', 1.50, '2020-01-01 00:00+00', true, 'odd', 'e')$$)
returns setof text language plpgsql as $$
declare kind text; ev record;
begin
    foreach kind in array array['logutriga', 'sqltriga', 'jsontriga'] loop
        if change ~ '^insert' then truncate e; end if;
        execute format('create trigger t after insert or update or delete on e for each row execute function pgq.%I(''q'', %s)', kind, args);
        begin
            execute change;
        exception when others then
            return next format('%s: ERROR %s', kind, sqlerrm);
        end;
        drop trigger t on e;
        for ev in select * from events() loop
            return next format('%s: %s', kind, ev);
        end loop;
        exit when kind = 'logutriga' and args !~ 'ev_';
    end loop;
end;
$$;
select val($$'ev_type=a', 'ev_data=id', 'ev_extra1=n', 'ev_extra2=t', 'ev_extra3=B', 'ev_extra4=ok'$$);
select val($$'ev_type=', 'ev_data=null', 'ev_extra1=', 'ev_extra3=1', 'ev_extra3=2'$$);
select val($$'ev_extra3=upper(a) || B', 'ev_extra4=n * 2 + id'$$);
select val($$'ev_extra3=''a id B'' || a', 'ev_extra4=$x$a id$x$ || a'$$);
select val($$'ev_extra3=a -- comment a', 'ev_extra4=/* a /* id */ '' */ a'$$);
select val($$'ev_extra3=E''a\'' id''', 'ev_extra4=id::text'$$);
select val($$'ev_extra3=case when ok then a else B end', 'ev_extra4=id in (1, 2)'$$);
select val($$'ev_extra3=oid from pg_catalog.pg_type where typname = ''bool'''$$);
select val($$'ev_extra3=1 from generate_series(1, 3)'$$);
select val($$'ev_extra3=1 where false'$$);
select val($$'ev_extra3=id, a, n'$$);
select val($$'ev_extra3=array[a, B]', 'ev_extra4=row(id, a)'$$);
select val($$'ev_extra3=1e5 + id', 'ev_extra4=a=''a''''b'''$$);
select val($$'ev_extra3=id;', 'ev_extra4=a; '$$);
select val($$'ev_extra3=id/0'$$);
select val($$'ev_extra3=nope'$$);
select val($$'ev_extra3=A'$$);
select val($$'ev_extra3=e.id'$$);
select val($$'when=ok', 'ev_extra3=a'$$);
select val($$'when=not ok', 'ev_extra3=a'$$);
select val($$'when=id = 1'$$);
select val($$'when=id > 1'$$);
select val($$'when=null'$$);
select val($$'when=null::bool'$$);
select val($$'when=id'$$);
select val($$'when=t'$$);
select val($$'when='$$);
select val($$'when=''t'''$$);
select val($$'when=false', 'when=true'$$);
select val($$'when=true', 'when=false'$$);
select val($$'when=false', 'ev_extra3=1/0'$$);
select val($$'when=false', 'ev_extra3=1 where false'$$);
select val($$'when=true from generate_series(1, 2)'$$);
select val($$'when=exists (select 1 from pg_class)', 'ev_extra4=(select count(*) from pg_database where datname = current_database())'$$);
select val($$'ev_extra1=a', 'backup'$$, $$update e set a = 'new', n = 2$$);
select val($$'ev_extra1=a', 'ev_extra2=''mine''', 'backup'$$, $$update e set a = 'new2', n = 3$$);
select val($$'ev_extra1=a', 'ignore=a', 'when=1/0 = 1'$$, $$update e set a = 'new3'$$);
select val($$'ev_extra1=a', 'ev_extra3=n'$$, $$delete from e$$);
select val($$'ev_type=id', 'ev_extra3=ok', 'ev_extra4=t'$$, $$insert into e values (1)$$);

-- the expression sees the values, whatever they contain
select val($$'ev_extra3=a', 'ev_extra4=length(a)'$$, $$insert into e values (1, e'$1 '' \\ "x" \n')$$);

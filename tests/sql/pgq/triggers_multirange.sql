-- from PostgreSQL 14 on: multiranges.
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

create table mr (id int primary key, k int4multirange, v nummultirange, other text);
select trig('mr', $$, 'pkey=id,k', 'ignore=other'$$);
insert into mr values (1, '{[1,5)}', '{[1.0,5.0)}');
update mr set v = '{[1.00,5)}', other = 'x';
update mr set v = '{[1.00,6)}', other = 'y';
update mr set k = '{[1,4]}';
update mr set k = '{[1,5]}';
delete from mr;
select * from events();

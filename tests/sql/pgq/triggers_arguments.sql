-- Trigger arguments: ignore, pkey, backup, deny, SKIP, wrong ones, truncate.
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

create table ta (id int primary key, k2 int, a text, "B" text);
create function try(args text, change text, timing text default 'after') returns setof text
language plpgsql as $$
declare kind text; ev record;
begin
    foreach kind in array array['logutriga', 'sqltriga', 'jsontriga'] loop
        truncate ta;
        insert into ta values (100, 200, 'xx', 'yy'), (101, null, null, '');
        execute format('create trigger t %s insert or update or delete on ta for each row execute function pgq.%I(%s)', timing, kind, args);
        begin
            execute change;
            return next format('%s: table now %s', kind, (select string_agg(ta::text, ' ' order by id) from ta));
        exception when others then
            return next format('%s: ERROR %s', kind, sqlerrm);
        end;
        drop trigger t on ta;
        for ev in select * from events() loop
            return next format('%s: %s', kind, ev);
        end loop;
    end loop;
    delete from ta;
end;
$$;
select try('', 'insert into ta values (1)');
select try($$'q'$$, 'insert into ta values (1)');
select try($$'nope'$$, 'insert into ta values (1)');
select try($$'q', 'backup'$$, $$update ta set a = 'z'$$);
select try($$'q', 'backup'$$, $$delete from ta$$);
select try($$'q', 'backup'$$, $$insert into ta values (5)$$);
select try($$'q', 'backup', 'ignore=a'$$, $$update ta set k2 = 7$$);
select try($$'q', 'ignore=a'$$, $$update ta set a = 'z'$$);
select try($$'q', 'ignore=a'$$, $$update ta set a = a$$);
select try($$'q', 'ignore=a'$$, $$update ta set a = 'z', "B" = '5'$$);
select try($$'q', 'ignore=a'$$, $$insert into ta values (5, 6, 7, 8)$$);
select try($$'q', 'ignore=a'$$, $$delete from ta$$);
select try($$'q', 'ignore=id'$$, $$update ta set a = 'z'$$);
select try($$'q', 'ignore=id'$$, $$update ta set id = 7 where id = 100$$);
select try($$'q', 'ignore=id'$$, $$insert into ta values (5, 6, 7, 8)$$);
select try($$'q', 'ignore=id'$$, $$update ta set a = a$$);
select try($$'q', 'ignore=a, B'$$, $$update ta set a = 'z', "B" = 'w'$$);
select try($$'q', 'ignore= a , B ,,nope'$$, $$update ta set a = 'z', "B" = 'w'$$);
select try($$'q', E'ignore=a\tB\nk2'$$, $$insert into ta values (5, 6, 7, 8)$$);
select try($$'q', 'ignore=A,b'$$, $$update ta set a = 'z', "B" = 'w'$$);
select try($$'q', 'ignore="B"'$$, $$update ta set a = 'z', "B" = 'w'$$);
select try($$'q', 'ignore='$$, $$update ta set a = 'z'$$);
select try($$'q', 'ignore='$$, $$update ta set a = a$$);
select try($$'q', 'ignore=a', 'ignore=B'$$, $$update ta set a = 'z'$$);
select try($$'q', 'ignore=id,k2,a,B'$$, $$insert into ta values (5, 6, 7, 8)$$);
select try($$'q', 'ignore=id,k2,a,B'$$, $$update ta set a = 'y'$$);
select try($$'q', 'ignore=id,k2,a,B'$$, $$delete from ta$$);
select try($$'q', 'pkey=k2'$$, $$update ta set id = 5 where id = 100$$);
select try($$'q', 'pkey=k2'$$, $$update ta set a = '5'$$);
select try($$'q', 'pkey=k2'$$, $$delete from ta$$);
select try($$'q', 'pkey=nope'$$, $$update ta set a = 'z'$$);
select try($$'q', 'pkey=nope'$$, $$update ta set a = a$$);
select try($$'q', 'pkey=nope'$$, $$delete from ta$$);
select try($$'q', 'pkey=id, k2'$$, $$insert into ta values (5, 6)$$);
select try($$'q', 'pkey=id, k2'$$, $$update ta set a = 'p' where id = 100$$);
select try($$'q', 'pkey=k2,id'$$, $$delete from ta where id = 100$$);
select try($$'q', 'pkey=a,B'$$, $$update ta set id = id + 50 where id = 100$$);
select try($$'q', 'pkey='$$, $$insert into ta values (5, 6)$$);
select try($$'q', 'pkey='$$, $$update ta set a = 'p'$$);
select try($$'q', 'pkey='$$, $$delete from ta$$);
select try($$'q', 'pkey=id', 'pkey=k2'$$, $$insert into ta values (5, 6)$$);
select try($$'q', 'pkey=,id,'$$, $$insert into ta values (5, 6)$$);
select try($$'q', 'pkey=,id,'$$, $$update ta set a = 'x' where id = 100$$);
select try($$'q', 'deny'$$, $$insert into ta values (5, 6)$$);
select try($$'q', 'deny'$$, $$update ta set a = a$$);
select try($$'q', 'deny'$$, $$delete from ta$$);
select try($$'nope', 'deny'$$, $$delete from ta$$);
select try($$'q', 'SKIP'$$, $$insert into ta values (5, 6)$$);
select try($$'q', 'SKIP', 'deny'$$, $$insert into ta values (5, 6)$$);
select try($$'q', 'SKIP'$$, $$insert into ta values (5, 6)$$, 'before');
select try($$'q', 'SKIP'$$, $$update ta set a = '1'$$, 'before');
select try($$'q', 'SKIP'$$, $$delete from ta$$, 'before');
select try($$'q', 'SKIP', 'ignore=a'$$, $$update ta set a = '1'$$, 'before');
select try($$'q', 'SKIP', 'when=false'$$, $$update ta set a = '1'$$, 'before');
select try($$'q'$$, $$update ta set a = '1'$$, 'before');
select try($$'q', 'ignore=a'$$, $$update ta set a = '1'$$, 'before');
select try($$'q'$$, $$delete from ta$$, 'before');
select try($$'q'$$, $$update ta set id = 7 where id = 100$$);
select try($$'q'$$, $$update ta set id = id$$);
select try($$'q', a$$, $$update ta set id = id$$);
select try($$'q', 'skip'$$, $$insert into ta values (5, 6)$$);
select try($$'q', 'Backup'$$, $$insert into ta values (5, 6)$$);
select try($$'q', 'ev_foo=1'$$, $$insert into ta values (5, 6)$$);
select try($$'q', 'tgflags=BS'$$, $$insert into ta values (5, 6)$$);
select try($$'q', ''$$, $$insert into ta values (5, 6)$$);
select try($$'q', 'SKIP=1'$$, $$insert into ta values (5, 6)$$);
select try($$'q', 'ev_extra1'$$, $$insert into ta values (5, 6)$$);
select try($$'q', 'foo', 'ev_type='$$, $$delete from ta$$);
select try($$'q', 'foo', 'SKIP'$$, $$delete from ta$$);

-- names that need care in lists
create table odd ("Id col" int primary key, col text, "Id" text, "a,b" text, "x.y" text);
select trig('odd');
insert into odd values (1, 'c', 'i', 'ab', 'xy');
update odd set "x.y" = 'p';
update odd set col = 'q';
update odd set "Id" = 'q';
update odd set "a,b" = 'q';
delete from odd;
select * from events();
select trig('odd', $$, 'ignore=a,b,x.y'$$);
insert into odd values (1, 'c', 'i', 'ab', 'xy');
update odd set "x.y" = 'z';
update odd set "a,b" = 'z';
delete from odd;
select * from events();

-- truncate
create function trunc(args text, timing text default 'after') returns setof text
language plpgsql as $$
declare kind text; ev record;
begin
    foreach kind in array array['logutriga', 'sqltriga', 'jsontriga'] loop
        insert into ta values (1);
        execute format('create trigger t %s truncate on ta execute function pgq.%I(%s)', timing, kind, args);
        begin
            truncate ta;
        exception when others then
            return next format('%s: ERROR %s', kind, sqlerrm);
        end;
        drop trigger t on ta;
        for ev in select * from events() loop
            return next format('%s: %s, %s left', kind, ev, (select count(*) from ta));
        end loop;
        delete from ta;
    end loop;
end;
$$;
select trunc('');
select trunc($$'q'$$);
select trunc($$'q'$$, 'before');
select trunc($$'nope'$$);
select trunc($$'q', 'SKIP'$$);
select trunc($$'q', 'SKIP'$$, 'before');
select trunc($$'q', 'deny'$$);
select trunc($$'q', 'SKIP', 'deny'$$);
select trunc($$'q', 'ignore=a'$$);
select trunc($$'q', 'pkey=a'$$);
select trunc($$'q', 'backup'$$);
select trunc($$'q', 'when=true'$$);
select trunc($$'q', 'ev_type=1'$$);
select trunc($$'q', 'ev_extra4=1'$$);
select trunc($$'q', 'bad'$$);
select trunc($$'q', 'backup', 'pkey=a', 'ignore=a'$$);
select trunc($$'q', 'backup', 'pkey=a'$$);
select trunc($$'q', 'backup', 'when=true', 'bad'$$);
select trunc($$'q', 'backup', 'bad', 'when=true'$$);
select trunc($$'q', 'SKIP', 'deny', 'backup'$$);
alter table ta add _pgq_ev_bad text;
select trunc($$'q'$$);
alter table ta drop _pgq_ev_bad;

-- wrong level
create trigger t after insert or update or delete on ta for each statement execute function pgq.logutriga('q');
insert into ta values (1);
update ta set a = '1';
delete from ta;
drop trigger t on ta;
create trigger t before insert on ta for each statement execute function pgq.sqltriga();
insert into ta values (1);
drop trigger t on ta;
create trigger t before insert on ta for each statement execute function pgq.jsontriga();
insert into ta values (1);
drop trigger t on ta;

-- session_replication_role
create trigger d before insert or update or delete on ta for each row execute function pgq.logutriga('q', 'deny');
create trigger s before insert or update or delete on ta for each row execute function pgq.sqltriga('q', 'SKIP');
create trigger t before insert or update or delete on ta for each row execute function pgq.jsontriga('q');
create trigger u before insert or update or delete on ta for each row execute function pgq.jsontriga();
create trigger v after truncate on ta execute function pgq.jsontriga('q', 'deny');
set session_replication_role = local;
insert into ta values (1);
update ta set a = '1', id = 2;
table ta;
delete from ta;
table ta;
truncate ta;
select * from events();
set session_replication_role = replica;
insert into ta values (1);
select * from events();
alter table ta enable always trigger t;
update ta set a = '2';
select * from events();
update pgq.queue set queue_disable_insert = true;
update ta set a = '3';
select * from events();
set session_replication_role = local;
alter table ta enable always trigger d;
update ta set a = '3';
select * from events();
reset session_replication_role;
drop trigger d on ta;
drop trigger s on ta;
drop trigger u on ta;
update ta set a = '4';
select * from events();

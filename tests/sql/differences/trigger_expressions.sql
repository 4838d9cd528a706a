-- Expressions in trigger arguments: quoted and non-ASCII column names work, a type after "::" is
-- never taken for a column, and subqueries see the changes of the statement so far. The reference
-- refuses the first three and does not see.
\set VERBOSITY terse
\pset format unaligned
select pgq.create_queue('q');
create table e (id int primary key, text text, "Odd name" text, "é" text);
create trigger t after insert on e for each row execute function pgq.logutriga('q', 'ev_extra3="Odd name"');
insert into e values (1, 'text', 'odd', 'non-ascii');
drop trigger t on e;
create trigger t after insert on e for each row execute function pgq.logutriga('q', 'ev_extra3=é');
insert into e values (2, 'text', 'odd', 'non-ascii');
drop trigger t on e;
create trigger t after insert on e for each row execute function pgq.logutriga('q', 'ev_extra3=id::text');
insert into e values (3, 'text', 'odd', 'non-ascii');
drop trigger t on e;
create trigger t after insert on e for each row execute function pgq.logutriga('q', 'ev_extra3=(select count(*) from e)');
truncate e;
insert into e values (4), (5);
select ev_data, ev_extra3 from pgq.event_1 order by ev_id;

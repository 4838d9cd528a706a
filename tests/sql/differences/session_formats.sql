-- Events carry values in forms that can be read back without knowing the settings of the session that wrote them.
select pgq.create_queue('q');
create table t (id int primary key, d date, f float8, i interval, a date[], z timestamptz);
create trigger l after insert on t for each row execute function pgq.logutriga('q');
create trigger s after insert on t for each row execute function pgq.sqltriga('q');
create trigger j after insert on t for each row execute function pgq.jsontriga('q');
set timezone = 'Asia/Kolkata';
set extra_float_digits = 0;
set datestyle = 'SQL, DMY';
set intervalstyle = 'sql_standard';
insert into t values (1, '04/03/2024', 0.1::float8 + 0.2::float8, '-1 2:00:00', '{04/03/2024}', '04/03/2024 10:00:00');
set datestyle = 'German';
set intervalstyle = 'postgres_verbose';
insert into t values (2, '04.03.2024', 1, '-1 day -2 hours', '{04.03.2024}', '04.03.2024 10:00:00');
-- What is read still follows the session.
show datestyle;
create trigger w after insert on t for each row execute function pgq.logutriga('q', 'when=d = ''04/03/2024''', 'ev_extra2=d');
set datestyle = 'SQL, DMY';
insert into t values (3, '04/03/2024');
reset all;
select ev_type, ev_data, ev_extra2 from pgq.event_template order by ev_id;

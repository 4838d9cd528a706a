-- What the roles may do. The roles of this test are made and dropped by it.
\set VERBOSITY terse
select pgq.create_queue('q');
create role pgq_test_reader login in role pgq_reader;
create role pgq_test_writer login in role pgq_writer;
create role pgq_test_admin login in role pgq_admin;
create role pgq_test_nobody login;
create table t (id int primary key, a text);
create trigger t_log after insert on t for each row execute function pgq.logutriga('q');
grant all on t to public;

set role pgq_test_nobody;
select pgq.version();
select queue_name from pgq.get_queue_info();
select count(*) from pgq.get_consumer_info();
select pgq.quote_fqname('a.b'), pgq.seq_getval('pgq.event_1_id_seq');
select count(*) from pgq.queue;
select pgq.insert_event('q', 't', 'd');
insert into t values (1, 'refused');
select pgq.register_consumer('q', 'c');
select pgq.ticker();
select count(*) from pgq.event_1;
select count(*) from pgq.retry_queue;
reset role;

set role pgq_test_writer;
select pgq.insert_event('q', 't', 'd');
insert into t values (1, 'logged');
select pgq.current_event_table('q');
select pgq.insert_event_raw('q', null, null, null, null, 't', 'd', '1', '2', '3', '4');
select pgq.next_batch('q', 'c');
select pgq.create_queue('x');
insert into pgq.event_1_0 (ev_id, ev_time) values (1, now());
reset role;

set role pgq_test_reader;
select pgq.insert_event('q', 't', 'd');
select pgq.register_consumer('q', 'c');
select pgq.next_batch('q', 'c');
select pgq.force_tick('q');
select count(*) from pgq.event_1;
select pgq.ticker('q');
select pgq.create_queue('x');
reset role;

set role pgq_test_admin;
select pgq.ticker('q') > 1;
select pgq.next_batch('q', 'c');
select count(*) > 0 from pgq.get_batch_events(1);
select count(*) > 0 from pgq.get_batch_cursor(1, 'cur', 10);
select pgq.event_retry(1, 1, 0);
select pgq.finish_batch(1);
select pgq.maint_retry_events();
select pgq.maint_rotate_tables_step1('q');
select pgq.maint_rotate_tables_step2();
select count(*) from pgq.maint_operations();
update pgq.queue set queue_switch_time = '2000-01-01';
select pgq.maint_rotate_tables_step1('q');
select pgq.insert_event_raw('q', null, null, null, null, 't', 'd', '1', '2', '3', '4') > 0;
select pgq.grant_perms('q');
select pgq.tune_storage('q');
select pgq.seq_setval('pgq.event_1_id_seq', 100000000);
select pgq.seq_setval('pgq.event_1_id_seq', 1) > 0;
select pgq.create_queue('x');
select pgq.set_queue_config('x', 'ticker_paused', 'on');
select pgq.unregister_consumer('q', 'c');
select pgq.drop_queue('x');
select pgq.drop_queue('q');
reset role;
select relname, array_to_string(array(select unnest(relacl)::text collate "C" order by 1), ' ')
  from pg_class where relnamespace = 'pgq'::regnamespace and relname ~ '^event_\d' order by 1;
drop table t;
drop role pgq_test_reader, pgq_test_writer, pgq_test_admin, pgq_test_nobody;

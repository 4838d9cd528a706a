-- create_queue, drop_queue, set_queue_config, get_queue_info, grants of event tables.
\set VERBOSITY terse
select pgq.create_queue(null);
select pgq.create_queue('q');
select pgq.create_queue('q');
select pgq.create_queue('');
select pgq.create_queue('Odd "name" ''x'' %I');
select pgq.version();

select queue_id, queue_name, queue_ntables, queue_cur_table, queue_rotation_period,
       queue_switch_step1 = queue_switch_step2 as same_steps, queue_external_ticker,
       queue_disable_insert, queue_ticker_paused, queue_ticker_max_count, queue_ticker_max_lag,
       queue_ticker_idle_period, queue_per_tx_limit, queue_data_pfx, queue_event_seq,
       queue_tick_seq, queue_extra_maint
  from pgq.queue order by queue_id;
select tick_queue, tick_id, tick_event_seq from pgq.tick order by 1, 2;

select c.relname, c.relkind, c.reloptions, t.reloptions as toast_options,
       -- without the privilege to maintain, which servers from 17 on have
       array_to_string(array(select replace(unnest(c.relacl)::text, 'm/', '/') collate "C" order by 1), ' ') as acl,
       i.inhparent::regclass
  from pg_class c
       left join pg_class t on t.oid = c.reltoastrelid
       left join pg_inherits i on i.inhrelid = c.oid
 where c.relnamespace = 'pgq'::regnamespace and c.relname ~ '^event_1'
 order by c.relname collate "C";
select tablename, indexname, indexdef from pg_indexes where tablename ~ '^event_1' order by 2;
select a.attrelid::regclass, a.attname, a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
  from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where a.attrelid in ('pgq.event_1'::regclass, 'pgq.event_1_2'::regclass) and a.attnum > 0
 order by a.attrelid::regclass::text, a.attnum;
select sequencename, data_type, start_value, increment_by, cycle, last_value
  from pg_sequences where schemaname = 'pgq' order by 1;

select pgq.set_queue_config(null, 'ticker_max_lag', '1s');
select pgq.set_queue_config('q', null, '1s');
select pgq.set_queue_config('nope', 'ticker_max_lag', '1s');
select pgq.set_queue_config('q', 'foo', '1s');
select pgq.set_queue_config('q', 'disable_insert', 'true');
select pgq.set_queue_config('q', 'per_tx_limit', '1');
select pgq.set_queue_config('q', 'ticker_max_lag', null);
select pgq.set_queue_config('q', 'ticker_max_lag', 'bad value');
select pgq.set_queue_config('q', 'ticker_max_lag', '1 minute 5s');
select pgq.set_queue_config('q', 'ticker_max_count', '17');
select pgq.set_queue_config('q', 'ticker_idle_period', '1 day');
select pgq.set_queue_config('q', 'ticker_paused', 'on');
select pgq.set_queue_config('q', 'rotation_period', '7 days');
select pgq.set_queue_config('q', 'external_ticker', '1');
select queue_name, queue_ntables, queue_cur_table, queue_rotation_period, queue_external_ticker,
       queue_ticker_paused, queue_ticker_max_count, queue_ticker_max_lag,
       queue_ticker_idle_period, ev_per_sec, ev_new, last_tick_id
  from pgq.get_queue_info();
select queue_name, last_tick_id from pgq.get_queue_info(null);
select queue_name, last_tick_id from pgq.get_queue_info('q');
select queue_name, last_tick_id from pgq.get_queue_info('nope');
update pgq.tick set tick_time = now() - interval '10 seconds';
insert into pgq.tick (tick_queue, tick_id, tick_time, tick_event_seq) values
    (1, 22, now() - interval '5 seconds', 100), (1, 23, now(), 251);
select pg_catalog.setval('pgq.event_1_id_seq', 300);
begin;
update pgq.tick set tick_time = now() - interval '10 seconds' where tick_id = 1;
update pgq.tick set tick_time = now() - interval '5 seconds' where tick_id = 22;
update pgq.tick set tick_time = now() where tick_id = 23;
select queue_name, ticker_lag, ev_per_sec, ev_new, last_tick_id from pgq.get_queue_info('q');
delete from pgq.tick where tick_id = 22;
select queue_name, ticker_lag, ev_per_sec, ev_new, last_tick_id from pgq.get_queue_info('q');
update pgq.tick set tick_id = 3 where tick_id = 23;
select queue_name, ticker_lag, ev_per_sec, ev_new, last_tick_id from pgq.get_queue_info('q');
delete from pgq.tick;
select queue_name, ticker_lag, ev_per_sec, ev_new, last_tick_id from pgq.get_queue_info('q');
rollback;

select pgq.grant_perms('nope');
select pgq.grant_perms('q');
select pgq._grant_perms_from('pgq', 'nope', 'pgq', 'event_1');
select pgq.tune_storage('nope');
select pgq.tune_storage('q');
select pgq.tune_storage(null);
select pgq.upgrade_schema();

select pgq.register_consumer('', 'c1');
select pgq.register_consumer('', 'c2');
select pgq.drop_queue(null);
select pgq.drop_queue('nope');
select pgq.drop_queue('nope', true);
select pgq.drop_queue('');
select pgq.drop_queue('', null);
select pgq.drop_queue('', true);
select pgq.drop_queue('Odd "name" ''x'' %I');
select pgq.drop_queue('q', false);
select count(*) from pgq.queue;
select count(*) from pgq.consumer;
select count(*) from pgq.tick;
select relname from pg_class where relnamespace = 'pgq'::regnamespace and relname ~ '^event_\d';
select pgq.create_queue('again');
select queue_id from pgq.queue;

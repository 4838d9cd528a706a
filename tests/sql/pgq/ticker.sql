-- The ticker in all its forms, force_tick, find_tick_helper.
\set VERBOSITY terse
select pgq.create_queue('q');
select pgq.ticker('nope');
select pgq.ticker(null::text);
select pgq.ticker('q');
select pgq.ticker('q');
select pgq.insert_event('q', 't', 'first is not new');
select pgq.ticker('q');
select pgq.insert_event('q', 't', 'second');
select pgq.ticker('q');
update pgq.tick set tick_time = tick_time - interval '3 seconds';
select pgq.ticker('q');
select tick_id, tick_event_seq from pgq.tick order by tick_id;

-- enough events
select pgq.set_queue_config('q', 'ticker_max_count', '3');
select pgq.insert_event('q', 't', '3'), pgq.insert_event('q', 't', '4');
select pgq.ticker('q');
select pgq.insert_event('q', 't', '5');
select pgq.ticker('q');

-- idle: half of max_lag, twice the last gap, idle period
begin;
update pgq.tick set tick_time = now() - interval '100 seconds';
update pgq.tick set tick_time = now() - interval '4 seconds' where tick_id = 3;
update pgq.tick set tick_time = now() - interval '1.4 seconds' where tick_id = 4;
select pgq.ticker('q');
update pgq.tick set tick_time = now() - interval '1.5 seconds' where tick_id = 4;
select pgq.ticker('q');
update pgq.tick set tick_time = now() - interval '2.25 seconds' where tick_id = 3;
select pgq.ticker('q');
rollback;
begin;
update pgq.tick set tick_time = now() - interval '500 seconds' where tick_id < 4;
update pgq.tick set tick_time = now() - interval '59 seconds' where tick_id = 4;
select pgq.ticker('q');
update pgq.tick set tick_time = now() - interval '60 seconds' where tick_id = 4;
select pgq.ticker('q');
rollback;
select last_value from pgq.event_1_tick_seq;

-- odd states
begin;
select setval('pgq.event_1_id_seq', 2);
select pgq.ticker('q');
update pgq.tick set tick_time = tick_time - interval '2 minutes';
select pgq.ticker('q');
rollback;
-- transactions of others may come between two ticks of one, which is a warning
begin;
set local client_min_messages = error;
delete from pgq.tick;
select pgq.ticker('q') is not null;
select pgq.ticker('q') is not null;
rollback;
begin;
update pgq.tick set tick_snapshot = '9000000:9000010:9000001';
do $$
begin
    perform pgq.ticker('q');
exception when others then
    raise notice '% %', sqlstate, regexp_replace(sqlerrm, 'txid=\d+', 'txid=N');
end;
$$;
rollback;
select setval('pgq.event_1_tick_seq', 4), setval('pgq.event_1_id_seq', 5);

-- paused and external
select pgq.set_queue_config('q', 'ticker_paused', 'true');
select pgq.ticker('q');
select pgq.force_tick('q');
select last_value from pgq.event_1_id_seq;
select pgq.ticker();
select pgq.ticker('q', 10, now(), 20);
select pgq.set_queue_config('q', 'external_ticker', 'true');
select pgq.ticker('q');
select pgq.ticker('q', 10, now(), 20);
select pgq.set_queue_config('q', 'ticker_paused', 'false');
select pgq.ticker('q');
select pgq.ticker();
select pgq.ticker('nope', 10, now(), 20);
select pgq.ticker(null, 10, now(), 20);
select pgq.ticker('q', 10, '2020-01-02 00:00:00+00', 20);
select pgq.ticker('q', 10, '2020-01-02 00:00:00+00', 20);
select pgq.ticker('q', 9, '2020-01-01 00:00:00+00', 3);
select tick_id, tick_event_seq from pgq.tick order by tick_id;
select tick_id, tick_time at time zone 'UTC' from pgq.tick where tick_id in (9, 10) order by 1;
select last_value from pgq.event_1_tick_seq;
select last_value from pgq.event_1_id_seq;
select pgq.ticker('q', null, now(), 3);
select pgq.force_tick('q');
select last_value from pgq.event_1_id_seq;
select pgq.set_queue_config('q', 'external_ticker', 'false');

-- force
select pgq.force_tick('nope');
select pgq.force_tick(null);
select pgq.force_tick('q');
select last_value, is_called from pgq.event_1_id_seq;
select pgq.ticker('q');
select pgq.force_tick('q');

-- several queues
select pgq.create_queue('a');
select pgq.create_queue('b');
select pgq.ticker();
select pgq.ticker();
select queue_name, tick_id from pgq.tick join pgq.queue on queue_id = tick_queue
 where queue_name <> 'q' order by 1, 2;

-- sizes of batches
insert into pgq.tick (tick_queue, tick_id, tick_time, tick_event_seq)
    select 99, i, '2020-01-01'::timestamptz + i * interval '1 minute', i * 10
      from generate_series(1, 20) i;
select pgq.create_queue('sized');
update pgq.queue set queue_id = 99 where queue_name = 'sized';
insert into pgq.queue (queue_id, queue_name, queue_data_pfx, queue_event_seq, queue_tick_seq)
    values (99, 'ticks only', 'pgq.event_99', 'pgq.event_99_id_seq', 'pgq.event_99_tick_seq');
insert into pgq.tick (tick_queue, tick_id, tick_time, tick_event_seq)
    select 99, i, '2020-01-01 00:00:00+00'::timestamptz + i * interval '1 minute', i * 10
      from generate_series(1, 20) i;
select n, f.next_tick_id, f.next_tick_time at time zone 'UTC', f.next_tick_seq
  from unnest(array[null, 0, 1, 10, 25, 94, 95, 100, 190, 191]) n,
       pgq.find_tick_helper(99, 1, '2020-01-01 00:01:00+00', 10, n, null) f;
select i, f.next_tick_id
  from unnest(array['0', '30 seconds', '5 minutes', '9 minutes 29 seconds', '9 minutes 30 seconds',
                    '19 minutes', '20 minutes']::interval[]) i,
       pgq.find_tick_helper(99, 1, '2020-01-01 00:01:00+00', 10, null, i) f;
select n, i, f.next_tick_id
  from unnest(array[30, 100, 1000]) n, unnest(array['3 minutes', '12 minutes', '1 hour']::interval[]) i,
       pgq.find_tick_helper(99, 1, '2020-01-01 00:01:00+00', 10, n, i) f;
select * from pgq.find_tick_helper(99, 20, '2020-01-01 00:20:00+00', 200, 1, '0');
select * from pgq.find_tick_helper(77, 1, '2020-01-01 00:20:00+00', 200, 1, '0');

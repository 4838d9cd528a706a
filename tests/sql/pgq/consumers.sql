-- Consumers, batches, cursors, the retry queue.
\set VERBOSITY terse
select pgq.create_queue('q');
select pgq.create_queue('other');
select pgq.register_consumer('nope', 'c');
select pgq.register_consumer('q', null);
select pgq.register_consumer('q', 'c');
select pgq.register_consumer('q', 'c');
select pgq.register_consumer_at('q', 'c', 99);
select pgq.register_consumer_at('q', 'new', 99);
select co_name from pgq.consumer order by 1;
select pgq.register_consumer_at('q', 'c', 1);
select pgq.register_consumer_at('q', 'd', 1);
select pgq.register_consumer('other', 'c');
select queue_name, consumer_name, last_tick, current_batch, next_tick, pending_events
  from pgq.get_consumer_info();
select queue_name, consumer_name from pgq.get_consumer_info('q');
select queue_name, consumer_name from pgq.get_consumer_info('q', 'd');
select queue_name, consumer_name from pgq.get_consumer_info(null, 'c');
select queue_name, consumer_name from pgq.get_consumer_info('nope', null);
select sub_id, sub_queue, sub_consumer, sub_last_tick from pgq.subscription order by 1;

-- no batch yet
select pgq.next_batch('q', 'c');
select * from pgq.next_batch_info('q', 'c');
select pgq.next_batch('q', 'nope');
select pgq.next_batch('nope', 'c');
select pgq.next_batch(null, 'c');
select pgq.next_batch('q', null);
select pgq.next_batch(null, null);

-- a batch
select pgq.insert_event('q', 'a', '1');
select pgq.insert_event('q', 'b', '2', 'x1', 'x2', 'x3', 'x4');
select pgq.insert_event('other', 'not here', '2');
insert into pgq.tick (tick_queue, tick_id, tick_event_seq) values (1, 2, 2);
select pgq.insert_event('q', 'c', '3');
insert into pgq.tick (tick_queue, tick_id, tick_event_seq) values (1, 3, 3);
select batch_id, cur_tick_id, prev_tick_id, cur_tick_event_seq, prev_tick_event_seq,
       cur_tick_time > prev_tick_time
  from pgq.next_batch_info('q', 'c');
select pgq.next_batch('q', 'c');
select batch_id, cur_tick_id from pgq.next_batch_custom('q', 'c', '1 day', 1000, '1 day');
select queue_name, consumer_name, prev_tick_id, tick_id, seq_start, seq_end, lag > '0'
  from pgq.get_batch_info(1);
select * from pgq.get_batch_info(99);
select * from pgq.get_batch_info(null);
select ev_id, ev_retry, ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4
  from pgq.get_batch_events(1);
select * from pgq.get_batch_events(99);
select * from pgq.get_batch_events(null);
select pgq.batch_event_sql(99);
select pgq.batch_event_sql(null);
select * from pgq.batch_event_tables(1);
select * from pgq.batch_event_tables(99);
select * from pgq.batch_event_tables(null);
select pgq.batch_event_sql(1) ~ ' order by 1$';
do $$
declare ev record;
begin
    for ev in execute pgq.batch_event_sql(1) loop
        raise notice '% % %', ev.ev_id, ev.ev_type, ev.ev_data;
    end loop;
end;
$$;
select sub_batch, sub_last_tick, sub_next_tick from pgq.subscription order by sub_id;

-- cursors
select ev_id, ev_type from pgq.get_batch_cursor(1, 'cur', 10);
begin;
select ev_id, ev_type from pgq.get_batch_cursor(1, 'cur', 1);
move all in cur;
select ev_id, ev_type from pgq.get_batch_cursor(1, 'cur', 1);
rollback;
begin;
select ev_id, ev_type from pgq.get_batch_cursor(1, 'Odd "cursor"', 0);
select name, is_holdable, is_scrollable from pg_cursors where name ~ 'Odd';
move 1 in "Odd ""cursor""";
select ev_id, ev_type from pgq.get_batch_cursor(1, 'c2', 10, 'ev_type = ''b'' -- comment');
select ev_id, ev_type from pgq.get_batch_cursor(1, 'c3', 10, 'ev_extra1 is null or ev_id = 2');
select ev_id, ev_type from pgq.get_batch_cursor(1, 'c4', -1, null);
move 1 in c4;
select * from pgq.get_batch_cursor(1, null, 10, null);
select * from pgq.get_batch_cursor(null, 'c5', 10, null);
select * from pgq.get_batch_cursor(1, 'c5', null);
rollback;
select * from pgq.get_batch_cursor(99, 'c', 10);

-- retry
select pgq.event_retry(1, 1, 0);
select pgq.event_retry(1, 1, 100);
select pgq.event_retry(1, 3, 0);
select pgq.event_retry(99, 1, 0);
select pgq.event_retry(null, 1, 0);
select pgq.event_retry(1, 2, '2020-01-01 00:00:00+00'::timestamptz);
select pgq.batch_retry(1, 5);
select pgq.batch_retry(99, 5);
select pgq.batch_retry(null, 5);
select ev_queue, ev_id, ev_txid, ev_owner, ev_retry, ev_type, ev_data, ev_extra1, ev_extra4
  from pgq.retry_queue order by ev_id;
delete from pgq.retry_queue where ev_id = 1;
select pgq.batch_retry(1, null);
select pgq.batch_retry(1, 0);
select pgq.finish_batch(1);
select pgq.finish_batch(1);
select pgq.finish_batch(null);
select pgq.event_retry_raw('q', 'nope', now(), 1, now(), 1, 't', 'd', null, null, null, null);
select pgq.event_retry_raw('nope', 'c', now(), 1, now(), 1, 't', 'd', null, null, null, null);
select pgq.event_retry_raw('q', 'c', now(), 1, now(), 1, 't', 'd', null, null, null, null);
select pgq.event_retry_raw('q', 'c', '2020-01-01', 500, now(), 8, 't', 'd', '1', '2', '3', '4');
select pgq.event_retry_raw('q', 'd', '2020-01-01', null, now(), null, 't', 'for d', null, null, null, null);
select last_value from pgq.event_1_id_seq;
select pgq.maint_retry_events();
select pgq.maint_retry_events();
select ev_id, ev_owner, ev_retry, ev_type, ev_data from pgq.event_1_0 order by ev_id, ev_owner nulls first;
select last_value from pgq.event_1_id_seq;
insert into pgq.tick (tick_queue, tick_id, tick_event_seq) values (1, 4, 9);
select pgq.next_batch('q', 'c');
select ev_id, ev_retry, ev_type from pgq.get_batch_events(2);
select pgq.finish_batch(2);
select pgq.next_batch('q', 'c');
select ev_id, ev_retry, ev_type, ev_data from pgq.get_batch_events(3);
select pgq.event_retry(3, 1, 0);
select ev_id, ev_retry from pgq.retry_queue;
select queue_name, consumer_name, last_tick, current_batch, next_tick, pending_events
  from pgq.get_consumer_info('q', 'c');

-- reposition drops the batch
select pgq.register_consumer_at('q', 'c', 2);
select sub_batch, sub_last_tick, sub_next_tick from pgq.subscription where sub_id = 1;
select pgq.finish_batch(3);

-- sizes
select batch_id, prev_tick_id, cur_tick_id from pgq.next_batch_custom('q', 'c', '1 hour', null, null);
select batch_id, prev_tick_id, cur_tick_id from pgq.next_batch_custom('q', 'c', null, 1000, null);
select batch_id, prev_tick_id, cur_tick_id from pgq.next_batch_custom('q', 'c', null, 5, null);
select pgq.finish_batch(4);
-- eleven due events: ten, then one
insert into pgq.retry_queue (ev_retry_after, ev_queue, ev_id, ev_time, ev_owner, ev_type)
    select now() - i * interval '1 minute', 1, 2000 + i, now(), 1, 'r' from generate_series(1, 11) i;
delete from pgq.retry_queue where ev_id = 1;
select pgq.maint_retry_events();
select ev_id from pgq.retry_queue;
update pgq.queue set queue_disable_insert = true;
select pgq.maint_retry_events();
update pgq.queue set queue_disable_insert = false;
select pgq.maint_retry_events();

-- two events with one number, which cannot both wait
select pgq.insert_event_raw('other', 77, now(), null, null, 't', 'one', null, null, null, null);
select pgq.insert_event_raw('other', 77, now(), null, null, 't', 'two', null, null, null, null);
insert into pgq.tick (tick_queue, tick_id, tick_event_seq) values (2, 2, 2);
select pgq.next_batch('other', 'c');
select pgq.batch_retry(5, 0);
select ev_id, ev_data from pgq.retry_queue;
select pgq.event_retry_raw('other', 'c', now(), 77, now(), 1, 't', 'three', null, null, null, null);
select pgq.batch_retry(5, 0);
select ev_id, ev_data from pgq.retry_queue;
select pgq.finish_batch(5);
delete from pgq.retry_queue;

-- a position that is gone
delete from pgq.tick where tick_id = 4 and tick_queue = 1;
select pgq.next_batch('q', 'c');
select queue_name, consumer_name, lag is null, last_tick, pending_events
  from pgq.get_consumer_info('q', 'c');
delete from pgq.tick where tick_queue = 2;
select pgq.register_consumer('other', 'x');

-- unregister
select pgq.event_retry_raw('q', 'c', '2020-01-01', 500, now(), 8, 't', 'd', '1', '2', '3', '4');
select pgq.unregister_consumer('q', 'nope');
select pgq.unregister_consumer('nope', 'c');
select pgq.unregister_consumer('q', 'c');
select count(*) from pgq.retry_queue;
select co_name from pgq.consumer order by 1;
select pgq.unregister_consumer('other', 'c');
select co_name from pgq.consumer order by 1;
select pgq.unregister_consumer('q', 'd');
select co_name from pgq.consumer order by 1;

-- rows that share a subscription id, as cooperative consumers make them
insert into pgq.consumer (co_name) values ('main'), ('main.1'), ('main.2'), ('main.3');
insert into pgq.subscription (sub_id, sub_queue, sub_consumer, sub_last_tick, sub_next_tick, sub_batch)
    select 50, 1, co_id,
           case co_name when 'main' then 1 when 'main.2' then 1 end,
           case co_name when 'main.2' then 2 end,
           case co_name when 'main.2' then 77 end
      from pgq.consumer where co_name ~ '^main';
select pgq.unregister_consumer('q', 'main.1');
select pgq.unregister_consumer('q', 'main.2');
select co_name, sub_id from pgq.subscription join pgq.consumer on co_id = sub_consumer order by 1;
select pgq.unregister_consumer('q', 'main');
select co_name from pgq.consumer order by 1;
select count(*) from pgq.subscription;

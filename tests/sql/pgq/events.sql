-- insert_event, insert_event_raw, limits, disabled queues, current_event_table.
\set VERBOSITY terse
select pgq.create_queue('q');
select pgq.insert_event('nope', 't', 'd');
select pgq.insert_event(null, 't', 'd');
select pgq.insert_event('q', 't', 'd');
select pgq.insert_event('q', null, null);
select pgq.insert_event('q', 't', 'd', 'e1', 'e2', 'e3', 'e4');
select pgq.insert_event(queue_name := 'q', ev_type := 'named', ev_data := '');
select pgq.insert_event_raw('q', 1000, '2020-01-02 03:04:05+00', 7, 3, 't', 'd', '1', '2', '3', '4');
select pgq.insert_event_raw('q', null, null, null, null, 't', 'd', '1', '2', '3', '4');
select pgq.insert_event_raw(null, null, null, null, null, 't', 'd', '1', '2', '3', '4');
select pgq.insert_event_raw('nope', null, null, null, null, 't', 'd', '1', '2', '3', '4');
begin;
select pgq.insert_event_raw('q', null, null, null, null, 'when', '', '', '', '', '');
select ev_time = now() as time_is_now, ev_txid = txid_current() as txid_is_mine
  from pgq.event_1_0 where ev_type = 'when';
rollback;
select pgq.insert_event('q', 'after rollback', 'd');
select ev_id, ev_owner, ev_retry, ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4
  from pgq.event_1 order by ev_id;
select pgq.current_event_table('q');
select pgq.current_event_table('nope');
select pgq.current_event_table(null);

-- disabled
update pgq.queue set queue_disable_insert = true;
select pgq.insert_event('q', 'refused', '');
select pgq.current_event_table('q');
set session_replication_role = local;
select pgq.insert_event('q', 'refused', '');
select pgq.current_event_table('q');
set session_replication_role = replica;
select pgq.insert_event('q', 'let through', '');
select pgq.current_event_table('q');
reset session_replication_role;
update pgq.queue set queue_disable_insert = false;
select last_value from pgq.event_1_id_seq;

-- limit per transaction
update pgq.queue set queue_per_tx_limit = 2;
begin;
select pgq.insert_event('q', 'l', '1');
select pgq.insert_event('q', 'l', '2');
select pgq.insert_event('q', 'l', '3');
rollback;
begin;
select pgq.insert_event('q', 'l', '1');
select pgq.insert_event('q', 'l', '2');
commit;
select pgq.insert_event('q', 'l', '1'), pgq.insert_event('q', 'l', '2');
select pgq.insert_event('q', 'l', '1'), pgq.insert_event('q', 'l', '2'), pgq.insert_event('q', 'l', '3');
select pgq.create_queue('q2');
update pgq.queue set queue_per_tx_limit = 1 where queue_name = 'q2';
begin;
select pgq.insert_event('q2', 'l', '1');
select pgq.insert_event('q', 'l', '1');
select pgq.insert_event('q', 'l', '2');
select pgq.insert_event('q2', 'l', '2');
rollback;
update pgq.queue set queue_per_tx_limit = 0;
select pgq.insert_event('q', 'l', '1');
update pgq.queue set queue_per_tx_limit = -1;
select pgq.insert_event('q', 'l', '1');
update pgq.queue set queue_per_tx_limit = 1;
begin;
select pgq.insert_event('q', 'l', '1');
update pgq.queue set queue_cur_table = 1;
select pgq.insert_event('q', 'l', '2');
select pgq.insert_event('q', 'l', '3');
rollback;
select count(*) from pgq.event_1;

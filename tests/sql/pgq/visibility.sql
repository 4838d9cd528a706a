-- Which transactions belong to a batch: events with chosen transaction ids, ticks with chosen
-- snapshots.
\set VERBOSITY terse
select pgq.create_queue('q');
select pgq.register_consumer('q', 'c');
create function batch(start_snapshot text, end_snapshot text) returns text language plpgsql as $$
begin
    delete from pgq.tick where tick_id > 1;
    update pgq.tick set tick_snapshot = start_snapshot::txid_snapshot;
    insert into pgq.tick (tick_queue, tick_id, tick_snapshot, tick_event_seq)
        values (1, 2, end_snapshot::txid_snapshot, 1);
    update pgq.subscription set sub_last_tick = 1, sub_next_tick = null, sub_batch = null;
    return (select string_agg(format('%s@%s', ev_txid, ev_id), ' ')
              from pgq.get_batch_events(pgq.next_batch('q', 'c')));
end;
$$;
insert into pgq.event_1_0 (ev_id, ev_time, ev_txid, ev_type)
    select 10000 - i, now(), i, 't' from generate_series(1000, 2000, 7) i;
insert into pgq.event_1_2 (ev_id, ev_time, ev_txid, ev_type)
    select 20000 - i, now(), i, 't' from generate_series(1000, 2000, 11) i;
insert into pgq.event_1_1 (ev_id, ev_time, ev_txid, ev_type)
    select 30000 - i, now(), i, 't' from generate_series(1000, 2000, 5) i;
insert into pgq.event_1_0 (ev_id, ev_time, ev_txid, ev_owner, ev_type)
    values (1, now(), 1500, 1, 'mine'), (2, now(), 1500, 2, 'not mine');
select batch('1490:1490:', '1520:1520:');
select batch('1490:1500:1491,1494', '1520:1520:');
select batch('1490:1500:1491,1494', '1491:1520:1491,1497,1512');
select batch('1004:1500:1004,1011,1050,1408,1491,1494', '1520:1520:');
select batch('1004:1500:1004,1011,1050,1408,1491,1494', '1011:1520:1011,1494');
select batch('1007:1900:1007,1014,1100,1298,1303,1398,1403,1500,1800', '1403:1910:1403,1905');
select batch('2500:2500:', '2600:2600:');
select batch('1500:1500:', '1500:1500:');

-- tables around a rotation
create function tables(step1 int8, step2 int8) returns setof text language plpgsql as $$
begin
    update pgq.queue set queue_switch_step1 = step1, queue_switch_step2 = step2;
    return query select pgq.batch_event_tables(sub_batch) from pgq.subscription;
end;
$$;
select batch('1400:1450:1400', '1500:1520:1500') is not null;
select tables(1521, null);
select tables(1520, null);
select tables(1520, 1600);
select tables(1521, 1600);
select tables(1300, 1350);
select tables(1300, 1399);
select tables(1300, 1400);
select tables(1300, null);
update pgq.queue set queue_cur_table = 2;
select tables(1521, null);
select tables(1300, 1350);
select tables(1400, 1410);
select batch('1490:1500:1491,1494', '1520:1520:');
update pgq.queue set queue_switch_step1 = 1300, queue_switch_step2 = 1350;
select batch('1490:1500:1491,1494', '1520:1520:');

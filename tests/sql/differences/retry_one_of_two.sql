-- Two events of a batch have the same number. event_retry() puts one of them aside; the original puts
-- none aside, and answers as if they were waiting already.
select pgq.create_queue('q'), pgq.register_consumer('q', 'c');
select pgq.insert_event_raw('q', 77, now(), null, null, 't', 'd', null, null, null, null) from generate_series(1, 2);
insert into pgq.tick (tick_queue, tick_id, tick_event_seq) values (1, 2, 2);
select pgq.next_batch('q', 'c');
select pgq.event_retry(1, 77, 0);
select pgq.event_retry(1, 77, 0);
select ev_id, ev_data from pgq.retry_queue;

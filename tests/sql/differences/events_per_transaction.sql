-- The limit of events per transaction counts what the transaction will write: a rollback to a
-- savepoint takes its events off. The reference counts calls.
\set VERBOSITY terse
select pgq.create_queue('q');
update pgq.queue set queue_per_tx_limit = 1;
begin;
savepoint s;
select pgq.insert_event('q', 't', 'taken back');
rollback to s;
select pgq.insert_event('q', 't', 'kept');
select pgq.insert_event('q', 't', 'too many');
rollback;

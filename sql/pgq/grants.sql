-- Who may do what. Run at every install and upgrade.

-- A queue that is just being created writes to the same row of the catalogue: one after the other.
lock table pgq.event_template in share update exclusive mode;

grant usage on schema pgq to public;

grant select on pgq.consumer, pgq.queue, pgq.tick, pgq.subscription to public, pgq_reader;
grant select on pgq.event_template to pgq_reader;

grant select, insert, update, delete
    on pgq.consumer, pgq.queue, pgq.tick, pgq.subscription, pgq.retry_queue to pgq_admin;
grant select, insert, truncate on pgq.event_template to pgq_admin;

revoke all on function
    pgq._grant_perms_from(text, text, text, text),
    pgq.batch_event_sql(bigint),
    pgq.batch_event_tables(bigint),
    pgq.batch_retry(bigint, integer),
    pgq.create_queue(text),
    pgq.current_event_table(text),
    pgq.drop_queue(text),
    pgq.drop_queue(text, boolean),
    pgq.event_retry(bigint, bigint, integer),
    pgq.event_retry(bigint, bigint, timestamp with time zone),
    pgq.event_retry_raw(text, text, timestamp with time zone, bigint, timestamp with time zone, integer, text, text, text, text, text, text),
    pgq.find_tick_helper(integer, bigint, timestamp with time zone, bigint, bigint, interval),
    pgq.finish_batch(bigint),
    pgq.force_tick(text),
    pgq.get_batch_cursor(bigint, text, integer),
    pgq.get_batch_cursor(bigint, text, integer, text),
    pgq.get_batch_events(bigint),
    pgq.get_batch_info(bigint),
    pgq.get_consumer_info(),
    pgq.get_consumer_info(text),
    pgq.get_consumer_info(text, text),
    pgq.get_queue_info(),
    pgq.get_queue_info(text),
    pgq.grant_perms(text),
    pgq.insert_event(text, text, text),
    pgq.insert_event(text, text, text, text, text, text, text),
    pgq.insert_event_raw(text, bigint, timestamp with time zone, integer, integer, text, text, text, text, text, text),
    pgq.jsontriga(),
    pgq.logutriga(),
    pgq.maint_operations(),
    pgq.maint_retry_events(),
    pgq.maint_rotate_tables_step1(text),
    pgq.maint_rotate_tables_step2(),
    pgq.maint_tables_to_vacuum(),
    pgq.next_batch(text, text),
    pgq.next_batch_custom(text, text, interval, integer, interval),
    pgq.next_batch_info(text, text),
    pgq.quote_fqname(text),
    pgq.register_consumer(text, text),
    pgq.register_consumer_at(text, text, bigint),
    pgq.seq_getval(text),
    pgq.seq_setval(text, bigint),
    pgq.set_queue_config(text, text, text),
    pgq.sqltriga(),
    pgq.ticker(),
    pgq.ticker(text),
    pgq.ticker(text, bigint, timestamp with time zone, bigint),
    pgq.tune_storage(text),
    pgq.unregister_consumer(text, text),
    pgq.upgrade_schema(),
    pgq.version(),
    pgq._announce_tick(text),
    pgq._has_late_events(integer, bigint),
    pgq._rebase_queue(text)
from public;

-- for everybody
grant execute on function
    pgq.get_consumer_info(),
    pgq.get_consumer_info(text),
    pgq.get_consumer_info(text, text),
    pgq.get_queue_info(),
    pgq.get_queue_info(text),
    pgq.quote_fqname(text),
    pgq.seq_getval(text),
    pgq.version()
to public;

-- consumers
grant execute on function
    pgq.batch_event_sql(bigint),
    pgq.batch_event_tables(bigint),
    pgq.batch_retry(bigint, integer),
    pgq.event_retry(bigint, bigint, integer),
    pgq.event_retry(bigint, bigint, timestamp with time zone),
    pgq.find_tick_helper(integer, bigint, timestamp with time zone, bigint, bigint, interval),
    pgq.finish_batch(bigint),
    pgq.force_tick(text),
    pgq.get_batch_cursor(bigint, text, integer),
    pgq.get_batch_cursor(bigint, text, integer, text),
    pgq.get_batch_events(bigint),
    pgq.get_batch_info(bigint),
    pgq.next_batch(text, text),
    pgq.next_batch_custom(text, text, interval, integer, interval),
    pgq.next_batch_info(text, text),
    pgq.register_consumer(text, text),
    pgq.register_consumer_at(text, text, bigint),
    pgq.unregister_consumer(text, text)
to pgq_reader;

-- producers
grant execute on function
    pgq.current_event_table(text),
    pgq.insert_event(text, text, text),
    pgq.insert_event(text, text, text, text, text, text, text),
    pgq.jsontriga(),
    pgq.logutriga(),
    pgq.sqltriga()
to pgq_writer;

-- the ticker, and whoever manages queues
grant execute on function
    pgq._grant_perms_from(text, text, text, text),
    pgq.create_queue(text),
    pgq.drop_queue(text),
    pgq.drop_queue(text, boolean),
    pgq.event_retry_raw(text, text, timestamp with time zone, bigint, timestamp with time zone, integer, text, text, text, text, text, text),
    pgq.grant_perms(text),
    pgq.insert_event_raw(text, bigint, timestamp with time zone, integer, integer, text, text, text, text, text, text),
    pgq.maint_operations(),
    pgq.maint_retry_events(),
    pgq.maint_rotate_tables_step1(text),
    pgq.maint_rotate_tables_step2(),
    pgq.maint_tables_to_vacuum(),
    pgq.seq_setval(text, bigint),
    pgq.set_queue_config(text, text, text),
    pgq.ticker(),
    pgq.ticker(text),
    pgq.ticker(text, bigint, timestamp with time zone, bigint),
    pgq.tune_storage(text),
    pgq.upgrade_schema(),
    pgq._rebase_queue(text)
to pgq_admin;

-- The functions in triggers/ whose names begin with "_" keep the default: a trigger runs with the
-- rights of whoever writes to the table, and they do nothing that this role could not do itself.

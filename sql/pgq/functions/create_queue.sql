-- Makes a queue: its row, sequences, event tables and first tick. Returns 1, or 0 if a queue of
-- that name exists.
create or replace function pgq.create_queue(i_queue_name text) returns integer
language plpgsql security definer as $$
declare
    q           pg_catalog.record;
    parent      pg_catalog.text;
    data_table  pg_catalog.text;
    event_seq   pg_catalog.text;
    new_id      integer;
begin
    if i_queue_name is null then
        raise exception 'Invalid NULL value';
    end if;
    if exists (select from pgq.queue where queue_name operator(pg_catalog.=) i_queue_name) then
        return 0;
    end if;

    new_id := pg_catalog.nextval('pgq.queue_queue_id_seq');
    insert into pgq.queue (queue_id, queue_name, queue_data_pfx, queue_event_seq, queue_tick_seq)
    values (new_id, i_queue_name,
            pg_catalog.concat('pgq.event_', new_id),
            pg_catalog.concat('pgq.event_', new_id, '_id_seq'),
            pg_catalog.concat('pgq.event_', new_id, '_tick_seq'))
    returning * into q;

    parent := pgq.quote_fqname(q.queue_data_pfx);
    event_seq := pgq.quote_fqname(q.queue_event_seq);
    execute pg_catalog.format('create sequence %s', pgq.quote_fqname(q.queue_tick_seq));
    execute pg_catalog.format('create sequence %s', event_seq);
    execute pg_catalog.format('create table %s () inherits (pgq.event_template)', parent);
    for i in 0 .. q.queue_ntables operator(pg_catalog.-) 1 loop
        data_table := pgq.quote_fqname(pg_catalog.concat(q.queue_data_pfx, '_', i));
        execute pg_catalog.format('create table %s () inherits (%s)', data_table, parent);
        execute pg_catalog.format(
            'alter table %s alter column ev_id set default pg_catalog.nextval(%L)',
            data_table, event_seq);
        execute pg_catalog.format('create index %I on %s (ev_txid)',
            pg_catalog.concat('event_', new_id, '_', i, '_txid_idx'), data_table);
    end loop;

    perform pgq.grant_perms(i_queue_name);
    perform pgq.ticker(i_queue_name);
    perform pgq.tune_storage(i_queue_name);
    return 1;
end;
$$;

-- Sets the rights on a queue's event tables and sequences: the tables get those of
-- pgq.event_template, everybody may look at the sequences, pgq_admin may take event ids.
create or replace function pgq.grant_perms(x_queue_name text) returns integer
language plpgsql security definer as $$
declare
    q           pg_catalog.record;
    table_name  pg_catalog.text;
    dot         integer;
begin
    select queue_data_pfx, queue_event_seq, queue_tick_seq, queue_ntables
      into q
      from pgq.queue
     where queue_name operator(pg_catalog.=) x_queue_name;
    if not found then
        raise exception 'Queue not found';
    end if;

    execute pg_catalog.format('grant select on %s to public', pgq.quote_fqname(q.queue_event_seq));
    execute pg_catalog.format('grant usage on %s to pgq_admin', pgq.quote_fqname(q.queue_event_seq));
    execute pg_catalog.format('grant select on %s to public', pgq.quote_fqname(q.queue_tick_seq));

    dot := pg_catalog.strpos(q.queue_data_pfx, '.');
    for i in -1 .. q.queue_ntables operator(pg_catalog.-) 1 loop
        -- the parent first, then the tables that hold the events
        table_name := pg_catalog.substr(q.queue_data_pfx, dot operator(pg_catalog.+) 1);
        if i operator(pg_catalog.>=) 0 then
            table_name := pg_catalog.concat(table_name, '_', i);
        end if;
        perform pgq._grant_perms_from('pgq', 'event_template',
            case when dot operator(pg_catalog.>) 0
                 then pg_catalog.substr(q.queue_data_pfx, 1, dot operator(pg_catalog.-) 1)
                 else 'public' end,
            table_name);
    end loop;
    return 1;
end;
$$;

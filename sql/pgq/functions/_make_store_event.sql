-- Makes pgq._store_event(), which has one insert per event table. Called when a queue comes or
-- goes, and at every install.
--
-- PL/pgSQL keeps the plan of a statement only where the table is written in it; an insert that is
-- put together for each event is parsed and planned for each event, which takes longer than all the
-- rest. So there is a function with the statements of all queues, and a caller that also knows the
-- general way: for a table that the function does not have, it returns false.
--
-- With very many queues looking for the right one would take longer than planning. The general way
-- is good enough then.
create or replace function pgq._make_store_event() returns void
language plpgsql as $make$
declare
    most_queues constant integer := 200;
    statements  pg_catalog.text;
begin
    -- Two transactions that each make a queue would replace the function by one without the other's.
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('pgq._store_event', 0));
    if exists (select from pg_catalog.pg_proc p
                where p.pronamespace operator(pg_catalog.=) 'pgq'::pg_catalog.regnamespace
                  and p.proname operator(pg_catalog.=) '_store_event'
                  and not pg_catalog.pg_has_role(p.proowner, 'usage')) then
        return;  -- left by an install under another name
    end if;

    select pg_catalog.string_agg(pg_catalog.format(
                E'    if i_queue operator(pg_catalog.=) %s then\n%s    end if;\n',
                q.queue_id, t.inserts), '' order by q.queue_id)
      into statements
      from (select queue_id, queue_data_pfx, queue_ntables
              from pgq.queue
             order by queue_id
             limit most_queues) q,
           lateral (
                select pg_catalog.string_agg(pg_catalog.format($insert$
        if i_table operator(pg_catalog.=) %L then
            insert into %s (ev_id, ev_time, ev_owner, ev_retry, ev_type, ev_data,
                ev_extra1, ev_extra2, ev_extra3, ev_extra4)
            values (i_id, i_time, i_owner, i_retry, i_type, i_data,
                i_extra1, i_extra2, i_extra3, i_extra4);
            return true;
        end if;
$insert$,
                    n.name, pgq.quote_fqname(n.name)), '' order by n.name)
                  from (select pg_catalog.concat(q.queue_data_pfx, '_', i)
                          from pg_catalog.generate_series(
                                  0, q.queue_ntables operator(pg_catalog.-) 1) as i) as n (name)
           ) as t (inserts)
     where t.inserts is not null;

    execute pg_catalog.format($function$
create or replace function pgq._store_event(
    i_queue integer, i_table pg_catalog.text,
    i_id bigint, i_time timestamp with time zone, i_owner integer, i_retry integer,
    i_type pg_catalog.text, i_data pg_catalog.text, i_extra1 pg_catalog.text,
    i_extra2 pg_catalog.text, i_extra3 pg_catalog.text, i_extra4 pg_catalog.text
) returns boolean
language plpgsql as %L
$function$,
        pg_catalog.concat(
            E'\n-- Made by pgq._make_store_event().\nbegin\n', statements,
            E'    return false;\nend;\n'));
end;
$make$;

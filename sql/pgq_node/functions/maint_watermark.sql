-- Periodic maintenance: publishes the global watermark of a root when nobody did for five minutes.
-- Always returns 0, there is never a reason to call it again at once.
create or replace function pgq_node.maint_watermark(i_queue_name text)
returns int4 as $$
declare
    watermark_lag interval;
begin
    perform 1
       from pgq_node.node_info n
      where n.queue_name = i_queue_name
        and n.node_type = 'root'
        for update;
    if not found then
        return 0;
    end if;

    select c.lag
      into watermark_lag
      from pgq.get_consumer_info(i_queue_name, '.global_watermark') c;
    if watermark_lag >= '5 minutes'::interval then
        perform pgq_node.set_global_watermark(i_queue_name, null);
    end if;

    return 0;
end;
$$ language plpgsql;

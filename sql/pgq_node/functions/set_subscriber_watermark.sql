-- Called by a subscriber on its provider: everything up to this tick is no longer needed below it.
--
-- Returns 200; 100 when it stands there already; 404 when the node is not subscribed; 405 for a
-- move backwards.
create or replace function pgq_node.set_subscriber_watermark(
    in i_queue_name text,
    in i_node_name text,
    in i_watermark bigint,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    watermark_consumer text := '.' || i_node_name || '.watermark';
    position_now bigint;
begin
    select c.last_tick
      into position_now
      from pgq.get_consumer_info(i_queue_name, watermark_consumer) c;
    if not found then
        -- The text really ends here: log watchers know it without the queue's name.
        ret_code := 404;
        ret_note := 'node ' || i_node_name || ' not subscribed to queue ';
        return;
    end if;

    if i_watermark < position_now then
        ret_code := 405;
        ret_note := 'watermark must not be moved backwards';
        return;
    end if;
    if i_watermark = position_now then
        ret_code := 100;
        ret_note := 'watermark already set';
        return;
    end if;

    perform pgq.register_consumer_at(i_queue_name, watermark_consumer, i_watermark);

    ret_code := 200;
    ret_note := watermark_consumer || ' set to ' || i_watermark::text;
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp;

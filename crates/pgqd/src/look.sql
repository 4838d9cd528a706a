select r.retry::pg_catalog.text,
       q.queue_id::pg_catalog.text,
       q.queue_ticker_max_count::pg_catalog.text,
       pg_catalog.date_part('epoch', q.queue_ticker_max_lag)::pg_catalog.text,
       pg_catalog.date_part('epoch', q.queue_ticker_idle_period)::pg_catalog.text,
       pg_catalog.pg_sequence_last_value(pg_catalog.to_regclass(q.queue_event_seq))::pg_catalog.text,
       l.tick_id::pg_catalog.text,
       l.tick_event_seq::pg_catalog.text,
       l.tick_snapshot::pg_catalog.text,
       pg_catalog.date_part('epoch', pg_catalog.now() operator(pg_catalog.-) l.tick_time)::pg_catalog.text,
       (select pg_catalog.date_part('epoch', l.tick_time operator(pg_catalog.-) t.tick_time)::pg_catalog.text
          from pgq.tick t
         where t.tick_queue operator(pg_catalog.=) q.queue_id
           and t.tick_id operator(pg_catalog.<) l.tick_id
         order by t.tick_queue desc, t.tick_id desc
         limit 1),
       l.txid::pg_catalog.text,
       pg_catalog.txid_current_snapshot()::pg_catalog.text
  from (
    select coalesce((select ev_retry_after from pgq.retry_queue order by ev_retry_after limit 1)
                    operator(pg_catalog.<=) pg_catalog.now(), false) as retry) r
       left join pgq.queue q on not q.queue_external_ticker and not q.queue_ticker_paused
       left join lateral (
           select t.*, t.xmin as txid
             from pgq.tick t
            where t.tick_queue operator(pg_catalog.=) q.queue_id
            order by t.tick_queue desc, t.tick_id desc
            limit 1) l on true

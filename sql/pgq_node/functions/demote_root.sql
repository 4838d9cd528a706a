-- Turns a root into a branch of i_new_provider. Three calls, each in its own transaction:
--   1  no more events and ticks from outside
--   2  the last tick, after every writer and ticker that was still at it has gone
--   3  the new role
-- The caller lets the new root catch up with the tick of step 2 before it calls step 3.
--
-- Returns 200, with the tick id in steps 2 and 3; 301 when the node is not a root; 404 for an
-- unknown queue. Raises for a step out of order.
create or replace function pgq_node.demote_root(
    in i_queue_name text,
    in i_step int4,
    in i_new_provider text,
    out ret_code int4,
    out ret_note text,
    out last_tick int8)
returns record as $$
declare
    node record;
    queue record;
    last_event int8;
begin
    select n.node_type, n.worker_name
      into node
      from pgq_node.node_info n
     where n.queue_name = i_queue_name
       for update;
    if not found then
        ret_code := 404;
        ret_note := 'Node not initialized for queue: ' || i_queue_name;
        return;
    end if;
    if node.node_type <> 'root' then
        ret_code := 301;
        ret_note := 'Node not root';
        return;
    end if;

    select q.queue_id, q.queue_data_pfx, q.queue_tick_seq, q.queue_event_seq,
           q.queue_disable_insert and q.queue_external_ticker as is_closed
      into queue
      from pgq.queue q
     where q.queue_name = i_queue_name;
    if i_step > 1 and queue.is_closed is not true then
        raise exception 'steps in wrong order';
    end if;

    if i_step = 1 then
        update pgq.queue q
           set queue_disable_insert = true,
               queue_external_ticker = true
         where q.queue_name = i_queue_name;
        if not found then
            ret_code := 404;
            ret_note := 'Huh, no queue?: ' || i_queue_name;
            return;
        end if;
        ret_code := 200;
        ret_note := 'Step 1: Writing disabled for: ' || i_queue_name;
    elsif i_step = 2 then
        -- For what the caller still does in this transaction: his writes must not meet the closed
        -- queue. Nothing below depends on it, so a role that may not do it can demote as well.
        begin
            perform set_config('session_replication_role', 'replica', true);
        exception
            when insufficient_privilege then null;
        end;

        -- Waits for a ticker that passed the check of step 1 before it was there, see pgq.ticker: its tick
        -- would come behind the last one, and the new root's tick of that number would be taken for
        -- applied. Before the table: whoever waits for that must not be waited for here.
        perform pg_advisory_xact_lock('pgq.tick'::regclass::oid::int4, queue.queue_id);

        -- Waits for transactions that passed the check of step 1 before it was there.
        execute 'lock table ' || pgq.quote_fqname(queue.queue_data_pfx) || ' in exclusive mode';

        last_tick := nextval(pgq.quote_fqname(queue.queue_tick_seq)::regclass);
        last_event := nextval(pgq.quote_fqname(queue.queue_event_seq)::regclass);
        perform pgq.ticker(i_queue_name, last_tick, now(), last_event);

        ret_code := 200;
        ret_note := 'Step 2: Inserted last tick: ' || i_queue_name;
    elsif i_step = 3 then
        select max(t.tick_id)
          into last_tick
          from pgq.tick t
         where t.tick_queue = queue.queue_id;

        update pgq_node.node_info n
           set node_type = 'branch'
         where n.queue_name = i_queue_name;
        update pgq_node.local_state s
           set provider_node = i_new_provider,
               last_tick_id = last_tick,
               uptodate = false
         where s.queue_name = i_queue_name
           and s.consumer_name = node.worker_name;

        ret_code := 200;
        ret_note := 'Step 3: Demoted root to branch: ' || i_queue_name;
    else
        raise exception 'incorrect step number';
    end if;
end;
$$ language plpgsql security definer set search_path = pg_catalog, pg_temp;

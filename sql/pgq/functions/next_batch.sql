-- Makes the consumer's next batch active and returns its id, NULL when there is none yet.
create or replace function pgq.next_batch(i_queue_name text, i_consumer_name text)
returns bigint
language plpgsql as $$
begin
    return (select b.batch_id from pgq.next_batch_info(i_queue_name, i_consumer_name) b);
end;
$$;

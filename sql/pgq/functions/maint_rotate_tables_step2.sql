-- Second half of a rotation, in a transaction after the one of step1: whoever starts from now on
-- writes to the new table. Always returns 0.
create or replace function pgq.maint_rotate_tables_step2() returns integer
language plpgsql as $$
begin
    update pgq.queue
       set queue_switch_step2 = pg_catalog.txid_current()
     where queue_switch_step2 is null;
    return 0;
end;
$$;

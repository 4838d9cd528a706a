-- Before the functions are (re)created: what `create or replace` cannot change by itself.
--
-- A function is dropped only when its shape differs from today's, so that a repeated install keeps
-- the grants and the views somebody built on it.

do $upgrade$
begin
    if exists (
        select 1
          from pg_catalog.pg_proc p
         where p.oid = pg_catalog.to_regprocedure('pgq_node.get_node_info(text)')
           and p.proargnames is distinct from array[
                'i_queue_name', 'ret_code', 'ret_note', 'node_type', 'node_name',
                'global_watermark', 'local_watermark', 'provider_node', 'provider_location',
                'combined_queue', 'combined_type', 'worker_name', 'worker_paused',
                'worker_uptodate', 'worker_last_tick', 'node_attrs', 'target_for'])
    then
        drop function pgq_node.get_node_info(text);
    end if;
end;
$upgrade$;

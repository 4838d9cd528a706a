-- How far the copies of tables are. A worker writes here every few seconds while a copy lasts longer than that.

do $$
begin
    if pg_catalog.to_regclass('londiste._copy_progress') is null then
        create table londiste._copy_progress (
            queue_name      text not null,
            table_name      text not null,
            -- rows, indexes
            phase           text not null,
            bytes_copied    int8 not null,
            rows_copied     int8 not null,
            -- what the source's planner believes; null when it has no opinion
            rows_expected   int8,
            -- when the phase began
            started_at      timestamptz not null,
            updated_at      timestamptz not null,

            constraint _copy_progress_pkey primary key (queue_name, table_name)
        );
    end if;
end;
$$;

-- The copies that are under way. What a copy left behind that died is not among them for long.
create or replace view londiste.copy_progress as
select p.queue_name, p.table_name, t.merge_state, p.phase, p.bytes_copied, p.rows_copied, p.rows_expected,
       case when p.rows_expected > 0
            then least(floor(100.0 * p.rows_copied / p.rows_expected), 99)::int4
       end as percent,
       (p.bytes_copied / greatest(extract(epoch from p.updated_at - p.started_at), 0.001))::int8
           as bytes_per_second,
       case when p.rows_expected > p.rows_copied and p.rows_copied > 0
            then date_trunc('second', (p.updated_at - p.started_at)
                                      * ((p.rows_expected - p.rows_copied)::float8 / p.rows_copied))
       end as time_left,
       p.started_at, p.updated_at
  from londiste._copy_progress p
  join londiste.table_info t
    on t.queue_name = p.queue_name
   and t.table_name = p.table_name
 where t.merge_state in ('in-copy', 'catching-up')
   and p.updated_at > now() - interval '30 seconds';

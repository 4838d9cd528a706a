-- Drops what list_obsolete_partitions lists, and returns the names. What something else depends on
-- is not dropped but raises.
create or replace function londiste.drop_obsolete_partitions(
    i_parent_table text,
    i_retention_period interval,
    i_partition_period text)
returns setof text as $$
declare
    part text;
begin
    for part in
        select p
          from londiste.list_obsolete_partitions(
            i_parent_table, i_retention_period, i_partition_period) p
    loop
        execute 'drop table ' || part;
        return next part;
    end loop;
end;
$$ language plpgsql;

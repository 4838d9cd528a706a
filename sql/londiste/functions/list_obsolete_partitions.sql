-- The partitions of a table, by name only, that are older than the retention period; ready for use
-- in a statement. The parent's name is taken as it is.
create or replace function londiste.list_obsolete_partitions(
    i_parent_table text,
    i_retention_period interval,
    i_partition_period text)
returns setof text as $$
declare
    parent record;
    suffix_length int4;
begin
    if i_parent_table is null then
        raise exception 'need parent table' using errcode = 'null_value_not_allowed';
    end if;
    parent := londiste.split_fqname(i_parent_table);
    suffix_length := length(to_char(now(), londiste._partition_suffix(i_partition_period)));

    return query
        select quote_ident(t.schemaname::text) || '.' || quote_ident(t.tablename::text)
          from pg_catalog.pg_tables t
         where t.schemaname = parent.schema_part
           and left(t.tablename::text, -suffix_length) = parent.name_part
           and londiste.is_obsolete_partition(
                t.tablename::text, i_retention_period, i_partition_period)
         order by 1;
end;
$$ language plpgsql;

-- Whether a partition, named <base>_YYYY and so on after its period, is older than the retention
-- period. Null when the name does not end the way the period demands.
create or replace function londiste.is_obsolete_partition(
    i_partition_table text,
    i_retention_period interval,
    i_partition_period text)
returns boolean as $$
declare
    suffix_format constant text := londiste._partition_suffix(i_partition_period);
    suffix_length int4;
    base text;
begin
    suffix_length := length(to_char(now(), suffix_format));
    base := left(i_partition_table, -suffix_length);
    if coalesce(base, '') = '' or substr(i_partition_table, length(base) + 1)
        !~ ('^' || regexp_replace(to_char(now(), suffix_format), '\d', '\\d', 'g') || '$')
    then
        return null;
    end if;

    return coalesce(
        i_partition_table < base || to_char(now() - i_retention_period, suffix_format), false);
end;
$$ language plpgsql;

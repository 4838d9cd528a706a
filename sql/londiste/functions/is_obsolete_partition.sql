-- Whether a partition, named <base>_YYYY and so on after its period, is older than the retention
-- period. Null when the name does not end the way the period demands.
create or replace function londiste.is_obsolete_partition(
    i_partition_table text,
    i_retention_period interval,
    i_partition_period text)
returns boolean as $$
declare
    suffix_format text;
    suffix_length int4;
    base text;
begin
    suffix_format := case
        when i_partition_period in ('year', 'yearly') then '_YYYY'
        when i_partition_period in ('month', 'monthly') then '_YYYY_MM'
        when i_partition_period in ('day', 'daily') then '_YYYY_MM_DD'
        when i_partition_period in ('hour', 'hourly') then '_YYYY_MM_DD_HH24'
    end;
    if suffix_format is null then
        raise exception 'not supported i_partition_period: %', i_partition_period;
    end if;

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

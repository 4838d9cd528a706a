-- How the names of partitions end that hold a year, a month, a day or an hour each: a format for
-- to_char.
create or replace function londiste._partition_suffix(i_partition_period text)
returns text as $$
declare
    suffix_format text;
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
    return suffix_format;
end;
$$ language plpgsql immutable;

-- What a generated capture function calls for a row that it was not made for: after ALTER TABLE until
-- it has been made anew, for a change of the key, for settings under which values are written
-- otherwise. The events are pgq.logutriga's, but no key that the table has lost or got makes the
-- application's write fail:
--
-- * a change of the key is the old row deleted and the new one inserted;
-- * without a key, i_keys identify the row (the key when the function was made), else all of its
--   columns do.
--
-- i_name is the table's name in the event if it is not its own. i_old is the old row for UPDATE, else
-- the same as i_row.
create or replace function pgq._log_change(
    i_op text, i_relid oid, i_schema text, i_table text,
    i_queue text, i_name text, i_keys text[], i_row anyelement, i_old anyelement
) returns void
language plpgsql
set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set lc_monetary = 'C'
as $$
declare
    names   pg_catalog.text[];
    row_values pg_catalog.text[];
    old_values pg_catalog.text[];
    table_name constant pg_catalog.text := pg_catalog.concat(i_schema, '.', i_table);
    keys    pg_catalog.text[];
    key     pg_catalog.text;
    key_list pg_catalog.text;
    key_at  integer;
begin
    if pg_catalog.current_setting('session_replication_role') operator(pg_catalog.=) 'local' then
        return;
    end if;

    -- The row knows its columns best: the catalog, seen with an old snapshot, may be behind. Their names
    -- come from a row of NULLs: json of a value calls the cast that the owner of its type has made, and
    -- here it would run with the rights of the capture function.
    execute 'select array(select pg_catalog.json_object_keys(pg_catalog.row_to_json(r)))'
            ' from (select (case when false then $1 end).*) as r'
       into names
      using i_row;
    row_values := pgq._record_fields(pg_catalog.format('%s', i_row), pg_catalog.cardinality(names));

    keys := pgq._row_key(i_relid);
    if keys is null or not keys operator(pg_catalog.<@) names then
        keys := i_keys;
        if not keys operator(pg_catalog.<@) names then
            -- all but those that steer the trigger
            keys := array(
                select n.name
                  from pg_catalog.unnest(names) with ordinality as n (name, nr)
                 where not pg_catalog.starts_with(n.name, '_pgq_ev_')
                 order by n.nr);
        end if;
    end if;
    key_list := pg_catalog.array_to_string(keys, ',');

    if i_op operator(pg_catalog.=) 'UPDATE' then
        old_values := pgq._record_fields(pg_catalog.format('%s', i_old), pg_catalog.cardinality(names));
        foreach key in array keys loop
            continue when pg_catalog.starts_with(key, '_pgq_ev_');
            key_at := pg_catalog.array_position(names, key);
            if pgq._column_changed(i_relid, key, row_values[key_at], old_values[key_at], i_row, i_old)
            then
                perform pgq._log_row(i_queue, pg_catalog.concat('D:', key_list),
                    table_name, i_name, names, old_values);
                perform pgq._log_row(i_queue, pg_catalog.concat('I:', key_list),
                    table_name, i_name, names, row_values);
                return;
            end if;
        end loop;
    end if;
    perform pgq._log_row(i_queue, pg_catalog.concat(pg_catalog.left(i_op, 1), ':', key_list),
        table_name, i_name, names, row_values);
end;
$$;

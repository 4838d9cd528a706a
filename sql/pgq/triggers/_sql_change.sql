-- The data of a sqltriga event: what follows "insert into t", "update t set", "delete from t where".
--
-- i_names and i_old are all columns with their old values, i_shown and i_values those to insert.
-- i_assignments is what an update changed; if that is nothing, the first key column gets its old
-- value again.
create or replace function pgq._sql_change(
    i_op text, i_names text[], i_old text[], i_keys text,
    i_shown text[], i_values text[], i_assignments text[]
) returns text
language plpgsql immutable as $$
declare
    condition   pg_catalog.text;
    conditions  pg_catalog.text[] := '{}';
    assignments pg_catalog.text[] := i_assignments;
begin
    if i_op operator(pg_catalog.=) 'INSERT' then
        return pg_catalog.format('(%s) values (%s)',
            pg_catalog.array_to_string(array(
                select pg_catalog.quote_ident(c.name) from pg_catalog.unnest(i_shown) as c (name)), ','),
            pg_catalog.array_to_string(array(
                select coalesce(pg_catalog.quote_literal(c.value), 'null')
                  from pg_catalog.unnest(i_values) as c (value)), ','));
    end if;

    for i in 1 .. pg_catalog.cardinality(i_names) loop
        -- the first test is only there because it is cheap
        continue when pg_catalog.strpos(i_keys, i_names[i]) operator(pg_catalog.=) 0
            or not pgq._list_has(i_keys, i_names[i])
            or pg_catalog.starts_with(i_names[i], '_pgq_ev_');
        if i_old[i] is null then
            raise exception 'logtriga: Unexpected NULL key value';
        end if;
        condition := pg_catalog.concat(
            pg_catalog.quote_ident(i_names[i]), '=', pg_catalog.quote_literal(i_old[i]));
        conditions := pg_catalog.array_append(conditions, condition);
    end loop;
    if i_op operator(pg_catalog.=) 'DELETE' then
        return pg_catalog.array_to_string(conditions, ' and ');
    end if;

    if pg_catalog.cardinality(assignments) operator(pg_catalog.=) 0 then
        if condition is null then
            raise exception 'logtriga: Unexpected NULL key value';
        end if;
        assignments := conditions[1:1];
    end if;
    return pg_catalog.concat(pg_catalog.array_to_string(assignments, ','), ' where ',
        pg_catalog.array_to_string(conditions, ' and '));
end;
$$;

-- Evaluates the expression of a trigger argument for one row, as "select EXPRESSION". Returns the
-- text of the first column of the one row there has to be, and its type. An empty expression is
-- NULL, of type 0.
create or replace function pgq._trigger_expression(
    i_expression text, i_columns text[], i_row anyelement,
    out o_value text, out o_type oid
) returns record
language plpgsql as $$
declare
    n bigint;
begin
    if i_expression operator(pg_catalog.~) '^[[:space:]]*$' then
        o_type := 0;
        return;
    end if;
    -- A semicolon may close it, as it may close any statement. The line break ends a comment that
    -- the expression may close with. num_nulls() tells a NULL from a row of NULLs.
    execute pg_catalog.format(
        E'select case when pg_catalog.num_nulls(result.value) operator(pg_catalog.=) 0'
        ' then pg_catalog.format(''%%s'', result.value) end,'
        ' pg_catalog.pg_typeof(result.value)::pg_catalog.oid'
        ' from (select %s\n) as result (value)',
        pgq._bind_columns(
            pg_catalog.regexp_replace(i_expression, '[;[:space:]]+$', ''), i_columns))
       into o_value, o_type
      using i_row;
    get diagnostics n = row_count;
    if n operator(pg_catalog.<>) 1 then
        raise exception 'Expect 1 row from override query, got %', n;
    end if;
end;
$$;

-- The ev_type of jsontriga: operation, table and key columns.
create or replace function pgq._json_type(i_op text, i_schema text, i_table text, i_keys text[])
returns text
language plpgsql immutable as $$
begin
    return pg_catalog.concat(
        '{"op":', pg_catalog.to_json(i_op),
        ',"table":[', pg_catalog.to_json(i_schema), ',', pg_catalog.to_json(i_table),
        '],"pkey":[', pg_catalog.array_to_string(array(
            select pg_catalog.to_json(k.name)::pg_catalog.text
              from pg_catalog.unnest(i_keys) as k (name)), ','),
        ']}');
end;
$$;

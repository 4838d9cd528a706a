-- The fields of an event, ev_type, ev_data, ev_extra1 to ev_extra4, with the values of the row's columns
-- _pgq_ev_type and so on in their place, NULL included.
create or replace function pgq._magic_fields(i_fields text[], i_names text[], i_values text[])
returns text[]
language plpgsql immutable as $$
declare
    fields  pg_catalog.text[] := i_fields;
    field   integer;
begin
    for i in 1 .. pg_catalog.cardinality(i_names) loop
        continue when not pg_catalog.starts_with(i_names[i], '_pgq_ev_');
        field := pg_catalog.array_position(
            '{_pgq_ev_type,_pgq_ev_data,_pgq_ev_extra1,_pgq_ev_extra2,_pgq_ev_extra3,_pgq_ev_extra4}'
            ::pg_catalog.text[], i_names[i]);
        if field is null then
            raise exception 'Unknown magic column: %', i_names[i];
        end if;
        fields[field] := i_values[i];
    end loop;
    return fields;
end;
$$;

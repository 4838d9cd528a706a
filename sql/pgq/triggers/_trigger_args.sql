-- Reads the arguments of a trigger, all but the first, which is the queue.
--
-- o_keys and o_ignored are NULL when not given. o_overrides holds the expressions for ev_type,
-- ev_data, ev_extra1 to ev_extra4, and when, in this order. Of several lists the last one counts,
-- of several expressions the first.
create or replace function pgq._trigger_args(
    i_args text[], i_op text,
    out o_skip boolean, out o_backup boolean, out o_deny boolean,
    out o_keys text, out o_ignored text, out o_overrides text[]
) returns record
language plpgsql immutable as $$
declare
    arg     pg_catalog.text;
    word    pg_catalog.text;
    rest    pg_catalog.text;
    field   integer;
    on_truncate constant boolean := i_op operator(pg_catalog.=) 'TRUNCATE';
begin
    o_skip := false;
    o_backup := false;
    o_deny := false;
    foreach arg in array i_args[1:] loop
        word := pg_catalog.split_part(arg, '=', 1);
        if pg_catalog.strpos(arg, '=') operator(pg_catalog.>) 0 then
            rest := pg_catalog.substr(arg, pg_catalog.length(word) operator(pg_catalog.+) 2);
            word := pg_catalog.concat(word, '=');
        end if;
        field := pg_catalog.array_position(array['ev_type=', 'ev_data=', 'ev_extra1=',
            'ev_extra2=', 'ev_extra3=', 'ev_extra4=', 'when=']::pg_catalog.text[], word);

        if word operator(pg_catalog.=) 'SKIP' then
            o_skip := true;
        elsif word operator(pg_catalog.=) 'deny' then
            o_deny := true;
        elsif word operator(pg_catalog.=) 'backup' then
            o_backup := true;
        elsif word operator(pg_catalog.=) 'ignore=' then
            o_ignored := rest;
        elsif word operator(pg_catalog.=) 'pkey=' then
            o_keys := rest;
        elsif field is not null then
            if on_truncate then
                raise exception 'Custom expressions do not make sense for truncater trigger';
            end if;
            if o_overrides[field] is null then
                o_overrides[field] := rest;
            end if;
        else
            raise exception 'bad param to pgq trigger';
        end if;
    end loop;
    if on_truncate then
        if o_ignored is not null then
            raise exception 'Column ignore does not make sense for truncate trigger';
        elsif o_keys is not null then
            raise exception 'Custom pkey_list does not make sense for truncate trigger';
        elsif o_backup then
            raise exception 'Backup does not make sense for truncate trigger';
        end if;
    end if;
end;
$$;

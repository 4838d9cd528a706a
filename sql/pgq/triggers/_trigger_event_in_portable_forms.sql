-- pgq._trigger_event() for a session where other forms of values are set.
create or replace function pgq._trigger_event_in_portable_forms(
    i_format text, i_op text, i_when text, i_relid oid, i_schema text, i_table text,
    i_args text[], i_row anyelement, i_old anyelement
) returns boolean
language plpgsql
set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set lc_monetary = 'C'
as $$
begin
    return pgq._trigger_event(
        i_format, i_op, i_when, i_relid, i_schema, i_table, i_args, i_row, i_old);
end;
$$;

-- The trigger function for a table that is made in the likeness of another one: for a function made for
-- one table its counterpart, else the function itself. As text that "execute function" takes.
create or replace function londiste._capture_like(i_function oid, i_relid oid)
returns text as $$
declare
    made_for json;
begin
    select obj_description(p.oid, 'pg_proc')::json
      into made_for
      from pg_catalog.pg_proc p
     where p.oid = i_function
       and p.pronamespace = 'londiste'::regnamespace
       and p.proname ~ '^_capture_[0-9]+_[0-9]+_*$';
    if not found then
        return i_function::regproc::text;
    end if;
    return coalesce(
        londiste._make_capture(made_for ->> 'queue', i_relid, made_for ->> 'name'),
        'pgq.logutriga');
end;
$$ language plpgsql;

-- Full name of a table or sequence: without a dot it is one of the schema public.
create or replace function londiste.make_fqname(i_name text)
returns text as $$
begin
    if position('.' in i_name) > 0 then
        return i_name;
    end if;
    return 'public.' || i_name;
end;
$$ language plpgsql strict immutable;

-- A full name as it is written in a statement.
create or replace function londiste.quote_fqname(i_name text)
returns text as $$
declare
    name_parts record := londiste.split_fqname(i_name);
begin
    return quote_ident(name_parts.schema_part) || '.' || quote_ident(name_parts.name_part);
end;
$$ language plpgsql strict immutable;

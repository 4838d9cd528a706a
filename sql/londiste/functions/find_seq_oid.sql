-- The sequence of this name, or null.
create or replace function londiste.find_seq_oid(seq text)
returns oid as $$
begin
    return londiste.find_rel_oid(seq, 'S');
end;
$$ language plpgsql strict stable;

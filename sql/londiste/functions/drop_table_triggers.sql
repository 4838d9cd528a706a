-- Drops the triggers through which a table feeds this queue, under whatever names. Triggers for
-- other queues and those of users stay.
create or replace function londiste.drop_table_triggers(i_queue_name text, i_table_name text)
returns void as $$
declare
    dest text;
    -- trigger arguments are kept as bytes, each closed by a zero
    queue_arg bytea := convert_to(i_queue_name, getdatabaseencoding()) || '\x00'::bytea;
    trg record;
begin
    select coalesce(t.dest_table, t.table_name)
      into dest
      from londiste.table_info t
     where t.queue_name = i_queue_name
       and t.table_name = i_table_name;

    for trg in
        select t.tgname::text
          from pg_catalog.pg_trigger t
         where t.tgrelid = londiste.find_table_oid(dest)
           and not t.tgisinternal
           and londiste.is_replica_func(t.tgfoid)
           and substr(t.tgargs, 1, octet_length(queue_arg)) = queue_arg
         order by 1
    loop
        execute 'drop trigger ' || quote_ident(trg.tgname)
            || ' on ' || londiste.quote_fqname(dest);
    end loop;
end;
$$ language plpgsql strict;

-- Whether this is one of the trigger functions that write row changes into a queue.
create or replace function londiste.is_replica_func(func_oid oid)
returns boolean as $$
    select exists (
        select 1
          from pg_catalog.pg_proc p
          join pg_catalog.pg_namespace n on n.oid = p.pronamespace
         where p.oid = $1
           and (n.nspname = 'pgq' and p.proname in ('sqltriga', 'logutriga', 'jsontriga')
                -- made for one table, see _write_capture
                or n.nspname = 'londiste' and p.proname ~ '^_capture_[0-9]+_[0-9]+_*$'));
$$ language sql strict stable;

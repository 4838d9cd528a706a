-- Makes the capture functions anew whose tables have changed, or all of them when i_all is true, and
-- drops those whose tables are gone. Returns how many it has made.
--
-- It waits for nobody: maintenance, which also empties the queues' tables, must not stand behind a long
-- ALTER TABLE, nor two of these behind each other. A table that is locked, or whose function somebody
-- else is making at this moment, has its turn the next time; until then its function is slow.
create or replace function londiste._refresh_captures(i_all boolean)
returns integer
security definer set search_path = pg_catalog, pg_temp set lock_timeout = '100ms'
as $$
declare
    capture record;
    made integer := 0;
begin
    for capture in
        select 'londiste.' || p.proname as name,
               split_part(p.proname, '_', 4)::oid as first_table,
               p.prosrc, t.tgrelid, obj_description(p.oid, 'pg_proc')::json as made_for
          from pg_proc p
          left join lateral (
                -- its own table, or what has come in the place of that one with a restore
                select t.tgrelid
                  from pg_trigger t
                 where t.tgfoid = p.oid
                 order by position(format('%L::pg_catalog.regclass', t.tgrelid) in p.prosrc) = 0, t.oid
                 limit 1) t on true
         where p.pronamespace = 'londiste'::regnamespace
           and p.proname ~ '^_capture_[0-9]+_[0-9]+_*$'
         order by p.proname
    loop
        if capture.tgrelid is null then
            -- A trigger that is away for a moment comes back; a table that is gone does not.
            if not exists (select 1 from pg_class c where c.oid = capture.first_table)
                and pg_try_advisory_xact_lock(1255, hashtext(capture.name))
            then
                execute format('drop function if exists %s()', capture.name);
            end if;
        elsif (i_all
               or position(quote_literal(pgq._row_shape(capture.tgrelid::regclass,
                                                        pgq._key_index(capture.tgrelid)))
                           in capture.prosrc) = 0)
            and pg_try_advisory_xact_lock(1255, hashtext(capture.name))
        then
            -- Where it cannot be made anew (a table without a key, say) it stays, and is slow.
            begin
                made := made + count(*)
                   from londiste._write_capture(capture.made_for ->> 'queue', capture.tgrelid,
                                                capture.made_for ->> 'name', capture.name) as name
                  where name is not null;
            exception
                when lock_not_available then
                    null;
            end;
        end if;
    end loop;
    return made;
end;
$$ language plpgsql;

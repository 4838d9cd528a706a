-- The body of the capture function of a table, see _write_capture(). i_name is the table's name in
-- events if it is not its own.
--
-- NULL when the table is not, or no longer, what the catalog says: nobody is kept from changing it
-- meanwhile, and the caller's snapshot may be an old one. The body asks for today's table, and would
-- leave out for good what it does not know of. All that is read here is read in the snapshot of one
-- statement, the caller's, because this function and those it calls are stable.
create or replace function londiste._capture_source(
    i_queue_name text, i_relid oid, i_key oid, i_name text)
returns text as $function$
declare
    queue record;
    tbl record;
    shape text := pgq._row_shape(i_relid::regclass, i_key);
    keys text[] := pgq._row_key(i_relid);
    key_list text := array_to_string(keys, ',');
    variables text;
    settings text;
    same_key text;
    log_change text;
    inserts text := '';
begin
    select q.queue_id, q.queue_ntables
      into queue
      from pgq.queue q
     where q.queue_name = i_queue_name;
    select n.nspname || '.' || c.relname as name,
           format('%s %s %s %s', quote_ident(n.nspname) || '.' || quote_ident(c.relname),
                  (select array_agg(a.attname::text order by a.attnum)
                     from pg_catalog.pg_attribute a
                    where a.attrelid = c.oid
                      and a.attnum > 0
                      and not a.attisdropped),
                  (select array_agg(a.atttypid order by a.attnum)
                     from pg_catalog.pg_attribute a
                    where a.attrelid = c.oid
                      and a.attnum > 0
                      and not a.attisdropped),
                  (select array_agg(a.attname::text order by k.nr)
                     from pg_catalog.pg_index i
                     cross join unnest(i.indkey) with ordinality as k (attnum, nr)
                     join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
                    where i.indexrelid = i_key)) as shape
      into tbl
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.oid = i_relid;
    if (tbl.shape = shape and pgq._key_index(i_relid) = i_key) is not true then
        return null;
    end if;

    select coalesce(string_agg(format(E'\n    c%s pg_catalog.text;', c.attnum), ''), '')
      into variables
      from londiste._capture_columns(i_relid) c
     where c.kind = 'dear';

    -- The forms of values that every server reads alike, see pgq.logutriga.
    select coalesce(string_agg(E'\n       or ' || s.other, ''), '')
      into settings
      from (values
            ('datestyle', $s$not pg_catalog.starts_with(pg_catalog.current_setting('datestyle'), 'ISO')$s$),
            ('intervalstyle',
             $s$pg_catalog.current_setting('intervalstyle') operator(pg_catalog.<>) 'postgres'$s$),
            ('extra_float_digits',
             $s$pg_catalog.current_setting('extra_float_digits') operator(pg_catalog.<>) '1'$s$),
            ('lc_monetary', $s$pg_catalog.current_setting('lc_monetary') operator(pg_catalog.<>) 'C'$s$)
           ) as s (name, other)
     where exists (select 1
                     from londiste._capture_columns(i_relid) c
                    where s.name = any (c.settings));

    -- Key columns are compared as the key's index does, arrays by their text. So are types that are not
    -- the server's own: an operator is found by its name, and their owners could make one that fits
    -- better, to be run with this function's rights, or take away the right to the one there is. Where
    -- the texts differ, _log_change decides.
    select string_agg(
               case when o.oprname is null or t.typcategory = 'A'
                    then format('pg_catalog.concat(old.%1$I) operator(pg_catalog.=)'
                                ' pg_catalog.concat(new.%1$I)', a.attname)
                    else format('old.%1$I operator(pg_catalog.%2$s) new.%1$I', a.attname, o.oprname)
               end, ' and ' order by k.nr)
      into same_key
      from pg_catalog.pg_index i
      cross join generate_series(0, i.indnkeyatts - 1) as k (nr)
      join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[k.nr]
      join pg_catalog.pg_type t on t.oid = a.atttypid
      join pg_catalog.pg_opclass c on c.oid = i.indclass[k.nr]
      left join pg_catalog.pg_amop m
             on m.amopfamily = c.opcfamily
            and m.amoplefttype = c.opcintype
            and m.amoprighttype = c.opcintype
            and m.amopstrategy = 3
      left join pg_catalog.pg_operator o
             on o.oid = m.amopopr
            and o.oprnamespace = 'pg_catalog'::regnamespace
            and t.oid < 16384::oid
     where i.indexrelid = i_key;

    log_change := format(
        'perform pgq._log_change(tg_op, tg_relid, tg_table_schema, tg_table_name, %L, %L, %L, ',
        i_queue_name, i_name, keys);

    for nr in 0 .. queue.queue_ntables - 1 loop
        inserts := inserts || format($code$%1$s pgq._event_%2$s_table() operator(pg_catalog.=) %3$s then
            insert into pgq.event_%2$s_%3$s (ev_id, ev_time, ev_type, ev_data, ev_extra1)
            select pg_catalog.nextval('pgq.event_%2$s_id_seq'), current_timestamp, kind, data, %4$L
             where pgq._event_%2$s_table() operator(pg_catalog.=) %3$s;
            exit when found or pgq._event_%2$s_table() operator(pg_catalog.=) %3$s;
        $code$, case nr when 0 then 'if' else 'elsif' end, queue.queue_id, nr, coalesce(i_name, tbl.name));
    end loop;

    return format($code$
-- Writes the changes of a table into a queue. Made by londiste, see the function _write_capture.
declare
    kind    pg_catalog.text;
    data    pg_catalog.text;
    texts   pg_catalog.text := '';
    run     pg_catalog.text;%1$s
begin
    if (pgq._row_shape(%2$L::pg_catalog.regclass, %3$L::pg_catalog.oid)
            operator(pg_catalog.=) %4$L) is not true
       or tg_relid operator(pg_catalog.<>) %2$s::pg_catalog.oid
       or pg_catalog.current_setting('session_replication_role') operator(pg_catalog.=) 'local'%5$s
    then
        if tg_op operator(pg_catalog.=) 'UPDATE' then
            %6$snew, old);
        elsif tg_op operator(pg_catalog.=) 'INSERT' then
            %6$snew, new);
        else
            %6$sold, old);
        end if;
        return null;
    end if;

    if tg_op operator(pg_catalog.=) 'DELETE' then
        kind := %7$L;
        %8$s
    else
        if tg_op operator(pg_catalog.=) 'INSERT' then
            kind := %9$L;
        elsif %10$s then
            kind := %11$L;
        else
            %6$snew, old);
            return null;
        end if;
        %12$s
    end if;

    while pg_catalog.octet_length(texts) operator(pg_catalog.<>) pg_catalog.length(texts) loop
        run := pg_catalog.substring(texts, E'[^\x01-\x7f]+');
        data := pg_catalog.replace(data, run, pgq._urlencode_run(run));
        texts := pg_catalog.replace(texts, run, '');
    end loop;

    -- The table is asked for again within the insert, which has locked it by then and so has heard of
    -- every rotation that began before this transaction's number was given out. (Somebody's trigger on
    -- an event table may leave nothing of the insert either.)
    loop
        %13$selse
            perform pgq.insert_event(%14$L, kind, data, %15$L, null, null, null);
            exit;
        end if;
    end loop;
    return null;
end;
$code$,
        variables,
        i_relid, i_key, shape,
        settings,
        log_change,
        'D:' || key_list, londiste._capture_encoding(i_relid, 'old'),
        'I:' || key_list, same_key, 'U:' || key_list, londiste._capture_encoding(i_relid, 'new'),
        inserts, i_queue_name, coalesce(i_name, tbl.name));
end;
$function$ language plpgsql stable;

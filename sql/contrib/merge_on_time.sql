-- The function that table handler multimaster calls for every event: the row with the later time wins. Install it with psql in the
-- database that receives the rows; it is not part of any schema, and may be replaced by one that decides otherwise.
--
-- fn_conf is url-encoded:
--   timefield=COLUMN                 when the row was changed (required)
--   altpk=COLUMNS                    finds a row by these columns, then by its key
--   fkey_ref_table=TABLE, fkey_ref_cols=COLUMNS, fkey_cols=COLUMNS
--                                    leaves out rows whose parent is not there
-- Lists are separated by commas. Returns what was done; nothing was done when it begins with IGN.

create or replace function public._merge_decode(encoded text)
returns text language sql immutable strict as $$
    select pg_catalog.convert_from(coalesce(pg_catalog.string_agg(
               case when pg_catalog.left(part[1], 1) = '%' then pg_catalog.decode(pg_catalog.substr(part[1], 2), 'hex')
                    else pg_catalog.convert_to(part[1], 'UTF8') end, ''::bytea order by nr), ''), 'UTF8')
      from pg_catalog.regexp_matches(pg_catalog.replace(encoded, '+', ' '), '%[0-9A-Fa-f]{2}|[^%]+', 'g')
           with ordinality as parts (part, nr)
$$;

-- Names and values of an url-encoded row, in its order.
create or replace function public._merge_pairs(encoded text, out names text[], out vals text[])
language sql immutable as $$
    select pg_catalog.array_agg(public._merge_decode(pg_catalog.split_part(pair, '=', 1)) order by nr),
           pg_catalog.array_agg(case when pair like '%=%'
               then public._merge_decode(pg_catalog.substr(pair, pg_catalog.strpos(pair, '=') + 1)) end order by nr)
      from pg_catalog.unnest(pg_catalog.string_to_array(encoded, '&')) with ordinality as pairs (pair, nr)
     where pair <> ''
$$;

-- A condition that finds the row with these values. Literals have no type, so that they take the column's.
create or replace function public._merge_where(cols text[], names text[], vals text[])
returns text language plpgsql immutable as $$
declare
    col text;
    place int;
    result text;
begin
    foreach col in array cols loop
        place := pg_catalog.array_position(names, col);
        if place is null then
            raise exception 'column % is not in the event', col;
        end if;
        result := pg_catalog.concat_ws(' and ', result,
            pg_catalog.quote_ident(col) || ' = ' || pg_catalog.quote_nullable(vals[place]));
    end loop;
    return result;
end
$$;

create or replace function public._merge_list(list text)
returns text[] language sql immutable as $$
    select pg_catalog.array_agg(pg_catalog.btrim(item) order by nr)
      from pg_catalog.unnest(pg_catalog.string_to_array(list, ',')) with ordinality as items (item, nr)
     where pg_catalog.btrim(item) <> ''
$$;

-- schema.name, split at the first dot, as SQL takes it.
create or replace function public._merge_table(name text)
returns text language sql immutable as $$
    select case when pg_catalog.strpos(name, '.') = 0 then 'public.' || pg_catalog.quote_ident(name)
           else pg_catalog.quote_ident(pg_catalog.split_part(name, '.', 1)) || '.'
                || pg_catalog.quote_ident(pg_catalog.substr(name, pg_catalog.strpos(name, '.') + 1)) end
$$;

create or replace function public.merge_on_time(
    fn_conf text, cur_tick text, ev_id text, ev_time text, ev_txid text, ev_retry text,
    ev_type text, ev_data text, ev_extra1 text, ev_extra2 text, ev_extra3 text, ev_extra4 text)
returns text language plpgsql as $$
declare
    conf record := public._merge_pairs(fn_conf);
    event record := public._merge_pairs(ev_data);
    target text := public._merge_table(ev_extra1);
    op text := pg_catalog.left(ev_type, 1);
    keys text[];
    altpk text[];
    timefield text;
    event_time text;
    parent text;
    by_key text;
    by_other text;
    find text;
    others record;
    found boolean;
    row_time text;
    is_newer boolean;
    has_old boolean;
    old_is_newer boolean;
    has_other boolean := false;
    notes text := 'data ok';
    sets text;
begin
    if ev_type !~ '^[IUD]:' then
        raise exception 'Unsupported ev_type: ''%''', ev_type;
    end if;
    keys := public._merge_list(pg_catalog.substr(ev_type, 3));
    if keys is null then
        raise exception 'No pkey in event';
    end if;
    timefield := conf.vals[pg_catalog.array_position(conf.names, 'timefield')];
    if coalesce(timefield, '') = '' then
        raise exception 'timefield is missing in the arguments of handler multimaster';
    end if;
    event_time := event.vals[pg_catalog.array_position(event.names, timefield)];
    altpk := public._merge_list(conf.vals[pg_catalog.array_position(conf.names, 'altpk')]);
    parent := conf.vals[pg_catalog.array_position(conf.names, 'fkey_ref_table')];
    by_key := public._merge_where(keys, event.names, event.vals);

    if coalesce(parent, '') <> '' then
        declare
            theirs text[] := public._merge_list(conf.vals[pg_catalog.array_position(conf.names, 'fkey_ref_cols')]);
            ours text[] := public._merge_list(conf.vals[pg_catalog.array_position(conf.names, 'fkey_cols')]);
            there boolean;
            condition text;
        begin
            if pg_catalog.cardinality(theirs) is distinct from pg_catalog.cardinality(ours) or ours is null then
                raise exception 'fkey_ref_cols and fkey_cols of handler multimaster need as many columns as each other';
            end if;
            if not ours <@ event.names then
                raise exception 'fkey_cols of handler multimaster names a column that is not in the event';
            end if;
            select pg_catalog.string_agg(pg_catalog.quote_ident(pair.their) || ' = ' || pg_catalog.quote_nullable(
                       event.vals[pg_catalog.array_position(event.names, pair.our)]), ' and ')
              into condition
              from rows from (pg_catalog.unnest(theirs), pg_catalog.unnest(ours)) as pair (their, our);
            execute pg_catalog.format('select exists (select from %s where %s)',
                public._merge_table(parent), condition) into there;
            if not there then
                return 'IGN: parent row does not exist';
            end if;
            notes := notes || ', fkey ok';
        end;
    end if;

    -- Both rows that may be in the way are looked at before anything is changed.
    find := pg_catalog.format('select true, %1$I::text, %1$I < %2$L from %3$s', timefield, event_time, target);
    execute find || ' where ' || by_key || ' for update' into found, row_time, is_newer;
    has_old := coalesce(found, false);
    if has_old then
        if coalesce(event_time, '') !~ '^\d' or coalesce(row_time, '') !~ '^\d' then
            raise exception 'invalid timestamp';
        end if;
    end if;
    old_is_newer := has_old and not is_newer;
    if altpk is not null then
        by_other := public._merge_where(altpk, event.names, event.vals);
        for others in execute pg_catalog.format('select %s as same_key, %2$I::text as at, %2$I < %3$L as older from %4$s where %5$s for update',
            by_key, timefield, event_time, target, by_other)
        loop
            if others.same_key then
                notes := notes || ', altpk ok';
                continue;
            elsif coalesce(event_time, '') !~ '^\d' or coalesce(others.at, '') !~ '^\d' then
                raise exception 'invalid timestamp';
            elsif not others.older then
                return 'IGN:' || notes || ', old row, current row more up-to-date';
            end if;
            has_other := true;
        end loop;
    end if;
    if old_is_newer then
        return 'IGN:' || notes || ', old row, current row more up-to-date';
    end if;
    if has_other then
        execute pg_catalog.format('delete from %s where %s and not (%s)', target, by_other, by_key);
        notes := notes || ', altpk del';
    end if;
    notes := notes || case when has_old then ', old row, new row better' else ', no old row' end;

    if op = 'D' then
        execute pg_catalog.format('delete from %s where %s', target, by_key);
    elsif has_old then
        select pg_catalog.string_agg(pg_catalog.quote_ident(col.name) || ' = ' || pg_catalog.quote_nullable(col.val), ', ')
          into sets
          from rows from (pg_catalog.unnest(event.names), pg_catalog.unnest(event.vals)) as col (name, val)
         where col.name <> all (keys);
        if sets is not null then
            execute pg_catalog.format('update %s set %s where %s', target, sets, by_key);
        end if;
    else
        execute pg_catalog.format('insert into %s (%s) values (%s)', target,
            (select pg_catalog.string_agg(pg_catalog.quote_ident(name), ', ' order by nr)
               from pg_catalog.unnest(event.names) with ordinality as col (name, nr)),
            (select pg_catalog.string_agg(pg_catalog.quote_nullable(val), ', ' order by nr)
               from pg_catalog.unnest(event.vals) with ordinality as col (val, nr)));
    end if;
    return notes;
end
$$;

-- What logutriga, sqltriga and jsontriga have in common: makes the event for one changed row and
-- inserts it, unless the trigger's arguments say otherwise. Returns whether the row operation is to
-- be suppressed (SKIP).
--
-- i_format is 'url', 'sql' or 'json'. i_row is the row the event is about, OLD for DELETE, else
-- NEW; i_old is the old row for UPDATE, else the same as i_row. Both are polymorphic, so the
-- function is compiled once per row type and session.
create or replace function pgq._trigger_event(
    i_format text, i_op text, i_when text, i_relid oid, i_schema text, i_table text,
    i_args text[], i_row anyelement, i_old anyelement
) returns boolean
language plpgsql as $$
declare
    queue constant  pg_catalog.text := i_args[0];
    arg             pg_catalog.record;
    skip            boolean := false;
    backup          boolean := false;
    deny            boolean := false;
    keys            pg_catalog.text;
    given_keys      pg_catalog.text;
    key_columns     pg_catalog.text[];
    ignored         pg_catalog.text;
    overrides       pg_catalog.text[];

    -- The row knows its columns best: the catalog, seen with an old snapshot, may be behind.
    document constant pg_catalog.json := pg_catalog.row_to_json(i_row);
    old_document    pg_catalog.json;
    names constant  pg_catalog.text[] := array(select pg_catalog.json_object_keys(document));
    n constant      integer := pg_catalog.cardinality(names);
    -- whether one may begin with _pgq_ev_
    has_magic constant boolean :=
        pg_catalog.strpos(document::pg_catalog.text, '"_pgq_ev_') operator(pg_catalog.>) 0;
    row_text constant pg_catalog.text := pg_catalog.concat(i_row);
    old_text        pg_catalog.text;
    row_values      pg_catalog.text[];
    old_values      pg_catalog.text[];  -- of an update

    -- the columns that are part of the data, when not all of them are
    shown           pg_catalog.text[];
    shown_values    pg_catalog.text[];
    shown_old       pg_catalog.text[];

    key_text        pg_catalog.text;
    usual           boolean;
    is_key          boolean;
    changed         boolean;
    hidden_changed  boolean := false;
    assignments     pg_catalog.text[];
    shown_changed   boolean := false;

    ev_type         pg_catalog.text;
    ev_data         pg_catalog.text;
    ev_extra1       pg_catalog.text;
    ev_extra2       pg_catalog.text;
    fields          pg_catalog.text[];  -- ev_type, ev_data, ev_extra1 .. ev_extra4
    result          pg_catalog.record;
    event_id        bigint;
begin
    -- Values are written in forms that every server reads alike, whatever the application has set: of
    -- a date like 04/03/2024 the other side would have to guess the month. Most sessions have nothing
    -- set, and are spared the time it takes to set and reset.
    if not pg_catalog.starts_with(pg_catalog.current_setting('datestyle'), 'ISO')
       or pg_catalog.current_setting('intervalstyle') operator(pg_catalog.<>) 'postgres'
       or pg_catalog.current_setting('extra_float_digits') operator(pg_catalog.<>) '1'
       or pg_catalog.current_setting('lc_monetary') operator(pg_catalog.<>) 'C'
    then
        return pgq._trigger_event_in_portable_forms(
            i_format, i_op, i_when, i_relid, i_schema, i_table, i_args, i_row, i_old);
    end if;

    if queue is null then
        raise exception 'pgq trigger must have destination queue as argument';
    end if;
    if i_args[1] is not null then
        arg := pgq._trigger_args(i_args, i_op);
        skip := arg.o_skip;
        backup := arg.o_backup and i_op operator(pg_catalog.=) 'UPDATE';
        deny := arg.o_deny;
        given_keys := arg.o_keys;
        ignored := arg.o_ignored;
        overrides := arg.o_overrides;
    end if;
    keys := coalesce(given_keys, pgq._primary_key(i_relid));
    if i_op operator(pg_catalog.<>) 'INSERT' and coalesce(keys, '') operator(pg_catalog.=) '' then
        raise exception 'Update/Delete on table without pkey';
    end if;
    if skip and i_when operator(pg_catalog.=) 'AFTER' then
        raise exception 'SKIP does not work in AFTER trigger.';
    end if;
    if deny then
        raise exception 'Table ''%.%'' to queue ''%'': change not allowed (%)',
            i_schema, i_table, queue, i_op;
    end if;

    -- The usual case needs to know of an update only that the key is the same. Most tables have their
    -- key in front, and then the texts tell.
    usual := i_format operator(pg_catalog.=) 'url'
        and i_args[1] is null and not has_magic and i_when operator(pg_catalog.=) 'AFTER';
    if i_op operator(pg_catalog.=) 'UPDATE' then
        old_text := pg_catalog.concat(i_old);
        if usual then
            key_text := pg_catalog.split_part(row_text, ',', 1);
            usual := names[1] operator(pg_catalog.=) keys
                and key_text operator(pg_catalog.=) pg_catalog.split_part(old_text, ',', 1)
                and pg_catalog.strpos(key_text, '"') operator(pg_catalog.=) 0
                and keys collate "C" operator(pg_catalog.!~) '[,[:space:]]';
        end if;
    end if;
    if usual then
        event_id := pgq.insert_event(queue,
            pg_catalog.concat(pg_catalog.left(i_op, 1), ':', keys),
            pgq._url_record(names, row_text),
            pg_catalog.concat(i_schema, '.', i_table), null, null, null);
        return skip;
    end if;

    row_values := pgq._record_fields(row_text, n);
    if i_op operator(pg_catalog.=) 'UPDATE' then
        old_values := pgq._record_fields(old_text, n);

        -- In a BEFORE trigger PL/pgSQL hides the value that a generated column still has.
        if i_when operator(pg_catalog.=) 'BEFORE' then
            for i in 1 .. n loop
                if row_values[i] is null and old_values[i] is not null
                   and exists (select from pg_catalog.pg_attribute
                                where attrelid operator(pg_catalog.=) i_relid
                                  and attname operator(pg_catalog.=) names[i]
                                  and attgenerated operator(pg_catalog.<>) '') then
                    row_values[i] := old_values[i];
                end if;
            end loop;
        end if;

        -- What changed? Without a list of ignored columns only sqltriga needs to know, but no
        -- trigger lets a key change pass.
        if not i_row operator(pg_catalog.*=) i_old then
            for i in 1 .. n loop
                continue when
                    coalesce(row_values[i] operator(pg_catalog.=) old_values[i],
                             pg_catalog.num_nulls(row_values[i], old_values[i])
                                 operator(pg_catalog.=) 2);
                -- the first test is only there because it is cheap
                is_key := pg_catalog.strpos(keys, names[i]) operator(pg_catalog.>) 0
                    and pgq._list_has(keys, names[i])
                    and not pg_catalog.starts_with(names[i], '_pgq_ev_');
                continue when not is_key
                    and ignored is null and i_format operator(pg_catalog.<>) 'sql';
                continue when not pgq._column_changed(
                    i_relid, names[i], row_values[i], old_values[i], i_row, i_old);

                if is_key then
                    raise exception 'primary key update not allowed';
                elsif pgq._list_has(ignored, names[i])
                      or pg_catalog.starts_with(names[i], '_pgq_ev_') then
                    hidden_changed := true;
                else
                    shown_changed := true;
                    exit when i_format operator(pg_catalog.<>) 'sql';
                    assignments := pg_catalog.array_append(assignments,
                        pg_catalog.concat(pg_catalog.quote_ident(names[i]), '=',
                            pg_catalog.quote_nullable(row_values[i])));
                end if;
            end loop;
        end if;
    end if;

    if ignored is not null or has_magic then
        select coalesce(pg_catalog.array_agg(c.name), '{}'),
               coalesce(pg_catalog.array_agg(c.new_value), '{}'),
               coalesce(pg_catalog.array_agg(c.old_value), '{}')
          into shown, shown_values, shown_old
          from rows from (pg_catalog.unnest(names), pg_catalog.unnest(row_values),
                          pg_catalog.unnest(old_values)) as c (name, new_value, old_value)
         where not coalesce(pgq._list_has(ignored, c.name), false)
           and not pg_catalog.starts_with(c.name, '_pgq_ev_');
    end if;

    -- An update of nothing but columns that are left out makes no event; one that changes nothing
    -- at all does.
    if hidden_changed and not shown_changed then
        return skip;
    end if;

    ev_extra1 := pg_catalog.concat(i_schema, '.', i_table);
    if i_format operator(pg_catalog.=) 'json' then
        -- The list can be taken apart when no name in it has a comma, as nearly always.
        key_columns := pg_catalog.string_to_array(keys, ',');
        if given_keys is not null
           or (key_columns operator(pg_catalog.<@) names
               and pg_catalog.strpos(pg_catalog.array_to_string(names, ''), ',')
                       operator(pg_catalog.=) 0) is not true
        then
            key_columns := pgq._key_columns(given_keys, i_relid);
        end if;
        ev_type := pgq._json_type(i_op, i_schema, i_table, key_columns);
        if i_op operator(pg_catalog.=) 'UPDATE' then
            old_document := pg_catalog.row_to_json(i_old);
        end if;
        ev_data := pgq._json_row(i_relid, coalesce(shown, names), coalesce(shown_values, row_values),
            document, old_document);
        if backup then
            ev_extra2 := pgq._json_row(i_relid, coalesce(shown, names),
                coalesce(shown_old, old_values), old_document, null);
        end if;
    else
        ev_type := pg_catalog.left(i_op, 1);
        if i_format operator(pg_catalog.=) 'url' then
            ev_type := pg_catalog.concat(ev_type, ':', keys);
            ev_data := pgq._url_row(coalesce(shown, names), coalesce(shown_values, row_values));
        else
            ev_data := pgq._sql_change(
                i_op, names, coalesce(old_values, row_values), keys,
                coalesce(shown, names), coalesce(shown_values, row_values),
                coalesce(assignments, '{}'));
        end if;
        if backup then
            ev_extra2 := pgq._url_row(coalesce(shown, names), coalesce(shown_old, old_values));
        end if;
    end if;

    if not has_magic and overrides is null then
        event_id := pgq.insert_event(queue, ev_type, ev_data, ev_extra1, ev_extra2, null, null);
        return skip;
    end if;
    fields := array[ev_type, ev_data, ev_extra1, ev_extra2, null, null];

    if has_magic then
        fields := pgq._magic_fields(fields, names, row_values);
    end if;

    if overrides is not null then
        -- All of them, also when the condition then says no: their errors must not stay hidden.
        for i in 1 .. 6 loop
            if overrides[i] is not null then
                result := pgq._trigger_expression(overrides[i], names, i_row);
                fields[i] := result.o_value;
            end if;
        end loop;
        if overrides[7] is not null then
            result := pgq._trigger_expression(overrides[7], names, i_row);
            if result.o_type operator(pg_catalog.<>) 16::pg_catalog.oid then
                raise exception 'when= query result must be boolean, got=%', result.o_type;
            elsif result.o_value is null then
                raise exception 'when= should not be NULL';
            elsif result.o_value operator(pg_catalog.=) 'f' then
                return skip;
            end if;
        end if;
    end if;

    event_id := pgq.insert_event(queue,
        fields[1], fields[2], fields[3], fields[4], fields[5], fields[6]);
    return skip;
end;
$$;

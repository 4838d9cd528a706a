-- Creates an inheritance child of a table with everything that hangs on the parent: columns,
-- defaults, keys, indexes, owner, grants, triggers (londiste's too) and rules.
--
-- With i_part_field the child takes only the rows of the period of i_part_time: i_part_period is a
-- unit of date_trunc, and the bounds are written without a zone, in the session's. i_pkeys is not
-- used; keys are copied with the indexes.
--
-- Returns 1, or 0 when there is such a relation already.
create or replace function londiste.create_partition(
    i_table text,
    i_part text,
    i_pkeys text,
    i_part_field text,
    i_part_time timestamptz,
    i_part_period text)
returns int as $$
declare
    parent text;
    parent_oid oid;
    parent_owner text;
    part text;
    part_name record;
    part_start timestamptz;
    granted record;
    trg record;
    trg_function text;
    rul record;
    definition text;
    head text;
    target text;
    at int4;
    mode text;
begin
    if i_table is null or i_part is null then
        raise exception 'need table and part';
    end if;
    parent := londiste.quote_fqname(i_table);
    part := londiste.quote_fqname(i_part);
    part_name := londiste.split_fqname(i_part);

    -- One at a time: two sessions would both find that the part is missing.
    lock table londiste.table_info in share update exclusive mode;

    parent_oid := parent::regclass::oid;
    if exists (
        select 1
          from pg_catalog.pg_class c
          join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         where n.nspname = part_name.schema_part
           and c.relname = part_name.name_part)
    then
        return 0;
    end if;

    -- Generated columns come by inheritance; a second definition is refused by some servers.
    execute 'create table ' || part
        || ' (like ' || parent || ' including all excluding generated)'
        || ' inherits (' || parent || ')';

    select r.rolname
      into parent_owner
      from pg_catalog.pg_class c
      join pg_catalog.pg_roles r on r.oid = c.relowner
     where c.oid = parent_oid;
    if parent_owner <> current_user::text then
        execute 'alter table ' || part || ' owner to ' || quote_ident(parent_owner);
    end if;

    if i_part_field <> '' then
        part_start := date_trunc(i_part_period, i_part_time);
        execute 'alter table ' || part || ' add check ('
            || quote_ident(i_part_field) || ' >= '
            || quote_literal(to_char(part_start, 'YYYY-MM-DD HH24:MI:SS'))
            || ' and ' || quote_ident(i_part_field) || ' < '
            || quote_literal(to_char(
                part_start + ('1 ' || i_part_period)::interval, 'YYYY-MM-DD HH24:MI:SS'))
            || ')';
    end if;

    -- The owner's own rights too, as the information schema has them: with grant option.
    for granted in
        select a.privilege_type,
               a.is_grantable or a.grantee = c.relowner as is_grantable,
               case when a.grantee = 0 then 'public'
                    else quote_ident(pg_catalog.pg_get_userbyid(a.grantee)::text) end as grantee
          from pg_catalog.pg_class c,
               pg_catalog.aclexplode(
                coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))) a
         where c.oid = parent_oid
    loop
        execute 'grant ' || granted.privilege_type || ' on ' || part
            || ' to ' || granted.grantee
            || case when granted.is_grantable then ' with grant option' else '' end;
    end loop;

    -- Triggers and rules are made from the server's own text, with the parent's name, which stands
    -- at a known place, replaced.
    for trg in
        select t.tgname::text, t.tgenabled::text as mode, pg_catalog.pg_get_triggerdef(t.oid) as def,
               t.tgfoid, t.tgconstraint <> 0 as is_constraint
          from pg_catalog.pg_trigger t
         where t.tgrelid = parent_oid
           and not t.tgisinternal
         order by 1
    loop
        head := 'CREATE ' || case when trg.is_constraint then 'CONSTRAINT ' else '' end
            || 'TRIGGER ' || quote_ident(trg.tgname) || ' ';
        target := ' ON ' || parent || ' ';
        at := position(target in substr(trg.def, length(head)));
        if left(trg.def, length(head)) <> head or at = 0 then
            raise exception 'Failed to reconstruct the trigger: %', trg.def;
        end if;
        at := at + length(head) - 1;
        trg.def := overlay(trg.def placing ' ON ' || part || ' ' from at for length(target));
        -- A function made for the parent knows the parent only.
        if trg.def like '% EXECUTE FUNCTION londiste.\_capture\_%' then
            trg_function := londiste._capture_like(trg.tgfoid, part::regclass);
            trg.def := regexp_replace(trg.def, ' EXECUTE FUNCTION londiste\._capture_\w+',
                ' EXECUTE FUNCTION ' || trg_function);
            -- The general one knows primary keys only.
            if trg_function = 'pgq.logutriga'
                and position('k' in londiste.find_column_types(i_part)) = 0
                and londiste._key_list(part::regclass) <> ''
            then
                trg.def := left(trg.def, -1) || ', '
                    || quote_literal('pkey=' || londiste._key_list(part::regclass)) || ')';
            end if;
        end if;
        execute trg.def;

        mode := case trg.mode
            when 'O' then ''
            when 'D' then 'disable trigger '
            when 'A' then 'enable always trigger '
            when 'R' then 'enable replica trigger '
        end;
        if mode is null then
            raise exception 'Unknown trigger mode: %', trg.mode;
        end if;
        if mode <> '' then
            execute 'alter table ' || part || ' ' || mode || quote_ident(trg.tgname);
        end if;
    end loop;

    for rul in
        select r.rulename::text, r.ev_enabled::text as mode, pg_catalog.pg_get_ruledef(r.oid) as def
          from pg_catalog.pg_rewrite r
         where r.ev_class = parent_oid
           and r.rulename <> '_RETURN'
         order by 1
    loop
        head := 'CREATE RULE ' || quote_ident(rul.rulename) || ' AS';
        if left(rul.def, length(head)) <> head then
            raise exception 'failed to match rule name';
        end if;
        target := ' TO ' || parent;
        at := position(target in substr(rul.def, length(head)));
        if at = 0 then
            raise exception 'failed to find original table name';
        end if;
        at := at + length(head) - 1;
        definition := overlay(rul.def placing ' TO ' || part from at for length(target));
        execute definition;

        mode := case rul.mode
            when 'O' then ''
            when 'D' then 'disable rule '
            when 'A' then 'enable always rule '
            when 'R' then 'enable replica rule '
        end;
        if mode is null then
            raise exception 'unknown rule option: %', rul.mode;
        end if;
        if mode <> '' then
            execute 'alter table ' || part || ' ' || mode || quote_ident(rul.rulename);
        end if;
    end loop;

    return 1;
end;
$$ language plpgsql;

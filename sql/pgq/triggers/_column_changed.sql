-- Whether an update changed a column, by the equality operator of the column's type. The texts
-- are what the caller knows already.
--
-- Arrays and types without a default equality operator compare by text. So do the common types
-- whose text says it all, which spares them a statement of their own.
create or replace function pgq._column_changed(
    i_relid oid, i_name text, i_new_text text, i_old_text text,
    i_new anyelement, i_old anyelement
) returns boolean
language plpgsql stable as $$
declare
    col     pg_catalog.record;
    type_id pg_catalog.oid;
    stand_in pg_catalog.text;   -- the polymorphic type whose operators it uses
    changed boolean;
    -- bool, bytea, int8, int2, int4, oid, date, timestamp, timestamptz, uuid
    exact_types constant pg_catalog.oid[] := '{16, 17, 20, 21, 23, 26, 1082, 1114, 1184, 2950}';
    -- text and varchar; the default collation, C and POSIX
    text_types constant pg_catalog.oid[] := '{25, 1043}';
    exact_collations constant pg_catalog.oid[] := '{100, 950, 951}';
    differ constant boolean := i_new_text operator(pg_catalog.<>) i_old_text;
begin
    if i_new_text is null or i_old_text is null then
        return pg_catalog.num_nulls(i_new_text, i_old_text) operator(pg_catalog.=) 1;
    end if;

    select a.atttypid, a.attcollation, t.typtype, t.typcategory, t.typbasetype
      into col
      from pg_catalog.pg_attribute a
           join pg_catalog.pg_type t on t.oid operator(pg_catalog.=) a.atttypid
     where a.attrelid operator(pg_catalog.=) i_relid
       and a.attname operator(pg_catalog.=) i_name;
    if not found
       or col.typcategory operator(pg_catalog.=) 'A'
       or col.atttypid operator(pg_catalog.=) any (exact_types)
       or (col.atttypid operator(pg_catalog.=) any (text_types)
           and col.attcollation operator(pg_catalog.=) any (exact_collations))
    then
        return differ;
    end if;

    type_id := col.atttypid;
    while col.typtype operator(pg_catalog.=) 'd' loop
        type_id := col.typbasetype;
        select t.typtype, t.typbasetype into col
          from pg_catalog.pg_type t
         where t.oid operator(pg_catalog.=) type_id;
    end loop;

    stand_in := case
        when col.typtype operator(pg_catalog.=) 'e' then 'pg_catalog.anyenum'
        when col.typtype operator(pg_catalog.=) 'r' then 'pg_catalog.anyrange'
        when col.typtype operator(pg_catalog.=) 'm' then 'pg_catalog.anymultirange'
        when col.typtype operator(pg_catalog.=) 'c' then 'pg_catalog.record'
    end;

    -- The default btree operator class has it, else the default hash operator class; of the type
    -- itself, else of what it can be taken for.
    perform
      from pg_catalog.pg_opclass oc
           join pg_catalog.pg_am am
                on am.oid operator(pg_catalog.=) oc.opcmethod
           join pg_catalog.pg_amop ao
                on ao.amopfamily operator(pg_catalog.=) oc.opcfamily
               and ao.amoplefttype operator(pg_catalog.=) oc.opcintype
               and ao.amoprighttype operator(pg_catalog.=) oc.opcintype
               and ao.amopstrategy operator(pg_catalog.=)
                       (case when am.amname operator(pg_catalog.=) 'btree' then 3 else 1 end)
     where oc.opcdefault
       and am.amname operator(pg_catalog.=) any (array['btree', 'hash']::pg_catalog.name[])
       and (oc.opcintype operator(pg_catalog.=) type_id
            or oc.opcintype operator(pg_catalog.=)
                   pg_catalog.to_regtype(stand_in)::pg_catalog.oid
            or exists (select from pg_catalog.pg_cast c
                        where c.castsource operator(pg_catalog.=) type_id
                          and c.casttarget operator(pg_catalog.=) oc.opcintype
                          and c.castmethod operator(pg_catalog.=) 'b'
                          and c.castcontext operator(pg_catalog.=) 'i'));
    if not found then
        return differ;
    end if;

    -- Arrays compare their elements by just that operator. By its name another one could be found: the
    -- owner of a type makes operators and casts that fit better, and they would run here, where a capture
    -- function has lent its own rights.
    execute pg_catalog.format(
        'select not pg_catalog.array_eq(array[($1).%1$I], array[($2).%1$I])', i_name)
       into changed
      using i_new, i_old;
    return changed;
exception
    when others then
        -- whatever the type has become: to take it for changed is right too
        return differ;
end;
$$;

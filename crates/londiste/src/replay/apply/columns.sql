with recursive base (typed, oid) as (
    select t.oid, t.oid from pg_catalog.pg_type t
     where t.oid in (select atttypid from pg_catalog.pg_attribute where attrelid = $1::int8::oid)
     union all
    select b.typed, t.typbasetype from base b join pg_catalog.pg_type t on t.oid = b.oid
     where t.typtype = 'd'
)
select a.attname::text as name, a.attnum, a.attgenerated <> '' as generated,
       a.attidentity::text as identity, t.oid as type, t.typtype::text as type_kind,
       pg_catalog.format_type(t.oid, -1) as cast_to,
       -- Without a type modifier, and by the input function: a cast somebody wrote could do anything.
       exists (select from pg_catalog.pg_cast k
                where k.castsource = 'pg_catalog.text'::regtype and k.casttarget = t.oid
                  and k.castfunc <> 0 and t.oid >= 16384) as own_cast,
       coalesce(l.collisdeterministic, true) as deterministic
  from pg_catalog.pg_attribute a
  join base b on b.typed = a.atttypid
  join pg_catalog.pg_type t on t.oid = b.oid and t.typtype <> 'd'
  left join pg_catalog.pg_collation l on l.oid = a.attcollation
 where a.attrelid = $1::int8::oid and a.attnum > 0 and not a.attisdropped
 order by a.attnum

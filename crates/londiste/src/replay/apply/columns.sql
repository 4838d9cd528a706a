select a.attname::text as name, a.attnum, a.attgenerated <> '' as generated,
       a.attidentity::text as identity, t.oid as type, t.typtype::text as type_kind,
       pg_catalog.format_type(t.oid, -1) as cast_to,
       -- Without a type modifier, and by the input function: a cast somebody wrote could do anything.
       exists (select from pg_catalog.pg_cast k
                where k.castsource = 'pg_catalog.text'::regtype and k.casttarget = t.oid
                  and k.castfunc <> 0 and t.oid >= 16384) as own_cast,
       coalesce((select l.collisdeterministic from pg_catalog.pg_collation l where l.oid = a.attcollation), true)
           as deterministic
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_type own on own.oid = a.atttypid
  -- Of a domain, what it is based on in the end. Few columns have one.
  join pg_catalog.pg_type t on t.oid = case when own.typtype <> 'd' then own.oid else (
           with recursive base (oid, kind, next) as (
               select own.typbasetype, 'd'::"char", own.typbasetype
                union all
               select b.oid, b.typtype, b.typbasetype
                 from base join pg_catalog.pg_type b on b.oid = base.next
                where base.kind = 'd')
           select oid from base where kind <> 'd') end
 where a.attrelid = $1::int8::oid and a.attnum > 0 and not a.attisdropped
 order by a.attnum

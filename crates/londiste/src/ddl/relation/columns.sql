-- The columns of a table ($1) in order. A line begins with the version that has it.
select a.attname, format_type(a.atttypid, a.atttypmod) as kind,
       en.nspname as type_schema, e.typname as type_name,
       (select format('%I.%I', n.nspname, c.collname)
          from pg_collation c
          join pg_namespace n on n.oid = c.collnamespace
         where c.oid = a.attcollation and a.attcollation <> t.typcollation) as collation,
       a.attnotnull, a.attidentity::text as identity, a.attgenerated::text as generated,
       pg_get_expr(d.adbin, d.adrelid) as expression,
       array_remove(array[
           case when a.attstorage <> t.typstorage then 'SET STORAGE '
               || case a.attstorage when 'p' then 'PLAIN' when 'e' then 'EXTERNAL'
                                    when 'm' then 'MAIN' else 'EXTENDED' end end
           /* from 140000: , 'SET COMPRESSION ' || case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end */
           ], null) as storage,
       array_remove(array[
           case when a.attstattarget >= 0 then 'SET STATISTICS ' || a.attstattarget end,
           'SET (' || (select string_agg(format('%I=%L', o.option_name, o.option_value), ', ')
                         from pg_options_to_table(a.attoptions) o) || ')'
           ], null) as settings,
       col_description(a.attrelid, a.attnum) as comment
  from pg_attribute a
  join pg_type t on t.oid = a.atttypid
  join pg_type e on e.oid = case when t.typcategory = 'A' and t.typelem <> 0
                                 then t.typelem else t.oid end
  join pg_namespace en on en.oid = e.typnamespace
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
 order by a.attnum

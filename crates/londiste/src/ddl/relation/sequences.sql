-- Sequences that belong to columns of a table ($1), and those that its defaults mention.
with used as (
    select d.objid as seq, d.deptype::text as how, a.attname
      from pg_depend d
      join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
     where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
       and d.refobjid = $1 and d.refobjsubid > 0 and d.deptype in ('a', 'i')
    union all
    select distinct d.refobjid, 'n', null::name
      from pg_attrdef f
      join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = f.oid
                          and d.refclassid = 'pg_class'::regclass
     where f.adrelid = $1
       and not exists (select 1 from pg_depend o
                        where o.classid = 'pg_class'::regclass and o.objid = d.refobjid
                          and o.refclassid = 'pg_class'::regclass and o.refobjid = $1
                          and o.deptype in ('a', 'i'))
)
select n.nspname || '.' || c.relname as name, u.how, u.attname, c.oid,
       format_type(s.seqtypid, null) as kind,
       format('START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s%s',
              s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
              case when s.seqcycle then ' CYCLE' else '' end) as options,
       case when has_sequence_privilege(c.oid, 'select, usage')
            then pg_sequence_last_value(c.oid) end as last_value,
       not has_sequence_privilege(c.oid, 'select, usage') as hidden,
       obj_description(c.oid, 'pg_class') as comment
  from used u
  join pg_class c on c.oid = u.seq and c.relkind = 'S'
  join pg_namespace n on n.oid = c.relnamespace
  join pg_sequence s on s.seqrelid = c.oid
 order by c.oid

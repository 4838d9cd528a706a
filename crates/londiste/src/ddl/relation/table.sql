-- A table ($1) itself.
select c.relkind = 'f' as foreign_table, c.relpersistence = 'u' as unlogged,
       case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as partition_key,
       pg_get_expr(c.relpartbound, c.oid) as bound,
       nullif(m.amname, 'heap') as access_method, s.spcname as tablespace,
       array_remove(array[
           'SET (' || (select string_agg(o.setting, ', ')
                         from (select format('%I=%L', o.option_name, o.option_value)
                                 from pg_options_to_table(c.reloptions) o
                                union all
                               select format('toast.%I=%L', o.option_name, o.option_value)
                                 from pg_class tc, pg_options_to_table(tc.reloptions) o
                                where tc.oid = c.reltoastrelid) o (setting)) || ')',
           case c.relreplident when 'f' then 'REPLICA IDENTITY FULL'
                               when 'n' then 'REPLICA IDENTITY NOTHING' end,
           case when c.relrowsecurity then 'ENABLE ROW LEVEL SECURITY' end
           ], null) as settings,
       c.relforcerowsecurity as force_row_security,
       obj_description(c.oid, 'pg_class') as comment,
       pg_get_userbyid(c.relowner)::text as owner,
       array(select n.nspname || '.' || p.relname
               from pg_inherits h
               join pg_class p on p.oid = h.inhparent
               join pg_namespace n on n.oid = p.relnamespace
              where h.inhrelid = c.oid order by h.inhseqno) as parents
  from pg_class c
  left join pg_am m on m.oid = c.relam
  left join pg_tablespace s on s.oid = c.reltablespace
 where c.oid = $1

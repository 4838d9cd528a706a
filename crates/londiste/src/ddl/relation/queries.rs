//! What is asked of the catalogs about one table (`$1`, its oid). They hold for PostgreSQL 13 to 18.

pub(super) const TREE: &str = include_str!("tree.sql");
pub(super) const TABLE: &str = include_str!("table.sql");
pub(super) const COLUMNS: &str = include_str!("columns.sql");
pub(super) const SEQUENCES: &str = include_str!("sequences.sql");

/// `NOT NULL` constraints, which older servers do not have.
pub(super) const NOT_NULLS: &str = "\
select a.attname, c.conname, c.connoinherit, not c.convalidated as not_valid
  from pg_constraint c
  join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
 where c.conrelid = $1 and c.contype = 'n'";

/// Which index of the partitioned table an index of a partition belongs to.
pub(super) const ATTACHED_INDEXES: &str = "\
select i.relname, n.nspname || '.' || p.relname as parent
  from pg_index x
  join pg_class i on i.oid = x.indexrelid
  join pg_inherits h on h.inhrelid = i.oid
  join pg_class p on p.oid = h.inhparent
  join pg_namespace n on n.oid = p.relnamespace
 where x.indrelid = $1 and x.indisvalid
 order by i.oid";

/// Extended statistics.
pub(super) const STATISTICS: &str = "\
select n.nspname || '.' || s.stxname as name, pg_get_statisticsobjdef(s.oid) as definition,
       case when s.stxstattarget >= 0 then s.stxstattarget::int4 end as target,
       obj_description(s.oid, 'pg_statistic_ext') as comment
  from pg_statistic_ext s
  join pg_namespace n on n.oid = s.stxnamespace
 where s.stxrelid = $1
 order by s.oid";

/// Keys of the table, also those it has from the table it is a partition of. One that is not enforced is never validated.
pub(super) const FOREIGN_KEYS: &str = "\
select c.conname, c.conparentid <> 0 as inherited,
       fn.nspname || '.' || f.relname as from_table, f.relkind = 'p' as from_partitioned,
       tn.nspname || '.' || t.relname as to_table,
       array(select a.attname::text
               from unnest(c.confkey) with ordinality as k (attnum, nr)
               join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.attnum
              order by k.nr) as to_columns,
       exists (select 1 from pg_index x where x.indexrelid = c.conindid and x.indisprimary)
           as to_primary_key,
       c.convalidated as validated,
       pg_get_constraintdef(c.oid) as definition
  from pg_constraint c
  join pg_class f on f.oid = c.conrelid
  join pg_namespace fn on fn.oid = f.relnamespace
  join pg_class t on t.oid = c.confrelid
  join pg_namespace tn on tn.oid = t.relnamespace
 where c.contype = 'f' and c.conrelid = $1
 order by c.oid";

/// Without those of constraints and of the partitioned table.
pub(super) const TRIGGERS: &str = "\
select t.tgname, pg_get_triggerdef(t.oid) as definition, t.tgenabled::text as firing,
       (n.nspname in ('pgq', 'londiste') and t.tgname ~ '^(zzz_)?_londiste_') as of_londiste,
       obj_description(t.oid, 'pg_trigger') as comment
  from pg_trigger t
  join pg_proc p on p.oid = t.tgfoid
  join pg_namespace n on n.oid = p.pronamespace
 where t.tgrelid = $1 and not t.tgisinternal and t.tgparentid = 0
 order by t.tgname";

/// Without those of views.
pub(super) const RULES: &str = "\
select rulename, pg_get_ruledef(oid) as definition, ev_enabled::text as firing,
       obj_description(oid, 'pg_rewrite') as comment
  from pg_rewrite
 where ev_class = $1 and rulename <> '_RETURN'
 order by rulename";

/// An empty role is everybody.
pub(super) const POLICIES: &str = "\
select p.polname,
       format('AS %s FOR %s', case when p.polpermissive then 'PERMISSIVE' else 'RESTRICTIVE' end,
              case p.polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE'
                            when 'd' then 'DELETE' else 'ALL' end) as head,
       array(select coalesce(r.rolname::text, '')
               from unnest(p.polroles) with ordinality as u (role, nr)
               left join pg_roles r on r.oid = u.role
              order by u.nr) as roles,
       pg_get_expr(p.polqual, p.polrelid) as using, pg_get_expr(p.polwithcheck, p.polrelid) as check,
       obj_description(p.oid, 'pg_policy') as comment
  from pg_policy p
 where p.polrelid = $1
 order by p.polname";

/// Rights of the owner are his by being the owner.
pub(super) const GRANTS: &str = "\
select coalesce(r.rolname::text, '') as role, a.attname, x.is_grantable,
       array_agg(x.privilege_type order by x.nr) as privileges
  from (select c.relowner, null::name as attname, 0 as attnum, c.relacl as acl
          from pg_class c where c.oid = $1
         union all
        select c.relowner, a.attname, a.attnum, a.attacl
          from pg_class c join pg_attribute a on a.attrelid = c.oid
         where c.oid = $1 and a.attacl is not null and not a.attisdropped) a
 cross join aclexplode(a.acl) with ordinality as x (grantor, grantee, privilege_type, is_grantable, nr)
  left join pg_roles r on r.oid = x.grantee
 where x.grantee <> a.relowner
 group by a.attnum, a.attname, r.rolname, x.grantee, x.is_grantable
 order by a.attnum, min(x.nr)";

-- The columns of a table as its capture function sees them, in their order.
--
-- kind says what the text of a value can be:
--   plain     letters, digits, ".", "-" and "+" only
--   time      besides these blanks and colons; depends on DateStyle
--   interval  the same; depends on IntervalStyle
--   float     as plain; depends on extra_float_digits
--   text      anything, and the value is its own text, or nearly so
--   other     anything, made of the value at some cost, and depends on all three settings
-- A domain is what it is made of.
create or replace function londiste._capture_columns(
    in i_relid oid,
    out attnum int2,
    out name text,
    out required boolean,
    out kind text)
returns setof record as $$
    with recursive base (attnum, type, typtype, typbasetype) as (
        select a.attnum, t.oid, t.typtype, t.typbasetype
          from pg_catalog.pg_attribute a
          join pg_catalog.pg_type t on t.oid = a.atttypid
         where a.attrelid = $1
           and a.attnum > 0
           and not a.attisdropped
        union all
        select b.attnum, t.oid, t.typtype, t.typbasetype
          from base b
          join pg_catalog.pg_type t on t.oid = b.typbasetype
         where b.typtype = 'd')
    select a.attnum, a.attname::text,
           a.attnotnull,
           case when b.type = any ('{int2,int4,int8,oid,numeric,bool,uuid,bit,varbit}'::regtype[])
                then 'plain'
                when b.type = any ('{date,timestamp,timestamptz,time,timetz}'::regtype[]) then 'time'
                when b.type = 'interval'::regtype then 'interval'
                when b.type = any ('{float4,float8}'::regtype[]) then 'float'
                when b.type = any ('{text,varchar,bpchar,name,json,xml}'::regtype[])
                     or b.typtype = 'e'
                then 'text'
                else 'other'
           end
      from pg_catalog.pg_attribute a
      join base b on b.attnum = a.attnum and b.typtype <> 'd'
     where a.attrelid = $1
     order by a.attnum
$$ language sql stable;

-- The columns of a table as its capture function sees them, in their order. A domain is what it is made
-- of.
--
-- kind says what the text of a value can be:
--   plain     letters, digits and "-+.: " only
--   text      anything, and the value is its own text, or nearly so
--   dear      anything, made of the value at some cost
-- required says that it cannot be NULL as long as the primary key's index is there. NOT NULL alone says
-- less: it can be taken off a column without the function's noticing.
-- settings are the names of those that the text depends on.
create or replace function londiste._capture_columns(
    in i_relid oid,
    out attnum int2,
    out name text,
    out required boolean,
    out kind text,
    out settings text[])
returns setof record as $$
    with recursive base (attnum, type, typtype, typcategory, typelem, typbasetype) as (
        select a.attnum, t.oid, t.typtype, t.typcategory, t.typelem, t.typbasetype
          from pg_catalog.pg_attribute a
          join pg_catalog.pg_type t on t.oid = a.atttypid
         where a.attrelid = $1
           and a.attnum > 0
           and not a.attisdropped
        union all
        select b.attnum, t.oid, t.typtype, t.typcategory, t.typelem, t.typbasetype
          from base b
          join pg_catalog.pg_type t on t.oid = b.typbasetype
         where b.typtype = 'd'),
    -- what a value is made of: elements of arrays and bounds of ranges
    made_of (attnum, type, typtype, inner_type) as (
        select b.attnum, b.type, b.typtype,
               coalesce(case when b.typcategory = 'A' then nullif(b.typelem, 0) end,
                        r.rngsubtype, b.type)
          from base b
          left join pg_catalog.pg_range r on r.rngtypid = b.type
         where b.typtype <> 'd')
    select a.attnum, a.attname::text,
           exists (select 1
                     from pg_catalog.pg_index i
                    where i.indrelid = a.attrelid
                      and i.indisprimary
                      and a.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1])),
           case when m.type = any ('{int2,int4,int8,oid,numeric,bool,uuid,bit,varbit,float4,float8,
                                     date,timestamp,timestamptz,time,timetz,interval}'::regtype[])
                then 'plain'
                when m.type = any ('{text,varchar,bpchar,name,json,xml}'::regtype[])
                     or m.typtype = 'e'
                then 'text'
                else 'dear'
           end,
           case when m.inner_type = any ('{int2,int4,int8,oid,numeric,bool,uuid,bit,varbit,time,timetz,
                                           text,varchar,bpchar,name,json,jsonb,xml,bytea,inet,cidr,
                                           macaddr,macaddr8,tsvector,tsquery}'::regtype[])
                     or m.typtype = 'e'
                then '{}'
                when m.inner_type = any ('{date,timestamp,timestamptz}'::regtype[])
                then '{datestyle}'
                when m.inner_type = 'interval'::regtype
                then '{intervalstyle}'
                when m.inner_type = any ('{float4,float8,point,line,lseg,box,path,polygon,
                                           circle}'::regtype[])
                then '{extra_float_digits}'
                -- money, composite types, what extensions bring
                else '{datestyle,intervalstyle,extra_float_digits,lc_monetary}'
           end::text[]
      from pg_catalog.pg_attribute a
      join made_of m on m.attnum = a.attnum
     where a.attrelid = $1
     order by a.attnum
$$ language sql stable;

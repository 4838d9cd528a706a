-- Brings tables made by an older release up to date. Returns the number of changes.
create or replace function pgq_node.upgrade_schema()
returns int4 as $$
declare
    changes int4 := 0;
begin
    if not exists (
        select 1
          from pg_catalog.pg_attribute a
         where a.attrelid = 'pgq_node.node_info'::pg_catalog.regclass
           and a.attname = 'node_attrs'
           and not a.attisdropped)
    then
        alter table pgq_node.node_info add column node_attrs text;
        changes := changes + 1;
    end if;

    return changes;
end;
$$ language plpgsql set search_path = pg_catalog, pg_temp;

do $$
begin
    perform pgq_node.upgrade_schema();
end;
$$;

-- Before the functions are (re)created: what `create or replace` cannot change by itself.
--
-- A function is dropped only when its shape differs from today's, so that a repeated install keeps
-- the grants and the views somebody built on it.

do $upgrade$
declare
    shape record;
begin
    -- With today's three-argument form, whose last argument has a default, a call with two would
    -- be ambiguous.
    if pg_catalog.to_regprocedure('londiste.restore_table_fkey(text,text)') is not null then
        drop function londiste.restore_table_fkey(text, text);
    end if;

    for shape in
        select *
          from (values
            ('londiste.find_seq_oid(text)', array['seq']),
            ('londiste.find_table_oid(text)', array['tbl']),
            ('londiste.find_rel_oid(text,text)', array['i_fqname', 'i_kind']),
            ('londiste.get_table_list(text)',
             array['i_queue_name', 'table_name', 'local', 'merge_state', 'custom_snapshot',
                   'table_attrs', 'dropped_ddl', 'copy_role', 'copy_pos', 'dest_table'])
            ) as today (signature, arg_names)
    loop
        if exists (
            select 1
              from pg_catalog.pg_proc p
             where p.oid = pg_catalog.to_regprocedure(shape.signature)
               and (p.proargnames is distinct from shape.arg_names or p.pronargdefaults > 0))
        then
            execute 'drop function ' || shape.signature;
        end if;
    end loop;
end;
$upgrade$;

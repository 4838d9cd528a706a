-- A script has run; a root sends it down the queue. Triggers of the tables it changed are made anew.
--
-- Returns 200; 404 without execute_start. Raises for an unknown queue.
create or replace function londiste.execute_finish(
    in i_queue_name text,
    in i_file_name text,
    out ret_code int4,
    out ret_note text)
returns record as $$
declare
    is_root boolean := pgq_node.is_root_node(i_queue_name);
    script record;
begin
    select e.execute_sql, e.execute_attrs
      into script
      from londiste.applied_execute e
     where e.execute_file = i_file_name;
    if not found then
        ret_code := 404;
        ret_note := 'execute_file called without execute_start';
        return;
    end if;

    if is_root then
        perform pgq.insert_event(
            i_queue_name, 'EXECUTE', script.execute_sql,
            i_file_name, script.execute_attrs, null, null);
    end if;

    perform londiste._refresh_captures(false);

    ret_code := 200;
    ret_note := 'Execute finished: ' || i_file_name;
end;
$$ language plpgsql strict;

-- Marks a script as applied to this database. The caller runs it, and calls execute_finish, in the
-- same transaction.
--
-- Returns 200; 201 when it was applied before, over whichever queue; 401 when i_expect_root and the
-- node is not the root. Raises for an unknown queue.
create or replace function londiste.execute_start(
    in i_queue_name text,
    in i_file_name text,
    in i_sql text,
    in i_expect_root boolean,
    in i_attrs text,
    out ret_code int4,
    out ret_note text)
returns record as $$
begin
    if not pgq_node.is_root_node(i_queue_name) and i_expect_root then
        ret_code := 401;
        ret_note := 'Node is not root node: ' || i_queue_name;
        return;
    end if;

    -- Waits for another transaction that is at the same file.
    insert into londiste.applied_execute (queue_name, execute_file, execute_sql, execute_attrs)
    values (i_queue_name, i_file_name, i_sql, i_attrs)
    on conflict do nothing;
    if not found then
        ret_code := 201;
        ret_note := 'EXECUTE: "' || i_file_name || '" already applied, skipping';
        return;
    end if;

    ret_code := 200;
    ret_note := 'Executing: ' || i_file_name;
end;
$$ language plpgsql;

create or replace function londiste.execute_start(
    in i_queue_name text,
    in i_file_name text,
    in i_sql text,
    in i_expect_root boolean,
    out ret_code int4,
    out ret_note text)
returns record as $$
begin
    select s.ret_code, s.ret_note
      into ret_code, ret_note
      from londiste.execute_start(i_queue_name, i_file_name, i_sql, i_expect_root, null) s;
end;
$$ language plpgsql;

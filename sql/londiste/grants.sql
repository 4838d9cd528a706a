-- Who may do what. Repeatable; what somebody granted to roles of his own stays.
--
-- Only set_session_replication_role, _make_capture, _write_capture, _refresh_captures and their triggers run
-- with their owner's rights: whoever attaches a table needs his own on that table.

grant usage on schema londiste to public;

grant select
   on londiste.table_info, londiste.seq_info, londiste.applied_execute, londiste.pending_fkeys
   to public, londiste_reader;
grant select, insert, update, delete
   on londiste.table_info, londiste.seq_info, londiste.applied_execute, londiste.pending_fkeys
   to pgq_admin;
grant select on londiste._copy_progress, londiste.copy_progress to public, londiste_reader;
grant select, insert, update, delete on londiste._copy_progress to pgq_admin;
grant usage
   on londiste.table_info_nr_seq, londiste.seq_info_nr_seq
   to londiste_writer;

-- for everybody
grant execute on function
    londiste.find_column_types(text),
    londiste.find_table_fkeys(text),
    londiste.find_rel_oid(text, text),
    londiste.find_table_oid(text),
    londiste.find_seq_oid(text),
    londiste.is_replica_func(oid),
    londiste.quote_fqname(text),
    londiste.make_fqname(text),
    londiste.split_fqname(text),
    londiste.version()
    to public;

-- looking
revoke execute on function
    londiste.get_seq_list(text),
    londiste.get_table_list(text),
    londiste._coordinate_copy(text, text)
    from public;
grant execute on function
    londiste.get_seq_list(text),
    londiste.get_table_list(text),
    londiste._coordinate_copy(text, text)
    to londiste_reader, londiste_writer;

-- triggers made for one table
revoke execute on function
    londiste._make_capture(text, oid, text),
    londiste._write_capture(text, oid, text, text)
    from public;
grant execute on function
    londiste._make_capture(text, oid, text)
    to londiste_writer;

-- the ticker's maintenance
revoke execute on function
    londiste._refresh_captures(boolean),
    londiste.periodic_maintenance(),
    londiste.root_check_seqs(text, int8),
    londiste.root_check_seqs(text)
    from public;
grant execute on function
    londiste._refresh_captures(boolean),
    londiste.periodic_maintenance(),
    londiste.root_check_seqs(text, int8),
    londiste.root_check_seqs(text)
    to londiste_writer, pgq_admin;

-- workers and administrators
revoke execute on function
    londiste.local_add_table(text, text, text[], text, text),
    londiste.local_add_table(text, text, text[], text),
    londiste.local_add_table(text, text, text[]),
    londiste.local_add_table(text, text),
    londiste.local_remove_table(text, text),
    londiste.local_show_missing(text),
    londiste.local_set_table_attrs(text, text, text),
    londiste.local_set_table_state(text, text, text, text),
    londiste.local_set_table_struct(text, text, text),
    londiste.local_add_seq(text, text),
    londiste.local_remove_seq(text, text),
    londiste.global_add_table(text, text),
    londiste.global_remove_table(text, text),
    londiste.global_remove_seq(text, text),
    londiste.global_update_seq(text, text, int8),
    londiste.root_notify_change(text, text, text),
    londiste.create_trigger(text, text, text[], text, text),
    londiste.drop_table_triggers(text, text),
    londiste.table_info_trigger(),
    londiste.get_table_pending_fkeys(text),
    londiste.get_valid_pending_fkeys(text),
    londiste.drop_table_fkey(text, text),
    londiste.restore_table_fkey(text, text, boolean),
    londiste.execute_start(text, text, text, boolean, text),
    londiste.execute_start(text, text, text, boolean),
    londiste.execute_finish(text, text),
    londiste.create_partition(text, text, text, text, timestamptz, text),
    londiste.is_obsolete_partition(text, interval, text),
    londiste.list_obsolete_partitions(text, interval, text),
    londiste.drop_obsolete_partitions(text, interval, text),
    londiste.set_session_replication_role(text, boolean),
    londiste.upgrade_schema()
    from public;
grant execute on function
    londiste.local_add_table(text, text, text[], text, text),
    londiste.local_add_table(text, text, text[], text),
    londiste.local_add_table(text, text, text[]),
    londiste.local_add_table(text, text),
    londiste.local_remove_table(text, text),
    londiste.local_show_missing(text),
    londiste.local_set_table_attrs(text, text, text),
    londiste.local_set_table_state(text, text, text, text),
    londiste.local_set_table_struct(text, text, text),
    londiste.local_add_seq(text, text),
    londiste.local_remove_seq(text, text),
    londiste.global_add_table(text, text),
    londiste.global_remove_table(text, text),
    londiste.global_remove_seq(text, text),
    londiste.global_update_seq(text, text, int8),
    londiste.root_notify_change(text, text, text),
    londiste.create_trigger(text, text, text[], text, text),
    londiste.drop_table_triggers(text, text),
    londiste.table_info_trigger(),
    londiste.get_table_pending_fkeys(text),
    londiste.get_valid_pending_fkeys(text),
    londiste.drop_table_fkey(text, text),
    londiste.restore_table_fkey(text, text, boolean),
    londiste.execute_start(text, text, text, boolean, text),
    londiste.execute_start(text, text, text, boolean),
    londiste.execute_finish(text, text),
    londiste.create_partition(text, text, text, text, timestamptz, text),
    londiste.is_obsolete_partition(text, interval, text),
    londiste.list_obsolete_partitions(text, interval, text),
    londiste.drop_obsolete_partitions(text, interval, text),
    londiste.set_session_replication_role(text, boolean),
    londiste.upgrade_schema()
    to londiste_writer;

-- local_change_handler has never been part of any group. PUBLIC keeps its default right, which does
-- not reach far without rights on pgq_node.get_node_info.

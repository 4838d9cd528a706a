//! Schema `londiste`: one async function per SQL function, named after it (contract `londiste-sql.md`).
//!
//! Every function takes any client (a connection or an open transaction) and leaves transactions to the caller; each is
//! one round trip, also through a transaction pooler. Statements are logged with their arguments as literals at DEBUG,
//! as `exec_cmd: SQL` when they change something and as `exec_query: SQL` when they only read. Answers with a code come
//! back as [`Reply`](pgq_client::calls::Reply), which [`crate::job::checked`] judges.

mod fkeys;
mod progress;
mod scripts;
mod seqs;
mod sources;
mod tables;

pub use fkeys::{
    ForeignKey, drop_table_fkey, find_table_fkeys, get_table_pending_fkeys,
    get_valid_pending_fkeys, restore_table_fkey, set_pending_fkey,
};
pub use progress::{
    CopyProgress, RunningCopy, clear_copy_progress, get_copy_progress, has_copy_progress,
    set_copy_progress,
};
pub use scripts::{
    NewScript, ReplicationRole, execute_finish, execute_start, set_session_replication_role,
    version,
};
pub use seqs::{
    SeqRow, find_seq_oid, get_seq_list, global_remove_seq, global_update_seq, local_add_seq,
    local_remove_seq, root_check_seqs,
};
pub use sources::{OtherSource, other_sources, tables_passed_by, unfinished_parts};
pub use tables::{
    CopyRole, MissingObject, NewTable, ObjectKind, TableRow, find_rel_oid, find_table_oid,
    get_local_table, get_table_list, get_tables, global_add_table, global_remove_table,
    local_add_table, local_change_handler, local_remove_table, local_set_table_attrs,
    local_set_table_state, local_set_table_struct, local_show_missing, lock_table, lock_table_info,
    set_dest_table,
};

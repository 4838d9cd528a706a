//! Questions about the state of a database, with answers that are the same at any time.

use super::script::Script;

/// All events, wherever they are. Some have the same number.
pub(super) const EVENTS: &str = "select tableoid::regclass as event_table, ev_id, ev_owner, ev_retry, ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4 \
from pgq.event_template order by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10";

const QUEUES: &str = "select queue_id, queue_name, queue_ntables, queue_cur_table, queue_rotation_period, queue_switch_step2 is null as switching, \
queue_external_ticker, queue_disable_insert, queue_ticker_paused, queue_ticker_max_count, queue_ticker_max_lag, queue_ticker_idle_period, queue_per_tx_limit, \
queue_data_pfx, queue_event_seq, queue_tick_seq, queue_extra_maint, pgq.seq_getval(queue_event_seq) as event_seq, pgq.seq_getval(queue_tick_seq) as tick_seq \
from pgq.queue order by 1";
const TICKS: &str = "select tick_queue, tick_id, tick_event_seq from pgq.tick order by 1, 2";
const SUBSCRIPTIONS: &str = "select sub_id, sub_queue, co_id, co_name, sub_last_tick, sub_batch, sub_next_tick from pgq.subscription \
full join pgq.consumer on co_id = sub_consumer order by 1, 2, 3";
const RETRIES: &str = "select ev_queue, ev_owner, ev_id, ev_retry, ev_txid is null as no_txid, ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4 \
from pgq.retry_queue order by 1, 2, 3";
const EVENT_TABLES: &str = "select c.relname, c.relkind, c.reloptions, c.relacl, array(select indexrelid::regclass::text from pg_index where indrelid = c.oid order by 1) as indexes, \
(select string_agg(pg_get_expr(adbin, adrelid), ', ') from pg_attrdef where adrelid = c.oid and adnum = 1) as id_default \
from pg_class c where c.relnamespace = 'pgq'::regnamespace and c.relname ~ '^event_[0-9]' and c.relkind in ('r', 'S') order by 1";

const LOCATIONS: &str = "select * from pgq_node.node_location order by 1, 2";
const NODES: &str = "select * from pgq_node.node_info order by 1";
const STATES: &str = "select * from pgq_node.local_state order by 1, 2";
const SUBSCRIBERS: &str = "select * from pgq_node.subscriber_info order by 1, 2";

const TABLES: &str = "select nr, queue_name, table_name, local, merge_state, custom_snapshot, dropped_ddl, table_attrs, dest_table from londiste.table_info order by 1";
const SEQUENCES: &str = "select * from londiste.seq_info order by nr";
const SCRIPTS: &str = "select queue_name, execute_file, execute_sql, execute_attrs from londiste.applied_execute order by 2";
const PENDING_KEYS: &str = "select * from londiste.pending_fkeys order by 1, 3";

/// Triggers that are not the schemas' own.
pub(super) const TRIGGERS: &str = "select tgrelid::regclass::text as on_table, tgname, tgenabled, pg_get_triggerdef(t.oid) as definition \
from pg_trigger t join pg_class c on c.oid = tgrelid where not tgisinternal and relnamespace::regnamespace::text not in ('pgq', 'pgq_node', 'londiste') order by 1, 2";
const RELATIONS: &str = "select c.oid::regclass::text as name, relkind, relacl, \
(select string_agg(format('%s %s %s', attname, format_type(atttypid, atttypmod), attnotnull), ', ' order by attnum) from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped) as columns, \
(select string_agg(pg_get_constraintdef(o.oid), '; ' order by conname) from pg_constraint o where conrelid = c.oid) as constraints, \
array(select pg_get_indexdef(indexrelid) from pg_index where indrelid = c.oid order by 1) as indexes, \
array(select pg_get_ruledef(r.oid) from pg_rewrite r where ev_class = c.oid and relkind <> 'v' order by 1) as rules, \
array(select inhparent::regclass::text from pg_inherits where inhrelid = c.oid) as parents \
from pg_class c where relnamespace::regnamespace::text not in ('pgq', 'pgq_node', 'londiste', 'pg_catalog', 'information_schema', 'pg_toast') \
and relkind in ('r', 'p', 'v', 'S') order by 1";

/// What pgq knows.
pub(super) fn at_pgq(script: &mut Script) {
    for question in [QUEUES, TICKS, SUBSCRIPTIONS, RETRIES, EVENTS] {
        script.plain(question);
    }
}

/// How the queues' tables are made.
pub(super) fn at_event_tables(script: &mut Script) {
    script.plain(EVENT_TABLES);
}

/// What pgq_node knows.
pub(super) fn at_nodes(script: &mut Script) {
    for question in [LOCATIONS, NODES, STATES, SUBSCRIBERS] {
        script.plain(question);
    }
}

/// What londiste knows.
pub(super) fn at_londiste(script: &mut Script) {
    for question in [TABLES, SEQUENCES, SCRIPTS, PENDING_KEYS] {
        script.plain(question);
    }
}

/// The triggers of the applications' tables.
pub(super) fn at_triggers(script: &mut Script) {
    script.plain(TRIGGERS);
}

/// How the applications' tables are made.
pub(super) fn at_relations(script: &mut Script) {
    script.plain(RELATIONS);
}

/// The rows of a table, or what it says when it is not there.
pub(super) fn at_rows(script: &mut Script, table: &str) {
    script.plain(format!("select t::text as row from {table} as t"));
}

//! Nodes of any shape of cascade: what the stories with branches share. The tables and the load are those of
//! [`crate::diary`].

use system_tests::wait::EVENTUALLY;
use system_tests::{Cluster, Database, Impl, Node, holds, wait_for};

use crate::diary::{ADD_KEYS, QUEUE, SCHEMA, USERS, assert_same_rows, wait_caught_up};

/// A database with its node. Dropped in this order: the daemon first, then the database it is connected to.
pub(crate) struct Place {
    pub(crate) node: Node,
    pub(crate) db: Database,
}

impl Place {
    /// An empty site and the ini file of a node that nobody has created yet.
    pub(crate) fn new(implementation: Impl, name: &str) -> Self {
        Self::on(implementation, name, Cluster::shared())
    }

    /// The same on another server.
    pub(crate) fn on(implementation: Impl, name: &str, cluster: &Cluster) -> Self {
        let db = cluster.create_database(name);
        db.sql(SCHEMA);
        db.sql(ADD_KEYS);
        let node = Node::new(implementation, name, &db, QUEUE)
            .with("parallel_copies", "4")
            .with("local_wm_publish_period", "0.3")
            .with("global_wm_publish_period", "0.3");
        Self { node, db }
    }

    /// With users who have never logged in.
    pub(crate) fn with_users(self) -> Self {
        self.db.sql(&format!(
            "insert into app.user_info (userid, engname) select id, 'user ' || id from generate_series(1, {USERS}) id;
             insert into app.user_session (userid) select generate_series(1, {USERS})"
        ));
        self
    }

    /// `create-root`, with ticks often enough for a test.
    #[track_caller]
    pub(crate) fn create_root(&self) {
        self.node.londiste(["create-root", self.name(), &self.db.connstr()]).ok();
        quick_ticks(&self.db, QUEUE);
    }

    /// `create-branch` or `create-leaf` below `provider`.
    #[track_caller]
    pub(crate) fn create(&self, command: &str, provider: &Place, options: &[&str]) {
        let (own, upstream) = (self.db.connstr(), format!("--provider={}", provider.db.connstr()));
        self.node.londiste([&[command, self.name(), &own, &upstream], options].concat()).ok();
    }

    /// The node's name, which is its job's.
    pub(crate) fn name(&self) -> &str {
        self.node.name()
    }

    /// The tick where the worker stands.
    #[track_caller]
    pub(crate) fn position(&self) -> i64 {
        self.db.int(&format!(
            "select completed_tick from pgq_node.get_consumer_state('{QUEUE}', '{}')",
            self.name()
        ))
    }

    /// One value of `pgq_node.get_node_info`.
    #[track_caller]
    pub(crate) fn info(&self, column: &str) -> String {
        self.db.text(&format!("select {column} from pgq_node.get_node_info('{QUEUE}')"))
    }

    /// Waits until a value of `pgq_node.get_node_info` is a tick from `tick` on.
    #[track_caller]
    pub(crate) fn wait_info(&self, column: &str, tick: i64) {
        wait_for(format!("{column} of {} at {tick}", self.name()), EVENTUALLY, || {
            let seen = self.info(column);
            holds(seen.parse::<i64>().is_ok_and(|seen| seen >= tick), seen)
        });
    }

    /// Waits until all that the root has committed so far is applied here.
    #[track_caller]
    pub(crate) fn wait_caught_up(&self, root: &Place) {
        wait_caught_up(&root.db, &self.db, self.name());
    }

    /// Panics if a cycle of the worker failed, which it would have repeated.
    #[track_caller]
    pub(crate) fn assert_never_failed(&self) {
        let log = self.node.log();
        let failed =
            [" crashed: ", "got error on connection"].iter().any(|text| log.contains(text));
        assert!(!failed, "{log}");
    }

    /// Panics unless these tables have the same rows as on another place. Waits for nothing.
    #[track_caller]
    pub(crate) fn assert_equal(&self, other: &Place, tables: &[(&str, &str)]) {
        for &(table, key) in tables {
            assert_same_rows((&self.db, table), (&other.db, table), key);
        }
    }
}

/// The queue's default is a tick every three seconds under load, and one a minute without.
pub(crate) fn quick_ticks(db: &Database, queue: &str) {
    db.sql(&format!(
        "select pgq.set_queue_config('{queue}', 'ticker_max_lag', '0.3 seconds');
         select pgq.set_queue_config('{queue}', 'ticker_idle_period', '0.5 seconds')"
    ));
}

/// The newest tick of a place's queue.
#[track_caller]
pub(crate) fn newest_tick(place: &Place) -> i64 {
    place.db.int(&format!("select last_tick_id from pgq.get_queue_info('{QUEUE}')"))
}

/// The ticks of a place's queue from `from` to `to`, without what differs between servers: the snapshot.
#[track_caller]
pub(crate) fn ticks(place: &Place, from: i64, to: i64) -> String {
    place.db.text(&format!(
        "select tick_id, extract(epoch from tick_time), tick_event_seq
           from pgq.tick join pgq.queue on queue_id = tick_queue
          where queue_name = '{QUEUE}' and tick_id between {from} and {to} order by 1"
    ))
}

/// The events of a place's queue between two ticks, without what differs between servers: the transaction.
#[track_caller]
pub(crate) fn events(place: &Place, from: i64, to: i64) -> String {
    let table = place
        .db
        .text(&format!("select queue_data_pfx from pgq.queue where queue_name = '{QUEUE}'"));
    place.db.text(&format!(
        "select ev_id, extract(epoch from ev_time), ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4
           from {table},
                (select tick_snapshot as low from pgq.tick join pgq.queue on queue_id = tick_queue
                  where queue_name = '{QUEUE}' and tick_id = {from}) low,
                (select tick_snapshot as high from pgq.tick join pgq.queue on queue_id = tick_queue
                  where queue_name = '{QUEUE}' and tick_id = {to}) high
          where not txid_visible_in_snapshot(ev_txid, low) and txid_visible_in_snapshot(ev_txid, high)
          order by ev_id"
    ))
}

//! A second database behind a combined queue, which stories of merged queues share.

use system_tests::wait::EVENTUALLY;
use system_tests::{Database, Node, Ticker, holds, wait_for};

use crate::merge::{database, node, quick_ticks};
use crate::merge_sources::Merged;

/// It follows the combined queue by a branch, and the shards' queues by leaves whose rows come through that. Dropped in this
/// order: the daemons first, then the database they are connected to.
pub(crate) struct Second {
    pub(crate) branch: Node,
    /// The nodes of the shards' queues, in the order of the shards.
    pub(crate) parts: Vec<Node>,
    ticker: Ticker,
    pub(crate) db: Database,
}

impl Second {
    /// Nodes and ticker run, the table is attached to all queues and in sync. It has to be in the sets of the shards, and attached
    /// to the parts of the combined root.
    #[track_caller]
    pub(crate) fn behind(stage: &Merged) -> Self {
        let db = database("second");
        let from = |db: &Database| format!("--provider={}", db.connstr());
        let branch = node("second", &db, "q_all", &["create-branch", &from(&stage.full)]);
        quick_ticks(&db, "q_all");
        let parts: Vec<Node> = stage
            .shards
            .iter()
            .map(|shard| {
                let name = shard.root.name();
                let create = ["create-leaf", &from(&shard.db), "--merge=q_all"];
                node(&format!("{name}_second"), &db, &format!("q_{name}"), &create)
            })
            .collect();
        let ticker = Ticker::for_databases(branch.implementation(), db.address(), &[db.name()]);
        ticker.start();
        let second = Self { branch, parts, ticker, db };
        second.add_table(stage.shards.len());
        for node in stage.shards.iter().map(|shard| &shard.leaf).chain([&second.branch]) {
            node.londiste(["wait-sync"]).ok();
        }
        second
    }

    /// The table is added to one shard's queue, which attaches it to the others and to the combined queue as well.
    #[track_caller]
    fn add_table(&self, shards: usize) {
        wait_for("the table known from all shards", EVENTUALLY, || {
            let seen =
                self.db.int("select count(*) from londiste.table_info where queue_name <> 'q_all'");
            holds(usize::try_from(seen) == Ok(shards), seen)
        });
        self.parts[0].londiste(["add-table", "public.visit"]).ok();
        self.branch.londiste(["tables"]).ok().says("public.visit");
        let attached = self.db.int("select count(*) from londiste.table_info where local");
        assert_eq!(usize::try_from(attached), Ok(shards + 1));
    }

    /// Stops all daemons.
    #[track_caller]
    pub(crate) fn stop(&self) {
        for node in self.parts.iter().chain([&self.branch]) {
            node.stop_worker();
        }
        self.ticker.stop();
    }
}

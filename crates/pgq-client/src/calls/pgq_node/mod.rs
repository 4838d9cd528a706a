//! Schema `pgq_node` (contract `pgq_node.md`): members and their [`Location`]s, the local node ([`create_node`],
//! [`get_node_info`]), its subscribers and watermarks ([`register_subscriber`]), and consumers that write here
//! ([`ConsumerState`]).

mod consumer;
mod info;
mod location;
mod node;
mod rename;
mod subscriber;

use std::fmt;
use std::str::FromStr;

use tokio_postgres::Row;

use crate::id::TickId;
use crate::{Error, Result};

pub use consumer::{
    CascadedConsumer, ConsumerState, change_consumer_provider, get_consumer_info,
    get_consumer_state, lock_consumer_position, register_consumer, set_consumer_completed,
    set_consumer_error, set_consumer_paused, set_consumer_uptodate, unregister_consumer,
};
pub use info::{NodeInfo, WorkerState, get_node_info, get_worker_state};
pub use location::{Location, get_queue_locations, register_location, unregister_location};
pub use node::{
    NewNode, create_node, demote_root, drop_node, is_leaf_node, is_root_node, promote_branch,
    set_node_attrs, version,
};
pub use rename::{
    RenameSteps, bring_rename_steps, has_rename_steps, may_rename, rename_node_step1,
    rename_node_step2,
};
pub use subscriber::{
    Subscriber, get_subscriber_info, register_subscriber, set_global_watermark,
    set_partition_watermark, set_subscriber_watermark, unregister_subscriber,
};

/// `node_type` of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeType {
    /// Events are made here.
    Root,
    /// Events are passed on.
    Branch,
    /// Events end here.
    Leaf,
}

impl NodeType {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            NodeType::Root => "root",
            NodeType::Branch => "branch",
            NodeType::Leaf => "leaf",
        }
    }
}

impl fmt::Display for NodeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for NodeType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [NodeType::Root, NodeType::Branch, NodeType::Leaf]
            .into_iter()
            .find(|node_type| node_type.as_str() == text)
            .ok_or_else(|| Error::protocol(format!("unknown node type: {text}")))
    }
}

fn text(row: &Row, column: &str) -> Result<Option<String>> {
    Ok(row.try_get(column)?)
}

fn tick(row: &Row, column: &str) -> Result<Option<TickId>> {
    Ok(row.try_get::<_, Option<i64>>(column)?.map(TickId))
}

fn node_type(row: &Row, column: &str) -> Result<Option<NodeType>> {
    row.try_get::<_, Option<&str>>(column)?.map(str::parse).transpose()
}

//! What a worker does on its node (contract `worker.md` section 5). Pure.

use pgq_client::calls::pgq_node::{NodeInfo, NodeType};
use pgq_client::name::{NodeName, QueueName};
use pgq_client::text::urlenc;

/// A worker's part in the cascade; looked up again before every batch, so that promotions need no restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// Events are made here: publishes the global watermark and sequences, applies nothing.
    Root,
    /// Applies events and passes them on, with the same ids and ticks.
    Branch {
        /// Node attribute `sync_watermark`: nodes that keep events for each other until all of them have them.
        sync_watermark: Option<Vec<NodeName>>,
    },
    /// Applies events.
    Leaf,
    /// Applies events and puts them into another queue of this database, whose root is here.
    MergeLeaf {
        /// That queue.
        combined: QueueName,
    },
    /// Data comes through the combined queue, a branch here; this worker follows and never overtakes it.
    WaitBehind {
        /// That queue.
        combined: QueueName,
    },
}

/// The node's description contradicts itself. Texts are the original's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid state {0}")]
pub(super) struct InvalidState(u8);

impl Role {
    /// From the node's description.
    pub(super) fn of(info: &NodeInfo) -> Result<Role, InvalidState> {
        match (info.node_type, &info.combined_queue, info.combined_type) {
            (Some(NodeType::Root), None, _) => Ok(Role::Root),
            (Some(NodeType::Branch), None, _) => {
                Ok(Role::Branch { sync_watermark: sync_watermark(info.node_attrs.as_deref()) })
            }
            // A combined queue that is no cascaded one is fed by somebody else.
            (Some(NodeType::Leaf), None, _) | (Some(NodeType::Leaf), Some(_), None) => {
                Ok(Role::Leaf)
            }
            (Some(NodeType::Leaf), Some(combined), Some(NodeType::Root)) => {
                Ok(Role::MergeLeaf { combined: combined.clone() })
            }
            (Some(NodeType::Leaf), Some(combined), Some(NodeType::Branch)) => {
                Ok(Role::WaitBehind { combined: combined.clone() })
            }
            (Some(NodeType::Leaf), Some(_), Some(NodeType::Leaf)) => Err(InvalidState(1)),
            (Some(NodeType::Root | NodeType::Branch), Some(_), _) => Err(InvalidState(2)),
            (None, _, _) => Err(InvalidState(3)),
        }
    }

    /// Whether data and EXECUTE events change this database.
    pub(super) fn applies(&self) -> bool {
        matches!(self, Role::Branch { .. } | Role::Leaf | Role::MergeLeaf { .. })
    }

    /// Whether `pgq.tick-id` events move the position of merged queues.
    pub(super) fn handles_tick_id(&self) -> bool {
        matches!(self, Role::Branch { .. })
    }
}

/// The list in node attribute `sync_watermark`.
fn sync_watermark(attrs: Option<&str>) -> Option<Vec<NodeName>> {
    let list = urlenc::pairs(attrs?).filter_map(Result::ok).find_map(|(key, value)| {
        if key == "sync_watermark" { value.map(std::borrow::Cow::into_owned) } else { None }
    })?;
    let nodes: Vec<NodeName> =
        list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(NodeName::new).collect();
    (!nodes.is_empty()).then_some(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pgq_client::calls::Reply;

    fn node(node_type: NodeType, combined: Option<(&str, Option<NodeType>)>) -> NodeInfo {
        NodeInfo {
            reply: Reply { code: 100, note: "Ok".to_owned(), query: None },
            node_type: Some(node_type),
            node_name: Some("n".into()),
            global_watermark: None,
            local_watermark: None,
            provider_node: None,
            provider_location: None,
            combined_queue: combined.map(|(queue, _)| queue.into()),
            combined_type: combined.and_then(|(_, kind)| kind),
            worker_name: None,
            worker_paused: None,
            worker_uptodate: None,
            worker_last_tick: None,
            node_attrs: None,
            target_for: Vec::new(),
        }
    }

    #[test]
    fn roles_follow_the_node_and_its_combined_queue() {
        use NodeType::{Branch, Leaf, Root};
        let role = |kind, combined| Role::of(&node(kind, combined));
        let combined = || QueueName::new("all");
        assert_eq!(role(Root, None), Ok(Role::Root));
        assert_eq!(role(Branch, None), Ok(Role::Branch { sync_watermark: None }));
        assert_eq!(role(Leaf, None), Ok(Role::Leaf));
        assert_eq!(role(Leaf, Some(("plain", None))), Ok(Role::Leaf));
        assert_eq!(
            role(Leaf, Some(("all", Some(Root)))),
            Ok(Role::MergeLeaf { combined: combined() })
        );
        assert_eq!(
            role(Leaf, Some(("all", Some(Branch)))),
            Ok(Role::WaitBehind { combined: combined() })
        );
        assert!(role(Leaf, Some(("all", Some(Leaf)))).is_err());
        assert!(role(Root, Some(("all", Some(Root)))).is_err());
    }

    #[test]
    fn nodes_to_wait_for_come_from_the_attributes() {
        let with = |attrs: &str| {
            let info =
                NodeInfo { node_attrs: Some(attrs.to_owned()), ..node(NodeType::Branch, None) };
            Role::of(&info).unwrap()
        };
        assert_eq!(
            with("sync_watermark=n1%2cn2"),
            Role::Branch { sync_watermark: Some(vec!["n1".into(), "n2".into()]) }
        );
        assert_eq!(with("sync_watermark="), Role::Branch { sync_watermark: None });
        assert_eq!(with("other=1"), Role::Branch { sync_watermark: None });
    }
}

//! The worker: batches from the provider applied to this node.

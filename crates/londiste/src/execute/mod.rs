//! Scripts that run once on every node, in order with the data.

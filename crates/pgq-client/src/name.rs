//! Names as distinct types, so that a queue is not taken for a consumer.

use std::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(String);

        impl $type {
            /// Takes the name as it is.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<String> for $type {
            fn from(name: String) -> Self {
                Self(name)
            }
        }

        impl From<&str> for $type {
            fn from(name: &str) -> Self {
                Self(name.to_owned())
            }
        }
    };
}

name!(
    /// A queue (`pgq.queue.queue_name`).
    QueueName
);
name!(
    /// A consumer on a queue (`pgq.consumer.co_name`), also the name of a node's worker.
    ConsumerName
);
name!(
    /// A node of a cascade (`pgq_node.node_location.node_name`).
    NodeName
);

/// A table or sequence as replication names it: `schema.name`, unquoted, split at the first dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName(String);

impl TableName {
    /// Completes a name without a dot with the schema `public`.
    pub fn new(name: &str) -> Self {
        if name.contains('.') { Self(name.to_owned()) } else { Self(format!("public.{name}")) }
    }

    /// `schema.name`, unquoted.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first dot.
    pub fn schema(&self) -> &str {
        self.0.split_once('.').map_or("public", |(schema, _)| schema)
    }

    /// The part after the first dot.
    pub fn name(&self) -> &str {
        self.0.split_once('.').map_or(&self.0, |(_, name)| name)
    }

    /// Both parts quoted for SQL where that is needed.
    pub fn quoted(&self) -> String {
        use crate::text::quoting::quote_ident;
        format!("{}.{}", quote_ident(self.schema()), quote_ident(self.name()))
    }
}

/// For look-ups by the name an event carries.
impl std::borrow::Borrow<str> for TableName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

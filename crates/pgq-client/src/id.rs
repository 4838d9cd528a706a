//! Numbers as distinct types.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(pub i64);

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A tick of a queue; the same number on every node of a cascade.
    TickId
);
id!(
    /// An open batch of one consumer, unique in its database.
    BatchId
);
id!(
    /// An event of a queue; kept when a branch passes it on.
    EventId
);
id!(
    /// A top-level transaction id with epoch, meaningful on one server only.
    Txid
);

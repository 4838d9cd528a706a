//! PgQ, cascaded queues and the schemas behind them, for PostgreSQL.
//!
//! No printing, no arguments, no signals: programs decide. Reading guide: [`conn`] opens connections from everything
//! libpq accepts; [`schema`] installs the server side; [`name`] and [`id`] are the words of the domain; [`event`] is what
//! travels, [`text`] how it is written; [`calls`] is one function per SQL function; [`producer`] writes events, [`consumer`]
//! walks batches of them.
//!
//! ```no_run
//! use pgq_client::calls::pgq;
//! use pgq_client::consumer::{BatchOptions, cursor::Cursor};
//! use pgq_client::{conn, name};
//!
//! # async fn read() -> pgq_client::Result<()> {
//! let mut session = conn::connect("service=orders", "billing").await?;
//! let (queue, consumer) = (name::QueueName::new("orders"), name::ConsumerName::new("billing"));
//! let options = BatchOptions::default();
//! if let Some(batch) = pgq::next_batch_custom(&*session, &queue, &consumer, &options).await? {
//!     let transaction = session.transaction().await?;
//!     let mut cursor = Cursor::open(&transaction, batch.batch, None).await?;
//!     for event in cursor.fetch(1000).await? {
//!         println!("{:?} {:?}", event.kind, event.data);
//!     }
//!     cursor.close().await?;
//!     pgq::finish_batch(&transaction, batch.batch).await?;
//!     transaction.commit().await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The programs in `examples/` do the same in full.

pub mod calls;
pub mod conn;
pub mod consumer;
pub mod error;
pub mod event;
pub mod id;
pub mod name;
pub mod producer;
pub mod schema;
pub mod snapshot;
pub mod text;

pub use error::{Error, Result};

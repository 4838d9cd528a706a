//! Reads the events of a queue, one batch after the other: `cargo run --example consumer -- CONNSTR QUEUE CONSUMER`
//!
//! Ends when there is no more batch. A ticker (pgqd) has to run for new batches to appear.

use std::process::ExitCode;

use pgq_client::calls::pgq;
use pgq_client::consumer::cursor::Cursor;
use pgq_client::consumer::{BatchInfo, BatchOptions};
use pgq_client::event::Event;
use pgq_client::name::{ConsumerName, QueueName};
use pgq_client::{Error, conn};

/// Events held in memory at a time.
const ROWS: usize = 1000;

/// When an event that could not be handled comes again, in seconds.
const RETRY_AFTER: i32 = 30;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [connstr, queue, consumer] = args.as_slice() else {
        return fail("usage: consumer CONNSTR QUEUE CONSUMER");
    };
    match consume(connstr, &QueueName::new(queue), &ConsumerName::new(consumer)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

async fn consume(connstr: &str, queue: &QueueName, consumer: &ConsumerName) -> Result<(), Error> {
    let mut session = conn::connect(connstr, "example consumer").await?;
    // The first call decides where reading begins; later ones change nothing.
    pgq::register_consumer(&*session, queue, consumer).await?;
    let options = BatchOptions::default();
    while let Some(batch) = pgq::next_batch_custom(&*session, queue, consumer, &options).await? {
        walk(&mut session, &batch).await?;
    }
    session.close().await;
    Ok(())
}

/// Handles the events of a batch and finishes it in one transaction: after a crash the batch comes again as a whole.
async fn walk(session: &mut conn::Session, batch: &BatchInfo) -> Result<(), Error> {
    let transaction = session.transaction().await?;
    let mut cursor = Cursor::open(&transaction, batch.batch, None).await?;
    let mut again = Vec::new();
    loop {
        let events = cursor.fetch(ROWS).await?;
        if events.is_empty() {
            break;
        }
        again.extend(events.iter().filter(|event| !handle(event)).map(|event| event.id));
    }
    cursor.close().await?;
    for event in again {
        pgq::event_retry(&transaction, batch.batch, event, RETRY_AFTER).await?;
    }
    pgq::finish_batch(&transaction, batch.batch).await?;
    transaction.commit().await?;
    Ok(())
}

/// What the application does with an event; false asks for it to come again later.
fn handle(event: &Event) -> bool {
    let [kind, data] = [&event.kind, &event.data].map(|text| text.as_deref().unwrap_or("null"));
    say(format_args!("{} {kind} {data}", event.id));
    kind != "again" || event.retry.is_some()
}

#[expect(clippy::print_stdout, reason = "a program for the terminal")]
fn say(text: impl std::fmt::Display) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "a program for the terminal")]
fn fail(why: impl std::fmt::Display) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

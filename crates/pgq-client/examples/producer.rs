//! Writes events into a queue: `cargo run --example producer -- CONNSTR QUEUE KIND DATA...`
//!
//! Installs the schemas and creates the queue where they are missing.

use std::process::ExitCode;

use pgq_client::calls::pgq;
use pgq_client::name::QueueName;
use pgq_client::producer::{NewEvent, Producer};
use pgq_client::{Error, conn, schema};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [connstr, queue, kind, data @ ..] = args.as_slice() else {
        return fail("usage: producer CONNSTR QUEUE KIND DATA...");
    };
    match produce(connstr, &QueueName::new(queue), kind, data).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

async fn produce(
    connstr: &str,
    queue: &QueueName,
    kind: &str,
    data: &[String],
) -> Result<(), Error> {
    let mut session = conn::connect(connstr, "example producer").await?;
    schema::install(&mut session, &mut |_, _| {}).await?;
    pgq::create_queue(&*session, queue).await?;

    // All of them or none: consumers see the events when this commits.
    let transaction = session.transaction().await?;
    let events: Vec<NewEvent<'_>> = data
        .iter()
        .map(|data| NewEvent { kind: Some(kind), data: Some(data), ..NewEvent::default() })
        .collect();
    let ids = Producer::new(&transaction, queue).insert(&events).await?;
    transaction.commit().await?;
    session.close().await;
    say(format_args!("{} events written", ids.len()));
    Ok(())
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

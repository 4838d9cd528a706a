//! Shows which session a connection string leads to: `cargo run --example session -- CONNSTR`
//!
//! One `name=value` a line, or the reason why there is no session.

use std::process::ExitCode;

use pgq_client::{Error, conn};

/// What of a session depends on the string, the variables and the files.
const QUESTION: &str = "\
select format(E'user=%s\\ndatabase=%s\\naddress=%s\\nport=%s\\napplication=%s\\nwork_mem=%s\\ngeqo=%s\\ndatestyle=%s\\n\
timezone=%s\\nencoding=%s\\nssl=%s', session_user, current_database(), coalesce(host(inet_server_addr()), 'socket'), \
inet_server_port(), current_setting('application_name'), current_setting('work_mem'), current_setting('geqo'), \
current_setting('datestyle'), current_setting('timezone'), current_setting('client_encoding'), \
(select ssl from pg_stat_ssl where pid = pg_backend_pid()))";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [connstr] = args.as_slice() else { return fail("usage: session CONNSTR") };
    match show(connstr).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

async fn show(connstr: &str) -> Result<(), Error> {
    let session = conn::connect(connstr, "example session").await?;
    let row = session.query_one(QUESTION, &[]).await.map_err(|e| Error::sql(e, QUESTION))?;
    say(row.try_get::<_, String>(0)?);
    session.close().await;
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

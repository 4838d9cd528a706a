//! What is said about a failed cycle: a line in the log, and the text stored with the consumer that `status` shows.
//! Neither holds row values, whatever the server quoted.

use pgq_client::conn::conninfo::hide_password;

use super::apply::EventError;
use super::batch::ScriptFailed;
use super::replica::NoReplicaRole;
use crate::job::CallFailed;

/// Statements longer than this are cut, to [`SHOWN`] characters.
const LONG: usize = 200;
const SHOWN: usize = 60;

/// Logs a failed cycle as the original does (contract `cli.md` 3.3): as a warning when it is one of those that are expected
/// to pass.
pub(crate) fn log(job_name: &str, error: &anyhow::Error, quiet: bool) {
    // A failed call has logged its own note already.
    if error.is::<CallFailed>() {
        return;
    }
    let line = line(job_name, error);
    if quiet {
        tracing::warn!("{line}");
    } else {
        tracing::error!("{line}");
    }
}

fn line(job_name: &str, error: &anyhow::Error) -> String {
    let sql = error.chain().find_map(|cause| cause.downcast_ref::<pgq_client::Error>());
    match sql.filter(|sql| !sql.is_connect()).and_then(pgq_client::Error::query) {
        Some(query) => format!(
            "Job {job_name} got error on connection: {}.   Query: {}",
            text(error),
            shorten(&hide_password(query))
        ),
        None => format!("Job {job_name} crashed: {}", text(error)),
    }
}

/// The error and its causes, down to the one whose text includes all below it. Those whose text is part of the one before are
/// left out: some errors only pass others on.
pub(crate) fn text(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        if cause.is::<tokio_postgres::Error>() && !text.is_empty() {
            // It quotes rows; what may be told of it was told by whoever passed it on.
            break;
        }
        let cause_text = cause.to_string();
        // Where the server was: of a COPY it quotes the line.
        let told = cause_text.split("\nCONTEXT:").next().unwrap_or_default().trim_end();
        if text.is_empty() {
            text.push_str(told);
        } else if !text.contains(told) {
            text.push_str(": ");
            text.push_str(told);
        }
        // Below these is the driver's error, which quotes rows.
        if cause.is::<pgq_client::Error>()
            || cause.is::<EventError>()
            || cause.is::<ScriptFailed>()
            || cause.is::<NoReplicaRole>()
        {
            break;
        }
    }
    text
}

/// A statement as error lines show it: a long one is cut.
pub(crate) fn shorten(query: &str) -> String {
    if query.chars().count() <= LONG {
        return query.to_owned();
    }
    format!("{} ...", query.chars().take(SHOWN).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_joined() {
        let error = anyhow::anyhow!("reset by peer").context("reading events");
        assert_eq!(text(&error), "reading events: reset by peer");
        assert_eq!(line("j", &error), "Job j crashed: reading events: reset by peer");
    }

    #[test]
    fn lines_of_a_copy_are_not_repeated() {
        let message =
            "deadlock detected\nHINT:  See server log.\nCONTEXT:  COPY t, line 3: \"secret\"";
        let error = anyhow::Error::from(pgq_client::Error::protocol(message));
        assert_eq!(text(&error), "deadlock detected\nHINT:  See server log.");
    }

    #[test]
    fn what_the_client_says_is_the_end() {
        let error = anyhow::Error::from(pgq_client::Error::protocol("no answer")).context("copy");
        assert_eq!(text(&error), "copy: no answer");
    }

    #[test]
    fn what_is_only_passed_on_is_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error(transparent)]
        struct PassedOn(#[from] Refused);
        #[derive(Debug, thiserror::Error)]
        #[error("[ev_id=1] duplicate key (table t)")]
        struct Refused(#[source] pgq_client::Error);
        let server = pgq_client::Error::protocol("duplicate key");
        let error = anyhow::Error::from(PassedOn::from(Refused(server)));
        assert_eq!(text(&error), "[ev_id=1] duplicate key (table t)");
    }

    #[test]
    fn long_statements_are_cut() {
        assert_eq!(shorten(&"x".repeat(200)), "x".repeat(200));
        assert_eq!(shorten(&"x".repeat(201)), format!("{} ...", "x".repeat(60)));
    }
}

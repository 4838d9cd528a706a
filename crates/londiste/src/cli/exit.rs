//! What an error looks like to the operator, and the exit code (contract `cli.md` 1.5 and 3.3).

use std::borrow::Cow;
use std::process::ExitCode;
use std::time::Instant;

use daemonkit::reason::reason;
use pgq_client::conn::conninfo::hide_password;

use crate::handler::{self, HandlerError};
use crate::hint;
use crate::job::{CallFailed, Interrupted, UsageError};
use crate::quiet::{Failures, QuietErrors};
use crate::replay::failure::shorten;

/// Exit code of a command line that cannot be understood.
pub const BAD_ARGUMENTS: u8 = 2;

/// Logs why a command failed and gives the exit code. What `exception_quiet` lists is a warning.
pub fn report(job_name: &str, quiet: &QuietErrors, error: &anyhow::Error) -> ExitCode {
    if let Some(line) = line(job_name, error) {
        let expected = error.is::<UsageError>() || error.is::<Interrupted>();
        if !expected && Failures::default().failed(quiet, error, Instant::now()) {
            tracing::warn!("{line}");
        } else {
            tracing::error!("{line}");
        }
    }
    ExitCode::FAILURE
}

/// The text of the ERROR record, if one is due.
fn line(job_name: &str, error: &anyhow::Error) -> Option<String> {
    if error.is::<CallFailed>() {
        // Its note was logged where it happened.
        return None;
    }
    if error.is::<UsageError>() || error.is::<Interrupted>() {
        return Some(hint::with(&error.to_string()));
    }
    let sql = error.chain().find_map(|cause| cause.downcast_ref::<pgq_client::Error>());
    let statement = sql.filter(|sql| !sql.is_connect()).and_then(|sql| Some((sql, sql.query()?)));
    let mut line = match statement {
        Some((sql, query)) => format!(
            "Job {job_name} got error on connection: {}.   Query: {}",
            sql.to_string().trim_end(),
            shorten(&hide_password(query))
        ),
        None => format!("Job {job_name} crashed: {}", trail(error)),
    };
    let handler = error.chain().find_map(|cause| cause.downcast_ref::<HandlerError>());
    let refusal = sql.is_none_or(|sql| sql.sqlstate().is_none()).then(|| trail(error));
    let hint = sql
        .and_then(sql_hint)
        .map(Cow::Borrowed)
        .or_else(|| handler.and_then(handler_hint).map(Cow::Owned))
        .or_else(|| hint::of(&refusal?));
    if let Some(hint) = hint {
        line.push_str("\nHINT:  ");
        line.push_str(&hint);
    }
    Some(line)
}

/// An error with its causes, leaving out those whose text is part of the one before.
fn trail(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let message = match cause.downcast_ref::<std::io::Error>() {
            // Without the number that Rust appends.
            Some(error) => reason(error),
            None => cause.to_string(),
        };
        if text.is_empty() {
            text = message;
        } else if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        if cause.is::<pgq_client::Error>() {
            // Its text holds what the driver below it has to say.
            break;
        }
    }
    text.trim_end().to_owned()
}

/// What to do about it, where the server's own text does not say.
fn sql_hint(error: &pgq_client::Error) -> Option<&'static str> {
    let missing_schema = ["pgq.", "pgq_node.", "londiste."]
        .iter()
        .any(|schema| error.query().is_some_and(|query| query.contains(schema)));
    match error.sqlstate()?.code() {
        // Undefined schema, undefined function.
        "3F000" | "42883" if missing_schema => Some(
            "The replication schemas are missing or too old in the database that was asked; check 'db' and --provider, or \
             create that node first (create-root, create-branch, create-leaf).",
        ),
        "42501" if missing_schema => Some(
            "The role in 'db' may not use the replication functions; grant it londiste_writer.",
        ),
        // The server has been asked for a session only.
        "28P01" if error.is_connect() => {
            Some("Check the password in the connect string, PGPASSWORD or ~/.pgpass.")
        }
        "3D000" if error.is_connect() => Some("Check 'dbname', or create the database first."),
        // The texts are in the server's language; which of its functions refused is not.
        "28000" if error.is_connect() => match error.db_error()?.routine()? {
            "InitializeSessionUserId" => Some(
                "Check 'user' in the connect string; the role must exist and may log in (CREATE ROLE ... LOGIN).",
            ),
            "ClientAuthentication" => Some(
                "The server's pg_hba.conf does not let in this user, database and address in this way; what it says tells whether the connection was encrypted.",
            ),
            _ => None,
        },
        // Statement timeout: add-table and compare set it while they wait for locks. Elsewhere it is somebody else's, or somebody
        // has cancelled the statement.
        "57014" if waits_for_lock(error.query().unwrap_or_default()) => Some(
            "Something else may hold a lock on the table; lock_timeout in the ini file says how long to wait (0 is for ever).",
        ),
        _ => None,
    }
}

/// Whether it is one of the statements for which `lock_timeout` holds.
fn waits_for_lock(query: &str) -> bool {
    query.starts_with("lock table ") || query.contains("londiste.local_add_table(")
}

/// The original shows nothing but the name.
fn handler_hint(error: &HandlerError) -> Option<String> {
    let HandlerError::Unknown(name) = error else { return None };
    Some(match handler::module_of(name) {
        Some(module) => {
            format!(
                "Add {module} to handler_modules in the ini file of every node that uses this handler."
            )
        }
        None => "There is no such handler; show-handlers lists those there are.".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expected_mistakes_are_one_line() {
        let usage = UsageError("no such thing".to_owned()).into();
        assert_eq!(line("j", &usage).as_deref(), Some("no such thing"));
        let failed = CallFailed { note: "said before".to_owned() }.into();
        assert_eq!(line("j", &failed), None);
    }

    #[test]
    fn crashes_name_the_job_and_every_cause_once() {
        let error = anyhow::anyhow!("no such file").context("cannot read x.sql");
        assert_eq!(
            line("j", &error).as_deref(),
            Some("Job j crashed: cannot read x.sql: no such file")
        );
        let error = anyhow::anyhow!("refused").context("failed: refused");
        assert_eq!(line("j", &error).as_deref(), Some("Job j crashed: failed: refused"));
    }

    #[test]
    fn a_failed_connection_is_a_crash() {
        let error = pgq_client::Error::connect("connection to server failed: no\n", None).into();
        assert_eq!(
            line("j", &error).as_deref(),
            Some("Job j crashed: connection to server failed: no")
        );
    }

    #[test]
    fn an_unknown_handler_gets_a_hint() {
        let error = HandlerError::Unknown("bulk".to_owned()).into();
        let line = line("j", &error).unwrap();
        assert!(line.starts_with("Job j crashed: 'bulk'\nHINT:  "), "{line}");
    }

    #[test]
    fn only_waits_for_locks_are_limited_by_lock_timeout() {
        assert!(waits_for_lock("lock table public.t in share mode"));
        assert!(waits_for_lock(
            "select * from londiste.local_add_table('q', 't', '[]', null, null)"
        ));
        assert!(!waits_for_lock("select * from londiste.get_table_list('q')"));
    }
}

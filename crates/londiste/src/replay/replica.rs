//! The connection that changes are applied on: ordinary triggers do not fire on it.

use pgq_client::conn::Session;
use tokio_postgres::Client;

use crate::calls::{self, ReplicationRole};
use crate::job::{Job, NO_TIMEOUTS};

/// How values are read: as triggers and copies write them, whatever is the custom of this database. Dates and intervals
/// need nothing, their written forms are read alike under all settings.
pub(crate) const READ_VALUES: &str = "\
set lc_monetary = 'C'; set xmloption = 'content'; set array_nulls = on";

/// Scripts, on the other hand, are read as the database reads everything else; [`READ_VALUES`] comes behind.
pub(crate) const READ_SCRIPTS: &str = "reset lc_monetary; reset xmloption; reset array_nulls";

/// How our statements are planned. They find rows by keys that have indexes, but the planner does not know how many rows come,
/// and a table may have been empty when it planned: it would read whole tables for a few rows, or for each row. Compiling
/// their expressions, a cast or two each, takes longer than it saves.
pub(crate) const OWN_PLANS: &str = "\
set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set enable_hashjoin = off; \
set enable_mergejoin = off; set jit = off";

/// How an application's statements are planned, in scripts and in triggers; [`OWN_PLANS`] comes behind.
pub(crate) const USUAL_PLANS: &str = "\
reset plan_cache_mode; reset enable_seqscan; reset enable_hashjoin; reset enable_mergejoin; reset jit";

/// Changes settings by one of these lists.
///
/// # Errors
/// The server's.
pub(crate) async fn set(client: &Client, settings: &str) -> pgq_client::Result<()> {
    client.batch_execute(settings).await.map_err(|e| pgq_client::Error::sql(e, settings))
}

/// The role may not set `session_replication_role`. Says who and what helps.
#[derive(Debug, thiserror::Error)]
#[error("{explanation}")]
pub(crate) struct NoReplicaRole {
    explanation: String,
    #[source]
    source: pgq_client::Error,
}

/// Opens the local database with `session_replication_role = replica`, and without the timeouts of applications.
///
/// # Errors
/// No connection, or [`NoReplicaRole`].
pub(crate) async fn connect_replica(job: &Job, name: &str) -> anyhow::Result<Session> {
    let session = job.local(name).await?;
    for settings in [NO_TIMEOUTS, READ_VALUES, OWN_PLANS] {
        set(&session, settings).await?;
    }
    match calls::set_session_replication_role(&*session, ReplicationRole::Replica, false).await {
        Ok(()) => Ok(session),
        Err(error) if error.sqlstate().is_some_and(|s| s.code() == INSUFFICIENT_PRIVILEGE) => {
            Err(explain(&session, error).await)
        }
        Err(error) => Err(error.into()),
    }
}

const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// First version in which the right to set a parameter can be granted.
const VERSION_WITH_GRANTS: i32 = 150_000;

async fn explain(session: &Client, source: pgq_client::Error) -> anyhow::Error {
    match Rights::look(session).await {
        Ok(rights) => NoReplicaRole { explanation: rights.remedy(), source }.into(),
        Err(error) => {
            tracing::debug!("cannot find out which right is missing: {error}");
            source.into()
        }
    }
}

/// Who is missing which right.
#[derive(Debug)]
struct Rights {
    /// The role we are connected as.
    user: String,
    /// The role that sets the parameter: the function's owner when it runs with the owner's rights.
    setter: String,
    may_execute: bool,
    version: i32,
}

impl Rights {
    async fn look(session: &Client) -> pgq_client::Result<Rights> {
        let sql = "\
select current_user::text as login, current_setting('server_version_num')::int4 as version,
       has_function_privilege(f.oid, 'execute') as may_execute,
       case when f.prosecdef then pg_catalog.pg_get_userbyid(f.proowner) else current_user end::text as setter
  from pg_catalog.pg_proc f
 where f.oid = 'londiste.set_session_replication_role(text, boolean)'::regprocedure";
        let row =
            session.query_typed_one(sql, &[]).await.map_err(|e| pgq_client::Error::sql(e, sql))?;
        Ok(Rights {
            user: row.try_get("login")?,
            setter: row.try_get("setter")?,
            may_execute: row.try_get("may_execute")?,
            version: row.try_get("version")?,
        })
    }

    fn remedy(&self) -> String {
        let Rights { user, setter, .. } = self;
        if !self.may_execute {
            return format!(
                "role \"{user}\" may not execute londiste.set_session_replication_role(); \
                 as superuser run: GRANT londiste_writer TO \"{user}\""
            );
        }
        let problem = format!("role \"{setter}\" may not set session_replication_role");
        let problem = if setter == user {
            problem
        } else {
            format!(
                "{problem}, and as owner of londiste.set_session_replication_role() it has to, for role \"{user}\""
            )
        };
        if self.version >= VERSION_WITH_GRANTS {
            format!(
                "{problem}; as superuser run: GRANT SET ON PARAMETER session_replication_role TO \"{setter}\""
            )
        } else {
            format!(
                "{problem}; before PostgreSQL 15 that takes a superuser: as superuser run: \
                 ALTER FUNCTION londiste.set_session_replication_role(text, boolean) OWNER TO postgres \
                 (on a managed service use its administrator's role, such as rds_superuser)"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(setter: &str, version: i32) -> Rights {
        let (user, setter) = ("repl".to_owned(), setter.to_owned());
        Rights { user, setter, may_execute: true, version }
    }

    #[test]
    fn the_remedy_names_role_and_grant() {
        assert_eq!(
            rights("repl", 150_004).remedy(),
            "role \"repl\" may not set session_replication_role; as superuser run: \
             GRANT SET ON PARAMETER session_replication_role TO \"repl\""
        );
        let by_owner = rights("installer", 170_000).remedy();
        assert!(by_owner.ends_with("session_replication_role TO \"installer\""), "{by_owner}");
        assert!(by_owner.contains("for role \"repl\""), "{by_owner}");
        let old = rights("repl", 140_010).remedy();
        assert!(old.contains("OWNER TO postgres"), "{old}");
        let stranger = Rights { may_execute: false, ..rights("repl", 150_000) };
        assert!(stranger.remedy().ends_with("GRANT londiste_writer TO \"repl\""));
    }
}

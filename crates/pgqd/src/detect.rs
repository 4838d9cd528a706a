//! Looks for the databases of the cluster, again and again (contract `pgqd.md` section 7).
//!
//! Departure: when the server refuses the query, the known databases are kept.

use std::time::Duration;

use pgq_client::Error;
use pgq_client::conn::connect;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tracing::info;

use crate::config::Settings;
use crate::cycle::Outcome;
use crate::database::{connstr, query, report_lost, report_refused};

/// How long a polite goodbye to the server may take.
const GOODBYE: Duration = Duration::from_secs(1);

const DATABASES: &str = "select datname from pg_database where not datistemplate and datallowconn";

/// Sends the names of all databases now and then every `check_period`, until nobody listens. A failed look is logged and
/// sends nothing.
pub async fn run(settings: watch::Receiver<Settings>, found: mpsc::Sender<Vec<String>>) {
    info!("auto-detecting dbs ...");
    let (initial, connstr) = {
        let now = settings.borrow();
        (now.initial_database.clone(), connstr(&now.base_connstr, &now.initial_database))
    };
    loop {
        match look(&connstr).await {
            Ok(names) => {
                if found.send(names).await.is_err() {
                    return;
                }
            }
            Err(error) if error.query().is_none() || error.is_closed() => report_lost(&error),
            Err(error) => report_refused(&initial, &error),
        }
        let period = settings.borrow().check_period;
        sleep(period).await;
    }
}

async fn look(connstr: &str) -> Result<Vec<String>, Error> {
    let mut session = connect(connstr, "pgqd/detect").await?;
    let outcome = query(&mut session, DATABASES).await?;
    let _ = timeout(GOODBYE, session.close()).await;
    let Outcome::Rows(rows) = outcome else { return Ok(Vec::new()) };
    Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}

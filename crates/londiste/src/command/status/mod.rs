//! `status`, `node-status`, `node-info`: the set and this node at a glance (contract `cli.md` 6.2 to 6.4 and 7).

mod report;
mod tree;

use std::io::IsTerminal as _;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use pgq_client::calls::pgq;
use pgq_client::calls::pgq_node::{self, NodeType};
use pgq_client::calls::statement;
use pgq_client::conn::{ConnInfo, Session};
use pgq_client::name::{NodeName, QueueName};
use pgq_client::text::urlenc;

use super::Run;
use super::set::{LocalSet, Member};
use super::{copies, liveness};
use crate::calls;
use crate::cli::console;
use crate::job::UsageError;
use crate::table::state::TableState;
pub(crate) use report::duration;
use report::{Alive, Report, TableCounts};
use tree::Style;

/// A host that is gone answers nothing at all; the system would wait for minutes.
const PATIENCE: Duration = Duration::from_secs(15);

/// Nodes asked at the same time.
const PARALLEL: usize = 100;

/// `status`: all nodes as a tree.
pub(crate) async fn status(run: &Run) -> anyhow::Result<()> {
    let set = LocalSet::load(run).await?;
    set.warn_unless_node();
    let mut names: Vec<&NodeName> = set.members.keys().collect();
    // The local node's tree comes first.
    names.sort_by_key(|name| !set.is_local(name));
    let asked = names.into_iter().map(|name| ask_member(run, &set, name));
    let reports: Vec<Report> =
        stream::iter(asked).buffered(PARALLEL).filter_map(async |report| report).collect().await;
    let queue = &run.job.settings.queue;
    let local = set.info.node_name.as_ref().map_or("None", |name| name.as_str());
    let style = if run.options.compact {
        Style::Compact
    } else {
        Style::Full { colour: std::io::stdout().is_terminal() }
    };
    console::say(&format!("Queue: {queue}   Local node: {local}\n"));
    if !reports.is_empty() {
        console::say(&tree::draw(&reports, style));
    }
    tell_doubts(&reports);
    Ok(())
}

/// What does not seem to run.
fn tell_doubts(reports: &[Report]) {
    for report in reports {
        let Some(alive) = &report.alive else { continue };
        if let Some(doubt) = &alive.ticker_doubt {
            tracing::warn!("{doubt}");
        }
        let provider = alive.provider.as_ref().filter(|provider| **provider != report.name);
        let provider = reports.iter().find(|other| Some(&other.name) == provider);
        let provider = provider.and_then(|provider| provider.alive.as_ref());
        if let (Some(provider), Some(worker), false) = (provider, &alive.worker, alive.paused)
            && let Some(seen) = provider.last_seen.get(worker)
            && let Some(doubt) =
                liveness::unseen_worker(&report.name, worker, *seen, provider.ticker_lag)
        {
            tracing::warn!("{doubt}");
        }
    }
}

/// `None` for a database that has no node any more.
async fn ask_member(run: &Run, set: &LocalSet, name: &NodeName) -> Option<Report> {
    let dead = Report { name: name.clone(), alive: None };
    let asked = async {
        let Some(session) = set.connect(&run.job, name).await? else { return Ok(None) };
        let location = match set.members.get(name) {
            Some(Member::Alive(location)) => location.as_str(),
            _ => "",
        };
        ask(session, &run.job.settings.queue, location).await
    };
    if set.members.get(name) == Some(&Member::Dead) && !set.is_local(name) {
        return Some(dead);
    }
    let answer = tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| {
        Err(anyhow::anyhow!("no answer within {} seconds", PATIENCE.as_secs()))
    });
    match answer {
        Ok(alive) => alive.map(|alive| Report { name: name.clone(), alive: Some(alive) }),
        Err(error) => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            console::say(&format!("Node '{name}' failure: {line}"));
            Some(dead)
        }
    }
}

/// What a node says of itself, as of one moment.
async fn ask(
    mut session: Session,
    queue: &QueueName,
    location: &str,
) -> anyhow::Result<Option<Alive>> {
    // One transaction, so that ages and the clock they are counted from belong together.
    let db = crate::job::begin(&mut session).await?;
    let info = pgq_node::get_node_info(&db, queue).await?;
    let Some(node_type) = info.node_type else { return Ok(None) };
    let now: Option<f64> =
        statement::value(&db, "select extract(epoch from current_timestamp)::float8", &[]).await?;
    let now = now.unwrap_or_default();
    let consumers = pgq::get_consumer_info(&db, queue).await?;
    // A leaf has no queue of its own.
    let own_queue = match node_type {
        NodeType::Leaf => None,
        _ => pgq::get_queue_info(&db, queue).await?,
    };
    let errors = pgq_node::get_consumer_info(&db, queue)
        .await?
        .into_iter()
        .filter_map(|consumer| Some((consumer.consumer, consumer.cur_error?)))
        .filter(|(_, error)| !error.is_empty())
        .collect();
    let mut tables = TableCounts::default();
    for row in calls::get_table_list(&db, queue).await? {
        match (row.local, row.state()) {
            (false, _) => tables.ignored += 1,
            (true, Ok(TableState::Ok)) => tables.ok += 1,
            (true, _) => tables.half += 1,
        }
    }
    let copies = if tables.half > 0 && calls::has_copy_progress(&db).await? {
        calls::get_copy_progress(&db, queue).await?
    } else {
        Vec::new()
    };
    let attrs = urlenc::pairs(info.node_attrs.as_deref().unwrap_or_default())
        .map(|pair| pair.map(|(key, value)| (key.into_owned(), value.map(Into::into))))
        .collect::<Result<_, _>>()?;
    Ok(Some(Alive {
        node_type,
        service: ConnInfo::parse(location)
            .ok()
            .and_then(|conninfo| conninfo.get("service").map(str::to_owned)),
        provider: info.provider_node,
        worker: info.worker_name,
        paused: info.worker_paused == Some(true),
        uptodate: info.worker_uptodate == Some(true),
        last_tick: info.worker_last_tick,
        attrs,
        tables,
        copies: copies.iter().map(copies::line).collect(),
        errors,
        now,
        ticker_lag: own_queue.as_ref().and_then(|info| info.ticker_lag),
        ticker_doubt: own_queue.as_ref().and_then(liveness::silent_ticker),
        last_seen: consumers
            .iter()
            .filter_map(|consumer| Some((consumer.consumer.clone(), consumer.last_seen?)))
            .collect(),
        tick_times: consumers
            .into_iter()
            .filter_map(|consumer| Some((consumer.consumer, now - consumer.lag?)))
            .collect(),
    }))
}

/// `node-status`: the local node only.
pub(crate) async fn node_status(run: &Run) -> anyhow::Result<()> {
    let queue = &run.job.settings.queue;
    let set = LocalSet::load(run).await?;
    let subscribers = pgq_node::get_subscriber_info(&*set.db, queue).await?;
    let Some(name) = set.info.node_name.clone() else {
        // The original's words, with what to do.
        return Err(UsageError(
            "get_node_database: cannot resolve  - this database has no node yet, create it first"
                .to_owned(),
        )
        .into());
    };
    let Some(alive) = ask(run.job.local("db").await?, queue, "").await? else {
        return Err(UsageError(format!("Unknown node: {name}")).into());
    };
    let lag = alive.ticker_lag;
    let provider = alive.provider.as_ref().map_or("None", |provider| provider.as_str()).to_owned();
    let subscribers: Vec<&str> = subscribers.iter().map(|s| s.node.as_str()).collect();
    let report = Report { name, alive: Some(alive) };
    let mut text = report.title();
    let mut lines =
        vec![format!("Provider: {provider}"), format!("Subscribers: {}", subscribers.join(", "))];
    lines.extend(report.lines(lag, std::io::stdout().is_terminal()));
    for line in lines {
        text.push_str(&format!("\n    {line}"));
    }
    console::say(&text);
    Ok(())
}

/// `node-info`: how this node is connected.
pub(crate) async fn node_info(run: &Run) -> anyhow::Result<()> {
    let settings = &run.job.settings;
    let set = LocalSet::load(run).await?;
    let info = &set.info;
    let none = || "None".to_owned();
    let name = info.node_name.as_ref().map_or_else(none, ToString::to_string);
    let node_type = info.node_type.map_or("None", NodeType::as_str);
    let mut status = Vec::new();
    if info.node_name.as_ref().is_some_and(|name| set.members.get(name) == Some(&Member::Dead)) {
        status.push("DEAD");
    }
    if info.worker_paused == Some(true) {
        status.push("PAUSED");
    }
    if info.worker_uptodate != Some(true) {
        status.push("NON-UP-TO-DATE");
    }
    let status = if status.is_empty() { "OK".to_owned() } else { status.join(", ") };
    let is_root = info.node_type == Some(NodeType::Root);
    let provider = if is_root {
        "--".to_owned()
    } else {
        info.provider_node.as_ref().map_or_else(none, ToString::to_string)
    };
    console::say(&format!("Node: {name}  Type: {node_type}  Queue: {}", settings.queue));
    console::say(&format!("Status: {status}"));
    console::say(&format!("Provider: {provider}"));
    console::say("Connect strings:");
    console::say(&format!("  Local   : {}", settings.db.as_deref().unwrap_or("None")));
    if let Some(Member::Alive(location)) =
        info.node_name.as_ref().and_then(|name| set.members.get(name))
    {
        console::say(&format!("  Public  : {location}"));
    }
    if !is_root {
        let location = info.provider_location.as_deref().unwrap_or("None");
        console::say(&format!("  Provider: {location}"));
    }
    if let Some(combined) = &info.combined_queue {
        let combined_type = info.combined_type.map_or("None", NodeType::as_str);
        console::say(&format!("Combined Queue: {combined}  (node type: {combined_type})"));
    }
    Ok(())
}

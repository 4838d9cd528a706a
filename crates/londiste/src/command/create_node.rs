//! `create-root`, `create-branch`, `create-leaf`: makes the local database a node (contract `cli.md` 6.1).
//!
//! Departures from the original: everything that can be checked is checked before anything is changed, and what is
//! changed in several databases is changed in one transaction each, committed at the end. So a failed create leaves
//! nothing behind, neither here nor at the root or provider. A queue that is created here gets ticks every 0.1 s under
//! load instead of every 3 s; a queue that exists keeps its settings.

use anyhow::{Context as _, bail};
use pgq_client::calls::pgq_node::{self, NewNode, NodeInfo, NodeType};
use pgq_client::calls::statement::{self, Arg};
use pgq_client::calls::{Severity, pgq};
use pgq_client::conn::{ConnInfo, Session};
use pgq_client::name::{ConsumerName, NodeName, QueueName};
use pgq_client::schema::{self, Outcome};
use pgq_client::text::urlenc;
use tokio_postgres::GenericClient;

use super::Run;
use super::set::{self, Member, Members};
use crate::calls;
use crate::job::{self, Job, UsageError};

/// Longest time between two ticks of a queue that has events: what a change waits at most before it travels. Half of it would
/// spare a change some 20 ms, and cost every worker and server of the cascade twice as many batches.
const TICK_LAG: &str = "0.1 seconds";

/// What the operator wants.
struct Wanted<'a> {
    node_type: NodeType,
    name: NodeName,
    location: String,
    merge: Option<QueueName>,
    /// Url-encoded node attributes.
    attrs: Option<String>,
    job: &'a Job,
}

/// Makes the local database a node of the given type.
pub(crate) async fn run(run: &Run, node_type: NodeType) -> anyhow::Result<()> {
    let (name, location) = named(run)?;
    let job = &run.job;
    let mut db = job.local("new_node").await?;
    // The rest of what was asked for does not matter where there is nothing to do: scripts repeat the command.
    if let Some(existing) = node_in(&db, &job.settings.queue).await? {
        install(&mut db).await?;
        tracing::info!("Node is already initialized as {}", existing.as_str());
        return Ok(());
    }
    let wanted = wanted(run, node_type, name, location)?;
    if !run.options.nocheck {
        check_public_location(job, &db, &wanted.location).await?;
    }
    check_merge_queue(&wanted, &db).await?;
    // Root and provider are looked at before anything is installed, and changed at the very end.
    let upstream = match provider_of(run) {
        Some(provider) if node_type != NodeType::Root => {
            Some(Upstream::find(&wanted, &db, &provider).await?)
        }
        _ => None,
    };
    install(&mut db).await?;
    if node_type == NodeType::Root {
        warn_of_encoding(&db).await?;
    }
    tracing::info!("Initializing node");
    match upstream {
        None => create_root(&wanted, &mut db).await?,
        Some(upstream) => upstream.subscribe(&wanted, &mut db).await?,
    }
    tracing::info!("Done");
    Ok(())
}

/// The node's name and its public connect string.
fn named(run: &Run) -> anyhow::Result<(NodeName, String)> {
    let settings = &run.job.settings;
    let mut args = run.args.iter().cloned();
    let name = args.next().or_else(|| settings.node_name.clone());
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        bail!(UsageError("Node name must be given either in command line or config".to_owned()));
    };
    let location = args.next().or_else(|| settings.public_node_location.clone());
    let Some(location) = location.filter(|location| !location.is_empty()) else {
        bail!(UsageError(
            "Node public location must be given either in command line or config".to_owned()
        ));
    };
    if args.next().is_some() {
        bail!(UsageError(
            "Too many args, only node name and public connect string allowed".to_owned()
        ));
    }
    let conninfo = ConnInfo::parse(&location).context("Invalid connect string")?;
    if ["host", "hostaddr", "service"].iter().all(|keyword| conninfo.get(keyword).is_none()) {
        tracing::warn!(
            "No host= in public connect string, bad idea\n\
             HINT:  Give the host by whose name nodes on other machines reach this database."
        );
    }
    Ok((name.into(), location))
}

/// What the options ask for, as far as they go together.
fn wanted(
    run: &Run,
    node_type: NodeType,
    name: NodeName,
    location: String,
) -> anyhow::Result<Wanted<'_>> {
    let merge = run.options.merge.as_deref().map(QueueName::from);
    if merge.is_some() && node_type != NodeType::Leaf {
        bail!("--merge can be used only for leafs");
    }
    let attrs = match &run.options.sync_watermark {
        Some(_) if node_type != NodeType::Branch => {
            bail!(UsageError("--sync-watermark can be used only for branch nodes".to_owned()));
        }
        Some(nodes) => Some(urlenc::encode_pairs([("sync_watermark", Some(nodes.as_str()))])),
        None => None,
    };
    if node_type != NodeType::Root && provider_of(run).is_none() {
        bail!("Please specify --provider");
    }
    Ok(Wanted { node_type, name, location, merge, attrs, job: &run.job })
}

fn provider_of(run: &Run) -> Option<String> {
    let provider = run.options.provider.clone();
    provider.or_else(|| run.job.settings.initial_provider_location.clone())
}

/// The type of the node that this database is already; `None` also when the schemas are not there yet.
async fn node_in(db: &Session, queue: &QueueName) -> anyhow::Result<Option<NodeType>> {
    let installed: Option<bool> =
        statement::value(&**db, "select to_regproc('pgq_node.get_node_info') is not null", &[])
            .await?;
    if installed != Some(true) {
        return Ok(None);
    }
    Ok(pgq_node::get_node_info(&**db, queue).await?.node_type)
}

/// Other nodes will come through the public connect string: it must lead to the same database as `db`.
async fn check_public_location(job: &Job, db: &Session, location: &str) -> anyhow::Result<()> {
    let public = job.remote("public_db", location).await?;
    let fail = u8::from(!same_name(db, &public).await?) + other_transactions(db, &public).await?;
    if fail != 0 {
        bail!(UsageError(format!(
            "Public connect string points to different database than local connect string (fail={fail})"
        )));
    }
    Ok(())
}

/// The one value of a look at a database.
async fn look(session: &Session, sql: &str) -> anyhow::Result<String> {
    let value: Option<String> = statement::value(&**session, sql, &[]).await?;
    value.context("no answer to a look at the database")
}

/// Whether two sessions are in databases of the same name and number.
async fn same_name(a: &Session, b: &Session) -> anyhow::Result<bool> {
    const DATABASE: &str =
        "select oid::text || ' ' || datname from pg_database where datname = current_database()";
    Ok(look(a, DATABASE).await? == look(b, DATABASE).await?)
}

/// Two servers may have equal databases, but not the same transactions. 0 where a transaction of `other` is new in `db`; 2 where
/// it has been there before, 4 where it is not there afterwards.
async fn other_transactions(db: &Session, other: &Session) -> anyhow::Result<u8> {
    const SNAPSHOT: &str = "select pg_current_snapshot()::text";
    const VISIBLE: &str = "select pg_visible_in_snapshot($1::text::xid8, $2::text::pg_snapshot)";
    let visible = async |txid: &str, snapshot: &str| -> anyhow::Result<bool> {
        let args = [Arg::Text(txid), Arg::Text(snapshot)];
        Ok(statement::value::<bool>(&**db, VISIBLE, &args).await? == Some(true))
    };
    let before = look(db, SNAPSHOT).await?;
    let txid = look(other, "select pg_current_xact_id()::text").await?;
    let old = if visible(&txid, &before).await? { 2 } else { 0 };
    let unknown = if visible(&txid, &look(db, SNAPSHOT).await?).await? { 0 } else { 4 };
    Ok(old + unknown)
}

/// Events are read as UTF-8. Our triggers write that from every encoding but one, which is none; the original's write
/// the bytes of the database.
async fn warn_of_encoding(db: &Session) -> anyhow::Result<()> {
    let ours: Option<bool> =
        statement::value(&**db, "select to_regproc('pgq._event_encoding') is not null", &[])
            .await?;
    match (db.server_encoding(), ours) {
        ("UTF8" | "", _) => {}
        ("SQL_ASCII", _) => tracing::warn!(
            "this database does not know its encoding (SQL_ASCII): rows with bytes that are not UTF-8 stop replication"
        ),
        (_, Some(true)) => {}
        (encoding, _) => tracing::warn!(
            "this database's encoding is {encoding}: with the extension pgq that is installed here, changes with \
             characters outside ASCII stop replication"
        ),
    }
    Ok(())
}

/// The queue to merge into is in this database; without the schemas there is none.
async fn check_merge_queue(wanted: &Wanted<'_>, db: &Session) -> anyhow::Result<()> {
    let Some(merge) = &wanted.merge else { return Ok(()) };
    let installed: Option<bool> =
        statement::value(&**db, "select to_regclass('pgq.queue') is not null", &[]).await?;
    if installed != Some(true) || !queue_exists(&**db, merge).await? {
        bail!(UsageError(format!("non-existing queue on leaf side: {merge}")));
    }
    Ok(())
}

async fn install(db: &mut Session) -> anyhow::Result<()> {
    let language: Option<i32> =
        statement::value(&**db, "select 1 from pg_language where lanname = 'plpgsql'", &[]).await?;
    if language.is_none() {
        bail!(UsageError(
            "Language plpgsql is missing in this database, run: create extension plpgsql"
                .to_owned()
        ));
    }
    tracing::info!("plpgsql is installed");
    schema::install(db, &mut |schema, outcome| {
        let name = schema.name();
        match outcome {
            Outcome::Present => tracing::info!("{name} is installed"),
            Outcome::Newer(version) => {
                tracing::info!("{name} is installed, by the newer version {version}; it stays so");
            }
            Outcome::Installed => tracing::info!("Installing {name}"),
            Outcome::Upgraded => tracing::info!("Upgrading {name}"),
        }
    })
    .await?;
    Ok(())
}

async fn create_root(wanted: &Wanted<'_>, db: &mut Session) -> anyhow::Result<()> {
    let transaction = job::begin(db).await?;
    register(&transaction, wanted).await?;
    create_node(&transaction, wanted, None).await?;
    job::commit(transaction).await?;
    Ok(())
}

async fn queue_exists(db: &impl GenericClient, queue: &QueueName) -> pgq_client::Result<bool> {
    let found: Option<i32> = statement::value(
        db,
        "select 1 from pgq.queue where queue_name = $1",
        &[Arg::Text(queue.as_str())],
    )
    .await?;
    Ok(found.is_some())
}

async fn register(db: &impl GenericClient, wanted: &Wanted<'_>) -> anyhow::Result<()> {
    let queue = &wanted.job.settings.queue;
    let reply =
        pgq_node::register_location(db, queue, &wanted.name, Some(&wanted.location), false).await?;
    Ok(job::checked(&reply, None)?)
}

async fn create_node(
    db: &impl GenericClient,
    wanted: &Wanted<'_>,
    provider: Option<&Subscription>,
) -> anyhow::Result<()> {
    let settings = &wanted.job.settings;
    let worker = ConsumerName::new(settings.job_name.as_str());
    let new = NewNode {
        node_type: wanted.node_type,
        node: &wanted.name,
        worker: &worker,
        provider: provider.map(|subscription| &subscription.provider),
        global_watermark: provider.and_then(|subscription| subscription.watermark),
        combined_queue: wanted.merge.as_ref(),
    };
    let queue_exists = queue_exists(db, &settings.queue).await?;
    job::checked(&pgq_node::create_node(db, &settings.queue, &new).await?, None)?;
    if !queue_exists && wanted.node_type != NodeType::Leaf {
        // A branch makes no ticks of its own, but it may become the root.
        pgq::set_queue_config(db, &settings.queue, "ticker_max_lag", TICK_LAG).await?;
    }
    if let Some(attrs) = &wanted.attrs {
        let reply = pgq_node::set_node_attrs(db, &settings.queue, Some(attrs)).await?;
        job::checked(&reply, None)?;
    }
    Ok(())
}

/// Where the new node starts to read.
struct Subscription {
    provider: NodeName,
    watermark: Option<pgq_client::id::TickId>,
}

/// Root and provider of the new node, looked at and ready to be told.
struct Upstream {
    provider: Session,
    provider_name: NodeName,
    /// `None` when the provider is the root: one transaction must do both parts, two would wait for each other.
    root: Option<Session>,
    members: Members,
}

impl Upstream {
    /// Connects to provider and root and checks that the set can take the new node.
    async fn find(wanted: &Wanted<'_>, db: &Session, location: &str) -> anyhow::Result<Upstream> {
        let job = wanted.job;
        let queue = &job.settings.queue;
        let provider = job.remote("provider_db", location).await?;
        if same_name(db, &provider).await? && other_transactions(db, &provider).await? == 0 {
            bail!(UsageError(
                "The provider's database is this node's own\n\
                 HINT:  --provider is the connect string of the node to get events from."
                    .to_owned()
            ));
        }
        let info = info_of_provider(&provider, queue).await?;
        let Some(provider_name) = info.node_name else { bail!("provider node not found") };
        let root = if info.node_type == Some(NodeType::Root) {
            None
        } else {
            let Some(next) = info.provider_location else {
                bail!(UsageError("Sub node provider not initialized?".to_owned()));
            };
            let session = job.remote("root_db", &next).await?;
            Some(set::find_root_from(job, session).await?.0)
        };
        let (_, members) = set::read(&**root.as_ref().unwrap_or(&provider), queue, &[]).await?;
        if members.contains_key(&wanted.name) {
            bail!(UsageError(format!("Node '{}' already exists", wanted.name)));
        }
        if !members.contains_key(&provider_name) {
            bail!(UsageError(format!("Node {provider_name} does not exist")));
        }
        if info.node_type == Some(NodeType::Leaf) {
            bail!(UsageError(format!("Node {provider_name} is a leaf and cannot be a provider")));
        }
        Ok(Upstream { provider, provider_name, root, members })
    }

    /// Registers the node at root and provider and creates it here, all or nothing.
    async fn subscribe(mut self, wanted: &Wanted<'_>, db: &mut Session) -> anyhow::Result<()> {
        let committed = self.register_everywhere(wanted, db).await?;
        if let Err(error) = committed {
            self.take_back(wanted).await;
            return Err(error.into());
        }
        Ok(())
    }

    /// Nothing is committed before everything is done; the inner error is that of a commit.
    async fn register_everywhere(
        &mut self,
        wanted: &Wanted<'_>,
        db: &mut Session,
    ) -> anyhow::Result<pgq_client::Result<()>> {
        let settings = &wanted.job.settings;
        let queue = &settings.queue;
        let at_root = match &mut self.root {
            Some(root) => Some(job::begin(root).await?),
            None => None,
        };
        let at_provider = job::begin(&mut self.provider).await?;
        register(at_root.as_ref().unwrap_or(&at_provider), wanted).await?;
        register(&at_provider, wanted).await?;
        let worker = ConsumerName::new(settings.job_name.as_str());
        let (reply, watermark) =
            pgq_node::register_subscriber(&at_provider, queue, &wanted.name, &worker, None).await?;
        job::checked(&reply, None)?;

        let here = job::begin(db).await?;
        register(&here, wanted).await?;
        for (name, member) in &self.members {
            let (location, dead) = match member {
                Member::Alive(location) => (Some(location.as_str()), false),
                Member::Dead => (None, true),
            };
            let reply = pgq_node::register_location(&here, queue, name, location, dead).await?;
            job::checked(&reply, None)?;
        }
        let subscription = Subscription { provider: self.provider_name.clone(), watermark };
        create_node(&here, wanted, Some(&subscription)).await?;
        copy_registrations(wanted, &at_provider, &here).await?;

        // From upstream down: a subscription that nobody uses yet can be taken back, a node without one cannot work.
        if let Some(at_root) = at_root {
            job::commit(at_root).await?;
        }
        Ok(match job::commit(at_provider).await {
            Ok(()) => job::commit(here).await,
            Err(error) => Err(error),
        })
    }

    /// After a failed commit: the node is unknown again.
    async fn take_back(self, wanted: &Wanted<'_>) {
        let queue = &wanted.job.settings.queue;
        for session in std::iter::once(&self.provider).chain(&self.root) {
            if let Err(error) = pgq_node::drop_node(&**session, queue, &wanted.name).await {
                let name = &wanted.name;
                tracing::warn!(
                    "Node {name} stays registered upstream, run drop-node there: {error}"
                );
            }
        }
    }
}

async fn info_of_provider(provider: &Session, queue: &QueueName) -> anyhow::Result<NodeInfo> {
    let info = pgq_node::get_node_info(&**provider, queue).await?;
    if info.node_type.is_none() {
        // What the walk to the root says of a database without a node.
        bail!(UsageError("Root node not initialized?".to_owned()));
    }
    Ok(info)
}

/// Makes the tables and sequences of the set known here, those that the register filters let through.
async fn copy_registrations(
    wanted: &Wanted<'_>,
    provider: &impl GenericClient,
    here: &impl GenericClient,
) -> anyhow::Result<()> {
    let settings = &wanted.job.settings;
    let queue = &settings.queue;
    for row in calls::get_table_list(provider, queue).await? {
        if settings.register_tables.accepts(row.table.as_str()) {
            quiet(&calls::global_add_table(here, queue, &row.table).await?)?;
        }
    }
    for row in calls::get_seq_list(provider, queue).await? {
        if settings.register_seqs.accepts(row.seq.as_str()) {
            quiet(&calls::global_update_seq(here, queue, &row.seq, row.last_value).await?)?;
        }
    }
    Ok(())
}

fn quiet(reply: &pgq_client::calls::Reply) -> Result<(), job::CallFailed> {
    if reply.severity() == Severity::Failed { job::checked(reply, None) } else { Ok(()) }
}

//! `check`: is the structure of this node's tables that of the provider's? The original's does nothing (contract `cli.md` 6.24).
//!
//! It only reads; what would mend a difference is printed for the operator to judge. The exit code is 1 when something is
//! different, so that a script can ask.

use std::process::ExitCode;

use pgq_client::calls::pgq_node::NodeType;
use pgq_client::conn::Session;
use pgq_client::name::TableName;
use tokio_postgres::Transaction;

use super::Run;
use super::add_table::location;
use super::create_full::Registered;
use super::set::LocalSet;
use super::tables::show;
use super::wanted::{Choice, expand};
use crate::calls::{self, SeqRow, TableRow};
use crate::cli::console;
use crate::cli::table_display::Cell;
use crate::ddl;
use crate::ddl::differences::{Difference, ExpectedKey, MISSING, Pair, differences};
use crate::ddl::relation::names::Names;
use crate::ddl::relation::retarget::replace_name;
use crate::ddl::relation::{Relation, read, target};
use crate::job::{self, UsageError};
use crate::table::source;

/// Compares the tables that the arguments name, or all of this node.
pub(crate) async fn run(run: &Run) -> anyhow::Result<ExitCode> {
    let queue = &run.job.settings.queue;
    let mut set = LocalSet::load(run).await?;
    if set.node_type()? == NodeType::Root {
        tracing::info!("this node is the root, its tables are the measure of all others");
        return Ok(ExitCode::SUCCESS);
    }
    let here = calls::get_table_list(&*set.db, queue).await?;
    let mut tables = chosen(run, &here)?;
    tables.retain(|row| {
        let stores = source::stores_data(row);
        if !stores && !run.args.is_empty() {
            tracing::info!("{}: its handler stores nothing here, it is not checked", row.table);
        }
        stores
    });
    let at = location(run, &set)?;
    let mut provider = Side::connect(run, &at).await?;
    let mut found = Found::default();
    for row in &tables {
        // One for each: the locks are not to keep copies from beginning.
        let local = job::begin(&mut set.db).await?;
        match Side::with_rows(run, &provider, &at, &row.table).await? {
            Upstream::Provider => compare(&local, &mut provider, row, &here, &mut found).await?,
            Upstream::Other(mut other) => {
                compare(&local, &mut other, row, &here, &mut found).await?;
            }
            Upstream::Nobody => {
                found.skipped += 1;
                found.incomplete = true;
                tracing::warn!("{}: no node upstream has it, it is not checked", row.table);
            }
        }
    }
    if run.args.is_empty() {
        let local = job::begin(&mut set.db).await?;
        sequences(run, &local, &mut provider, &mut found).await?;
    }
    found.report(tables.len())
}

/// The rows of this node's tables that the arguments name; all of them without arguments.
pub(super) fn chosen(run: &Run, rows: &[TableRow]) -> anyhow::Result<Vec<TableRow>> {
    let local: Vec<TableName> =
        rows.iter().filter(|row| row.local).map(|row| row.table.clone()).collect();
    let choice = Choice {
        working: &local,
        done: &[],
        done_because: None,
        all: run.args.is_empty(),
        force: false,
        needs_table: true,
    };
    let names = if local.is_empty() && run.args.is_empty() {
        Vec::new()
    } else {
        expand(&run.args, choice).map_err(UsageError::from)?
    };
    Ok(names
        .iter()
        .filter_map(|name| rows.iter().find(|row| row.table == *name))
        .cloned()
        .collect())
}

/// The node that has the originals.
struct Side {
    db: Session,
    tables: Vec<TableRow>,
}

impl Side {
    async fn connect(run: &Run, location: &str) -> anyhow::Result<Side> {
        let db = run.job.remote("provider_db", location).await?;
        let tables = calls::get_table_list(&*db, &run.job.settings.queue).await?;
        Ok(Side { db, tables })
    }

    /// Who has the rows of a table: `provider`, at that location, or the next node upstream.
    async fn with_rows(
        run: &Run,
        provider: &Side,
        location: &str,
        table: &TableName,
    ) -> anyhow::Result<Upstream> {
        if source::is_usable(&provider.tables, table) {
            return Ok(Upstream::Provider);
        }
        let found = source::search(&run.job, location, std::slice::from_ref(table)).await?;
        if let Some(source) = found {
            let side = Side { db: source.session, tables: source.tables };
            return Ok(Upstream::Other(Box::new(side)));
        }
        // A queue table stores nothing anywhere, and yet it is where its rows are written.
        let local = provider.tables.iter().any(|row| row.table == *table && row.local);
        let exists = calls::find_table_oid(&*provider.db, &provider.physical(table)).await?;
        Ok(if local && exists.is_some() { Upstream::Provider } else { Upstream::Nobody })
    }

    fn physical(&self, table: &TableName) -> TableName {
        self.tables.iter().find(|row| row.table == *table).map_or(table, TableRow::dest).clone()
    }
}

/// The node that a table is compared with.
enum Upstream {
    Provider,
    Other(Box<Side>),
    Nobody,
}

/// What there is to say, table by table.
#[derive(Default)]
struct Found {
    differences: Vec<(TableName, Difference)>,
    /// Tables that could not be looked at.
    skipped: usize,
    /// One of them should have been: nobody upstream has it, or it was locked by somebody else than a copy.
    incomplete: bool,
}

impl Found {
    fn report(&self, tables: usize) -> anyhow::Result<ExitCode> {
        let checked = tables - self.skipped;
        if self.differences.is_empty() {
            tracing::info!("{checked} tables checked, no differences");
            return Ok(if self.incomplete { ExitCode::FAILURE } else { ExitCode::SUCCESS });
        }
        let cells: Vec<Vec<Cell>> = self
            .differences
            .iter()
            .map(|(table, difference)| {
                let text = |text: &str| Cell::text(Some(text));
                vec![
                    text(table.as_str()),
                    text(&difference.object),
                    text(&difference.here),
                    text(&difference.there),
                ]
            })
            .collect();
        let headers = ["table_name", "object", "here", "provider"];
        show("Differences to the provider", &headers, &cells);
        let statements = self.differences.iter().flat_map(|(_, difference)| &difference.mend);
        say_statements(
            "These would make this node like the provider. Nothing was executed; read them first.",
            statements.cloned().collect(),
        );
        let harmless =
            self.differences.iter().filter(|(_, difference)| difference.harmless).count();
        if harmless == self.differences.len() {
            tracing::info!(
                "{checked} tables checked, no differences but indexes and triggers that are only here: {harmless}"
            );
            return Ok(if self.incomplete { ExitCode::FAILURE } else { ExitCode::SUCCESS });
        }
        let count = self.differences.len() - harmless;
        tracing::warn!("{checked} tables checked, differences found: {count}");
        Ok(ExitCode::FAILURE)
    }
}

/// Prints statements to be copied, below a comment; nothing when there are none.
pub(super) fn say_statements(comment: &str, statements: Vec<String>) {
    if !statements.is_empty() {
        console::say(&format!("-- {comment}\n{}\n", statements.join("\n")));
    }
}

async fn compare(
    local: &Transaction<'_>,
    provider: &mut Side,
    row: &TableRow,
    rows: &[TableRow],
    found: &mut Found,
) -> anyhow::Result<()> {
    let (source, dest) = (provider.physical(&row.table), row.dest());
    let exists_there = calls::find_table_oid(&*provider.db, &source).await?.is_some();
    let exists_here = calls::find_table_oid(local, dest).await?.is_some();
    if !exists_here || !exists_there {
        let word = |exists: bool| if exists { "present" } else { MISSING }.to_owned();
        found.differences.push((
            dest.clone(),
            Difference {
                object: "table".to_owned(),
                here: word(exists_here),
                there: word(exists_there),
                mend: Vec::new(),
                harmless: false,
            },
        ));
        return Ok(());
    }
    let remote = job::begin(&mut provider.db).await?;
    let there = read::load_locked(remote.client(), &source).await?;
    drop(remote);
    let here = read::load_locked(local.client(), dest).await?;
    let (Some(here), Some(there)) = (&here, &there) else {
        found.skipped += 1;
        if here.is_none() && row.merge_state.as_deref() != Some("ok") {
            tracing::info!("{dest} is being copied, it is not checked");
        } else {
            let side = if here.is_none() { "here" } else { "on the provider" };
            tracing::warn!("{dest} is locked {side}, it is not checked");
            found.incomplete = true;
        }
        return Ok(());
    };
    let names = names(local, there, here).await?;
    let registered = Registered { there: &provider.tables, here: rows.to_vec() };
    let keys = expected_keys(local, there, dest, &registered).await?;
    let without_indexes = row.dropped_ddl.is_some();
    if without_indexes {
        tracing::info!("{dest} is being copied, its keys and indexes are not checked");
    }
    let pair = Pair { here, there, table: &row.table, names: &names, keys: &keys, without_indexes };
    found
        .differences
        .extend(differences(pair)?.into_iter().map(|difference| (dest.clone(), difference)));
    Ok(())
}

/// Sequences of the same column are the same, whatever they are called.
async fn names(
    local: &Transaction<'_>,
    there: &Relation,
    here: &Relation,
) -> pgq_client::Result<Names> {
    let mut names = target::names(local.client(), std::slice::from_ref(there), here.name()).await?;
    for sequence in &there.sequences {
        let own = sequence.use_.owner().and_then(|column| here.owned_sequence(column));
        if let Some(own) = own {
            names.sequences.insert(sequence.name.clone(), own.name.clone());
        }
    }
    Ok(names)
}

/// Keys to tables that are not here cannot be here either.
async fn expected_keys(
    local: &Transaction<'_>,
    there: &Relation,
    dest: &TableName,
    registered: &Registered<'_>,
) -> anyhow::Result<Vec<ExpectedKey>> {
    let pending = calls::get_table_pending_fkeys(local, dest).await?;
    let mut keys = Vec::new();
    for key in &there.foreign_keys {
        let to = if key.to == *there.name() { dest.clone() } else { registered.here(&key.to).0 };
        if calls::find_table_oid(local, &to).await?.is_none() {
            continue;
        }
        let definition = replace_name(&key.definition, "REFERENCES", &to.quoted());
        keys.push(ExpectedKey {
            definition: definition.unwrap_or_else(|| key.definition.clone()),
            may_be_missing: !key.validated
                || pending
                    .iter()
                    .any(|pending| pending.from_table == *dest && pending.name == key.name),
            key: key.clone(),
        });
    }
    Ok(keys)
}

/// The set's own sequences; those of columns were seen with their tables.
async fn sequences(
    run: &Run,
    local: &Transaction<'_>,
    provider: &mut Side,
    found: &mut Found,
) -> anyhow::Result<()> {
    let rows = calls::get_seq_list(local, &run.job.settings.queue).await?;
    let remote = job::begin(&mut provider.db).await?;
    for SeqRow { seq, .. } in rows.iter().filter(|row| row.local) {
        let object = format!("sequence {seq}");
        if found.differences.iter().any(|(_, difference)| difference.object == object) {
            continue;
        }
        let exists_here = calls::find_seq_oid(local, seq).await?.is_some();
        let exists_there = calls::find_seq_oid(&remote, seq).await?.is_some();
        let (here, there) = if exists_here && exists_there {
            let here = ddl::load_sequence(local.client(), seq).await?;
            let there = ddl::load_sequence(remote.client(), seq).await?;
            (here.settings(), there.settings())
        } else {
            let word = |exists: bool| if exists { "present" } else { MISSING }.to_owned();
            (word(exists_here), word(exists_there))
        };
        if here != there {
            let mend = (exists_here && exists_there)
                .then(|| format!("ALTER SEQUENCE {}\n  {there};", seq.quoted()));
            let mend = mend.into_iter().collect();
            found
                .differences
                .push((seq.clone(), Difference { object, here, there, mend, harmless: false }));
        }
    }
    Ok(())
}

//! `londiste INI repair [TABLE...]`: finds the rows that differ, and fixes them (contract
//! `compare-repair-execute.md` 2 and 4).
//!
//! Reading guide: `size` and `files` say with what and where; `layout` what is compared; `dump` and `sort` bring
//! both sides into sorted files; `merge` walks over them, `statement` writes a fix for each difference, in the form
//! that `row` reads; `script` keeps it or `apply` executes it.
//!
//! Departures from the original: both sides are dumped and sorted at the same time and by ourselves; conditions are
//! put in parentheses; rows of inheriting tables are left out; columns that this side computes are left out; tables
//! that other queues fill as well need a condition; row level security is an error instead of a part of the rows.

use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;

use anyhow::Context as _;
use pgq_client::Error;
use pgq_client::conn::Session;
use pgq_client::text::quoting::quote_ident;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use self::apply::Applier;
use self::dump::Target;
use self::files::Files;
use self::layout::Layout;
use self::merge::Difference;
use self::script::Script;
use self::statement::{Fix, Kind, Writer};
use super::sides::{Here, Sides, is_partitioned};
use crate::calls::{self, TableRow};
use crate::job::{Interrupted, Job};
use crate::replay::replica::connect_replica;
use crate::table::belonging;

mod apply;
mod dump;
mod files;
mod layout;
mod lines;
mod merge;
mod row;
mod script;
mod size;
mod sort;
mod statement;

/// What the operator asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Tables by name in the set; none means all of this node.
    pub tables: Vec<String>,
    /// Execute the fixes instead of writing them into a file.
    pub apply: bool,
    /// Wait for this node however long it lags.
    pub force: bool,
    /// Look only at rows that meet this SQL condition.
    pub condition: Option<String>,
    /// Memory for sorting, as `sort -S` takes it.
    pub sort_bufsize: Option<String>,
}

/// Fixes that wait for whoever writes or applies them.
const WAITING: usize = 64;

/// Bytes that are read from a sorted file at a time.
const BUFFER: usize = 256 * 1024;

/// Repairs table after table.
///
/// # Errors
/// [`UsageError`](crate::job::UsageError) when the node lags too much, no source has a table, keys do not match or
/// a fix is refused; [`Interrupted`]; those of servers and files.
pub async fn command(job: &Job, options: &Options) -> anyhow::Result<ExitCode> {
    let budget = size::budget(options.sort_bufsize.as_deref(), size::physical_memory())?;
    let here = Here::open(job).await?;
    for table in here.selected(&options.tables, "repair") {
        // What the table's own condition leaves over may still have come from elsewhere.
        let wanted = options.condition.as_deref().filter(|wanted| !wanted.trim().is_empty());
        if wanted.is_none()
            && let Some(others) = filled_by_others(job, &here, table).await?
        {
            tracing::warn!(
                "Table {} has rows of other {others}: say by --repair-where which ones come from here",
                table.table
            );
            continue;
        }
        let (attrs, handler) = crate::table::options(&job.settings.handlers, table)?;
        if !handler.keeps_rows() {
            tracing::warn!(
                "Table {} has a handler by which its rows are not those of the source, it cannot be repaired from there",
                table.table
            );
            continue;
        }
        let Some(sides) = here.sides(job, table).await? else { continue };
        let belongs = belonging::condition(&attrs, &handler, sides.db).await?;
        let condition = whole_condition(belongs.as_deref(), wanted);
        let applydb = match options.apply {
            true => Some(connect_replica(job, "applydb").await?),
            false => None,
        };
        for session in [&sides.source.session, sides.db].into_iter().chain(applydb.as_ref()) {
            // Rows that a policy hides would count as missing.
            run(session, "set row_security = off").await?;
        }
        let files = Files::of(&sides.dst);
        let mut script = Script::open(&files)?;
        sides.freeze(job, options.force).await?;
        if !sides.still_synced(job, table).await? {
            sides.thaw().await?;
            sides.source.session.close().await;
            continue;
        }
        let belongs = belongs.as_deref();
        let repair = Repair { job, sides: &sides, belongs, condition: &condition, files: &files };
        repair.run(budget, &mut script, applydb.as_ref()).await?;
        sides.source.session.close().await;
    }
    Ok(ExitCode::SUCCESS)
}

/// Which rows are looked at, on both sides. Empty when all are.
fn whole_condition(belongs: Option<&str>, wanted: Option<&str>) -> String {
    match (belongs, wanted) {
        (Some(belongs), Some(wanted)) => format!("({belongs}) and ({wanted})"),
        (one, other) => one.or(other).unwrap_or_default().to_owned(),
    }
}

/// Who else brings rows into the table, which the source's does not have: other queues, or tables of this one.
async fn filled_by_others(
    job: &Job,
    here: &Here,
    table: &TableRow,
) -> anyhow::Result<Option<String>> {
    let queues = calls::other_sources(&*here.db, &job.settings.queue, table.dest()).await?;
    let queues: Vec<&str> = queues.iter().map(|other| other.queue.as_str()).collect();
    if !queues.is_empty() {
        return Ok(Some(format!("queues as well ({})", queues.join(", "))));
    }
    let beside = |other: &&TableRow| {
        other.local && other.table != table.table && other.dest() == table.dest()
    };
    let tables: Vec<&str> =
        here.tables.iter().filter(beside).map(|other| other.table.as_str()).collect();
    Ok((!tables.is_empty()).then(|| format!("tables as well ({})", tables.join(", "))))
}

/// How many rows were not the same.
#[derive(Debug, Default)]
struct Missed {
    inserts: u64,
    updates: u64,
    deletes: u64,
}

/// One table, on both sides, frozen.
struct Repair<'a> {
    job: &'a Job,
    sides: &'a Sides<'a>,
    /// Which rows of the source belong here at all; `None` when all do.
    belongs: Option<&'a str>,
    /// Which rows are compared.
    condition: &'a str,
    files: &'a Files,
}

impl Repair<'_> {
    async fn run(
        &self,
        budget: u64,
        script: &mut Script,
        applydb: Option<&Session>,
    ) -> anyhow::Result<()> {
        let outcome = self.steps(budget, script, applydb).await;
        if outcome.as_ref().err().is_none_or(anyhow::Error::is::<Interrupted>) {
            // After a failure they stay for whoever looks for the reason.
            for path in self.files.dumps() {
                lines::remove(path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        outcome
    }

    async fn steps(
        &self,
        budget: u64,
        script: &mut Script,
        applydb: Option<&Session>,
    ) -> anyhow::Result<()> {
        let files = self.files;
        let Sides { source, db, src, dst } = self.sides;
        tracing::info!("Checking {dst}");
        let (theirs, ours) =
            (layout::read(&source.session, src).await?, layout::read(db, dst).await?);
        let layout = Layout::new(dst, &theirs, &ours)?;
        let names: Vec<&str> = layout.columns.iter().map(|column| column.name.as_str()).collect();
        tracing::debug!("using columns: {}", names.join(","));
        let partitioned =
            (is_partitioned(&source.session, src).await?, is_partitioned(db, dst).await?);
        self.dump(budget, &layout, partitioned).await?;

        tracing::info!("Comparing dumps: {dst}");
        let keys = layout.keys;
        let writer = Writer::new(layout, (src, dst), partitioned, self.belongs);
        script.remove_old()?;
        let mut applier =
            applydb.map(|here| Applier::new(self.job, here, &source.session, dst.to_string()));
        let (sender, mut fixes) = mpsc::channel(WAITING);
        let open = |path: &std::path::Path| {
            let file =
                File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            anyhow::Ok(BufReader::with_capacity(BUFFER, file))
        };
        let (src_file, dst_file) = (open(&files.src_sorted)?, open(&files.dst_sorted)?);
        let walk = spawn_blocking(move || {
            // Nobody takes fixes when the operator has stopped, or one before has failed.
            let found = |difference: Difference<'_>| match writer.fix(difference)? {
                Some(fix) => sender.blocking_send(fix).map_err(|_| Interrupted.into()),
                None => anyhow::Ok(()),
            };
            let go_on = || if sender.is_closed() { Err(Interrupted.into()) } else { Ok(()) };
            merge::walk(keys, src_file, dst_file, found, go_on)
        });
        let mut missed = Missed::default();
        let taken = async {
            while let Some(fix) = self.next(&mut fixes).await? {
                missed.count(&fix);
                match &mut applier {
                    Some(applier) => applier.apply(fix).await?,
                    None => script.add(&fix)?,
                }
            }
            let rows = walk.await.context("comparing ended")??;
            if let Some(applier) = &mut applier {
                applier.finish().await?;
            }
            script.finish()?;
            anyhow::Ok(rows)
        };
        let taken = taken.await;
        if let (Err(_), Some(applier)) = (&taken, &applier) {
            applier.report();
        }
        let (src_rows, dst_rows) = taken?;
        let Missed { inserts, updates, deletes } = missed;
        tracing::info!(
            "finished {dst}: src: {src_rows} rows, dst: {dst_rows} rows, \
             missed: {inserts} inserts, {updates} updates, {deletes} deletes"
        );
        if let Some(applier) = applier {
            applier.report();
        }
        Ok(())
    }

    async fn next(&self, fixes: &mut mpsc::Receiver<Fix>) -> anyhow::Result<Option<Fix>> {
        tokio::select! {
            fix = fixes.recv() => Ok(fix),
            () = self.job.shutdown.cancelled() => Err(Interrupted.into()),
        }
    }

    /// Both sides, from their snapshots, into files that are sorted when this returns.
    async fn dump(
        &self,
        budget: u64,
        layout: &Layout,
        partitioned: (bool, bool),
    ) -> anyhow::Result<()> {
        let Sides { source, db, src, dst } = self.sides;
        let columns: Vec<String> =
            layout.columns.iter().map(|column| quote_ident(&column.name)).collect();
        let condition = match self.condition {
            "" => "true".to_owned(),
            condition => format!("({condition})"),
        };
        let copy = |table: String, partitioned| {
            let only = if partitioned { "" } else { "only " };
            let columns = columns.join(",");
            format!("copy (SELECT {columns} FROM {only}{table} WHERE {condition}) to stdout")
        };
        let src_sql = copy(src.quoted(), partitioned.0);
        let dst_sql = copy(dst.quoted(), partitioned.1);
        let half = usize::try_from(budget / 2).unwrap_or(usize::MAX);
        let target = |file: &std::path::Path, sorted: &std::path::Path| Target {
            file: file.to_owned(),
            sorted: sorted.to_owned(),
            budget: half,
        };
        let stop = || {
            let shutdown = self.job.shutdown.clone();
            move || shutdown.is_cancelled()
        };

        let condition = self.condition;
        tracing::info!("Dumping src table: {src} {condition}");
        tracing::debug!("Query: {src_sql}");
        let src_target = target(&self.files.src, &self.files.src_sorted);
        let src_dump = async {
            let dumped = dump::dump(&source.session, &src_sql, src_target, stop()).await?;
            tracing::info!("{src}: Got {} bytes", dumped.bytes);
            tracing::info!("Dumping dst table: {dst} {condition}");
            tracing::debug!("Query: {dst_sql}");
            anyhow::Ok(dumped)
        };
        let dst_target = target(&self.files.dst, &self.files.dst_sorted);
        let dst_dump = dump::dump(db, &dst_sql, dst_target, stop());
        let both = async { tokio::try_join!(src_dump, dst_dump) };
        let (src_dumped, dst_dumped) = self.sides.cancellable(self.job, both).await?;
        tracing::info!("{dst}: Got {} bytes", dst_dumped.bytes);
        self.sides.thaw().await?;

        tracing::info!("Sorting src table: {}", self.files.src.display());
        let src_sorted = src_dumped.sorted().await;
        self.unless_stopped(src_sorted)?;
        tracing::info!("Sorting dst table: {}", self.files.dst.display());
        let dst_sorted = dst_dumped.sorted().await;
        self.unless_stopped(dst_sorted)
    }

    /// Sorting that was told to give up has not failed.
    fn unless_stopped(&self, outcome: anyhow::Result<()>) -> anyhow::Result<()> {
        if self.job.shutdown.is_cancelled() { Err(Interrupted.into()) } else { outcome }
    }
}

impl Missed {
    fn count(&mut self, fix: &Fix) {
        tracing::debug!("missed {}: {}", fix.kind, fix.sql);
        match fix.kind {
            Kind::Insert => self.inserts += 1,
            Kind::Update => self.updates += 1,
            Kind::Delete => self.deletes += 1,
        }
    }
}

async fn run(session: &Session, sql: &str) -> anyhow::Result<()> {
    Ok(session.batch_execute(sql).await.map_err(|error| Error::sql(error, sql))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_condition_escapes_the_other() {
        assert_eq!(whole_condition(None, None), "");
        assert_eq!(whole_condition(Some("a = 1"), None), "a = 1");
        assert_eq!(whole_condition(None, Some("id < 5")), "id < 5");
        assert_eq!(
            whole_condition(Some("id & 1 = 0"), Some("id < 5 or true")),
            "(id & 1 = 0) and (id < 5 or true)"
        );
    }
}

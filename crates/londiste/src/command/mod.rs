//! The commands, a file each. [`list`] says what is known of each before it runs, [`run`] runs one; `set`, `cascade` and
//! `wanted` are what several of them do.

use std::path::PathBuf;
use std::process::ExitCode;

use pgq_client::calls::pgq_node::NodeType;
use pgq_client::name::TableName;

use crate::cli::args::Options;
use crate::copy;
use crate::datacheck::{compare, repair};
use crate::execute;
use crate::job::{Job, UsageError};
use crate::replay::{self, WorkerOptions};
use entry::{Entry, Name};

mod add_seq;
mod add_table;
mod bars;
pub(crate) mod cascade;
mod check;
mod copies;
mod create_full;
mod create_node;
mod create_object;
mod drop_node;
pub mod entry;
mod fkeys_list;
mod grants;
mod group;
mod handlers;
pub mod list;
mod liveness;
mod members;
mod pause;
mod relatives;
mod remove;
mod rename_node;
mod resurrect;
mod resync;
mod set;
mod status;
mod survey;
mod tables;
mod tag_node;
mod takeover;
mod triggers_list;
mod unavailable;
mod wait_node;
mod wait_sync;
pub(crate) mod wanted;

/// One command about to run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Settings and connections.
    pub job: Job,
    /// `--quiet`: only warnings and errors are of interest.
    pub quiet: bool,
    /// Options given.
    pub options: Options,
    /// Arguments after the command's name.
    pub args: Vec<String>,
    /// Counts the operator's requests to read the ini file again.
    pub reload: tokio::sync::watch::Receiver<u64>,
}

/// Runs a command; the answer is the exit code.
pub async fn run(entry: &Entry, run: &Run) -> anyhow::Result<ExitCode> {
    match entry.name {
        Name::CreateRoot => create_node::run(run, NodeType::Root).await?,
        Name::CreateBranch => create_node::run(run, NodeType::Branch).await?,
        Name::CreateLeaf => create_node::run(run, NodeType::Leaf).await?,
        Name::Worker => {
            let options = &run.options;
            let what = match (options.rewind, options.reset) {
                (true, _) => WorkerOptions::Rewind,
                (false, true) => WorkerOptions::Reset,
                (false, false) => WorkerOptions::Work,
            };
            replay::run(run.job.clone(), what, run.reload.clone()).await?;
        }
        Name::Copy => {
            let Some(table) = run.args.first() else {
                return Err(UsageError("londiste copy requires table name".to_owned()).into());
            };
            copy::run_process(run.job.clone(), TableName::new(table)).await?;
        }
        Name::Execute => {
            let files: Vec<PathBuf> = run.args.iter().map(PathBuf::from).collect();
            execute::command(&run.job, &files).await?;
        }
        Name::Compare => {
            let options = compare::Options {
                tables: run.args.clone(),
                count_only: run.options.count_only,
                force: run.options.force,
            };
            return compare::command(&run.job, &options).await;
        }
        Name::Repair => {
            let options = repair::Options {
                tables: run.args.clone(),
                apply: run.options.apply,
                force: run.options.force,
                condition: run.options.repair_where.clone(),
                sort_bufsize: run.options.sort_bufsize.clone(),
            };
            return repair::command(&run.job, &options).await;
        }
        Name::AddTable => add_table::run(run).await?,
        Name::AddSeq => add_seq::run(run).await?,
        Name::RemoveTable => remove::tables(run).await?,
        Name::RemoveSeq => remove::seqs(run).await?,
        Name::Resync => resync::run(run).await?,
        Name::Tables => tables::tables(run).await?,
        Name::Seqs => tables::seqs(run).await?,
        Name::Missing => tables::missing(run).await?,
        Name::WaitSync => wait_sync::run(run).await?,
        Name::Grants => grants::run(run).await?,
        Name::Members => members::run(run).await?,
        Name::Pause => pause::set_paused(run, true).await?,
        Name::Resume => pause::set_paused(run, false).await?,
        Name::ChangeProvider => pause::change_provider(run).await?,
        Name::WaitRoot => wait_node::root(run).await?,
        Name::WaitProvider => wait_node::provider(run).await?,
        Name::DropNode => drop_node::run(run).await?,
        Name::TagDead => tag_node::run(run, true).await?,
        Name::TagAlive => tag_node::run(run, false).await?,
        Name::ChangeHandler => handlers::change(run).await?,
        Name::ShowHandlers => handlers::show(run)?,
        Name::Check => return check::run(run).await,
        Name::Fkeys => fkeys_list::run(run).await?,
        Name::Triggers => triggers_list::run(run).await?,
        Name::Status => status::status(run).await?,
        Name::NodeStatus => status::node_status(run).await?,
        Name::NodeInfo => status::node_info(run).await?,
        Name::Takeover => takeover::run(run).await?,
        Name::RenameNode => rename_node::run(run).await?,
        Name::Resurrect => resurrect::run(run).await?,
    }
    Ok(ExitCode::SUCCESS)
}

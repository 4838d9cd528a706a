//! `triggers`: the triggers of this node's tables, londiste's own and those of applications, and what is missing of them.
//!
//! New here. A table of a root that has lost its trigger sends nothing any more, and nobody notices.

use pgq_client::calls::pgq_node::NodeType;
use pgq_client::text::quoting::{quote_ident, quote_literal};

use super::Run;
use super::add_table::location;
use super::check::{chosen, say_statements};
use super::set::LocalSet;
use super::tables::show;
use crate::calls::{self, TableRow};
use crate::cli::table_display::Cell;
use crate::ddl::differences::{MISSING, fire};
use crate::ddl::relation::names::Names;
use crate::ddl::relation::{Firing, Relation, read, settings};
use crate::handler::{SKIP, VIRTUAL_TABLE};
use crate::job;

/// Lists the triggers of the tables that the arguments name, or of all of this node.
pub(crate) async fn run(run: &Run) -> anyhow::Result<()> {
    let queue = &run.job.settings.queue;
    let mut set = LocalSet::load(run).await?;
    let node_type = set.node_type()?;
    let rows = calls::get_table_list(&*set.db, queue).await?;
    let tables = chosen(run, &rows)?;
    let originals =
        if node_type == NodeType::Root { Vec::new() } else { originals(run, &set, &tables).await };
    let mut list = List::default();
    for (at, row) in tables.iter().enumerate() {
        let local = job::begin(&mut set.db).await?;
        if calls::find_table_oid(&local, row.dest()).await?.is_none() {
            tracing::warn!("Table {} does not exist on local node", row.dest());
            continue;
        }
        let Some(here) = read::load_locked(local.client(), row.dest()).await? else {
            tracing::warn!("Table {} is locked, by its copy perhaps, and not listed", row.dest());
            continue;
        };
        let original = originals.get(at).and_then(Option::as_ref);
        table(run, node_type, &here, row, original, &mut list)?;
    }
    let headers = ["table_name", "trigger_name", "owner", "state"];
    show("Triggers on node", &headers, &list.cells);
    say_statements("Create what is missing.", list.create);
    say_statements(
        "Create londiste's trigger anew. What --trigger-arg and --trigger-flags gave it is not stored: add it to the list.",
        list.capture,
    );
    say_statements(
        "These tables have none of londiste's triggers, as by --no-triggers. Where that is not meant, create them likewise.",
        list.none,
    );
    say_statements("Let londiste's triggers fire again.", list.enable);
    say_statements("Drop those of applications.", list.drop);
    Ok(())
}

#[derive(Default)]
struct List {
    cells: Vec<Vec<Cell>>,
    create: Vec<String>,
    /// Calls of `create_trigger`.
    capture: Vec<String>,
    /// The same as comments: these tables may be as they were meant to be.
    none: Vec<String>,
    enable: Vec<String>,
    drop: Vec<String>,
}

impl List {
    fn line(&mut self, row: &TableRow, trigger: &str, owner: &str, state: &str) {
        let texts = [row.dest().as_str(), trigger, owner, state];
        self.cells.push(texts.iter().map(|text| Cell::text(Some(text))).collect());
    }
}

/// The tables as the provider has them. A node is worth listing also when its provider is not to be reached.
async fn originals(run: &Run, set: &LocalSet, tables: &[TableRow]) -> Vec<Option<Relation>> {
    let found = async {
        let mut db = run.job.remote("provider_db", &location(run, set)?).await?;
        let rows = calls::get_table_list(&*db, &run.job.settings.queue).await?;
        let transaction = job::begin(&mut db).await?;
        let mut originals = Vec::new();
        for table in tables {
            let there = rows.iter().find(|row| row.table == table.table && row.local);
            let original = match there {
                Some(row) if calls::find_table_oid(&transaction, row.dest()).await?.is_some() => {
                    Some(read::load_top(transaction.client(), row.dest()).await?)
                }
                _ => None,
            };
            originals.push(original);
        }
        anyhow::Ok(originals)
    };
    found.await.unwrap_or_else(|error| {
        tracing::warn!("triggers of the provider are not listed: {error:#}");
        Vec::new()
    })
}

fn table(
    run: &Run,
    node_type: NodeType,
    here: &Relation,
    row: &TableRow,
    original: Option<&Relation>,
    list: &mut List,
) -> anyhow::Result<()> {
    let table = row.dest().quoted();
    for trigger in &here.triggers {
        let owner = if trigger.of_londiste { "londiste" } else { "application" };
        list.line(row, &trigger.name, owner, trigger.firing.word());
        if !trigger.of_londiste {
            list.drop.push(format!("DROP TRIGGER {} ON {table};", quote_ident(&trigger.name)));
        } else if matches!(trigger.firing, Firing::Disabled | Firing::Replica) {
            list.enable.push(fire(&table, &trigger.name, Firing::Origin));
        }
    }
    own_missing(run, node_type, here, row, list);
    let Some(original) = original else { return Ok(()) };
    let mut names = Names::default();
    names.relations.insert(original.name().clone(), row.dest().clone());
    for trigger in original.triggers.iter().filter(|trigger| !trigger.of_londiste) {
        if !here.triggers.iter().any(|known| known.name == trigger.name) {
            list.line(row, &trigger.name, "application", MISSING);
            list.create.extend(settings::trigger(original, trigger, &names)?);
        }
    }
    Ok(())
}

/// The longest name a server takes.
const NAME_BYTES: usize = 63;

/// What is missing of this queue's own triggers, one for rows and one for truncate.
fn own_missing(run: &Run, node_type: NodeType, here: &Relation, row: &TableRow, list: &mut List) {
    let queue = run.job.settings.queue.as_str();
    let has = |each: &str| {
        here.triggers.iter().any(|trigger| {
            trigger.of_londiste
                && trigger.definition.contains(each)
                && first_argument_is(&trigger.definition, queue)
        })
    };
    let (rows, truncate) = (has("FOR EACH ROW"), has("FOR EACH STATEMENT"));
    if rows && truncate {
        return;
    }
    let options = crate::table::options(&run.job.settings.handlers, row);
    let args = options.map(|(_, handler)| handler.trigger_args()).map_err(|error| {
        tracing::warn!("which arguments its triggers need is not known: {error:#}");
    });
    if args.as_ref().is_ok_and(|args| args.iter().any(|arg| arg == VIRTUAL_TABLE)) {
        return;
    }
    let name = format!("_londiste_{queue}_truncate");
    if rows {
        // create_trigger would make the other one anew as well, without the arguments it has.
        list.line(row, &name, "londiste", MISSING);
        if name.len() > NAME_BYTES {
            // Only that function knows what the name is shortened to.
            let args = args.unwrap_or_default();
            list.none.push(format!("-- {}", create_trigger(queue, node_type, row, &args)));
        } else {
            list.create.push(truncate_trigger(&name, queue, node_type, row));
        }
        return;
    }
    let skips = args.as_ref().is_ok_and(|args| args.iter().any(|arg| arg == SKIP));
    let prefix = if skips { "zzz_" } else { "" };
    list.line(row, &format!("{prefix}_londiste_{queue}"), "londiste", MISSING);
    if !truncate {
        list.line(row, &name, "londiste", MISSING);
    }
    let known = args.is_ok();
    let call = create_trigger(queue, node_type, row, &args.unwrap_or_default());
    if truncate && known {
        list.capture.push(call);
    } else {
        list.none.push(format!("-- {call}"));
    }
}

fn create_trigger(queue: &str, node_type: NodeType, row: &TableRow, args: &[String]) -> String {
    let literal = |text: &str| quote_literal(Some(text));
    let list: Vec<String> = args.iter().map(|arg| literal(arg)).collect();
    let args = match list.as_slice() {
        [] => "'{}'".to_owned(),
        list => format!("array[{}]", list.join(", ")),
    };
    format!(
        "select * from londiste.create_trigger({}, {}, {args}, {}, {});",
        literal(queue),
        literal(row.table.as_str()),
        literal(row.dest().as_str()),
        literal(node_type.as_str())
    )
}

/// As `create_trigger` makes it.
fn truncate_trigger(name: &str, queue: &str, node_type: NodeType, row: &TableRow) -> String {
    let deny = if node_type == NodeType::Leaf { ", 'deny'" } else { "" };
    format!(
        "CREATE TRIGGER {} AFTER TRUNCATE ON {}\n  FOR EACH STATEMENT EXECUTE FUNCTION pgq.sqltriga({}{deny});",
        quote_ident(name),
        row.dest().quoted(),
        quote_literal(Some(queue))
    )
}

/// The queue is the first argument of all of londiste's triggers.
fn first_argument_is(definition: &str, queue: &str) -> bool {
    let call = format!("({}", quote_literal(Some(queue)));
    definition.contains(&format!("{call})")) || definition.contains(&format!("{call}, "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_of_a_trigger() {
        let of = |args: &str| {
            let definition = format!(
                "CREATE TRIGGER x AFTER INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION f({args})"
            );
            first_argument_is(&definition, "it's")
        };
        assert!(of("'it''s'"));
        assert!(of("'it''s', 'deny'"));
        assert!(!of("'it''s2'"));
        assert!(!of("'x', 'it''s'"));
    }
}

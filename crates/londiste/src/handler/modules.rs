//! Which handlers there are, and what `handler_modules` makes of them (contract `handlers.md` section 2).

use std::path::PathBuf;
use std::sync::Arc;

use daemonkit::ini::{Config, ConfigError};

use super::dispatch::{self, Dispatch};
use super::obfuscate::Rules;
use super::shard::{Scheme, Shard};
use super::{ApplyFn, Bulk, Handler, HandlerError, Londiste, QSplitter, args};
use crate::table::attrs::HandlerSpec;

/// A handler that operators can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What `--handler` takes.
    pub name: &'static str,
    /// One line for `show-handlers`.
    pub description: &'static str,
    /// Its arguments, a line for each; empty when it has none.
    pub parameters: &'static str,
}

const IGNORE_TRUNCATE: &str =
    "ignore_truncate=BOOL - 1: a truncate of the source is not repeated here. Default: 0";

/// The one that is always there.
const LONDISTE: Entry = Entry {
    name: "londiste",
    description: "Default Londiste handler, inserts events into tables with plain SQL.",
    parameters: IGNORE_TRUNCATE,
};

const SHARD_PARAMETERS: &str = "\
key=COLUMN - column that is hashed by shard_hash_func of the ini file
hash_key=COLUMN - the same, and preferred
hash_expr=SQL - an expression instead
ignore_truncate=BOOL - 1: a truncate of the source is not repeated here. Default: 0
disable_replay=BOOL - true: nothing is stored here, those who follow get their part. Default: false";

const DISPATCH_PARAMETERS: &str = "\
table_mode=WORD - part: partitions, direct: the table itself, ignore: nothing. Default: part
part_mode=WORD - batch_time, event_time, date_field or current_time chooses the partition. Default: batch_time
part_field=COLUMN - the time for date_field
period=WORD - a partition for each hour, day, month or year. Default: day
part_name=TEMPLATE - name of a partition, of %(parent)s, %(year)s, %(month)s, %(day)s, %(hour)s
part_template=SQL - makes a partition, of %(part)s, %(parent)s, %(pkeys)s, %(schema_table)s, %(part_field)s, %(part_time)s, %(period)s
pre_part=SQL, post_part=SQL - run before and after, with the same variables
part_func=NAME - function that makes a partition. Default: londiste.create_partition
retention_period=INTERVAL - older partitions are dropped when a new one is made
ignore_old_events=BOOL - 1: events of partitions that are too old are left out. Default: 0
row_mode=WORD - plain, keep_all (updates are new rows, deletes nothing), keep_latest (updates replace). Default: plain
event_types=LIST - I, U and D, or *. Default: *
load_mode=WORD, method=NUMBER - bulk with 0: as it comes, 1 or 2: an update is a delete and an insert, 3: inserts only. Default: direct
fields=LIST - columns to keep, a:b names a b. Default: *
skip_fields=LIST - columns to leave out
table=NAME - another destination
ignore_truncate=BOOL - 1: a truncate of the source is not repeated here. Default: 0
key=COLUMN, hash_key=COLUMN, hash_expr=SQL - only this database's part of the rows, as with handler shard";

/// The names of the dispatch family: the same arguments, with other defaults.
const DISPATCH: [Entry; 35] = {
    let mut entries = [LONDISTE; 35];
    let mut nr = 0;
    while nr < entries.len() {
        let (name, description) = dispatch::NAMES[nr];
        entries[nr] = Entry { name, description, parameters: DISPATCH_PARAMETERS };
        nr += 1;
    }
    entries
};

const OBFUSCATE: &str = "londiste.handlers.obfuscate";

/// What can stand in `handler_modules`, and the handlers that come with it.
static MODULES: [(&str, &[Entry]); 8] = [
    (
        "londiste.handlers.qtable",
        &[
            Entry { name: "qtable", description: "Queue table handler. Do nothing.", parameters: "" },
            Entry {
                name: "qsplitter",
                description: "Send events for one table to another queue.",
                parameters: "queue=NAME - the other queue, in this database",
            },
        ],
    ),
    (
        "londiste.handlers.vtable",
        &[
            Entry { name: "vtable", description: "Virtual Table handler.", parameters: "" },
            Entry {
                name: "fake_local",
                description: "Deprecated compat name for vtable.",
                parameters: "",
            },
        ],
    ),
    (
        "londiste.handlers.applyfn",
        &[Entry {
            name: "applyfn",
            description: "Call DB function to apply event.",
            parameters: "\
func_name=NAME - function with twelve arguments: configuration, tick, and the ten fields of an event
func_conf=TEXT - the first of them. Default: empty",
        }],
    ),
    (
        "londiste.handlers.multimaster",
        &[Entry {
            name: "multimaster",
            description: "Handler for replica with multiple master nodes.",
            parameters: "\
timefield=COLUMN - the row with the later time wins
altpk=COLUMNS - find a row by these columns, not by its key
fkey_ref_table=TABLE, fkey_ref_cols=COLUMNS, fkey_cols=COLUMNS - leave out rows whose parent is missing
Any other argument is handed to the function public.merge_on_time too (sql/contrib/merge_on_time.sql).",
        }],
    ),
    (
        "londiste.handlers.shard",
        &[
            Entry {
                name: "shard",
                description: "Event filtering by hash, for partitioned databases.",
                parameters: SHARD_PARAMETERS,
            },
            Entry {
                name: "part",
                description: "Deprecated compat name for shard handler.",
                parameters: SHARD_PARAMETERS,
            },
        ],
    ),
    (
        "londiste.handlers.bulk",
        &[Entry {
            name: "bulk",
            description: "Bulk loading into OLAP database.",
            parameters: "method=NUMBER - 0: as the source does it; 1 or 2: an update is a delete and an insert. Default: 0",
        }],
    ),
    ("londiste.handlers.dispatch", &DISPATCH),
    (
        OBFUSCATE,
        &[Entry { name: "obfuscate", description: LONDISTE.description, parameters: "" }],
    ),
];

/// The handlers of one run: those that the ini file's modules bring, with their settings.
#[derive(Debug, Clone, Default)]
pub struct Handlers {
    entries: Vec<&'static Entry>,
    unknown: Vec<String>,
    scheme: Scheme,
    rules: Option<Arc<Rules>>,
}

impl Handlers {
    /// Reads `handler_modules` and the keys of those modules.
    ///
    /// # Errors
    /// A key with a bad value, or rules of `obfuscate` that are missing or wrong.
    pub fn from_config(config: &Config) -> Result<Handlers, ConfigError> {
        let defaults = Scheme::default();
        let mut handlers = Handlers {
            scheme: Scheme {
                hash_function: config.text("shard_hash_func", &defaults.hash_function)?,
                info_sql: config.text("shard_info_sql", &defaults.info_sql)?,
            },
            ..Handlers::default()
        };
        for module in config.list("handler_modules")? {
            let Some((name, entries)) = MODULES.iter().find(|(name, _)| *name == module) else {
                handlers.unknown.push(module);
                continue;
            };
            if *name == OBFUSCATE {
                handlers.rules = Some(Arc::new(rules(config)?));
            }
            let new = entries.iter().filter(|entry| !handlers.entries.contains(entry));
            handlers.entries.extend(new.collect::<Vec<_>>());
        }
        Ok(handlers)
    }

    /// Names in `handler_modules` that are no module.
    pub fn unknown_modules(&self) -> &[String] {
        &self.unknown
    }

    /// Those that can be used, in order of registration.
    pub fn entries(&self) -> impl Iterator<Item = &'static Entry> {
        std::iter::once(&LONDISTE).chain(self.entries.iter().copied())
    }

    /// Checks name and arguments.
    ///
    /// # Errors
    /// Whatever is wrong with them; a handler whose module is not listed is unknown.
    pub fn build(&self, spec: &HandlerSpec) -> Result<Handler, HandlerError> {
        let HandlerSpec { name, args } = spec;
        if !self.entries().any(|entry| entry.name == name) {
            return Err(HandlerError::Unknown(name.clone()));
        }
        Ok(match name.as_str() {
            "qtable" => args::only(args, &[]).map(|()| Handler::QTable)?,
            "vtable" | "fake_local" => args::only(args, &[]).map(|()| Handler::VTable)?,
            "qsplitter" => Handler::QSplitter(QSplitter::new(args)?),
            "applyfn" => Handler::ApplyFn(ApplyFn::new(args)?),
            "multimaster" => Handler::MultiMaster(ApplyFn::multimaster(args)),
            "shard" | "part" => Handler::Shard(Shard::new(args, &self.scheme)?),
            "bulk" => Handler::Bulk(Bulk::new(args)?),
            "londiste" => Handler::Londiste(Londiste::new(args)?),
            "obfuscate" => {
                args::only(args, &[])?;
                let rules = self.rules.clone();
                Handler::Obfuscate(rules.ok_or_else(|| HandlerError::Unknown(name.clone()))?)
            }
            _ => Handler::Dispatch {
                dispatch: Arc::new(Dispatch::new(name, args)?),
                shard: Shard::filter(args, &self.scheme),
            },
        })
    }
}

/// The rules of `obfuscate`: `obfuscator_map`, with `obfuscator_key`.
fn rules(config: &Config) -> Result<Rules, ConfigError> {
    let map = config.require("obfuscator_map")?;
    let file = config.file("obfuscator_map")?.unwrap_or_else(|| PathBuf::from(map));
    let key = config.text("obfuscator_key", "")?;
    Rules::load(&file, &key).map_err(|problem| ConfigError(problem.to_string()))
}

/// The module that brings a handler.
pub fn module_of(handler: &str) -> Option<&'static str> {
    let brings = |entries: &[Entry]| entries.iter().any(|entry| entry.name == handler);
    MODULES.iter().find(|(_, entries)| brings(entries)).map(|(module, _)| *module)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Every module but that of `obfuscate`, which needs a file.
    pub(crate) fn all() -> Handlers {
        let names = MODULES.iter().map(|(name, _)| *name).filter(|name| *name != OBFUSCATE);
        handlers(&names.collect::<Vec<_>>())
    }

    fn handlers(modules: &[&str]) -> Handlers {
        let text = format!("[londiste]\nhandler_modules = {}", modules.join(", "));
        let config = Config::from_text("x.ini", &text, &["londiste"], &[], &[]).unwrap();
        Handlers::from_config(&config).unwrap()
    }

    fn names(handlers: &Handlers) -> Vec<&'static str> {
        handlers.entries().map(|entry| entry.name).collect()
    }

    #[test]
    fn a_module_brings_its_handlers_once_and_in_order() {
        assert_eq!(names(&Handlers::default()), ["londiste"]);
        let some = handlers(&[
            "londiste.handlers.vtable",
            "no.such",
            "londiste.handlers.qtable",
            "londiste.handlers.vtable",
        ]);
        assert_eq!(names(&some), ["londiste", "vtable", "fake_local", "qtable", "qsplitter"]);
        assert_eq!(some.unknown_modules(), ["no.such"]);
        assert_eq!(names(&all()).len(), 1 + 2 + 2 + 1 + 1 + 2 + 1 + 35);
    }

    #[test]
    fn every_handler_is_what_its_name_says() {
        let build = |text: &str| {
            all().build(&HandlerSpec::parse(text).unwrap()).map_err(|error| error.to_string())
        };
        for (text, needs_table, trigger_args) in [
            ("londiste", true, vec![]),
            ("qtable", false, vec!["tgflags=BI", "SKIP", "expect_sync"]),
            ("vtable", false, vec!["virtual_table"]),
            ("fake_local", false, vec!["virtual_table"]),
            ("qsplitter(queue=outq)", false, vec!["virtual_table"]),
            ("applyfn(func_name=f)", true, vec![]),
            ("multimaster(timefield=t)", true, vec!["no_merge"]),
            ("shard(key=id)", true, vec!["ev_extra3='hash='||partconf.get_hash_raw(id)"]),
            (
                "part(key=id&disable_replay=1)",
                false,
                vec!["ev_extra3='hash='||partconf.get_hash_raw(id)"],
            ),
            ("bulk(method=1)", true, vec![]),
            ("hourly_event", true, vec![]),
            ("direct(key=id)", true, vec!["ev_extra3='hash='||partconf.get_hash_raw(id)"]),
        ] {
            let handler = build(text).unwrap();
            assert_eq!(handler.needs_table(), needs_table, "{text}");
            assert_eq!(handler.trigger_args(), trigger_args, "{text}");
        }
        for (text, error) in [
            ("nosuch", "'nosuch'"),
            ("obfuscate", "'obfuscate'"),
            ("daily_field", "part_mode date_field requires part_field!"),
            ("qtable(a=1&b=2)", "Invalid handler argument: ['a', 'b']"),
            ("qsplitter", "specify queue with handler-arg"),
            ("bulk(method=4)", "unknown method: 4"),
        ] {
            assert_eq!(build(text).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn rules_of_obfuscate_have_to_be_there() {
        let read = |keys: &str| {
            let text = format!("[londiste]\nhandler_modules = {OBFUSCATE}\n{keys}");
            let config = Config::from_text("x.ini", &text, &["londiste"], &[], &[]).unwrap();
            Handlers::from_config(&config).map(drop).map_err(|error| error.to_string())
        };
        assert_eq!(read("").unwrap_err(), "No option 'obfuscator_map' in section: 'londiste'");
        assert_eq!(
            read("obfuscator_map = no/such.yaml").unwrap_err(),
            "[Errno 2] No such file or directory: 'no/such.yaml'"
        );
    }

    #[test]
    fn the_module_of_a_handler_is_known() {
        assert_eq!(module_of("part"), Some("londiste.handlers.shard"));
        assert_eq!(module_of("bulk_direct"), Some("londiste.handlers.dispatch"));
        assert_eq!(module_of("londiste"), None);
    }
}

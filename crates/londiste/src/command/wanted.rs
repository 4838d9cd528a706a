//! Which tables or sequences the arguments mean (contract `cli.md` 5.9). Pure, but for the log lines and [`choose`].

use anyhow::bail;
use indexmap::IndexSet;
use pgq_client::name::TableName;
use tokio_postgres::GenericClient;

use super::unavailable;
use crate::calls::ObjectKind;
use crate::hint;
use crate::job::UsageError;

/// What the arguments are matched against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice<'a> {
    /// Names the command works on.
    pub(crate) working: &'a [TableName],
    /// Names for which its work is done already.
    pub(crate) done: &'a [TableName],
    /// What that means, where the words of the original do not say it.
    pub(crate) done_because: Option<&'static str>,
    /// `--all`
    pub(crate) all: bool,
    /// `--force`: names nobody knows are taken too.
    pub(crate) force: bool,
    /// Whether a name needs to be known; handlers that store nothing do not ask for a table.
    pub(crate) needs_table: bool,
}

/// Names that are not there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unavailable(pub(crate) Vec<TableName>);

/// For commands that do not look what else they may be.
impl From<Unavailable> for UsageError {
    fn from(_: Unavailable) -> UsageError {
        UsageError(hint::CANNOT_PROCEED.to_owned())
    }
}

/// As [`expand`]; where a name is not there the database is asked what it is instead.
///
/// # Errors
/// `Cannot proceed` when one of the names is not there; the server's.
pub(crate) async fn choose(
    db: &impl GenericClient,
    args: &[String],
    choice: Choice<'_>,
    kind: ObjectKind,
) -> anyhow::Result<Vec<TableName>> {
    match expand(args, choice) {
        Ok(names) => Ok(names),
        Err(Unavailable(names)) => {
            bail!(UsageError(unavailable::explain(db, &names, choice.working, kind).await?))
        }
    }
}

/// The names that the arguments mean, in order and without repeats.
///
/// # Errors
/// Those that are not there.
pub(crate) fn expand(args: &[String], choice: Choice<'_>) -> Result<Vec<TableName>, Unavailable> {
    if args.is_empty() && choice.all {
        return Ok(choice.working.to_vec());
    }
    let mut names = IndexSet::new();
    let mut unavailable = Vec::new();
    for arg in args {
        let full = TableName::new(arg);
        if arg.contains(['*', '?']) {
            names.extend(
                choice.working.iter().filter(|name| matches(full.as_str(), name.as_str())).cloned(),
            );
        } else if choice.working.contains(&full) {
            names.insert(full);
        } else if choice.done.contains(&full) {
            let because = choice.done_because.map(|because| format!("\nHINT:  {because}"));
            tracing::info!("{full} already processed{}", because.unwrap_or_default());
        } else if !choice.needs_table {
            names.insert(full);
        } else if choice.force {
            tracing::warn!("{full} not available, but --force is used");
            names.insert(full);
        } else {
            tracing::warn!("{full} not available");
            unavailable.push(full);
        }
    }
    if !unavailable.is_empty() {
        return Err(Unavailable(unavailable));
    }
    if names.is_empty() {
        let question = "what to do ?";
        // Where names were given there was nothing to do for them.
        tracing::info!(
            "{}",
            if args.is_empty() { hint::with(question) } else { question.to_owned() }
        );
    }
    Ok(names.into_iter().collect())
}

/// `?` is any character, `*` any number of them.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where to go on after the last `*` when what follows it does not match here: one character later.
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, n));
                p += 1;
            }
            Some(&c) if c == '?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((after, start)) => {
                    p = after;
                    n = start + 1;
                    retry = Some((after, n));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Vec<TableName> {
        texts.iter().map(|text| TableName::new(text)).collect()
    }

    fn expanded(
        args: &[&str],
        edit: impl FnOnce(&mut Choice<'_>),
    ) -> Result<Vec<String>, Vec<String>> {
        let working = names(&["public.a", "public.ab", "other.a", "public.b"]);
        let done = names(&["public.done"]);
        let mut choice = Choice {
            working: &working,
            done: &done,
            done_because: None,
            all: false,
            force: false,
            needs_table: true,
        };
        edit(&mut choice);
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        expand(&args, choice)
            .map(|names| names.iter().map(ToString::to_string).collect())
            .map_err(|Unavailable(names)| names.iter().map(TableName::to_string).collect())
    }

    #[track_caller]
    fn gives(args: &[&str], expected: &[&str]) {
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(expanded(args, |_| ()), Ok(expected));
    }

    #[test]
    fn names_are_completed_and_taken_once() {
        gives(&["b", "a", "public.b", "other.a"], &["public.b", "public.a", "other.a"]);
        gives(&[], &[]);
    }

    #[test]
    fn patterns_match_in_list_order() {
        gives(&["a*"], &["public.a", "public.ab"]);
        gives(&["*.a"], &["public.a", "other.a"]);
        gives(&["public.*"], &["public.a", "public.ab", "public.b"]);
        gives(&["public.?"], &["public.a", "public.b"]);
        gives(&["*"], &["public.a", "public.ab", "public.b"]);
        gives(&["nothing*"], &[]);
        gives(&["*.*b*"], &["public.ab", "public.b"]);
    }

    #[test]
    fn all_takes_the_list_only_without_names() {
        assert_eq!(expanded(&[], |c| c.all = true).unwrap().len(), 4);
        assert_eq!(expanded(&["a"], |c| c.all = true).unwrap(), ["public.a"]);
    }

    #[test]
    fn what_is_done_is_skipped() {
        gives(&["done", "a"], &["public.a"]);
    }

    #[test]
    fn unknown_names_stop_everything() {
        assert_eq!(expanded(&["a", "x"], |_| ()), Err(vec!["public.x".to_owned()]));
        assert_eq!(expanded(&["x"], |c| c.force = true).unwrap(), ["public.x"]);
        assert_eq!(expanded(&["x"], |c| c.needs_table = false).unwrap(), ["public.x"]);
    }
}

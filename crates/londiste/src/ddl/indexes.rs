//! The indexes in stored statements: each can be made by itself, side by side with the others. Pure.

use super::split::{SplitError, Statement, split};

/// Indexes in a script that are made by a statement of their own. Each comes with the setting of its tablespace.
///
/// # Errors
/// When the script cannot be split.
pub fn indexes(script: &str) -> Result<Vec<Vec<&str>>, SplitError> {
    let statements = split(script)?;
    let positions = (0..statements.len()).filter(|&at| makes_index(statements[at]));
    Ok(positions
        .map(|at| around(&statements, at).iter().map(|statement| statement.text).collect())
        .collect())
}

/// The script without one of its [`indexes`]; `None` when that is not in it any more.
///
/// # Errors
/// When the script cannot be split.
pub fn without(script: &str, index: &[String]) -> Result<Option<String>, SplitError> {
    let statements = split(script)?;
    let at = statements
        .windows(index.len())
        .position(|window| window.iter().map(|statement| statement.text).eq(index));
    Ok(at.map(|at| {
        let left = statements[..at].iter().chain(&statements[at + index.len()..]);
        left.map(|statement| statement.text).collect::<Vec<_>>().join("\n")
    }))
}

fn makes_index(statement: Statement<'_>) -> bool {
    ["CREATE INDEX ", "CREATE UNIQUE INDEX "].iter().any(|word| statement.text.starts_with(word))
}

/// What follows a statement for which the tablespace was set.
const SETTING_ENDS: &str = "SET LOCAL default_tablespace = '';";

/// The statement with the setting before it and the end of the setting behind it. The end of the one before and the beginning of
/// the next are not its own.
fn around<'s, 'a>(statements: &'s [Statement<'a>], at: usize) -> &'s [Statement<'a>] {
    let begins =
        |text: &str| text.starts_with("SET LOCAL default_tablespace = ") && text != SETTING_ENDS;
    let before = at.checked_sub(1).filter(|&before| begins(statements[before].text));
    let after = statements.get(at + 1).filter(|statement| statement.text == SETTING_ENDS);
    match (before, after) {
        (Some(before), Some(_)) => &statements[before..=at + 1],
        _ => &statements[at..=at],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "\
SET LOCAL default_tablespace = 'fast';
CREATE UNIQUE INDEX t_pkey ON public.t
  USING btree (id);
SET LOCAL default_tablespace = '';
ALTER TABLE public.t ADD CONSTRAINT t_pkey
  PRIMARY KEY USING INDEX t_pkey;
CREATE INDEX i ON public.t
  USING btree (\"a;b\");
SET LOCAL default_tablespace = 'slow';
CREATE INDEX j ON public.t
  USING gin (c);
SET LOCAL default_tablespace = '';
CREATE INDEX k ON public.t
  USING btree (d);
SET LOCAL default_tablespace = 'slow';
CREATE INDEX l ON public.t
  USING btree (e);
SET LOCAL default_tablespace = '';
COMMENT ON INDEX public.j
  IS 'CREATE INDEX ';";

    #[test]
    fn each_index_has_its_statements() {
        let found = indexes(SCRIPT).unwrap();
        let lengths: Vec<usize> = found.iter().map(Vec::len).collect();
        assert_eq!(lengths, [3, 1, 3, 1, 3]);
        assert_eq!(found[1], ["CREATE INDEX i ON public.t\n  USING btree (\"a;b\");"]);
        assert_eq!(found[2][0], "SET LOCAL default_tablespace = 'slow';");
        assert!(indexes("").unwrap().is_empty());
    }

    #[test]
    fn an_index_that_is_there_is_taken_out() {
        let mut script = SCRIPT.to_owned();
        // In whatever order they are done.
        for index in indexes(SCRIPT).unwrap().into_iter().rev() {
            let index: Vec<String> = index.into_iter().map(str::to_owned).collect();
            script = without(&script, &index).unwrap().unwrap();
            assert_eq!(without(&script, &index).unwrap(), None);
        }
        assert_eq!(
            script,
            "ALTER TABLE public.t ADD CONSTRAINT t_pkey\n  PRIMARY KEY USING INDEX t_pkey;\n\
             COMMENT ON INDEX public.j\n  IS 'CREATE INDEX ';"
        );
    }
}

//! What differs on purpose. Each entry is as narrow as it can be told, and its reason stands in `docs/compat.md`; a run
//! reports which were met.

use super::look;
use super::run::Answer;

/// What a difference means for the rest of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Both sides are in the same state.
    GoOn,
    /// They are not: what follows cannot be compared.
    Stop,
}

struct Wanted {
    reason: &'static str,
    /// From the step's text, our answer and the reference's.
    applies: fn(&str, &Answer, &Answer) -> bool,
    then: Then,
}

/// The reason, if somebody wanted this difference.
pub(super) fn judge(sql: &str, ours: &Answer, theirs: &Answer) -> Option<(&'static str, Then)> {
    WANTED
        .iter()
        .find(|wanted| (wanted.applies)(sql, ours, theirs))
        .map(|wanted| (wanted.reason, wanted.then))
}

const WANTED: &[Wanted] = &[
    Wanted {
        reason: "errors of the triggers have SQLSTATE P0001, XX000 in C",
        applies: |_, ours, theirs| same_but_sqlstate(ours, theirs, "P0001", "XX000"),
        then: Then::GoOn,
    },
    Wanted {
        reason: "a trigger with two mistakes names the other one",
        applies: |_, ours, theirs| {
            fails(ours, "P0001") && is_check(ours.message()) && is_bad_expression(theirs)
        },
        then: Then::GoOn,
    },
    Wanted {
        reason: "expressions also accept quoted and non-ASCII column names",
        applies: |_, ours, theirs| ours.error.is_none() && theirs.message() == BAD_WORD,
        then: Then::Stop,
    },
    Wanted {
        reason: "a broken expression or condition is reported at another word",
        applies: |sql, ours, theirs| {
            let of_the_script = sql.contains("pgq.get_batch_cursor(") || is_change(sql);
            let broken =
                fails(ours, "42601") && (theirs.message() == BAD_WORD || fails(theirs, "42601"));
            // A name that is too long, say, is no column's.
            let wrong =
                is_wrong_word(ours) && (theirs.message() == BAD_WORD || fails(theirs, "42601"));
            of_the_script && (broken || wrong)
        },
        then: Then::GoOn,
    },
    Wanted {
        reason: "a broken expression shows when an event is made",
        applies: |sql, ours, theirs| {
            sql.starts_with("update ") && ours.error.is_none() && is_wrong_word(theirs)
        },
        then: Then::Stop,
    },
    Wanted {
        reason: "a table with several sources in its way is told of another one",
        applies: |sql, ours, theirs| {
            let refusals = ["405|Found local table ", "405|Found multiple sources for table "];
            let refused = |answer: &Answer| {
                answer.rows.iter().any(|row| refusals.iter().any(|start| row.starts_with(start)))
            };
            sql.contains("londiste.local_add_table(") && refused(ours) && refused(theirs)
        },
        then: Then::GoOn,
    },
    Wanted {
        reason: "local_add_table makes triggers of its own",
        applies: |sql, ours, theirs| sql == look::TRIGGERS && only_functions_differ(ours, theirs),
        then: Then::GoOn,
    },
    Wanted {
        reason: "a column that is called like a word of a key column is not in the key",
        applies: |sql, ours, theirs| {
            let sets = |name: &str| sql.contains(&format!("\"{name}\" = "));
            sql.starts_with("update ")
                && ours.error.is_none()
                && theirs.message() == "primary key update not allowed"
                // Of the names that scripts use, "two words" and "$1" have words that are names, too.
                && (sets("words") || sets("1"))
        },
        then: Then::Stop,
    },
    Wanted {
        reason: "find_column_types marks the key's own columns",
        applies: |sql, ours, theirs| {
            let marks = |answer: &Answer| {
                answer
                    .rows
                    .get(1)
                    .filter(|row| row.chars().all(|c| "kv".contains(c)))
                    .map(String::len)
            };
            sql.contains("londiste.find_column_types(")
                && marks(ours).is_some()
                && marks(ours) == marks(theirs)
        },
        then: Then::GoOn,
    },
    Wanted {
        reason: "partitioned tables count as tables",
        applies: |sql, ours, theirs| {
            let unknown = |answer: &Answer| {
                answer.rows.iter().any(|row| row.starts_with("404|Table does not exist: "))
            };
            sql.contains("londiste.local_add_table(") && unknown(theirs) && !unknown(ours)
        },
        then: Then::Stop,
    },
    Wanted {
        reason: "a unique key, or a primary one behind dropped columns, is a key",
        applies: |sql, _, theirs| {
            sql.contains("londiste.local_add_table(")
                && theirs.rows.iter().any(|row| row.starts_with("400|Primary key missing on table"))
        },
        then: Then::Stop,
    },
    Wanted {
        reason: "event_retry of two events with one number puts one of them aside",
        applies: |sql, ours, theirs| {
            let says =
                |answer: &Answer, number: &str| answer.rows.get(1).is_some_and(|row| row == number);
            sql.starts_with("select pgq.event_retry(") && says(ours, "1") && says(theirs, "0")
        },
        then: Then::Stop,
    },
    Wanted {
        reason: "local_show_missing of a root leaves out registered sequences",
        applies: |sql, ours, theirs| {
            let left_out: Vec<&String> =
                theirs.rows.iter().filter(|row| !ours.rows.contains(row)).collect();
            sql.contains("londiste.local_show_missing(")
                && ours.error == theirs.error
                && left_out.iter().all(|row| row.starts_with("S|") || row.starts_with('('))
        },
        then: Then::GoOn,
    },
];

/// Does it fire triggers?
fn is_change(sql: &str) -> bool {
    ["insert ", "update ", "delete ", "merge ", "truncate "]
        .iter()
        .any(|word| sql.starts_with(word))
}

/// What the reference says of quoted and non-ASCII names in expressions.
const BAD_WORD: &str = "QB: syntax error";

fn fails(answer: &Answer, sqlstate: &str) -> bool {
    answer.error.as_ref().is_some_and(|error| error.sqlstate == sqlstate)
}

/// The reference prepares expressions before it looks at anything else: the words and what they stand for.
fn is_bad_expression(theirs: &Answer) -> bool {
    theirs.message() == BAD_WORD || is_wrong_word(theirs)
}

/// Is it one of the server's errors about what a statement means?
fn is_wrong_word(answer: &Answer) -> bool {
    answer.error.as_ref().is_some_and(|error| error.sqlstate.starts_with("42"))
}

/// Is it one of the errors that ours finds before it evaluates expressions, or after?
fn is_check(message: &str) -> bool {
    matches!(
        message,
        "bad param to pgq trigger"
            | "Update/Delete on table without pkey"
            | "SKIP does not work in AFTER trigger."
            | "primary key update not allowed"
            | "logtriga: Unexpected NULL key value"
            | "No such queue"
    ) || message.starts_with("Unknown magic column: ")
        || message.contains(": change not allowed (")
}

/// Two lists of triggers: are they the same but for functions that londiste has made for one table in the place of
/// `pgq.logutriga`?
fn only_functions_differ(ours: &Answer, theirs: &Answer) -> bool {
    let general = |row: &String| -> String {
        let made = row.split_once(" EXECUTE FUNCTION londiste._capture_");
        let Some((head, arguments)) =
            made.and_then(|(head, rest)| Some((head, rest.split_once('(')?.1)))
        else {
            return row.clone();
        };
        format!("{head} EXECUTE FUNCTION pgq.logutriga({arguments}")
    };
    ours.error.is_none()
        && theirs.error.is_none()
        && ours.rows.iter().map(general).eq(theirs.rows.iter().cloned())
}

fn same_but_sqlstate(ours: &Answer, theirs: &Answer, our_state: &str, their_state: &str) -> bool {
    let (Some(our_error), Some(their_error)) = (&ours.error, &theirs.error) else { return false };
    our_error.sqlstate == our_state
        && their_error.sqlstate == their_state
        && our_error.message == their_error.message
        && ours.rows == theirs.rows
        && ours.notices == theirs.notices
}

#[cfg(test)]
mod tests {
    use super::super::run::Refusal;
    use super::*;

    fn triggers(rows: &[&str]) -> Answer {
        let mut rows: Vec<String> = rows.iter().map(|row| (*row).to_owned()).collect();
        rows.insert(0, "on_table|tgname|tgenabled|definition".to_owned());
        rows.push(format!("({})", rows.len() - 1));
        Answer { rows, ..Answer::default() }
    }

    const THEIRS: &str =
        "t|_londiste_q|O|CREATE TRIGGER _londiste_q ... EXECUTE FUNCTION pgq.logutriga('q')";
    const OURS: &str = "t|_londiste_q|O|CREATE TRIGGER _londiste_q ... EXECUTE FUNCTION londiste._capture_1_2('q')";
    const OWN: &str = "t|own|O|CREATE TRIGGER own ...";

    #[test]
    fn functions_made_for_one_table_are_wanted() {
        let ours = OURS.replace("('q')", "('q', 'ev_extra1=''a(b''')");
        let theirs = THEIRS.replace("('q')", "('q', 'ev_extra1=''a(b''')");
        let judged = judge(look::TRIGGERS, &triggers(&[&ours, OWN]), &triggers(&[&theirs, OWN]));
        assert_eq!(judged, Some(("local_add_table makes triggers of its own", Then::GoOn)));
    }

    #[test]
    fn missing_ones_and_other_arguments_are_not() {
        let theirs = triggers(&[THEIRS, OWN]);
        let backup = OURS.replace("('q')", "('q', 'backup')");
        for ours in [triggers(&[OWN]), triggers(&[OURS]), triggers(&[&backup, OWN])] {
            assert_eq!(judge(look::TRIGGERS, &ours, &theirs), None);
        }
    }

    #[test]
    fn another_message_is_not_wanted() {
        let says = |sqlstate: &str, message: &str| Answer {
            error: Some(Refusal { sqlstate: sqlstate.to_owned(), message: message.to_owned() }),
            ..Answer::default()
        };
        assert!(
            judge("", &says("P0001", "No such queue"), &says("XX000", "No such queue")).is_some()
        );
        assert!(
            judge("", &says("P0001", "no such queue"), &says("XX000", "No such queue")).is_none()
        );
        assert!(judge("", &Answer::default(), &says("XX000", "No such queue")).is_none());
    }
}

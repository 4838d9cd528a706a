//! A table's life: `londiste.table_info.merge_state` (contract `worker.md` section 17).

use std::fmt;
use std::str::FromStr;

use pgq_client::id::TickId;

/// Where a table is on its way into the set. Each state says who ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableState {
    /// NULL: no copy yet; ended by the worker when a copy slot is free.
    Missing,
    /// `in-copy`: the copy task owns the table; ended by it together with the copied rows.
    InCopy,
    /// `catching-up`: rows are there, the copy task replays; ended by it at the end of the queue.
    CatchingUp,
    /// `wanna-sync:X`: the copy task stands before the batch ending at X; ended by the worker at or past X.
    WannaSync {
        /// End tick of the batch the copy task stands before.
        tick: TickId,
    },
    /// `do-sync:T`: the worker stands before the batch ending at T; ended by the copy task once it stands there too.
    DoSync {
        /// End tick of the batch the worker stands before.
        tick: TickId,
    },
    /// `ok`: replayed by the worker; ended by an operator.
    Ok,
}

/// The stored text is no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Bad table state: {0}")]
pub struct BadState(pub String);

impl TableState {
    /// From the column's value; NULL is [`TableState::Missing`], the legacy `?` reads as `ok`.
    pub fn from_stored(text: Option<&str>) -> Result<TableState, BadState> {
        text.map_or(Ok(TableState::Missing), str::parse)
    }

    /// The column's value.
    pub fn to_stored(self) -> Option<String> {
        (self != TableState::Missing).then(|| self.to_string())
    }
}

impl fmt::Display for TableState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TableState::Missing => f.write_str("None"),
            TableState::InCopy => f.write_str("in-copy"),
            TableState::CatchingUp => f.write_str("catching-up"),
            TableState::WannaSync { tick } => write!(f, "wanna-sync:{tick}"),
            TableState::DoSync { tick } => write!(f, "do-sync:{tick}"),
            TableState::Ok => f.write_str("ok"),
        }
    }
}

impl FromStr for TableState {
    type Err = BadState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tick = |digits: &str| digits.parse().map(TickId).map_err(|_| BadState(text.to_owned()));
        match text.split_once(':') {
            None => match text {
                "in-copy" => Ok(TableState::InCopy),
                "catching-up" => Ok(TableState::CatchingUp),
                "ok" | "?" => Ok(TableState::Ok),
                _ => Err(BadState(text.to_owned())),
            },
            Some(("wanna-sync", digits)) => Ok(TableState::WannaSync { tick: tick(digits)? }),
            Some(("do-sync", digits)) => Ok(TableState::DoSync { tick: tick(digits)? }),
            Some(_) => Err(BadState(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_forms_round_trip() {
        for text in [
            None,
            Some("in-copy"),
            Some("catching-up"),
            Some("wanna-sync:35"),
            Some("do-sync:7"),
            Some("ok"),
        ] {
            assert_eq!(TableState::from_stored(text).unwrap().to_stored().as_deref(), text);
        }
    }

    #[test]
    fn legacy_question_mark_is_ok() {
        assert_eq!(TableState::from_stored(Some("?")), Ok(TableState::Ok));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "OK", "wanna-sync", "wanna-sync:", "do-sync:x", "None"] {
            let bad = TableState::from_stored(Some(text)).unwrap_err();
            assert_eq!(bad.to_string(), format!("Bad table state: {text}"));
        }
    }
}

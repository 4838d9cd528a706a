//! What is shown of a node: its title and lines (contract `cli.md` 7.2). Pure.

use std::collections::HashMap;
use std::fmt::Write as _;

use pgq_client::calls::pgq_node::NodeType;
use pgq_client::id::TickId;
use pgq_client::name::{ConsumerName, NodeName};

/// A node as it was found, or that it was not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    /// Its name in the set.
    pub(crate) name: NodeName,
    /// What it says; `None` for a node that is dead or does not answer.
    pub(crate) alive: Option<Alive>,
}

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alive {
    pub(crate) node_type: NodeType,
    /// `service=` of its location.
    pub(crate) service: Option<String>,
    pub(crate) provider: Option<NodeName>,
    pub(crate) worker: Option<ConsumerName>,
    pub(crate) paused: bool,
    pub(crate) uptodate: bool,
    pub(crate) last_tick: Option<TickId>,
    /// Node attributes, decoded.
    pub(crate) attrs: Vec<(String, Option<String>)>,
    pub(crate) tables: TableCounts,
    /// Copies that run and how far they are, where the node knows.
    pub(crate) copies: Vec<String>,
    /// Consumers with an error and the error's text, by name.
    pub(crate) errors: Vec<(ConsumerName, String)>,
    /// The server's clock, seconds since 1970.
    pub(crate) now: f64,
    /// Age of the queue's newest tick in seconds.
    pub(crate) ticker_lag: Option<f64>,
    /// When the tick was made at which each consumer of the queue stands, by the server's clock.
    pub(crate) tick_times: HashMap<ConsumerName, f64>,
    /// Seconds since each consumer of the queue was last seen.
    pub(crate) last_seen: HashMap<ConsumerName, f64>,
    /// What the queue's ticker does not do.
    pub(crate) ticker_doubt: Option<String>,
}

/// How far the tables of a node are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TableCounts {
    /// Replicated.
    pub(crate) ok: usize,
    /// On the way.
    pub(crate) half: usize,
    /// Not subscribed to.
    pub(crate) ignored: usize,
}

/// How old a node's data is, in seconds.
pub(crate) type Lag = Option<f64>;

impl Report {
    /// `NAME (TYPE)` or `NAME (TYPE, SERVICE)`.
    pub(crate) fn title(&self) -> String {
        let name = &self.name;
        match &self.alive {
            None => format!("{name} (dead)"),
            Some(alive) => match &alive.service {
                None => format!("{name} ({})", alive.node_type.as_str()),
                Some(service) => format!("{name} ({}, {service})", alive.node_type.as_str()),
            },
        }
    }

    /// The lines below the title. `colour` marks a lag of more than a minute.
    pub(crate) fn lines(&self, lag: Lag, colour: bool) -> Vec<String> {
        let Some(alive) = &self.alive else {
            return vec!["Lag: (n/a), PAUSED, NOT UPTODATE".to_owned()];
        };
        let TableCounts { ok, half, ignored } = alive.tables;
        let mut line = format!("Lag: {}", shown(lag, colour));
        if let Some(tick) = alive.last_tick.filter(|tick| tick.0 != 0) {
            write!(line, ", Tick: {tick}").expect("a string grows");
        }
        if alive.paused {
            line.push_str(", PAUSED");
        }
        if !alive.uptodate {
            line.push_str(", NOT UPTODATE");
        }
        let mut lines = vec![format!("Tables: {ok}/{half}/{ignored}"), line];
        lines.extend(
            alive
                .attrs
                .iter()
                .map(|(key, value)| format!("Attr: {key}={}", value.as_deref().unwrap_or("None"))),
        );
        lines.extend(alive.copies.iter().map(|copy| format!("Copy: {copy}")));
        lines.extend(alive.errors.iter().map(|(consumer, error)| {
            format!("ERR: {consumer}: {}", error.lines().next().unwrap_or_default())
        }));
        lines
    }
}

fn shown(lag: Lag, colour: bool) -> String {
    let Some(seconds) = lag else { return "(n/a)".to_owned() };
    let text = duration(seconds);
    if colour && seconds > 60.0 { format!("\x1b[31m{text}\x1b[0m") } else { text }
}

/// `[Dd][Hh][Mm]Ss` without fractions.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "fractions are cut on purpose, and the number is not negative"
)]
pub(crate) fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let mut text = String::new();
    for (amount, unit) in
        [(seconds / 86_400, 'd'), (seconds / 3_600 % 24, 'h'), (seconds / 60 % 60, 'm')]
    {
        if amount > 0 {
            write!(text, "{amount}{unit}").expect("a string grows");
        }
    }
    write!(text, "{}s", seconds % 60).expect("a string grows");
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A node that is well.
    pub(crate) fn node(name: &str, node_type: NodeType, provider: &str) -> Report {
        Report {
            name: name.into(),
            alive: Some(Alive {
                node_type,
                service: None,
                provider: Some(provider.into()),
                worker: Some(format!("w_{name}").as_str().into()),
                paused: false,
                uptodate: true,
                last_tick: Some(TickId(183)),
                attrs: vec![],
                tables: TableCounts { ok: 4, half: 0, ignored: 0 },
                copies: vec![],
                errors: vec![],
                now: 1000.0,
                ticker_lag: Some(1.5),
                tick_times: HashMap::new(),
                last_seen: HashMap::new(),
                ticker_doubt: None,
            }),
        }
    }

    #[test]
    fn durations() {
        for (seconds, text) in [
            (0.0, "0s"),
            (0.9, "0s"),
            (-3.0, "0s"),
            (779.0, "12m59s"),
            (86_403.0, "1d3s"),
            (7_842.5, "2h10m42s"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn titles() {
        let mut report = node("n", NodeType::Branch, "p");
        assert_eq!(report.title(), "n (branch)");
        report.alive.as_mut().unwrap().service = Some("s1".to_owned());
        assert_eq!(report.title(), "n (branch, s1)");
        report.alive = None;
        assert_eq!(report.title(), "n (dead)");
        assert_eq!(report.lines(None, false), ["Lag: (n/a), PAUSED, NOT UPTODATE"]);
    }

    #[test]
    fn lines_of_a_node_in_trouble() {
        let mut report = node("n", NodeType::Leaf, "p");
        let alive = report.alive.as_mut().unwrap();
        alive.paused = true;
        alive.uptodate = false;
        alive.attrs = vec![("sync_watermark".to_owned(), Some("a,b".to_owned()))];
        alive.copies = vec!["public.t: 41%".to_owned()];
        alive.errors = vec![("n".into(), "first\nsecond".to_owned())];
        assert_eq!(
            report.lines(Some(7.0), true),
            [
                "Tables: 4/0/0",
                "Lag: 7s, Tick: 183, PAUSED, NOT UPTODATE",
                "Attr: sync_watermark=a,b",
                "Copy: public.t: 41%",
                "ERR: n: first",
            ]
        );
        report.alive.as_mut().unwrap().last_tick = Some(TickId(0));
        assert_eq!(
            report.lines(Some(61.0), true)[1],
            "Lag: \x1b[31m1m1s\x1b[0m, PAUSED, NOT UPTODATE"
        );
        assert_eq!(report.lines(None, true)[1], "Lag: (n/a), PAUSED, NOT UPTODATE");
    }
}

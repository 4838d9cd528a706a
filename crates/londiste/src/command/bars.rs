//! Progress bars on a terminal, for commands that wait for copies: a bar for each copy that runs and one for all tables.
//! Without a terminal there are none.

use std::collections::HashMap;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use pgq_client::name::TableName;

use super::copies;
use crate::calls::RunningCopy;

/// Of a table whose size nobody knows there is no bar, only what has come.
const KNOWN: &str = "{prefix}  [{wide_bar}] {percent:>3}%  {msg}";
const UNKNOWN: &str = "{prefix}  {msg}";
const ALL: &str = "{pos}/{len} tables in sync  [{wide_bar}] {elapsed}";

/// The bars.
pub(super) struct Bars {
    screen: MultiProgress,
    all: ProgressBar,
    running: HashMap<TableName, ProgressBar>,
}

impl Bars {
    /// `quiet` operators get none.
    pub(super) fn new(quiet: bool) -> Self {
        // Shows nothing by itself where stderr is no terminal.
        let target =
            if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let screen = MultiProgress::with_draw_target(target);
        let all = screen.add(ProgressBar::no_length().with_style(style(ALL)));
        Self { screen, all, running: HashMap::new() }
    }

    /// Whether anybody sees them.
    pub(super) fn are_seen(&self) -> bool {
        !self.screen.is_hidden()
    }

    /// Logs without leaving pieces of bars on the screen.
    pub(super) fn aside(&self, log: impl FnOnce()) {
        self.screen.suspend(log);
    }

    /// Draws what is so now.
    pub(super) fn show(&mut self, done: usize, all: usize, running: &[RunningCopy]) {
        if !self.are_seen() {
            return;
        }
        self.all.set_length(all as u64);
        self.all.set_position(done as u64);
        self.running.retain(|table, bar| {
            let runs = running.iter().any(|copy| copy.table == *table);
            if !runs {
                bar.finish_and_clear();
                self.screen.remove(bar);
            }
            runs
        });
        for copy in running {
            let bar = self.running.entry(copy.table.clone()).or_insert_with(|| {
                let bar = ProgressBar::no_length().with_prefix(copy.table.to_string());
                self.screen.insert_before(&self.all, bar)
            });
            match copies::percent(copy) {
                Some(percent) => {
                    bar.set_style(style(KNOWN));
                    bar.set_length(100);
                    bar.set_position(percent);
                }
                None => bar.set_style(style(UNKNOWN)),
            }
            bar.set_message(copies::facts(copy));
        }
    }

    /// Takes them away.
    pub(super) fn end(&self) {
        for bar in self.running.values().chain([&self.all]) {
            bar.finish_and_clear();
        }
        // An error only says that the screen is gone.
        let _ = self.screen.clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_can_be_read() {
        for template in [KNOWN, UNKNOWN, ALL] {
            ProgressStyle::with_template(template).unwrap();
        }
    }

    #[test]
    fn nobody_sees_bars_without_a_terminal() {
        assert!(!Bars::new(true).are_seen());
    }
}

//! The nodes of a set as a tree (contract `cli.md` 7.3 and 7.4). Pure.

use std::collections::HashSet;

use pgq_client::calls::pgq_node::NodeType;
use pgq_client::name::NodeName;

use super::report::{Alive, Lag, Report};

/// How the tree is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A line per node and fact.
    Full {
        /// Colours for a terminal.
        colour: bool,
    },
    /// A line per node.
    Compact,
}

/// Column where the facts of a node begin.
const FACTS: usize = 30;
/// Width of the title in the compact form.
const TITLE: usize = 60;

/// Draws the trees, in the order in which their roots are listed.
pub(crate) fn draw(reports: &[Report], style: Style) -> String {
    let forest = Forest { reports };
    let mut drawn = Drawing { lines: vec![], pending: vec![], seen: HashSet::new(), style };
    // Nodes that feed each other in a circle hang below no root; they are shown all the same.
    let roots = (0..reports.len()).filter(|&i| forest.parent(i).is_none());
    for root in roots.chain(0..reports.len()) {
        if drawn.seen.contains(&root) {
            continue;
        }
        drawn.node(&forest, root, "", None, root);
        drawn.flush("");
    }
    drawn.lines.join("\n")
}

struct Forest<'a> {
    reports: &'a [Report],
}

impl Forest<'_> {
    fn find(&self, name: &NodeName) -> Option<usize> {
        self.reports.iter().position(|report| report.name == *name)
    }

    /// The node it reads from, unless it is a root or that node is not known.
    fn parent(&self, node: usize) -> Option<usize> {
        let report = &self.reports[node];
        let alive = report.alive.as_ref()?;
        let provider = alive.provider.as_ref()?;
        if alive.node_type == NodeType::Root || *provider == report.name {
            return None;
        }
        self.find(provider)
    }

    /// Small subtrees first.
    fn children(&self, node: usize) -> Vec<usize> {
        let mut children: Vec<usize> =
            (0..self.reports.len()).filter(|&child| self.parent(child) == Some(node)).collect();
        children.sort_by_cached_key(|&child| {
            let (depth, count) = self.size(child, 0);
            let report = &self.reports[child];
            let service = report.alive.as_ref().and_then(|alive| alive.service.clone());
            (depth, count, service.unwrap_or_default(), report.name.clone())
        });
        children
    }

    /// Levels below a node and number of nodes there.
    fn size(&self, node: usize, level: usize) -> (usize, usize) {
        let below = (0..self.reports.len()).filter(|&child| self.parent(child) == Some(node));
        // A circle would never end; no tree is deeper than it has nodes.
        if level > self.reports.len() {
            return (0, 0);
        }
        below
            .map(|child| self.size(child, level + 1))
            .fold((0, 0), |(depth, count), (d, c)| (depth.max(d + 1), count + c + 1))
    }

    /// Against the clock of the tree's root, so that clocks of different servers do not matter.
    fn lag(&self, node: usize, parent: Option<usize>, root: usize) -> Lag {
        let alive = self.reports[node].alive.as_ref()?;
        let Some(parent) = parent else { return alive.ticker_lag };
        let parent: &Alive = self.reports[parent].alive.as_ref()?;
        let now = self.reports[root].alive.as_ref()?.now;
        let tick_time = parent.tick_times.get(alive.worker.as_ref()?)?;
        Some((now - tick_time).max(0.0))
    }
}

struct Drawing {
    lines: Vec<String>,
    /// Facts of the last node drawn: they stand beside the branch that leads to the next one.
    pending: Vec<String>,
    seen: HashSet<usize>,
    style: Style,
}

impl Drawing {
    fn node(
        &mut self,
        forest: &Forest<'_>,
        node: usize,
        prefix: &str,
        parent: Option<usize>,
        root: usize,
    ) {
        if !self.seen.insert(node) {
            return;
        }
        let report = &forest.reports[node];
        let lag = forest.lag(node, parent, root);
        let stem = prefix.strip_suffix([' ', '|']);
        match self.style {
            Style::Full { colour } => {
                self.flush(&stem.map(|stem| format!("{stem}|")).unwrap_or_default());
                let branch = stem.map(|stem| format!("{stem}+--: ")).unwrap_or_default();
                self.lines.push(format!("{branch}{}", report.title()));
                self.pending = report.lines(lag, colour);
            }
            Style::Compact => {
                let indent = " ".repeat(prefix.len());
                let mut line = format!("{:TITLE$}", format!("{indent}{}", report.title()));
                for fact in report.lines(lag, false) {
                    line.push_str(&format!("{fact:FACTS$}"));
                }
                self.lines.push(line);
            }
        }
        let children = forest.children(node);
        for (nr, &child) in children.iter().enumerate() {
            let more = if nr + 1 < children.len() { "  |" } else { "   " };
            self.node(forest, child, &format!("{prefix}{more}"), Some(node), root);
        }
    }

    fn flush(&mut self, left: &str) {
        for fact in std::mem::take(&mut self.pending) {
            self.lines.push(format!("{left:FACTS$}{fact}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::TableCounts;
    use super::super::report::tests::node;
    use super::*;
    use pgq_client::id::TickId;

    /// The set of the contract's example.
    fn example() -> Vec<Report> {
        let mut reports = vec![
            node("node1", NodeType::Root, "node1"),
            node("node4", NodeType::Leaf, "node3"),
            node("node3", NodeType::Branch, "node1"),
            node("node2", NodeType::Branch, "node1"),
            node("node5", NodeType::Leaf, "node1"),
        ];
        let edit = |report: &mut Report, tables: (usize, usize, usize), tick: i64| {
            let alive = report.alive.as_mut().unwrap();
            alive.tables = TableCounts { ok: tables.0, half: tables.1, ignored: tables.2 };
            alive.last_tick = Some(TickId(tick));
        };
        edit(&mut reports[1], (0, 0, 4), 183);
        edit(&mut reports[2], (0, 0, 4), 130);
        edit(&mut reports[3], (3, 0, 1), 150);
        reports[4].alive = None;
        let node1 = reports[0].alive.as_mut().unwrap();
        node1.tick_times = [("w_node2".into(), 998.0), ("w_node3".into(), 993.0)].into();
        let node3 = reports[2].alive.as_mut().unwrap();
        node3.uptodate = false;
        node3.errors = vec![(
            "n3".into(),
            "duplicate key value violates unique constraint \"mytable_pkey\"\nDETAIL: x".to_owned(),
        )];
        node3.tick_times = [("w_node4".into(), 998.5)].into();
        reports[1].alive.as_mut().unwrap().attrs =
            vec![("sync_watermark".to_owned(), Some("node4,node5".to_owned()))];
        reports[3].alive.as_mut().unwrap().paused = true;
        reports
    }

    #[test]
    fn the_example_of_the_contract() {
        let expected = r#"
node1 (root)
  |                           Tables: 4/0/0
  |                           Lag: 1s, Tick: 183
  +--: node2 (branch)
  |                           Tables: 3/0/1
  |                           Lag: 2s, Tick: 150, PAUSED
  +--: node3 (branch)
     |                        Tables: 0/0/4
     |                        Lag: 7s, Tick: 130, NOT UPTODATE
     |                        ERR: n3: duplicate key value violates unique constraint "mytable_pkey"
     +--: node4 (leaf)
                              Tables: 0/0/4
                              Lag: 1s, Tick: 183
                              Attr: sync_watermark=node4,node5
node5 (dead)
                              Lag: (n/a), PAUSED, NOT UPTODATE"#;
        assert_eq!(draw(&example(), Style::Full { colour: false }), &expected[1..]);
    }

    #[test]
    fn compact_is_a_line_per_node() {
        let drawn = draw(&example(), Style::Compact);
        let lines: Vec<&str> = drawn.lines().collect();
        let pad = |title: &str, facts: &[&str]| {
            let facts: String = facts.iter().map(|fact| format!("{fact:30}")).collect();
            format!("{title:60}{facts}")
        };
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[0], pad("node1 (root)", &["Tables: 4/0/0", "Lag: 1s, Tick: 183"]));
        assert_eq!(
            lines[1],
            pad("   node2 (branch)", &["Tables: 3/0/1", "Lag: 2s, Tick: 150, PAUSED"])
        );
        assert!(lines[3].starts_with("      node4 (leaf)  "));
        assert_eq!(lines[4], pad("node5 (dead)", &["Lag: (n/a), PAUSED, NOT UPTODATE"]));
    }

    #[test]
    fn a_dead_provider_is_the_root_of_its_tree() {
        let mut reports =
            vec![node("leaf", NodeType::Leaf, "gone"), node("gone", NodeType::Branch, "root")];
        reports[1].alive = None;
        assert_eq!(
            draw(&reports, Style::Full { colour: false }),
            "gone (dead)\n\
             \x20 |                           Lag: (n/a), PAUSED, NOT UPTODATE\n\
             \x20 +--: leaf (leaf)\n\
             \x20                             Tables: 4/0/0\n\
             \x20                             Lag: (n/a), Tick: 183"
        );
    }

    #[test]
    fn nodes_in_a_circle_are_shown() {
        let reports = vec![node("a", NodeType::Branch, "b"), node("b", NodeType::Branch, "a")];
        let drawn = draw(&reports, Style::Compact);
        assert!(drawn.contains("a (branch)") && drawn.contains("b (branch)"));
    }
}

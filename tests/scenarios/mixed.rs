//! One cascade, anybody's programs: root, branch, leaf and ticker each by the original or by us, and then each handed over to
//! the other while users write.
//!
//! The suite plays five of the sixteen casts, in which every pair of parts meets in every combination, the first of
//! them all by the original, as the proof of the story. Each ends with everything handed over, which makes ten. All
//! sixteen are played where `LONDISTE_TEST_MIXED` is set (`make mixed`).

use std::fs;

use system_tests::Impl::{self, Ours, Reference};
use system_tests::wait::EVENTUALLY;
use system_tests::{Ticker, holds, wait_for};

use crate::diary::{Load, SEQUENCES, TABLES};
use crate::place::{Place, events, newest_tick, ticks};

/// Set: all casts are played.
const ALL: &str = "LONDISTE_TEST_MIXED";

/// Who runs root, branch, leaf and ticker.
type Cast = [Impl; 4];

/// The casts of the suite; see there.
const CHOSEN: [Cast; 5] = [
    [Reference, Reference, Reference, Reference],
    [Reference, Ours, Ours, Ours],
    [Ours, Reference, Ours, Ours],
    [Ours, Ours, Reference, Ours],
    [Ours, Ours, Ours, Reference],
];

#[test]
fn all_theirs() {
    story(CHOSEN[0]);
}

#[test]
fn their_root() {
    story(CHOSEN[1]);
}

#[test]
fn their_branch() {
    story(CHOSEN[2]);
}

#[test]
fn their_leaf() {
    story(CHOSEN[3]);
}

#[test]
fn their_ticker() {
    story(CHOSEN[4]);
}

/// Two at a time: most of the time everybody waits.
#[test]
fn the_other_casts() {
    if std::env::var_os(ALL).is_none() {
        return;
    }
    let casts = (0..16u8).map(|bits| {
        std::array::from_fn(|part| if bits >> part & 1 == 0 { Reference } else { Ours })
    });
    let others: Vec<Cast> = casts.filter(|cast| !CHOSEN.contains(cast)).collect();
    let half = others.len() / 2;
    std::thread::scope(|scope| {
        for half in [&others[..half], &others[half..]] {
            scope.spawn(|| half.iter().for_each(|cast| story(*cast)));
        }
    });
}

struct Stage {
    cast: Cast,
    root: Place,
    branch: Place,
    leaf: Place,
    ticker: Ticker,
    load: Load,
}

const fn other(implementation: Impl) -> Impl {
    match implementation {
        Ours => Reference,
        Reference => Ours,
    }
}

fn story(cast: Cast) {
    let mut stage = begin(cast);
    everything_is_replicated(&stage);
    events_pass_through(&stage);
    the_branch_is_paused_and_resumed(&stage);
    a_script_and_a_truncate_run_on_every_node(&stage, "first.sql");
    the_leaf_changes_its_provider_and_comes_back(&stage);
    stage.hand_everything_over();
    events_pass_through(&stage);
    a_script_and_a_truncate_run_on_every_node(&stage, "second.sql");
    stage.leaf.node.londiste(["resync", TABLES[0].0]).ok();
    stage.leaf.node.londiste(["wait-sync"]).ok();
    a_table_leaves_the_set(&stage);
    end(stage);
}

fn begin(cast: Cast) -> Stage {
    let root = Place::new(cast[0], "root").with_users();
    let (branch, leaf) = (Place::new(cast[1], "branch"), Place::new(cast[2], "leaf"));
    root.create_root();
    let names = [root.db.name(), branch.db.name(), leaf.db.name()];
    // As usual there is one for a server: the branch has maintenance to be done as well.
    let ticker = Ticker::for_databases(cast[3], root.db.address(), &names);
    branch.create("create-branch", &root, &[]);
    leaf.create("create-leaf", &branch, &[]);
    ticker.start();
    for place in [&root, &branch, &leaf] {
        place.node.start_worker();
    }
    let load = Load::start(&root.db);
    Stage { cast, root, branch, leaf, ticker, load }
}

impl Stage {
    fn places(&self) -> [&Place; 3] {
        [&self.root, &self.branch, &self.leaf]
    }

    #[track_caller]
    fn wait_caught_up(&self) {
        for place in [&self.branch, &self.leaf] {
            place.wait_caught_up(&self.root);
        }
    }

    /// One after the other, from below: each newcomer goes on where the other stopped.
    #[track_caller]
    fn hand_everything_over(&mut self) {
        for place in [&mut self.leaf, &mut self.branch, &mut self.root] {
            place.node.stop_worker();
            self.load.wait_for_more(20);
            place.node.hand_over(other(place.node.implementation()));
            place.node.start_worker();
            self.load.wait_for_more(20);
        }
        self.ticker.stop();
        self.load.wait_for_more(20);
        self.ticker.hand_over(other(self.cast[3]));
        self.ticker.start();
        self.cast = self.cast.map(other);
        self.wait_caught_up();
    }
}

fn everything_is_replicated(stage: &Stage) {
    for place in stage.places() {
        place.node.londiste(["add-table", "--all"]).ok();
        place.node.londiste(["add-seq", "--all"]).ok();
    }
    for place in [&stage.branch, &stage.leaf] {
        place.node.londiste(["wait-sync"]).ok();
    }
    for place in stage.places() {
        wait_for(format!("all nodes in the status of {}", place.name()), EVENTUALLY, || {
            let status = place.node.londiste(["status"]).ok();
            let all = ["root (root)", "branch (branch)", "leaf (leaf)"];
            let shown = all.iter().all(|name| status.stdout.contains(name));
            let bad = ["ERR:", "NOT UPTODATE"].iter().any(|word| status.stdout.contains(word));
            holds(shown && !bad, status)
        });
    }
}

/// All of a branch's events and ticks are those of the root, whoever wrote them there and passes them on here; and what is
/// done with them is the same rows.
fn events_pass_through(stage: &Stage) {
    let Stage { root, branch, load, .. } = stage;
    stage.wait_caught_up();
    let begin = branch.position();
    root.wait_info("global_watermark", begin);
    branch.wait_info("global_watermark", begin);
    load.wait_for_more(50);
    root.db.sql(
        "update app.user_info set occupation = null, qq = 'NaN', signname = E'it\\'s \\\\ tab\\t é %26 & = +'
          where userid < 20;
         delete from app.user_info where userid between 20 and 29;
         insert into app.user_info (userid, cnname) select i, '德哥' from generate_series(20, 24) i",
    );
    stage.wait_caught_up();
    for place in [branch, &stage.leaf] {
        place.assert_equal(root, &TABLES[..1]);
    }
    let end = branch.position();
    wait_for(format!("tick {end} on the branch"), EVENTUALLY, || {
        let newest = newest_tick(branch);
        holds(newest >= end, newest)
    });
    assert_eq!(events(branch, begin, end), events(root, begin, end), "{:?}", stage.cast);
    let (mut here, mut there) = (ticks(branch, begin, end), ticks(root, begin, end));
    if branch.node.implementation() == Reference {
        // Its ticks have the number of the latest event that this process has seen, which is 0 after a start.
        (here, there) = (without_last_column(&here), without_last_column(&there));
    }
    assert_eq!(here, there, "{:?}", stage.cast);
    for sequence in SEQUENCES {
        let far = root.db.int(&format!("select last_value from {sequence}"));
        wait_for(format!("{sequence} on the leaf"), EVENTUALLY, || {
            let seen = stage.leaf.db.int(&format!("select last_value from {sequence}"));
            holds(seen >= far, format!("{seen}, the root has {far}"))
        });
    }
}

fn without_last_column(rows: &str) -> String {
    let rows = rows.lines().map(|row| row.rsplit_once('|').map_or(row, |(row, _)| row));
    rows.collect::<Vec<_>>().join("\n")
}

fn the_branch_is_paused_and_resumed(stage: &Stage) {
    let Stage { root, branch, load, .. } = stage;
    branch.node.londiste(["pause"]).ok();
    let stood = branch.position();
    load.wait_for_more(50);
    let far = newest_tick(root);
    assert_eq!(branch.position(), stood);
    branch.node.londiste(["resume"]).ok();
    branch.wait_info("worker_last_tick", far);
}

fn a_script_and_a_truncate_run_on_every_node(stage: &Stage, file: &str) {
    let column = file.trim_end_matches(".sql");
    let script = format!(
        "alter table app.user_session add column {column} text default 'new';\n\
         update app.user_session set {column} = 'old' where userid < 3;\n"
    );
    fs::write(stage.root.node.folder().join(file), script).expect("own folder");
    stage.root.node.londiste(["execute", file]).ok().says(&format!("Execute finished: {file}"));
    stage.root.db.sql(&format!(
        "update app.user_session set {column} = 'newer' where userid = 4; truncate app.user_logout_rec"
    ));
    stage.wait_caught_up();
    for place in [&stage.branch, &stage.leaf] {
        let seen = place.db.text(&format!(
            "select {column} from app.user_session where userid in (1, 2, 3, 4) order by userid"
        ));
        assert_eq!(seen, "old\nold\nnew\nnewer", "{} {:?}", place.name(), stage.cast);
    }
}

fn the_leaf_changes_its_provider_and_comes_back(stage: &Stage) {
    let Stage { root, leaf, load, .. } = stage;
    for provider in ["root", "branch"] {
        let option = format!("--provider={provider}");
        // The branch may not have the tick yet where the leaf stands, which the original does not wait for.
        leaf.node.londiste(["pause"]).ok();
        stage.branch.wait_info("worker_last_tick", leaf.position());
        leaf.node.londiste(["change-provider", &option]).ok();
        assert_eq!(leaf.info("provider_node"), provider);
        load.wait_for_more(30);
        leaf.wait_caught_up(root);
    }
}

fn a_table_leaves_the_set(stage: &Stage) {
    let table = TABLES[3].0;
    stage.root.node.londiste(["remove-table", table]).ok();
    for place in [&stage.branch, &stage.leaf] {
        place.wait_caught_up(&stage.root);
        place.node.londiste(["tables"]).ok().says_not(table);
    }
}

fn end(stage: Stage) {
    let Stage { cast, root, branch, leaf, ticker, load } = stage;
    load.wait_for_more(20);
    load.stop();
    for place in [&branch, &leaf] {
        place.wait_caught_up(&root);
        place.assert_equal(&root, &TABLES[..3]);
    }
    // The original cannot compare with a branch: it pauses the worker that would bring the tick it waits for.
    if leaf.node.implementation() == Ours {
        leaf.node.londiste(["compare"]).ok().says_not("Results do not match!");
    }
    leaf.node.londiste(["status"]).ok().says_not("ERR:");
    for place in [&leaf, &branch, &root] {
        for text in ["Lost position", "is_batch_done"] {
            assert!(!place.node.log().contains(text), "{cast:?}: {}", place.node.log());
        }
        place.node.stop_worker();
    }
    ticker.stop();
}

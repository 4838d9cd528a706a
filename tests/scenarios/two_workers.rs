//! Somebody starts a node's worker twice, on two machines, so that no pidfile stops the second.

use system_tests::{Impl, Node};

use crate::diary::{Cast, Load, QUEUE, Stage, TABLES};

#[test]
fn two_workers_of_one_node_neither_lose_nor_double_a_row() {
    let stage = Stage::set(Cast::all(Impl::Ours));
    stage.replicate_everything();
    let load = Load::start(&stage.source);
    // The same job, with files of its own.
    let second = Node::new(Impl::Ours, stage.leaf.name(), &stage.target, QUEUE);
    second.start_worker();
    load.wait_for_more(500);
    second.stop_worker();
    load.stop();
    stage.wait_caught_up();
    stage.assert_equal(&TABLES);
    stage.leaf.londiste(["status"]).ok().says_not("ERR:");
    stage.stop_daemons();
}

//! Calls of the functions of pgq_node: several nodes in one database, each of its own cascade.

use super::super::look;
use super::super::script::{Script, Step, literal};
use super::names;
use system_tests::random::Random;

const NODES: &[&str] = &["top", "here", "other node", "d'own"];
const WORKERS: &[&str] = &["w", "w2", "wörk'er"];

/// Who calls functions of nodes: also the scripts about londiste.
pub(super) struct Caller {
    pub(super) random: Random,
    pub(super) script: Script,
    pub(super) queues: Vec<&'static str>,
}

pub(super) fn script(random: Random) -> Vec<Step> {
    let mut caller = Caller::new(random);
    for _ in 0..25 + caller.random.below(45) {
        caller.call();
    }
    caller.script.plain("rollback");
    look::at_nodes(&mut caller.script);
    look::at_pgq(&mut caller.script);
    look::at_event_tables(&mut caller.script);
    caller.script.steps
}

impl Caller {
    /// With some nodes that are already there.
    pub(super) fn new(random: Random) -> Self {
        let mut caller = Self { random, script: Script::default(), queues: Vec::new() };
        for _ in 0..=caller.random.below(3) {
            caller.create();
        }
        caller
    }

    /// A node as commands create it, of the type its queue is for.
    fn create(&mut self) {
        let queue = self.random.pick(names::CASCADES);
        if self.queues.contains(&queue) {
            return;
        }
        let combined = match queue {
            "M1" | "M2" => {
                let combined = self.random.pick(&["CR", "CB"]);
                if !self.queues.contains(&combined) {
                    self.create_one(combined, None);
                }
                Some(combined)
            }
            _ => None,
        };
        self.create_one(queue, combined);
    }

    fn create_one(&mut self, queue: &'static str, combined: Option<&'static str>) {
        for node in &NODES[..3] {
            self.script.plain(format!(
                "select * from pgq_node.register_location({}, {}, 'dbname=x', false)",
                literal(queue),
                literal(node)
            ));
        }
        let name = literal(queue);
        let combined = combined.map_or("null".to_owned(), literal);
        self.script.client(match queue {
            "B" | "CB" => format!(
                "select * from pgq_node.create_node({name}, 'branch', 'here', 'w', 'top', 1, null)"
            ),
            "L" | "M1" | "M2" => format!(
                "select * from pgq_node.create_node({name}, 'leaf', 'here', 'w', 'top', 1, {combined})"
            ),
            _ => format!(
                "select * from pgq_node.create_node({name}, 'root', 'here', 'w', null, null, null)"
            ),
        });
        if !matches!(queue, "L" | "M1" | "M2") {
            self.script.plain(format!(
                "update pgq.queue set queue_ticker_max_lag = '1 hour', queue_ticker_idle_period = '0' where queue_name = {name}"
            ));
        }
        self.queues.push(queue);
    }

    pub(super) fn queue(&mut self) -> String {
        match self.random.below(20) {
            0 => "null".to_owned(),
            1 => "'nobody'".to_owned(),
            _ => literal(self.random.pick(&self.queues.clone())),
        }
    }

    fn node(&mut self) -> String {
        match self.random.below(24) {
            0 => "null".to_owned(),
            1 => "'nobody'".to_owned(),
            _ => literal(self.random.pick(NODES)),
        }
    }

    fn worker(&mut self) -> String {
        match self.random.below(24) {
            0 => "null".to_owned(),
            1 => "'nobody'".to_owned(),
            _ => literal(self.random.pick(WORKERS)),
        }
    }

    fn flag(&mut self) -> &'static str {
        self.random.weighted(&[(5, "true"), (5, "false"), (1, "null")])
    }

    fn tick(&mut self) -> &'static str {
        self.random.weighted(&[
            (6, "1"),
            (5, "2"),
            (3, "3"),
            (2, "50"),
            (2, "null"),
            (1, "0"),
            (1, "-1"),
        ])
    }

    fn all_of(&mut self, call: &str) {
        self.script.plain(format!("select * from pgq_node.{call}"));
    }

    /// As the original's programs call it: in a transaction that a refusal undoes.
    fn one(&mut self, call: &str) {
        if self.random.chance(30) {
            self.script.client(format!("select * from pgq_node.{call}"));
        } else {
            self.all_of(call);
        }
    }

    /// One call.
    pub(super) fn call(&mut self) {
        let (queue, node, worker) = (self.queue(), self.node(), self.worker());
        match self.random.below(50) {
            0..=2 => {
                let (flag, place) =
                    (self.flag(), self.random.pick(&["'dbname=x'", "'host=it''s'", "null", "''"]));
                self.one(&format!("register_location({queue}, {node}, {place}, {flag})"));
            }
            3 | 4 => self.one(&format!("unregister_location({queue}, {node})")),
            5 => self.all_of(&format!("get_queue_locations({queue}) order by 1")),
            6 | 7 => self.create(),
            8 => self.wrong_node(&queue, &node, &worker),
            9 => self.one(&format!("drop_node({queue}, {node})")),
            10 => {
                let attributes = self.random.pick(&["'a=b&c'", "null", "''"]);
                self.one(&format!("set_node_attrs({queue}, {attributes})"));
            }
            11..=14 => {
                let tick = self.tick();
                self.one(&format!("register_subscriber({queue}, {node}, {worker}, {tick})"));
            }
            15 | 16 => self.one(&format!("unregister_subscriber({queue}, {node})")),
            17 | 18 => {
                let tick = self.tick();
                self.one(&format!("set_subscriber_watermark({queue}, {node}, {tick})"));
            }
            19..=21 => {
                let tick = self.tick();
                self.one(&format!("set_global_watermark({queue}, {tick})"));
            }
            22 => {
                let (part, tick) = (self.queue(), self.tick());
                self.one(&format!("set_partition_watermark({queue}, {part}, {tick})"));
            }
            23 => {
                if self.random.chance(50) {
                    self.script
                        .plain("update pgq.tick set tick_time = tick_time - interval '1 hour'");
                }
                self.script.plain(format!("select pgq_node.maint_watermark({queue})"));
            }
            24..=26 => {
                let tick = self.tick();
                self.one(&format!("register_consumer({queue}, {worker}, {node}, {tick})"));
            }
            27 => self.one(&format!("unregister_consumer({queue}, {worker})")),
            28 => self.one(&format!("change_consumer_provider({queue}, {worker}, {node})")),
            29 | 30 => {
                let flag = self.flag();
                self.one(&format!("set_consumer_paused({queue}, {worker}, {flag})"));
            }
            31 => {
                let flag = self.flag();
                self.one(&format!("set_consumer_uptodate({queue}, {worker}, {flag})"));
            }
            32 | 33 => {
                let tick = self.tick();
                self.one(&format!("set_consumer_completed({queue}, {worker}, {tick})"));
            }
            34 => {
                let error = self.random.pick(&["'it''s wrong'", "null", "''"]);
                self.one(&format!("set_consumer_error({queue}, {worker}, {error})"));
            }
            35..=36 => self.all_of(&format!("get_node_info({queue})")),
            37 => self.all_of(&format!("get_worker_state({queue})")),
            38 => self.all_of(&format!("get_consumer_state({queue}, {worker})")),
            39 => self.all_of(&format!("get_consumer_info({queue})")),
            40 => self.all_of(&format!("get_subscriber_info({queue})")),
            41 => {
                let what = self.random.pick(&["is_root_node", "is_leaf_node"]);
                self.script.plain(format!("select pgq_node.{what}({queue})"));
            }
            42 => self.demote(&queue, &node),
            43 => self.one(&format!("promote_branch({queue})")),
            44..=47 => self.traffic(&queue),
            48 => self.script.plain("select pgq_node.upgrade_schema(), pgq_node.version()"),
            _ => self.script.plain("select * from pgq.maint_operations() order by 1, 2"),
        }
    }

    fn wrong_node(&mut self, queue: &str, node: &str, worker: &str) {
        let kind = self.random.pick(&["root", "branch", "leaf", "twig", ""]);
        let (provider, tick, combined) = (self.node(), self.tick(), self.queue());
        let combined = self.random.pick(&["null".to_owned(), combined]);
        self.one(&format!(
            "create_node({queue}, '{kind}', {node}, {worker}, {provider}, {tick}, {combined})"
        ));
    }

    /// The three steps, mostly in order.
    fn demote(&mut self, queue: &str, node: &str) {
        if self.random.chance(40) {
            let step = self.random.pick(&["0", "1", "2", "3", "4", "null"]);
            self.one(&format!("demote_root({queue}, {step}, {node})"));
            return;
        }
        for step in 1..=3 {
            self.script
                .client(format!("select * from pgq_node.demote_root({queue}, {step}, {node})"));
        }
    }

    /// Events and ticks in the queues.
    pub(super) fn traffic(&mut self, queue: &str) {
        match self.random.below(4) {
            0 => self.script.plain(format!("select pgq.insert_event({queue}, 't', 'd')")),
            1 => {
                let tick = self.tick();
                self.script.plain(format!("select pgq.ticker({queue}, {tick}, now(), 10)"));
            }
            _ => {
                self.script.plain(format!("select pgq.force_tick({queue})"));
                self.script.plain(format!("select pgq.ticker({queue})"));
            }
        }
    }
}

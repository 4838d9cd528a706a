//! Calls of the functions of pgq, with right and wrong arguments.
//!
//! Whether a tick or a rotation is due hangs on the time; so the limits are nothing or hours, and ticks are made old.

use super::super::look;
use super::super::script::{Script, Step, literal};
use super::names;
use system_tests::random::Random;

const CONSUMERS: &[&str] = &["c", "C 'Two'", "ç.&"];

struct Caller {
    random: Random,
    script: Script,
    /// The queues of this script: few, so that calls meet.
    queues: Vec<&'static str>,
    cursors: usize,
}

pub(super) fn script(mut random: Random) -> Vec<Step> {
    let queues = random.some(names::QUEUES, 2);
    let mut caller = Caller { random, script: Script::default(), queues, cursors: 0 };
    for queue in caller.queues.clone() {
        caller.create_queue(&literal(queue));
        for consumer in caller.random.some(CONSUMERS, 2) {
            let call = format!("register_consumer({}, {})", literal(queue), literal(consumer));
            caller.number(&call);
        }
    }
    for _ in 0..25 + caller.random.below(50) {
        caller.call();
    }
    caller.script.plain("rollback");
    look::at_pgq(&mut caller.script);
    look::at_event_tables(&mut caller.script);
    caller.script.steps
}

impl Caller {
    /// The name of a queue, an unknown one, or none.
    fn queue(&mut self) -> String {
        match self.random.below(20) {
            0 => "null".to_owned(),
            1 => "'nobody'".to_owned(),
            _ => literal(self.random.pick(&self.queues.clone())),
        }
    }

    fn consumer(&mut self) -> String {
        match self.random.below(20) {
            0 => "null".to_owned(),
            1 => "'nobody'".to_owned(),
            _ => literal(self.random.pick(CONSUMERS)),
        }
    }

    /// The number of a batch: one that is open, as far as there is any, or a wrong one.
    fn batch(&mut self) -> String {
        let pick = "(select {}(sub_batch) from pgq.subscription)";
        match self.random.below(20) {
            0 => "null".to_owned(),
            1 => "-1".to_owned(),
            2 => "999".to_owned(),
            3 => "1".to_owned(),
            4..=10 => pick.replace("{}", "min"),
            _ => pick.replace("{}", "max"),
        }
    }

    fn tick(&mut self) -> String {
        self.random
            .weighted(&[(5, "1"), (5, "2"), (4, "3"), (2, "null"), (1, "0"), (1, "999"), (1, "-1")])
            .to_owned()
    }

    fn event(&mut self) -> String {
        self.random
            .weighted(&[(4, "1"), (4, "2"), (3, "3"), (2, "5"), (1, "null"), (1, "999")])
            .to_owned()
    }

    fn text(&mut self) -> String {
        self.random
            .weighted(&[
                (4, "'d'"),
                (2, "null"),
                (1, "''"),
                (1, "E'it''s \\n\\\\'"),
                (1, "'ä&%='"),
                (1, "repeat('x', 3000)"),
            ])
            .to_owned()
    }

    fn interval(&mut self) -> String {
        self.random
            .weighted(&[
                (4, "'0'"),
                (3, "'100 hours'"),
                (2, "'5 hours'"),
                (3, "null"),
                (1, "'-1 hour'"),
            ])
            .to_owned()
    }

    fn count(&mut self) -> String {
        self.random
            .weighted(&[(3, "null"), (2, "0"), (3, "1"), (2, "3"), (2, "100"), (1, "-1")])
            .to_owned()
    }

    /// A call that answers one value.
    fn number(&mut self, call: &str) {
        self.script.plain(format!("select pgq.{call}"));
    }

    fn create_queue(&mut self, queue: &str) {
        self.script.plain(format!("select pgq.create_queue({queue})"));
        self.script.plain(format!(
            "update pgq.queue set queue_ticker_max_lag = '1 hour', queue_ticker_idle_period = '0' where queue_name = {queue}"
        ));
    }

    fn call(&mut self) {
        let (queue, consumer) = (self.queue(), self.consumer());
        match self.random.below(100) {
            0..=15 => self.produce(&queue),
            16..=29 => self.tick_now(&queue),
            30..=42 => self.next_batch(&queue, &consumer),
            43..=56 => self.read_batch(),
            57..=63 => {
                let batch = self.batch();
                self.number(&format!("finish_batch({batch})"));
            }
            64..=71 => self.retry(&queue, &consumer),
            72..=79 => self.subscribe(&queue, &consumer),
            80..=87 => self.maintain(&queue),
            88..=91 => self.configure(&queue),
            92..=93 => self.lifecycle(&queue),
            94..=95 => self.utilities(&queue),
            96 => {
                let end = self.random.pick(&[
                    "begin",
                    "rollback",
                    "commit",
                    "savepoint s",
                    "rollback to s",
                ]);
                self.script.plain(end);
            }
            _ => self.inform(&queue, &consumer),
        }
    }

    fn produce(&mut self, queue: &str) {
        let texts: Vec<String> = (0..6).map(|_| self.text()).collect();
        match self.random.below(10) {
            0..=4 => self.number(&format!("insert_event({queue}, {}, {})", texts[0], texts[1])),
            5..=7 => self.number(&format!("insert_event({queue}, {})", texts.join(", "))),
            8 => {
                let (event, owner, retry) = (self.event(), self.count(), self.count());
                let time = self.random.pick(&["null", "now()", "'2024-02-29'"]);
                self.number(&format!(
                    "insert_event_raw({queue}, {event}, {time}, {owner}, {retry}, {})",
                    texts.join(", ")
                ));
            }
            _ => self.script.plain(format!(
                "select count(pgq.insert_event({queue}, 'many', i::text)) from generate_series(1, 10) i"
            )),
        }
    }

    fn tick_now(&mut self, queue: &str) {
        match self.random.below(14) {
            0..=5 => {
                self.number(&format!("force_tick({queue})"));
                self.number(&format!("ticker({queue})"));
            }
            6 | 7 => self.number(&format!("ticker({queue})")),
            8 => self.number("ticker()"),
            9 => {
                let (tick, seq) = (self.tick(), self.count());
                let time = self.random.pick(&["now()", "'2024-02-29'", "null"]);
                self.number(&format!("ticker({queue}, {tick}, {time}, {seq})"));
            }
            // Hours between the ticks, the last one hours ago.
            _ => self.script.plain(
                "update pgq.tick t set tick_time = now() - interval '10 hours' * (1 + (select max(tick_id) from pgq.tick m where m.tick_queue = t.tick_queue) - tick_id)",
            ),
        }
    }

    fn next_batch(&mut self, queue: &str, consumer: &str) {
        match self.random.below(6) {
            0 | 1 => self.number(&format!("next_batch({queue}, {consumer})")),
            2 | 3 => self.script.plain(format!(
                "select batch_id, cur_tick_id, prev_tick_id, cur_tick_time is null as cur, prev_tick_time is null as prev, cur_tick_event_seq, prev_tick_event_seq from pgq.next_batch_info({queue}, {consumer})"
            )),
            _ => {
                let (lag, count, interval) = (self.interval(), self.count(), self.interval());
                self.script.plain(format!(
                    "select batch_id, cur_tick_id, prev_tick_id, cur_tick_time is null as cur, prev_tick_time is null as prev, cur_tick_event_seq, prev_tick_event_seq from pgq.next_batch_custom({queue}, {consumer}, {lag}, {count}, {interval})"
                ));
            }
        }
    }

    fn read_batch(&mut self) {
        const EVENT: &str = "ev_id, ev_txid is null as no_txid, ev_retry, ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4";
        let batch = self.batch();
        match self.random.below(8) {
            0..=2 => {
                self.script.plain(format!("select {EVENT} from pgq.get_batch_events({batch})"));
            }
            3..=4 => {
                self.cursors += 1;
                let cursor = self.random.weighted(&[
                    (6, format!("'cur {}'", self.cursors)),
                    (1, "null".to_owned()),
                    (1, "'same'".to_owned()),
                ]);
                let limit = self.random.pick(&["0", "1", "3", "100", "null", "-1"]);
                let filter = self.random.weighted(&[
                    (4, ""), (1, ", null"), (2, ", 'ev_id > 1'"), (1, ", 'ev_type = ''t'' or true'"), (1, ", 'nope'"), (1, ", 'ev_id > 1 -- one'"), (1, ", ''"),
                ]);
                self.script.plain("begin");
                self.script.plain(format!(
                    "select {EVENT} from pgq.get_batch_cursor({batch}, {cursor}, {limit}{filter})"
                ));
                self.script.plain("select name, is_holdable, is_scrollable from pg_cursors where name ~ 'cur|same'");
                self.script.plain("commit");
            }
            5 => self.script.plain(format!("select * from pgq.batch_event_tables({batch})")),
            6 => self.script.plain(format!(
                "select pgq.batch_event_sql({batch}) ~ '^ *select .* order by 1$' as looks_so"
            )),
            _ => self.script.plain(format!(
                "select queue_name, consumer_name, batch_start is null as no_start, batch_end is null as no_end, prev_tick_id, tick_id, lag is null as no_lag, seq_start, seq_end from pgq.get_batch_info({batch})"
            )),
        }
    }

    fn retry(&mut self, queue: &str, consumer: &str) {
        let (batch, event) = (self.batch(), self.event());
        match self.random.below(8) {
            0..=1 => self.number(&format!("event_retry({batch}, {event}, 0)")),
            2 => self.number(&format!("event_retry({batch}, {event}, 'infinity'::timestamptz)")),
            3 => {
                let seconds =
                    self.random.pick(&["0", "null::int", "null::timestamptz", "-5", "100000"]);
                self.number(&format!("event_retry({batch}, {event}, {seconds})"));
            }
            4 => {
                let seconds = self.random.pick(&["0", "0", "null", "100000"]);
                self.number(&format!("batch_retry({batch}, {seconds})"));
            }
            5 => {
                let (text, retry) = (self.text(), self.count());
                self.number(&format!(
                    "event_retry_raw({queue}, {consumer}, '2024-02-29', {event}, now(), {retry}, 't', {text}, 'e1', null, '', null)"
                ));
            }
            _ => self.number("maint_retry_events()"),
        }
    }

    fn subscribe(&mut self, queue: &str, consumer: &str) {
        match self.random.below(7) {
            0..=2 => self.number(&format!("register_consumer({queue}, {consumer})")),
            3..=4 => {
                let tick = self.tick();
                self.number(&format!("register_consumer_at({queue}, {consumer}, {tick})"));
            }
            _ => self.number(&format!("unregister_consumer({queue}, {consumer})")),
        }
    }

    fn maintain(&mut self, queue: &str) {
        match self.random.below(9) {
            0 => self.script.plain(format!(
                "update pgq.queue set queue_rotation_period = '0' where queue_name = {queue}"
            )),
            1..=3 => self.number(&format!("maint_rotate_tables_step1({queue})")),
            4..=5 => self.number("maint_rotate_tables_step2()"),
            6 => self.script.plain("select * from pgq.maint_operations()"),
            7 => self.script.plain("select * from pgq.maint_tables_to_vacuum()"),
            _ => {
                let list = self.random.pick(&["null", "'{a.b,c}'", "'{\"it''s\"}'"]);
                self.script.plain(format!(
                    "update pgq.queue set queue_extra_maint = {list} where queue_name = {queue}"
                ));
            }
        }
    }

    fn configure(&mut self, queue: &str) {
        let (parameter, value) = self.random.pick(&[
            ("'ticker_max_count'", "'0'"),
            ("'ticker_max_count'", "'3'"),
            ("'ticker_max_count'", "'x'"),
            ("'ticker_max_lag'", "'0'"),
            ("'ticker_max_lag'", "'1 hour'"),
            ("'ticker_max_lag'", "'soon'"),
            ("'ticker_idle_period'", "'0'"),
            ("'ticker_paused'", "'on'"),
            ("'ticker_paused'", "'0'"),
            ("'ticker_paused'", "'false'"),
            ("'rotation_period'", "'0'"),
            ("'rotation_period'", "'2 hours'"),
            ("'external_ticker'", "'true'"),
            ("'external_ticker'", "'no'"),
            ("'external_ticker'", "null"),
            ("'foo'", "'1'"),
            ("null", "'1'"),
            ("'ntables'", "'5'"),
            ("'disable_insert'", "'true'"),
            ("'TICKER_PAUSED'", "'on'"),
        ]);
        match self.random.below(5) {
            0 => {
                let flag = self.random.pick(&[
                    "queue_disable_insert = true",
                    "queue_disable_insert = false",
                    "queue_per_tx_limit = 3",
                    "queue_per_tx_limit = 0",
                    "queue_per_tx_limit = -1",
                    "queue_per_tx_limit = null",
                ]);
                self.script
                    .plain(format!("update pgq.queue set {flag} where queue_name = {queue}"));
            }
            _ => self.number(&format!("set_queue_config({queue}, {parameter}, {value})")),
        }
    }

    fn lifecycle(&mut self, queue: &str) {
        match self.random.below(6) {
            0 => self.number(&format!("drop_queue({queue})")),
            1 => {
                let force = self.random.pick(&["true", "false", "null"]);
                self.number(&format!("drop_queue({queue}, {force})"));
            }
            2 => self.number(&format!("grant_perms({queue})")),
            3 => self.number(&format!("tune_storage({queue})")),
            _ => self.create_queue(queue),
        }
    }

    fn utilities(&mut self, queue: &str) {
        match self.random.below(9) {
            0 | 1 => self.number(&format!("current_event_table({queue})")),
            2 => {
                let name = self.random.pick(&[
                    "''",
                    "'a'",
                    "'a.b'",
                    "'a.b.c'",
                    "'A b.ç'",
                    "'select.user'",
                    "null",
                    "'.'",
                    "'a.'",
                    "'\"q\".x'",
                ]);
                self.number(&format!("quote_fqname({name})"));
            }
            3 => {
                let name = self.random.pick(&[
                    "'pgq.event_1_id_seq'",
                    "'pgq.batch_id_seq'",
                    "'nope'",
                    "null",
                    "'pgq.queue'",
                    "'pgq.event_1_tick_seq'",
                ]);
                self.number(&format!("seq_getval({name})"));
            }
            4 => {
                let value = self.random.pick(&["1", "50", "null", "0"]);
                self.number(&format!("seq_setval('pgq.event_1_id_seq', {value})"));
            }
            5 => {
                let (tick, count, interval) = (self.tick(), self.count(), self.interval());
                self.script.plain(format!(
                    "select next_tick_id, next_tick_time is null as no_time, next_tick_seq from pgq.find_tick_helper(1, {tick}, (select tick_time from pgq.tick where tick_queue = 1 and tick_id = {tick}), 1, {count}, {interval})"
                ));
            }
            6 => self.number("upgrade_schema()"),
            7 => self.number("_grant_perms_from('pgq', 'event_template', 'pgq', 'event_1')"),
            _ => self.number("version()"),
        }
    }

    fn inform(&mut self, queue: &str, consumer: &str) {
        let of_queue = self.random.pick(&[String::new(), queue.to_owned()]);
        if self.random.chance(40) {
            self.script.plain(format!(
                "select queue_name, queue_ntables, queue_cur_table, queue_rotation_period, queue_external_ticker, queue_ticker_paused, queue_ticker_max_count, queue_ticker_max_lag, queue_ticker_idle_period, ticker_lag is null as no_lag, ev_per_sec is null as no_rate, ev_new, last_tick_id from pgq.get_queue_info({of_queue})"
            ));
            return;
        }
        let of = match self.random.below(3) {
            0 => format!("{queue}, {consumer}"),
            _ => of_queue,
        };
        self.script.plain(format!(
            "select queue_name, consumer_name, lag is null as no_lag, last_seen is null as not_seen, last_tick, current_batch, next_tick, pending_events from pgq.get_consumer_info({of})"
        ));
    }
}

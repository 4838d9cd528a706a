//! Every call of a cascade's life, on our schemas and on the original's extensions where the server has them.

use pgq_client::calls::pgq_node::{self, NewNode, NodeType, RenameSteps};
use pgq_client::calls::{Reply, Severity, pgq};
use pgq_client::conn::Session;
use pgq_client::consumer::BatchOptions;
use pgq_client::id::TickId;
use pgq_client::name::{ConsumerName, NodeName, QueueName};
use pgq_client::schema;
use system_tests::Database;

use crate::support::{database, open, run};

/// The database with all schemas: the original's, or ours.
async fn set_up(database: &Database, theirs: bool) -> Session {
    let mut session = open(&database.connstr()).await;
    if theirs {
        let extensions =
            "create extension pgq; create extension pgq_node; create extension londiste";
        session.batch_execute(extensions).await.unwrap();
    } else {
        schema::install(&mut session, &mut |_, _| {}).await.unwrap();
    }
    session
}

#[track_caller]
fn done(reply: &Reply, note: &str) {
    assert_eq!((reply.severity(), reply.note.as_str()), (Severity::Done, note));
}

/// Makes a root here and a leaf there, moves the leaf's position, and takes it all down again.
async fn life_of_a_cascade(root: &Session, leaf: &Session) {
    let queue = QueueName::new("q");
    let (r, l) = (NodeName::new("r"), NodeName::new("l"));
    let (r_worker, l_worker) = (ConsumerName::new("r_w"), ConsumerName::new("l_w"));

    let unknown = pgq_node::get_node_info(&**root, &queue).await.unwrap();
    assert_eq!((unknown.reply.code, unknown.node_type), (404, None));
    assert_eq!(unknown.reply.note, "Unknown queue: q");

    let reply =
        pgq_node::register_location(&**root, &queue, &r, Some("dbname=r password=x"), false);
    done(&reply.await.unwrap(), "Location registered");
    let new = NewNode {
        node_type: NodeType::Root,
        node: &r,
        worker: &r_worker,
        provider: None,
        global_watermark: None,
        combined_queue: None,
    };
    let reply = pgq_node::create_node(&**root, &queue, &new).await.unwrap();
    done(&reply, "Node \"r\" initialized for queue \"q\" with type \"root\"");
    assert!(pgq_node::is_root_node(&**root, &queue).await.unwrap());
    assert!(!pgq_node::is_leaf_node(&**root, &queue).await.unwrap());

    pgq_node::register_location(&**root, &queue, &l, Some("dbname=l"), false).await.unwrap();
    let (reply, watermark) =
        pgq_node::register_subscriber(&**root, &queue, &l, &l_worker, None).await.unwrap();
    done(&reply, "Subscriber registered: l");
    assert_eq!(watermark, Some(TickId(1)));

    for location in pgq_node::get_queue_locations(&**root, &queue).await.unwrap() {
        let connstr = Some(location.connstr.as_str());
        pgq_node::register_location(&**leaf, &queue, &location.node, connstr, location.dead)
            .await
            .unwrap();
    }
    let new = NewNode {
        node_type: NodeType::Leaf,
        node: &l,
        worker: &l_worker,
        provider: Some(&r),
        global_watermark: watermark,
        combined_queue: None,
    };
    let reply = pgq_node::create_node(&**leaf, &queue, &new).await.unwrap();
    done(&reply, "Node \"l\" initialized for queue \"q\" with type \"leaf\"");

    let info = pgq_node::get_node_info(&**leaf, &queue).await.unwrap();
    assert_eq!((info.node_type, info.node_name.as_ref()), (Some(NodeType::Leaf), Some(&l)));
    assert_eq!(
        (info.provider_node.as_ref(), info.worker_name.as_ref()),
        (Some(&r), Some(&l_worker))
    );
    assert_eq!(info.provider_location.as_deref(), Some("dbname=r password=x"));
    assert_eq!((info.worker_last_tick, info.worker_paused), (watermark, Some(false)));
    assert_eq!(info.target_for, []);

    positions_and_flags(leaf, &queue, &l_worker, &r).await;
    watermarks(root, &queue, &l, &l_worker).await;

    done(
        &pgq_node::set_node_attrs(&**root, &queue, Some("a=1")).await.unwrap(),
        "Node attributes updated",
    );
    let attrs = pgq_node::get_node_info(&**root, &queue).await.unwrap().node_attrs;
    assert_eq!(attrs.as_deref(), Some("a=1"));

    done(&pgq_node::drop_node(&**leaf, &queue, &l).await.unwrap(), "Node dropped: l");
    done(
        &pgq_node::unregister_subscriber(&**root, &queue, &l).await.unwrap(),
        "Subscriber unregistered: l",
    );
    done(&pgq_node::unregister_location(&**root, &queue, &l).await.unwrap(), "Ok");
    let again = pgq_node::unregister_location(&**root, &queue, &l).await.unwrap();
    assert_eq!((again.severity(), &*again.note), (Severity::Warning, "Location not found: q/l"));
    let own = pgq_node::unregister_location(&**root, &queue, &r).await.unwrap();
    assert_eq!((own.severity(), own.code), (Severity::Failed, 403));
    done(&pgq_node::drop_node(&**root, &queue, &r).await.unwrap(), "Node dropped: r");
    assert_eq!(pgq::get_queue_info(&**root, &queue).await.unwrap(), None);
}

async fn positions_and_flags(
    leaf: &Session,
    queue: &QueueName,
    worker: &ConsumerName,
    provider: &NodeName,
) {
    let state = || async { pgq_node::get_consumer_state(&**leaf, queue, worker).await.unwrap() };
    let reply = pgq_node::set_consumer_completed(&**leaf, queue, worker, TickId(7)).await.unwrap();
    assert_eq!(
        (reply.severity(), &*reply.note),
        (Severity::Fine, "Consumer l_w completed tick = 7")
    );
    pgq_node::set_consumer_uptodate(&**leaf, queue, worker, true).await.unwrap();
    pgq_node::set_consumer_error(&**leaf, queue, worker, Some("broken")).await.unwrap();
    let seen = state().await;
    assert_eq!((seen.completed_tick, seen.uptodate), (Some(TickId(7)), true));
    assert_eq!(seen.cur_error.as_deref(), Some("broken"));

    let reply = pgq_node::set_consumer_paused(&**leaf, queue, worker, true).await.unwrap();
    done(&reply, "Consumer l_w tagged as paused");
    pgq_node::set_consumer_error(&**leaf, queue, worker, None).await.unwrap();
    let seen = state().await;
    assert_eq!((seen.paused, seen.uptodate, seen.cur_error), (true, false, None));

    let all = pgq_node::get_worker_state(&**leaf, queue).await.unwrap();
    assert_eq!((all.worker_name.as_ref(), all.consumer.paused), (Some(worker), true));
    assert_eq!((all.local_watermark, all.global_watermark), (Some(TickId(7)), None));

    let other = ConsumerName::new("other");
    let reply =
        pgq_node::register_consumer(&**leaf, queue, &other, provider, TickId(3)).await.unwrap();
    done(&reply, "Consumer other registered on queue q");
    let reply = pgq_node::change_consumer_provider(&**leaf, queue, &other, provider).await.unwrap();
    done(&reply, "Consumer provider node set to : r");
    let consumers = pgq_node::get_consumer_info(&**leaf, queue).await.unwrap();
    let seen: Vec<_> =
        consumers.iter().map(|c| (c.consumer.as_str(), c.last_tick, c.paused)).collect();
    assert_eq!(seen, [("l_w", TickId(7), true), ("other", TickId(3), false)]);
    let reply = pgq_node::unregister_consumer(&**leaf, queue, &other).await.unwrap();
    done(&reply, "Consumer other unregistered from q");
    let gone = pgq_node::get_consumer_state(&**leaf, queue, &other).await.unwrap();
    assert_eq!((gone.reply.code, gone.completed_tick), (404, None));
}

async fn watermarks(root: &Session, queue: &QueueName, leaf: &NodeName, worker: &ConsumerName) {
    pgq::force_tick(&**root, queue).await.unwrap();
    let tick = pgq::ticker(&**root, queue).await.unwrap().expect("it was forced");
    let reply = pgq_node::set_subscriber_watermark(&**root, queue, leaf, tick).await.unwrap();
    done(&reply, &format!(".l.watermark set to {tick}"));
    let subscribers = pgq_node::get_subscriber_info(&**root, queue).await.unwrap();
    assert_eq!((&subscribers[0].worker, subscribers[0].watermark), (worker, Some(tick)));
    let reply = pgq_node::set_global_watermark(&**root, queue, Some(tick)).await.unwrap();
    done(&reply, &format!("Global watermark set to {tick}"));

    let options = BatchOptions { min_count: Some(1_000_000), ..BatchOptions::default() };
    let none = pgq::next_batch_custom(&**root, queue, worker, &options).await.unwrap();
    assert_eq!(none, None, "too few events");
    let options = BatchOptions { min_lag: Some("1 hour".to_owned()), ..BatchOptions::default() };
    let none = pgq::next_batch_custom(&**root, queue, worker, &options).await.unwrap();
    assert_eq!(none, None, "too young");
    let batch =
        pgq::next_batch_custom(&**root, queue, worker, &BatchOptions::default()).await.unwrap();
    let batch = batch.expect("the forced tick");
    let open = pgq::get_batch_info(&**root, batch.batch).await.unwrap().unwrap();
    assert_eq!((&open.queue, &open.consumer, open.tick), (queue, worker, tick));
    assert!(pgq::batch_retry(&**root, batch.batch, 0).await.unwrap() >= 0);
    assert!(pgq::finish_batch(&**root, batch.batch).await.unwrap());
    assert_eq!(pgq::get_batch_info(&**root, batch.batch).await.unwrap(), None);
    assert!(!pgq::register_consumer_at(&**root, queue, worker, tick).await.unwrap());
    assert!(pgq::current_event_table(&**root, queue).await.unwrap().starts_with("pgq.event_"));
    pgq::set_queue_config(&**root, queue, "ticker_max_lag", "5 seconds").await.unwrap();
    let info = pgq::get_queue_info(&**root, queue).await.unwrap().unwrap();
    assert_eq!(info.last_tick, Some(tick));
}

#[test]
fn on_our_schemas() {
    let (root, leaf) = (database("root"), database("leaf"));
    run(async {
        let (root, leaf) = (set_up(&root, false).await, set_up(&leaf, false).await);
        life_of_a_cascade(&root, &leaf).await;
    });
}

#[test]
fn on_the_original_s_and_mixed() {
    let (root, leaf) = (database("root"), database("leaf"));
    if root.int("select count(*) from pg_available_extensions where name = 'pgq_node'") == 0 {
        // The original's extensions exist for few servers.
        return;
    }
    run(async {
        let (root, leaf) = (set_up(&root, true).await, set_up(&leaf, false).await);
        life_of_a_cascade(&root, &leaf).await;
        life_of_a_cascade(&leaf, &root).await;
    });
}

#[test]
fn a_root_becomes_a_branch_and_a_branch_a_root() {
    let database = database("switch");
    run(async {
        let session = set_up(&database, false).await;
        let (queue, me, other) = (QueueName::new("q"), NodeName::new("a"), NodeName::new("b"));
        for node in [&me, &other] {
            pgq_node::register_location(&*session, &queue, node, Some("dbname=x"), false)
                .await
                .unwrap();
        }
        let worker = ConsumerName::new("w");
        let new = NewNode {
            node_type: NodeType::Root,
            node: &me,
            worker: &worker,
            provider: None,
            global_watermark: None,
            combined_queue: None,
        };
        pgq_node::create_node(&*session, &queue, &new).await.unwrap();
        let mut last = None;
        for step in 1..=3 {
            let (reply, tick) =
                pgq_node::demote_root(&*session, &queue, step, &other).await.unwrap();
            assert_eq!(reply.severity(), Severity::Done, "{reply:?}");
            last = tick;
        }
        assert!(last > Some(TickId(1)), "{last:?}");
        let info = pgq_node::get_node_info(&*session, &queue).await.unwrap();
        assert_eq!((info.node_type, info.provider_node), (Some(NodeType::Branch), Some(other)));
        let tick = TickId(last.unwrap().0 + 5);
        pgq::external_tick(&*session, &queue, tick, "2024-02-29 12:00:00+00", 100).await.unwrap();
        let reply = pgq_node::promote_branch(&*session, &queue).await.unwrap();
        done(&reply, "Branch node promoted to root");
        let state = pgq_node::get_worker_state(&*session, &queue).await.unwrap();
        assert_eq!(state.local_queue_top, Some(tick));
        let reply =
            pgq_node::set_partition_watermark(&*session, &queue, &queue, tick).await.unwrap();
        done(&reply, "Part-queue does not exist");
        pgq::drop_queue(&*session, &queue, true).await.unwrap();
        assert_eq!(pgq::get_queue_info(&*session, &queue).await.unwrap(), None);
    });
}

#[test]
fn a_node_is_renamed_also_where_the_functions_are_missing() {
    let ours = database("rename");
    run(async {
        let session = set_up(&ours, false).await;
        assert!(pgq_node::has_rename_steps(&*session).await.unwrap());
        renamed(&session, RenameSteps::Installed).await;
    });
    let theirs = database("rename_theirs");
    let has_theirs =
        theirs.int("select count(*) from pg_available_extensions where name = 'pgq_node'") > 0;
    run(async {
        let session = if has_theirs {
            set_up(&theirs, true).await
        } else {
            let session = set_up(&theirs, false).await;
            let drop = "drop function pgq_node.rename_node_step1, pgq_node.rename_node_step2";
            session.batch_execute(drop).await.unwrap();
            session
        };
        assert!(!pgq_node::has_rename_steps(&*session).await.unwrap());
        assert!(pgq_node::may_rename(&*session).await.unwrap());
        pgq_node::bring_rename_steps(&*session).await.unwrap();
        renamed(&session, RenameSteps::Brought).await;
        assert!(!pgq_node::has_rename_steps(&*session).await.unwrap());
        session.batch_execute("create role cannot_rename; set role cannot_rename").await.unwrap();
        assert!(!pgq_node::may_rename(&*session).await.unwrap());
        session.batch_execute("reset role; drop role cannot_rename").await.unwrap();
    });
}

/// Renames a root, and the closed queue of one is known as such and opened again.
async fn renamed(session: &Session, steps: RenameSteps) {
    let (queue, old, new) = (QueueName::new("q"), NodeName::new("a"), NodeName::new("b"));
    pgq_node::register_location(&**session, &queue, &old, Some("dbname=x"), false).await.unwrap();
    let worker = ConsumerName::new("w");
    let root = NewNode {
        node_type: NodeType::Root,
        node: &old,
        worker: &worker,
        provider: None,
        global_watermark: None,
        combined_queue: None,
    };
    pgq_node::create_node(&**session, &queue, &root).await.unwrap();
    let reply = pgq_node::rename_node_step1(&**session, steps, &queue, &old, &new).await.unwrap();
    done(&reply, "New node name registered: b");
    let reply = pgq_node::rename_node_step2(&**session, steps, &queue, &old, &new).await.unwrap();
    done(&reply, "Node renamed: a is b");
    let info = pgq_node::get_node_info(&**session, &queue).await.unwrap();
    assert_eq!((info.node_name, info.provider_node), (Some(new.clone()), Some(new.clone())));

    let events = pgq::event_seq(&**session, &queue).await.unwrap();
    assert!(events > Some(0), "the names are events");
    assert_eq!(pgq::is_closed(&**session, &queue).await.unwrap(), Some(false));
    pgq_node::demote_root(&**session, &queue, 1, &new).await.unwrap();
    assert_eq!(pgq::is_closed(&**session, &queue).await.unwrap(), Some(true));
    pgq::open_queue(&**session, &queue).await.unwrap();
    assert_eq!(pgq::is_closed(&**session, &queue).await.unwrap(), Some(false));
    assert_eq!(pgq::is_closed(&**session, &QueueName::new("none")).await.unwrap(), None);
}

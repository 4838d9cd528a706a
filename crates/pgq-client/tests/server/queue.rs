//! Events from a producer to a consumer and back into the queue, the library's part and its examples.

use pgq_client::calls::pgq;
use pgq_client::conn::Session;
use pgq_client::consumer::cursor::Cursor;
use pgq_client::consumer::{BatchInfo, BatchOptions};
use pgq_client::event::Event;
use pgq_client::name::{ConsumerName, QueueName};
use pgq_client::producer::{NewEvent, Producer};
use pgq_client::schema;
use system_tests::Database;

use crate::support::{database, example, open, run};

fn names() -> (QueueName, ConsumerName) {
    (QueueName::new("Odd queue's"), ConsumerName::new("reader"))
}

/// A session on a database with a queue and a consumer on it.
async fn set_up(database: &Database) -> Session {
    let mut session = open(&database.connstr()).await;
    schema::install(&mut session, &mut |_, _| {}).await.unwrap();
    let (queue, consumer) = names();
    assert!(pgq::create_queue(&*session, &queue).await.unwrap());
    assert!(!pgq::create_queue(&*session, &queue).await.unwrap());
    assert!(pgq::register_consumer(&*session, &queue, &consumer).await.unwrap());
    session
}

/// Makes everything committed so far a batch.
async fn tick(session: &Session) {
    pgq::force_tick(&**session, &names().0).await.unwrap();
    session.execute("select pgq.ticker()", &[]).await.unwrap();
}

async fn next(session: &Session) -> Option<BatchInfo> {
    let (queue, consumer) = names();
    pgq::next_batch_custom(&**session, &queue, &consumer, &BatchOptions::default()).await.unwrap()
}

/// All events of a batch, read in steps of `rows`.
async fn events(
    session: &mut Session,
    batch: &BatchInfo,
    filter: Option<&str>,
    rows: usize,
) -> Vec<Event> {
    let transaction = session.transaction().await.unwrap();
    let mut cursor = Cursor::open(&transaction, batch.batch, filter).await.unwrap();
    let mut all = Vec::new();
    loop {
        let events = cursor.fetch(rows).await.unwrap();
        if events.is_empty() {
            break;
        }
        all.extend(events);
    }
    cursor.close().await.unwrap();
    transaction.commit().await.unwrap();
    all
}

#[test]
fn events_arrive_as_they_were_written() {
    let database = database("queue");
    run(async {
        let mut session = set_up(&database).await;
        let (queue, _) = names();
        let sent = [
            NewEvent {
                kind: Some("k"),
                data: Some("it's \\ é\n"),
                extra: [Some("1"), None, Some(""), Some("4")],
            },
            NewEvent::default(),
        ];
        let ids = Producer::new(&*session, &queue).insert(&sent).await.unwrap();
        let third = pgq::insert_event(&*session, &queue, "x", None, [None; 4]).await.unwrap();
        tick(&session).await;
        let batch = next(&session).await.unwrap();
        let read = events(&mut session, &batch, None, 2).await;
        assert_eq!(read.iter().map(|event| event.id).collect::<Vec<_>>(), [ids[0], ids[1], third]);
        let event = &read[0];
        assert_eq!(event.kind.as_deref(), Some("k"));
        assert_eq!(event.data.as_deref(), Some("it's \\ é\n"));
        let extra = [&event.extra1, &event.extra2, &event.extra3, &event.extra4];
        assert_eq!(extra.map(Option::as_deref), [Some("1"), None, Some(""), Some("4")]);
        assert_eq!((&read[1].kind, &read[1].data, read[1].retry), (&None, &None, None));
        let stored = "select ev_time = $1::text::timestamptz and ev_txid = $2 \
                      from pgq.get_batch_events($3) where ev_id = $4";
        let same: bool = session
            .query_one(stored, &[&event.time, &event.txid.0, &batch.batch.0, &event.id.0])
            .await
            .unwrap()
            .get(0);
        assert!(same, "{event:?}");

        let filtered = events(&mut session, &batch, Some("ev_type = 'x'"), 10).await;
        assert_eq!(filtered.len(), 1);
    });
}

#[test]
fn a_batch_comes_again_until_it_is_finished() {
    let database = database("queue");
    run(async {
        let session = set_up(&database).await;
        // A new queue's second tick is due at once.
        tick(&session).await;
        while let Some(batch) = next(&session).await {
            assert!(pgq::finish_batch(&*session, batch.batch).await.unwrap());
        }
        pgq::insert_event(&*session, &names().0, "x", None, [None; 4]).await.unwrap();
        tick(&session).await;
        let batch = next(&session).await.unwrap();
        assert_eq!(next(&session).await.unwrap(), batch);
        assert!(batch.prev_tick < batch.tick);
        assert!(pgq::finish_batch(&*session, batch.batch).await.unwrap());
        assert!(!pgq::finish_batch(&*session, batch.batch).await.unwrap());
        assert_eq!(next(&session).await, None);
        let info = pgq::get_consumer_info(&*session, &names().0).await.unwrap();
        assert_eq!(info[0].last_tick, Some(batch.tick));
    });
}

#[test]
fn large_batches_stream() {
    let database = database("queue");
    run(async {
        let mut session = set_up(&database).await;
        let (queue, _) = names();
        let text: Vec<String> = (0..2500).map(|number| number.to_string()).collect();
        let sent: Vec<NewEvent<'_>> =
            text.iter().map(|data| NewEvent { data: Some(data), ..NewEvent::default() }).collect();
        let ids = Producer::new(&*session, &queue).insert(&sent).await.unwrap();
        assert!(ids.is_sorted() && ids.len() == sent.len());
        tick(&session).await;
        let batch = next(&session).await.unwrap();
        let read = events(&mut session, &batch, None, 700).await;
        let data: Vec<&str> = read.iter().filter_map(|event| event.data.as_deref()).collect();
        assert_eq!(data, text);

        let transaction = session.transaction().await.unwrap();
        let mut cursor = Cursor::open(&transaction, batch.batch, None).await.unwrap();
        let held = |events: &[Event]| events.iter().map(Event::text_bytes).sum::<usize>();
        let some = cursor.fetch_within(usize::MAX, 4096).await.unwrap();
        assert!(held(&some[..some.len() - 1]) < 4096 && held(&some) >= 4096);
    });
}

#[test]
fn errors_show_no_event() {
    let database = database("queue");
    run(async {
        let session = set_up(&database).await;
        let nowhere = QueueName::new("nowhere");
        let event = NewEvent { data: Some("secret"), ..NewEvent::default() };
        for error in [
            Producer::new(&*session, &nowhere).insert(&[event]).await.unwrap_err(),
            pgq::insert_event(&*session, &nowhere, "x", Some("secret"), [None; 4])
                .await
                .unwrap_err(),
        ] {
            assert!(error.to_string().contains("No such queue"), "{error}");
            assert!(!error.query().unwrap().contains("secret"), "{:?}", error.query());
        }
    });
}

#[test]
fn the_examples_do_what_they_say() {
    let database = database("queue");
    let connstr = database.connstr();
    assert_eq!(example("producer", &[], &[&connstr, "q", "before"]), "0 events written\n");
    assert_eq!(example("consumer", &[], &[&connstr, "q", "c"]), "");
    assert_eq!(example("producer", &[], &[&connstr, "q", "again", "a", "b"]), "2 events written\n");
    let tick = "select pgq.force_tick('q'); select pgq.ticker('q')";
    database.sql(tick);
    assert_eq!(example("consumer", &[], &[&connstr, "q", "c"]), "1 again a\n2 again b\n");
    assert_eq!(example("consumer", &[], &[&connstr, "q", "c"]), "");
    database.sql("update pgq.retry_queue set ev_retry_after = now()");
    assert_eq!(database.int("select pgq.maint_retry_events()"), 2);
    database.sql(tick);
    assert_eq!(example("consumer", &[], &[&connstr, "q", "c"]), "1 again a\n2 again b\n");
    assert_eq!(database.int("select count(*) from pgq.retry_queue"), 0);
}

//! The pure parts against the server's own functions.

use pgq_client::id::Txid;
use pgq_client::snapshot::Snapshot;
use pgq_client::text::quoting::{quote_ident, quote_literal};

use crate::support::{database, open, run, scalar};

/// Texts that quoting and escaping could get wrong.
const ODD: &[&str] = &[
    "", "a", "A", "_", "_1", "1", "a1", "a b", "a\"b", "\"", "a'b", "''", "\\", "a\\'b", "é",
    "a.b", "a$b", "A_b", "naïve", "\n", "😀", "user ", " user",
];

#[test]
fn identifiers_and_literals_are_the_server_s() {
    let database = database("quoting");
    run(async {
        let session = open(&database.connstr()).await;
        for row in session
            .query("select word::text, catcode::text from pg_get_keywords()", &[])
            .await
            .unwrap()
        {
            let word: &str = row.get(0);
            let reserved = row.get::<_, &str>(1) != "U";
            let ours = quote_ident(word);
            // Words that a later version reserves are quoted here too.
            let later = ours != word && !reserved;
            assert!(later || (ours != word) == reserved, "{word}: {ours}");
        }
        for text in ODD {
            let row = session
                .query_one("select quote_ident($1), quote_literal($1)", &[text])
                .await
                .unwrap();
            assert_eq!(quote_ident(text), row.get::<_, String>(0));
            let literal = quote_literal(Some(text));
            // The server puts a blank in front of the E, for callers that forgot theirs.
            assert_eq!(literal, row.get::<_, String>(1).trim_start());
            assert_eq!(scalar(&session, &format!("select {literal}")).await, *text);
            session.batch_execute("set standard_conforming_strings = off").await.unwrap();
            assert_eq!(scalar(&session, &format!("select {literal}")).await, *text);
            session.batch_execute("set standard_conforming_strings = on").await.unwrap();
        }
    });
}

#[test]
fn snapshots_are_the_server_s() {
    let database = database("snapshot");
    run(async {
        let session = open(&database.connstr()).await;
        for text in ["10:20:12,15", "10:10:", "1:2:1", "5:9:5,6,7,8"] {
            let snapshot: Snapshot = text.parse().unwrap();
            assert_eq!(snapshot.to_string(), text);
            for txid in 1..22_i64 {
                let row = session
                    .query_one(
                        "select txid_visible_in_snapshot($1, $2::text::txid_snapshot)",
                        &[&txid, &text],
                    )
                    .await
                    .unwrap();
                assert_eq!(
                    snapshot.contains(Txid(txid)),
                    row.get::<_, bool>(0),
                    "{txid} in {text}"
                );
            }
        }
        let now = scalar(&session, "select txid_current_snapshot()::text").await;
        assert_eq!(now.parse::<Snapshot>().unwrap().to_string(), now);
    });
}

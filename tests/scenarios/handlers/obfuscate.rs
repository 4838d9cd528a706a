//! Values that are hidden on their way: obfuscate.

use system_tests::Impl::{self, Ours, Reference};
use system_tests::wait::EVENTUALLY;
use system_tests::{holds, wait_for};

use super::Pair;
use crate::diary::QUEUE;

#[test]
fn values_are_hidden_theirs() {
    values_are_hidden(Reference);
}

#[test]
fn values_are_hidden_ours() {
    values_are_hidden(Ours);
}

fn values_are_hidden(implementation: Impl) {
    let rules = system_tests::folder::root().join(format!("rules-{implementation:?}.yaml"));
    std::fs::write(&rules, "public.t:\n  id: keep\n  htext: hash\n  btext: bool\n  stext: skip\n")
        .expect("own folder");
    let map = rules.display().to_string();
    let pair = Pair::start_with(
        implementation,
        "create-branch",
        "londiste.handlers.obfuscate",
        "create table t (id int primary key, htext text, btext text, stext text)",
        &[("obfuscator_map", &map), ("obfuscator_key", "123")],
    );
    pair.src.sql("insert into t values (1, 'hdata1', 'bdata1', 'sdata1')");
    pair.add("t", &["--handler=obfuscate"]);
    pair.write("insert into t values (2, 'hdata2', 'bdata2', 'sdata2'), (3, null, null, null)");
    assert_eq!(
        pair.dst.text("select * from t order by id"),
        "1|8a360867-91a5-182b-4bd2-f7fb845719f4|t|\n2|a259d0f2-6cf0-6ed9-2de9-60385f08c528|t|\n3|||"
    );
    assert_eq!(
        pair.events(&pair.dst, QUEUE, "t"),
        "I:id|id=2&htext=a259d0f2-6cf0-6ed9-2de9-60385f08c528&btext=t|public.t|\nI:id|id=3&htext&btext|public.t|"
    );
    pair.write(
        "update t set htext = 'hdata1', stext = 'other' where id = 2; delete from t where id = 3",
    );
    assert_eq!(
        pair.dst.text("select htext from t order by id"),
        "8a360867-91a5-182b-4bd2-f7fb845719f4\n8a360867-91a5-182b-4bd2-f7fb845719f4"
    );
    if implementation == Ours {
        // It would bring in clear what was hidden.
        pair.below
            .londiste(["repair", "t", "--apply"])
            .ok()
            .says("Table public.t has a handler by which its rows are not");
        // A table without rules stops the node, before anything of it is seen.
        pair.src
            .sql("create table u (id int primary key, a text); insert into u values (1, 'secret')");
        pair.dst.sql("create table u (id int primary key, a text)");
        pair.root.londiste(["add-table", "u"]).ok();
        wait_for("u known below", EVENTUALLY, || {
            let seen = pair.dst.int("select count(*) from londiste.table_info");
            holds(seen == 2, seen)
        });
        pair.below.londiste(["add-table", "u", "--handler=obfuscate"]).ok();
        pair.below.wait_log("Source table not in obf_map: public.u", EVENTUALLY);
        assert_eq!(pair.dst.int("select count(*) from u"), 0);
    }
}

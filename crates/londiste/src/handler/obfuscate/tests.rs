//! The contract's examples of whole rows, and that a value has one hash however it comes.

use bytes::BytesMut;
use pgq_client::name::TableName;
use pgq_client::text::row::{self, Op, RowEvent};

use super::rules::tests::rules;
use super::{ObfuscateError, Rules, TableRules};

/// The rules of the contract's examples.
const MAP: &str = "
public.t:
  id: keep
  h: hash
  h3: hash32
  h6: hash64
  b: bool
  s: skip
  j: {a: keep, n: hash, deep: {x: hash32, y: skip}}
  e: {}
";

const HDATA1: &str = "8a360867-91a5-182b-4bd2-f7fb845719f4";

fn table(rules: &Rules) -> &TableRules {
    rules.table(&TableName::new("public.t")).unwrap()
}

/// `Insert id | id=1 h=..`, a bare name for NULL.
fn applied(map: &str, kind: &str, data: &str) -> Result<String, ObfuscateError> {
    let rules = rules(map);
    let row = row::decode(kind, data).unwrap();
    let RowEvent::Row { op, key, columns } = table(&rules).row(kind, data, row)? else {
        panic!("a row stays a row");
    };
    let columns: Vec<_> = columns
        .iter()
        .map(|(name, value)| match value {
            Some(value) => format!("{name}={value}"),
            None => name.to_string(),
        })
        .collect();
    Ok(format!("{op:?} {} | {}", key.join(","), columns.join(" ")))
}

fn passed_on(map: &str, kind: &str, data: &str) -> Result<String, ObfuscateError> {
    table(&rules(map)).event(kind, data)
}

/// A copy of these columns: the columns that travel, and a line.
fn copied(map: &str, columns: &str, line: &str) -> Result<(String, String), ObfuscateError> {
    let rules = rules(map);
    let columns: Vec<_> = columns.split(',').map(str::to_owned).collect();
    let copy = table(&rules).copy(&columns);
    let mut out = BytesMut::new();
    copy.line(line.as_bytes(), &mut out)?;
    let columns: Vec<_> = copy.columns().collect();
    Ok((columns.join(","), String::from_utf8(out.to_vec()).unwrap()))
}

/// The new value of `x`, when it comes in an event, as `json` when in a JSON event, and in a copy as `field`.
fn everywhere(action: &str, value: &str, json: &str, field: &str) -> [String; 4] {
    let map = format!("public.t: {{id: keep, x: {action}}}");
    let encoded = format!("id=1&x={}", pgq_client::text::urlenc::encode(value));
    let json = format!(r#"{{"id":1,"x":{json}}}"#);
    let of_row = |row: String| row.split_once(" x=").unwrap().1.to_owned();
    let event = passed_on(&map, "U:id", &encoded).unwrap();
    let event = row::decode("U:id", &event).unwrap();
    let RowEvent::Row { columns, .. } = event else { panic!("{event:?}") };
    let line = copied(&map, "id,x", &format!("1\t{field}\n")).unwrap().1;
    [
        of_row(applied(&map, "U:id", &encoded).unwrap()),
        columns[1].1.as_deref().unwrap().to_owned(),
        of_row(applied(&map, r#"{"op":"UPDATE","pkey":["id"]}"#, &json).unwrap()),
        line.trim_end().split_once('\t').unwrap().1.to_owned(),
    ]
}

const JSON_INSERT: &str = r#"{"op":"INSERT","table":["public","t"],"pkey":["id"]}"#;

#[test]
fn rows_are_applied() {
    for (kind, data, row) in [
        (
            "I:id",
            "id=1&h=hdata1&h3=x&h6=y&b=f&s=secret&unk=q\
             &j=%7b%22a%22%3a1.50%2c%22n%22%3a%22z%22%2c%22deep%22%3a%7b%22x%22%3a5%2c%22y%22%3a6%7d%7d&e=%7b%7d",
            "Insert id | id=1 h=8a360867-91a5-182b-4bd2-f7fb845719f4 h3=-622350411 h6=-122276890033985480 b=t \
             j={\"a\": 1.5, \"n\": \"c56eb259-edd4-a1d0-1d06-0e66610ae174\", \"deep\": {\"x\": -1274210121}} e={}",
        ),
        ("U:id", "id=1&h&h3&h6&b&s&unk&j&e", "Update id | id=1 h h3 h6 b j e"),
        (
            JSON_INSERT,
            r#"{"id":2,"h":"hdata1","h3":5,"h6":6,"b":false,"s":1}"#,
            "Insert id | id=2 h=8a360867-91a5-182b-4bd2-f7fb845719f4 h3=-1274210121 h6=-5464160416190971506 b=f",
        ),
        ("D:id,h", "id=1&h=hdata1&s=secret", &*format!("Delete id,h | id=1 h={HDATA1}")),
        ("I:", "h=hdata1&b=", &*format!("Insert  | h={HDATA1} b=f")),
        // Data in the other format, as triggers on old servers wrote it.
        (JSON_INSERT, "id=1&b=f", "Insert id | id=1 b=t"),
    ] {
        assert_eq!(applied(MAP, kind, data).unwrap(), row, "{kind} {data}");
    }
}

#[test]
fn events_are_passed_on() {
    for (kind, data, out) in [
        ("I:id", "id=1&h=hdata1&s=secret&b", format!("id=1&h={HDATA1}&b")),
        ("U:id", "id=1&h=&j=%7b%7d", "id=1&h=409472de-b4c7-1d62-16ae-ca3ec2854cb4&j=%7b%7d".into()),
        (
            JSON_INSERT,
            r#"{"id":2,"h":"hdata1","h3":5,"h6":"y","b":false,"s":1,"j":"{\"a\":\"ä\"}","e":null}"#,
            format!(
                r#"{{"id": 2, "h": "{HDATA1}", "h3": -1274210121, "h6": -122276890033985480, "b": "f", "j": "{{\"a\": \"\\u00e4\"}}", "e": null}}"#
            ),
        ),
        (JSON_INSERT, "id=1&h=hdata1&s=secret", format!("id=1&h={HDATA1}")),
    ] {
        assert_eq!(passed_on(MAP, kind, data).unwrap(), out, "{kind} {data}");
    }
    let keep = "public.t: {id: keep, \"\\xe4\": keep, n: keep, x: keep}";
    assert_eq!(
        passed_on(
            keep,
            JSON_INSERT,
            r#"{"id":1,"ä":"\u00e4\n","n":1.50,"x":[1, true,{"a":1.50}],"y":1}"#
        )
        .unwrap(),
        r#"{"id": 1, "\u00e4": "\u00e4\n", "n": 1.50, "x": [1, true, {"a": 1.5}]}"#
    );
}

#[test]
fn tables_are_copied() {
    assert_eq!(
        copied(MAP, "id,h,s,b,h3,unk,j,h6,e", "1\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\n").unwrap(),
        ("id,h,b,h3,j,h6,e".to_owned(), "1\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\n".to_owned())
    );
    assert_eq!(
        copied(MAP, "id,h,h3,h6,b,j,e", "1\thdata1\tx\ty\tf\t{\"a\": 1, \"n\": \"z\"}\t{}\n")
            .unwrap()
            .1,
        format!(
            "1\t{HDATA1}\t-622350411\t-122276890033985480\tt\t\
             {{\"a\": 1, \"n\": \"c56eb259-edd4-a1d0-1d06-0e66610ae174\"}}\t{{}}\n"
        )
    );
    // What is kept is not touched, whatever is in it; a new value is escaped.
    assert_eq!(
        copied(MAP, "id,j", "a\\tb\\\\c\\v\t{\"a\":\"\\\\u00e4\\\\n\\\\\\\\\"}").unwrap().1,
        "a\\tb\\\\c\\v\t{\"a\": \"\\\\u00e4\\\\n\\\\\\\\\"}\n"
    );
    assert_eq!(copied("public.t: {b: bool}", "a,b", "\n").unwrap(), ("b".into(), "f\n".into()));
    let empty = rules("public.t: {a: skip}");
    assert_eq!(table(&empty).copy(&["a".to_owned(), "b".to_owned()]).columns().count(), 0);
}

/// Root to combined queue, by copy and by event.
#[test]
fn copied_and_replayed_rows_look_alike() {
    let map = "public.t: {id: keep, htext: hash, btext: bool, stext: skip}";
    assert_eq!(
        copied(map, "id,htext,btext,stext", "1\thdata1\tbdata1\n").unwrap(),
        ("id,htext,btext".to_owned(), format!("1\t{HDATA1}\tt\n"))
    );
    let data = "id=2&htext=hdata2&btext=bdata2&stext=sdata2";
    assert_eq!(
        passed_on(map, "I:id", data).unwrap(),
        "id=2&htext=a259d0f2-6cf0-6ed9-2de9-60385f08c528&btext=t"
    );
    assert_eq!(
        applied(map, "I:id", data).unwrap(),
        "Insert id | id=2 htext=a259d0f2-6cf0-6ed9-2de9-60385f08c528 btext=t"
    );
}

#[test]
fn a_value_has_one_hash_however_it_comes() {
    for (value, json, field, hash) in [
        ("hdata1", r#""hdata1""#, "hdata1", HDATA1),
        ("t", "true", "t", "94e8a82b-cbab-abc1-5ce2-37873806c830"),
        ("1", "1", "1", "c6d4b1c6-a4c1-9e89-70a3-b8b973e2859b"),
        ("", r#""""#, "", "409472de-b4c7-1d62-16ae-ca3ec2854cb4"),
        ("\t\n", r#""\t\n""#, "\\t\\n", "35ce5128-17e2-8b59-0e45-8a1545aefcd5"),
        ("ünïcödé", r#""ünïc\u00f6dé""#, "ünïcödé", "88e187e4-8b8f-d802-7a30-31cb0cd29601"),
        ("a\\b", r#""a\\b""#, "a\\\\b", "1bd85db5-d030-4531-0953-9b9528f46ea0"),
        ("\u{c}\u{b}\u{8}", r#""\f\u000b\b""#, "\\f\\v\\b", "e4ac0224-f29b-aa84-6339-2f652d3e8486"),
        (
            "\u{c}\u{b}\u{8}",
            r#""\f\u000b\b""#,
            "\\014\\x0B\\10",
            "e4ac0224-f29b-aa84-6339-2f652d3e8486",
        ),
        ("A\tB", r#""A\tB""#, "\\x41\\11\\102", "1701ca75-2a95-901d-6d99-bce448992fd3"),
        ("x", r#""x""#, "\\x", "c3d9eff6-53ba-0399-1006-b24aeabd9cbf"),
        ("\\N", r#""\\N""#, "\\\\N", "833f8fa7-01a5-fe02-307c-55228ff4db8c"),
    ] {
        for found in everywhere("hash", value, json, field) {
            assert_eq!(found, hash, "{value:?} {field}");
        }
    }
    for found in everywhere("hash32", "t", "true", "t") {
        assert_eq!(found, "-2089378721");
    }
}

/// Contract 10.3, as the value of a column.
#[test]
fn documents_are_filtered() {
    for (value, rule, result) in [
        (
            r#"{"a":1,"b":2,"c":3}"#,
            "{a: keep, b: hash}",
            r#"{"a": 1, "b": "bec5dcf2-529e-a472-5476-85c3afb1c97c"}"#,
        ),
        (r#"{"a":{"b":{"c":3}}}"#, "{a: {}}", "{}"),
        (r#"{"a":{"b":{"c":3}}}"#, "{a: {b: {}}}", "{}"),
        (r#"{"a":[1,2]}"#, "{a: keep}", r#"{"a": [1, 2]}"#),
        (r#"{"a":[1,2]}"#, "{a: hash}", "{}"),
        (r#"{"a":[1,2]}"#, "{a: bool}", "{}"),
        (r#"{"a":[1,2]}"#, "{a: {b: keep}}", "{}"),
        (r#"{"a":null}"#, "{a: keep}", "{}"),
        (r#"{"a":null}"#, "{a: hash}", "{}"),
        (r#"{"a":null}"#, "{a: bool}", "{}"),
        (r#"{"a":{"b":null}}"#, "{a: keep}", r#"{"a": {"b": null}}"#),
        (r#"{"a":{}}"#, "{a: keep}", r#"{"a": {}}"#),
        (r#"{"a":false}"#, "{a: keep}", r#"{"a": false}"#),
        (r#"{"a":false}"#, "{a: bool}", r#"{"a": "f"}"#),
        (r#"{"a":"f"}"#, "{a: bool}", r#"{"a": "t"}"#),
        (
            r#"{"a":"","b":0,"c":0.5,"d":"\ud800"}"#,
            "{a: bool, b: bool, c: bool, d: bool}",
            r#"{"a": "f", "b": "f", "c": "t", "d": "t"}"#,
        ),
        (r#"{"a":1}"#, "{a: skip}", "{}"),
        (r#"{"b":1,"a":2}"#, "{a: keep, b: keep}", r#"{"a": 2, "b": 1}"#),
        (r#"{"b":1}"#, "{a: keep, b: keep, c: skip}", r#"{"b": 1}"#),
        (r#"{"a":{"x":1},"b":1}"#, "{a: {y: keep}, b: keep}", r#"{"b": 1}"#),
        ("[1]", "{a: keep}", "{}"),
        (r#""x""#, "{a: keep}", "{}"),
        ("null", "{a: keep}", "{}"),
        (" {} ", "{a: keep}", "{}"),
        (r#"{"a":true}"#, "{a: hash}", r#"{"a": "c6d4b1c6-a4c1-9e89-70a3-b8b973e2859b"}"#),
        (r#"{"a":"1"}"#, "{a: hash}", r#"{"a": "c6d4b1c6-a4c1-9e89-70a3-b8b973e2859b"}"#),
        (
            r#"{"a":1e2,"b":1.50,"c":1000000000000000000000000000000}"#,
            "{a: hash32, b: hash32, c: hash64}",
            r#"{"a": 176568361, "b": 351366500, "c": 5212085525227790365}"#,
        ),
        (r#"{"a":"hdata1"}"#, "{a: hash32}", r#"{"a": 1846148070}"#),
        (
            r#"{"\u00e4":1,"on":2,"1":3}"#,
            "{1: keep, on: keep, ä: keep}",
            r#"{"1": 3, "on": 2, "\u00e4": 1}"#,
        ),
    ] {
        for found in everywhere(rule, value, &quoted(value), &value.replace('\\', "\\\\")) {
            assert_eq!(found.replace("\\\\", "\\"), result, "{value} {rule}");
        }
    }
}

/// As a JSON string.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    super::json::write_string(&mut out, text);
    out
}

/// A value that is only something or nothing: text as ever, JSON as it is.
#[test]
fn bool_says_whether_there_is_something() {
    for (json, truth) in [
        ("true", "t"),
        ("false", "f"),
        ("1", "t"),
        ("0", "f"),
        ("0.0", "f"),
        (r#""f""#, "t"),
        (r#""""#, "f"),
        (r#""0""#, "t"),
    ] {
        let data = format!(r#"{{"id":1,"b":{json}}}"#);
        assert_eq!(
            applied(MAP, JSON_INSERT, &data).unwrap(),
            format!("Insert id | id=1 b={truth}")
        );
        assert_eq!(
            passed_on(MAP, JSON_INSERT, &data).unwrap(),
            format!(r#"{{"id": 1, "b": "{truth}"}}"#)
        );
    }
    for (value, truth) in [("t", "t"), ("f", "t"), ("false", "t"), ("0", "t"), ("", "f")] {
        assert_eq!(
            applied(MAP, "I:id", &format!("id=1&b={value}")).unwrap(),
            format!("Insert id | id=1 b={truth}")
        );
        assert_eq!(copied(MAP, "id,b", &format!("1\t{value}")).unwrap().1, format!("1\t{truth}\n"));
    }
}

#[test]
fn what_cannot_be_rewritten_is_refused() {
    let both = |kind: &str, data: &str| {
        let error = passed_on(MAP, kind, data).unwrap_err();
        assert_eq!(applied(MAP, kind, data), Err(error.clone()), "{kind} {data}");
        error.to_string()
    };
    assert_eq!(both("I", "(id, h) values ('1', 'hdata1')"), "sql trigger not supported");
    for column in ["s", "unk", "b", "j"] {
        let key = format!(
            "column {column} of table public.t is part of its key: obfuscator_map has to keep or hash it"
        );
        assert_eq!(both(&format!("U:id,{column}"), &format!("id=1&{column}=2")), key);
        let kind = format!(r#"{{"op":"DELETE","pkey":["{column}"]}}"#);
        assert_eq!(both(&kind, &format!(r#"{{"id":1,"{column}":"2"}}"#)), key);
    }
    let nothing = "obfuscator_map lets no column of table public.t pass";
    assert_eq!(both("I:", "s=1&unk=2"), nothing);
    assert_eq!(both(JSON_INSERT.replace("id", "").as_str(), r#"{"s":1}"#), nothing);
    assert_eq!(
        both("I:id", "id=1&j=secret"),
        "column j of table public.t: invalid JSON value at byte 0"
    );
    assert_eq!(
        both("I:id", "id=1&j=%7b%22n%22%3a%22%5cud800%22%7d"),
        "column j of table public.t: half a surrogate pair in a text to hash"
    );
    assert_eq!(passed_on(MAP, "I:id", "id=%zz").unwrap_err().to_string(), "Invalid hex code");
    assert_eq!(
        passed_on(MAP, JSON_INSERT, r#"{"id":[1 2]}"#).unwrap_err().to_string(),
        "event data: expected , or ] at byte 9"
    );
    assert_eq!(passed_on(MAP, "R", "").unwrap_err().to_string(), "not a data event: R");
}

#[test]
fn lines_that_are_no_rows_are_refused() {
    let refused = |line: &[u8]| {
        let rules = rules(MAP);
        let columns = ["id", "h", "b", "s"].map(str::to_owned);
        table(&rules).copy(&columns).line(line, &mut BytesMut::new()).unwrap_err().to_string()
    };
    let columns = |n: usize| format!("table public.t: a copied row has {n} columns instead of 3");
    assert_eq!(refused(b"1\tx\n"), columns(2));
    assert_eq!(refused(b"1\tx\ty\tz\n"), columns(4));
    assert_eq!(refused(b"\n"), columns(1));
    assert_eq!(refused(b"1\tx\\\ty\n"), "column h of table public.t: a backslash at the end");
    assert_eq!(refused(b"1\t\xff\ty\n"), "column h of table public.t: not UTF-8");
    assert_eq!(refused(b"1\t\\377\ty\n"), "column h of table public.t: not UTF-8");
}

#[test]
fn what_stays_is_not_copied_in_memory() {
    let rules = rules("public.t: {id: keep}");
    let row = row::decode("I:id", "id=1&x=2").unwrap();
    let row = table(&rules).row("I:id", "id=1&x=2", row).unwrap();
    let RowEvent::Row { op: Op::Insert, columns, .. } = row else { panic!("{row:?}") };
    assert!(matches!(columns[..], [(_, Some(std::borrow::Cow::Borrowed("1")))]));
}

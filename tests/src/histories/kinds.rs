//! Column types with a few values each: those first that are equal and look different, or look alike and are not.

use crate::random::Random;

/// What the types need, in every database.
pub const PRELUDE: &str = r#"
create schema kinds;
create type kinds.mood as enum ('sad', 'o''k', 'größe', 'a,b');
create domain kinds.code as varchar(6) check (value <> 'bad');
create domain kinds.amount as numeric;
create domain kinds.price as kinds.amount check (value > -100);
create type kinds.pair as (a int, b text);
create type kinds.trip as (start kinds.pair, stops kinds.pair[], "odd ""name" numeric);
do $$ begin
    create collation kinds.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
exception when others then -- a server without ICU
    create collation kinds.ci from "C";
end $$;
"#;

/// A column type.
#[derive(Debug)]
pub struct Kind {
    /// As `create table` writes it.
    pub(super) declared: &'static str,
    /// As a cast writes it.
    pub(super) cast: &'static str,
    pub(super) values: &'static [&'static str],
    /// An expression over `i` that is another value for each, far from `values`.
    pub(super) many: Option<&'static str>,
    /// A type that holds the same values with the same texts.
    pub(super) wider: Option<&'static str>,
    /// A type that takes the values and loses something.
    pub(super) narrower: Option<&'static str>,
    /// What the reference's leaf has where it cannot find rows by this type.
    pub(super) for_reference: Option<&'static str>,
}

const fn kind(name: &'static str, values: &'static [&'static str]) -> Kind {
    Kind {
        declared: name,
        cast: name,
        values,
        many: None,
        wider: None,
        narrower: None,
        for_reference: None,
    }
}

/// Types that keys and unique indexes are made of, and how often.
pub(super) const ORDERED: &[(usize, Kind)] = &[
    (
        14,
        Kind {
            many: Some("1000 + i"),
            wider: Some("bigint"),
            ..kind("int", &["1", "2", "3", "0", "-5", "2147483647"])
        },
    ),
    (
        5,
        Kind { many: Some("1000 + i"), ..kind("bigint", &["1", "2", "9223372036854775807", "-1"]) },
    ),
    (2, Kind { wider: Some("int"), ..kind("smallint", &["1", "-32768", "2"]) }),
    (
        8,
        Kind {
            many: Some("'many ' || i"),
            ..kind(
                "text",
                &[
                    "a",
                    "A",
                    "a ",
                    "",
                    "NULL",
                    "%41+&=ä€",
                    "tab\there\nand\\N",
                    "'q' \"d\" \\ {}",
                    "\\.",
                ],
            )
        },
    ),
    (4, Kind { wider: Some("text"), ..kind("varchar(5)", &["a", "A", "a ", "", "größe"]) }),
    (5, kind("char(4)", &["a", "ab", " a", "", "AB"])),
    (2, kind("\"char\"", &["x", "", "'", "y"])),
    (2, kind("name", &["a", "A", "größe"])),
    (
        6,
        Kind {
            declared: "text collate kinds.ci",
            cast: "text",
            ..kind("", &["a", "A", "b", "B", "ab", "aB", "ä", "Ä"])
        },
    ),
    (
        8,
        Kind {
            many: Some("1000 + i / 4.0"),
            narrower: Some("numeric(12,1)"),
            ..kind(
                "numeric",
                &["1", "1.0", "1.00", "0", "0.00", "-1.50", "NaN", "10000000000", "1e-5"],
            )
        },
    ),
    (
        3,
        Kind {
            wider: Some("numeric(8,2)"),
            ..kind("numeric(6,2)", &["1", "1.5", "1.505", "-0.01"])
        },
    ),
    (
        6,
        Kind {
            many: Some("1000 + i / 8.0"),
            narrower: Some("float4"),
            ..kind("float8", &["0", "-0", "1", "0.1", "NaN", "Infinity", "1e20"])
        },
    ),
    (3, kind("float4", &["0", "-0", "0.1", "3.4028235e38"])),
    (2, kind("bool", &["t", "f"])),
    (
        3,
        Kind {
            many: Some("date '2000-01-01' + i"),
            ..kind("date", &["2024-02-29", "infinity", "0044-03-15 BC", "20240-01-01"])
        },
    ),
    (2, kind("time", &["00:00", "24:00", "12:00:00.5"])),
    (2, kind("timetz", &["12:00+00", "13:00+01", "11:00-01"])),
    (
        4,
        Kind {
            many: Some("timestamp '2000-01-01' + i * interval '1 hour'"),
            narrower: Some("timestamp(0)"),
            ..kind(
                "timestamp",
                &["2024-02-29 12:00", "2024-02-29 12:00:00.5", "infinity", "0044-03-15 12:00 BC"],
            )
        },
    ),
    (
        4,
        Kind {
            many: Some("timestamptz '2000-01-01 00:00+00' + i * interval '1 hour'"),
            ..kind(
                "timestamptz",
                &[
                    "2024-02-29 12:00+00",
                    "2024-02-29 13:00+01",
                    "-infinity",
                    "0044-03-15 12:00+00 BC",
                ],
            )
        },
    ),
    (3, kind("interval", &["1 day", "24:00", "1 mon", "30 days", "-1 day 2:00"])),
    (
        3,
        Kind {
            many: Some("md5(i::text)::uuid"),
            ..kind(
                "uuid",
                &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000000"],
            )
        },
    ),
    (3, Kind { wider: Some("text"), ..kind("kinds.mood", &["sad", "o'k", "größe", "a,b"]) }),
    (3, Kind { wider: Some("text"), ..kind("kinds.code", &["a", "A", "größe", ""]) }),
    (2, Kind { wider: Some("numeric"), ..kind("kinds.price", &["1", "1.0", "-1.50", "0.00"]) }),
    (
        3,
        Kind {
            for_reference: Some("text"),
            ..kind("kinds.pair", &["(1,a)", "(1,)", "(,)", "(2,\"x, \"\"y\"\"\")"])
        },
    ),
    (2, kind("bytea", &["", "\\x00", "\\x5c27ff", "\\x61"])),
    (2, kind("int[]", &["{}", "{1,NULL}", "{{1,2},{3,4}}", "[0:1]={1,2}", "{1,2}"])),
    (2, kind("text[]", &["{}", "{\"\",NULL,\"NULL\"}", "{\"a,b\",\"\\\"\\\\\"}"])),
    (2, kind("numeric[]", &["{1}", "{1.0}", "{1.00,NULL}"])),
    (2, kind("int4range", &["empty", "[1,5)", "(,7)", "[1,4]"])),
    (2, kind("numrange", &["[1.0,2]", "[1.00,2.0]", "(,)"])),
    (1, kind("bit(3)", &["000", "101"])),
    (1, kind("varbit", &["", "101", "1010"])),
    (2, kind("money", &["1", "-1234.5", "0.01"])),
    (2, kind("inet", &["10.0.0.1", "10.0.0.1/32", "10.0.0.1/8", "::1"])),
    (1, kind("macaddr", &["08:00:2b:01:02:03", "00:00:00:00:00:00"])),
    (1, kind("oid", &["0", "4294967295"])),
    (2, kind("jsonb", &["{\"a\": 1}", "{\"a\": 1.0}", "null", "\"a\"", "[1, \"x\\ty\"]"])),
    (1, kind("pg_lsn", &["0/0", "FFFFFFFF/FFFFFFFF"])),
];

/// Types without an order: for values only.
pub(super) const OTHERS: &[Kind] = &[
    kind("json", &["{\"a\": [1, \"x\\ty\"]}", "{ \"a\" : 1.0,\t\"a\":[ ] }", "\"\""]),
    kind("point", &["(1.5,-2)", "(NaN,-0)"]),
    kind("box", &["(2,2),(0.1,-0)"]),
    kind("box[]", &["{(2,2),(0,0);(1,1),(0,0)}"]),
    kind("tsvector", &["", "'a b':1A,2 'it''s':3"]),
    kind("kinds.trip", &["(,,)", "(\"(1,\"\"a,b\"\")\",\"{\"\"(1,)\"\",NULL}\",1.50)"]),
    kind("kinds.pair[]", &["{\"(1,a)\",NULL,\"(,\\\"a,b\\\")\"}", "{}"]),
    kind("kinds.code[]", &["{}", "{a,NULL}"]),
    kind("xml", &["<a b=\"1\">é &amp;</a>", "just text"]),
];

/// A text that the server keeps out of line, as an expression.
const LARGE: &str = "(select string_agg(md5((N * i)::text), '') from generate_series(1, 1000) i)";

impl Kind {
    pub(super) fn ordered(random: &mut Random) -> &'static Kind {
        let mut left = random.below(ORDERED.iter().map(|(weight, _)| weight).sum());
        for (weight, kind) in ORDERED {
            if left < *weight {
                return kind;
            }
            left -= weight;
        }
        unreachable!("the weights were summed up above")
    }

    /// Whether texts tell equal values, perhaps after a little change.
    pub(super) fn folds(&self) -> bool {
        const FOLDED: &[&str] = &[
            "int",
            "bigint",
            "text",
            "varchar(5)",
            "char(4)",
            "numeric",
            "date",
            "timestamp",
            "uuid",
            "kinds.mood",
            "kinds.code",
            "kinds.price",
        ];
        FOLDED.contains(&self.declared)
    }

    /// For a key: mostly a type whose texts tell equal values, because changes of such keys are folded, and often one where
    /// texts do not.
    pub(super) fn of_key(random: &mut Random) -> &'static Kind {
        let wanted: fn(&Kind) -> bool = random.weighted(&[
            (60, Kind::folds as fn(&Kind) -> bool),
            (22, Kind::is_loose),
            (18, |_| true),
        ]);
        loop {
            let kind = Self::ordered(random);
            if wanted(kind) {
                return kind;
            }
        }
    }

    /// For a column that is part of no index.
    pub(super) fn any(random: &mut Random) -> &'static Kind {
        if random.chance(20) { &OTHERS[random.below(OTHERS.len())] } else { Self::ordered(random) }
    }

    pub(super) fn is_integer(&self) -> bool {
        matches!(self.cast, "int" | "bigint")
    }

    /// Whether it has equal values with different texts.
    pub(super) fn is_loose(&self) -> bool {
        const LOOSE: &[&str] = &[
            "text collate kinds.ci",
            "numeric",
            "kinds.price",
            "float4",
            "float8",
            "timetz",
            "interval",
            "numrange",
            "jsonb",
        ];
        LOOSE.contains(&self.declared)
    }

    /// A value as SQL writes it.
    pub(super) fn value(&self, random: &mut Random) -> String {
        self.nth(random.below(self.values.len()))
    }

    pub(super) fn nth(&self, number: usize) -> String {
        format!("{}::{}", literal(self.values[number % self.values.len()]), self.cast)
    }

    /// As [`Kind::value`], or NULL, or something large.
    pub(super) fn any_value(&self, random: &mut Random) -> String {
        if random.chance(12) {
            return "null".to_owned();
        }
        if self.declared == "text" && random.chance(12) {
            return LARGE.replace('N', &(1 + random.below(3)).to_string());
        }
        self.value(random)
    }
}

pub(super) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

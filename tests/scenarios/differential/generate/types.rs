//! Column types and values of them, with the ones that go wrong first.

use super::super::script::{literal, optional};
use system_tests::random::Random;

/// A column type and some values.
pub(super) struct Type {
    pub(super) name: &'static str,
    values: &'static [&'static str],
}

impl Type {
    /// A value as SQL writes it; NULL now and then.
    pub(super) fn value(&'static self, random: &mut Random, may_be_null: bool) -> String {
        if may_be_null && random.chance(12) {
            return "null".to_owned();
        }
        if self.is_text() && random.chance(30) {
            return literal(&odd_text(random));
        }
        literal(random.pick(self.values))
    }

    /// One of its few first values, so that statements meet each other's rows.
    pub(super) fn key_value(&'static self, random: &mut Random) -> String {
        let few = &self.values[..self.values.len().min(5)];
        literal(random.pick(few))
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self.name, "text" | "varchar(40)" | "words")
    }

    /// For the default of a column.
    pub(super) fn default(&'static self, random: &mut Random) -> String {
        let value = random.pick(self.values);
        optional(random.chance(90).then_some(value))
    }
}

/// Pieces that encodings trip over, in any order.
fn odd_text(random: &mut Random) -> String {
    const PIECES: &[&str] = &[
        "a", "Z", "0", " ", "  ", "&", "=", "%", "+", "\\", "'", "\"", "\n", "\t", "\r", "\u{1}",
        "\u{7f}", "\u{8}", "\u{c}", "\u{1f}", ",", ";", "(", ")", "{", "}", "[", "]", "~", "*",
        "/", "ä", "é", "日本", "😀", "null", "NULL", "\\x00", "$$", "--", "_", "-", ".", "!",
        "%20", ":",
    ];
    (0..random.below(9)).map(|_| random.pick(PIECES)).collect()
}

/// Types that keys are made of.
pub(super) const KEY_TYPES: &[(usize, &Type)] = &[
    (30, &INT),
    (10, &BIGINT),
    (14, &TEXT),
    (4, &NUMERIC),
    (4, &UUID),
    (4, &DATE),
    (4, &TIMESTAMPTZ),
    (4, &CHAR),
    (3, &BOOL),
    (3, &FLOAT),
    (3, &MOOD),
    (3, &BYTEA),
    (3, &CITEXT),
    (3, &SMALL),
    (3, &JSONB),
    (3, &INTS),
    (2, &INET),
    (2, &INT4RANGE),
    (2, &PAIR),
    (2, &NAME),
];

/// Types of all columns.
pub(super) const TYPES: &[(usize, &Type)] = &[
    (10, &INT),
    (12, &TEXT),
    (3, &SMALLINT),
    (4, &BIGINT),
    (4, &NUMERIC),
    (2, &NUMERIC_ANY),
    (4, &FLOAT),
    (2, &REAL),
    (3, &VARCHAR),
    (3, &CHAR),
    (2, &ONE_CHAR),
    (2, &INTERNAL_CHAR),
    (2, &NAME),
    (4, &BYTEA),
    (5, &BOOL),
    (4, &DATE),
    (4, &TIMESTAMP),
    (2, &TIMESTAMP_0),
    (5, &TIMESTAMPTZ),
    (2, &TIME),
    (2, &TIMETZ),
    (3, &INTERVAL),
    (2, &UUID),
    (3, &JSON),
    (4, &JSONB),
    (2, &XML),
    (3, &INET),
    (2, &CIDR),
    (2, &MACADDR),
    (2, &BIT),
    (2, &VARBIT),
    (3, &INT_ARRAY),
    (3, &TEXT_ARRAY),
    (2, &BOOL_ARRAY),
    (2, &TIMESTAMP_ARRAY),
    (2, &NUMERIC_ARRAY),
    (2, &INT4RANGE),
    (2, &TSTZRANGE),
    (1, &NUMRANGE),
    (1, &FLOATRANGE),
    (2, &INT4MULTIRANGE),
    (3, &MOOD),
    (1, &MOOD_ARRAY),
    (4, &PAIR),
    (2, &PAIR_ARRAY),
    (3, &SMALL),
    (2, &FLAG),
    (2, &MOMENT),
    (2, &WORDS),
    (2, &INTS),
    (2, &MONEY),
    (2, &POINT),
    (2, &BOX),
    (2, &TSVECTOR),
    (2, &OID),
    (1, &REGCLASS),
    (1, &TXID_SNAPSHOT),
    (2, &HSTORE),
    (3, &CITEXT),
    (1, &JSONPATH),
    (1, &PG_LSN),
];

macro_rules! types {
    ($($constant:ident $name:literal [$($value:literal),+ $(,)?])+) => {
        $(static $constant: Type = Type { name: $name, values: &[$($value),+] };)+
    };
}

types! {
    SMALLINT "smallint" ["0", "1", "-1", "32767", "-32768"]
    INT "int" ["1", "2", "3", "4", "5", "0", "-1", "2147483647", "-2147483648"]
    BIGINT "bigint" ["1", "2", "3", "9223372036854775807", "-9223372036854775808", "0"]
    NUMERIC "numeric(12,3)" ["1", "1.000", "-0.5", "123456789.123", "NaN", "0"]
    NUMERIC_ANY "numeric" ["1.0", "1.00", "1", "NaN", "Infinity", "-Infinity", "1e100", "0.000000000000000000000001", "-0", "1e-3"]
    FLOAT "float8" ["1", "-0", "0", "0.1", "NaN", "Infinity", "-Infinity", "1e300", "1e-300", "123456789.12345678"]
    REAL "real" ["1", "-0", "0", "0.1", "NaN", "Infinity", "-Infinity", "1e30", "3.4028235e38"]
    TEXT "text" ["a", "b", "it's", "", "A", "null", "back\\slash", "a&b=c%d+e f", "two\nlines", "tab\tbed", "\"quoted\"", "日本語", "  padded  ", "E'x'", "$1", "{a,b}", "(1,2)", "~*/:@é€"]
    VARCHAR "varchar(40)" ["a", "", " ", "it's", "trailing  ", "\\"]
    CHAR "char(5)" ["a", "ab", "abc  ", "'", "", "é"]
    ONE_CHAR "char" ["a", " ", "'", "\\"]
    INTERNAL_CHAR "\"char\"" ["a", "", " ", "'", "\\", "\\201"]
    NAME "name" ["a", "B c", "\"", "'", "pg_class"]
    BYTEA "bytea" ["\\x", "\\x00", "\\xdeadBEEF", "\\x5c27", "\\x2500ff"]
    BOOL "bool" ["t", "f"]
    DATE "date" ["2024-02-29", "0044-03-15 BC", "infinity", "-infinity", "1999-12-31", "4713-01-01 BC", "5874897-12-31"]
    TIMESTAMP "timestamp" ["2024-02-29 12:34:56.789", "0044-03-15 12:00:00 BC", "infinity", "-infinity", "1970-01-01", "2024-01-01 00:00:00.000001", "294276-12-31 23:59:59.999999"]
    TIMESTAMP_0 "timestamp(0)" ["2024-02-29 12:34:56.789", "1970-01-01", "infinity"]
    TIMESTAMPTZ "timestamptz" ["2024-02-29 12:34:56.789+02", "0044-03-15 12:00:00+00 BC", "infinity", "-infinity", "1970-01-01 00:00:00-08", "1880-06-01 12:00:00+00", "0001-01-01 00:30:00+00"]
    TIME "time" ["12:34:56", "00:00", "24:00:00", "23:59:59.999999"]
    TIMETZ "timetz" ["12:34:56+02", "00:00-08", "24:00:00+05:30"]
    INTERVAL "interval" ["1 day", "24:00", "-1 year 2 mons -3 days 04:05:06.7", "0", "1 mon", "30 days", "-0.000001 s"]
    UUID "uuid" ["00000000-0000-0000-0000-000000000001", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "00000000-0000-0000-0000-000000000002"]
    JSON "json" ["{\"a\": 1}", "{ \"a\" :1}", "null", "[]", "\"it's \\\\ \\\"q\\\"\"", "1.00", "{\"a\": 1, \"a\": 2}"]
    JSONB "jsonb" ["{\"a\": 1}", "[1, 2]", "null", "1.00", "1.0", "\"a b\"", "{\"b\": {\"c\": [null, true]}, \"a\": \"'\"}"]
    XML "xml" ["<a/>", "<a b='c'>it''s &amp; &lt;</a>", "", "text only"]
    INET "inet" ["10.0.0.1", "10.0.0.1/32", "10.0.0.0/8", "::1", "fe80::/10", "10.0.0.1/24"]
    CIDR "cidr" ["10.0.0.0/8", "10.0.0.1/32", "::/0", "fe80::/10"]
    MACADDR "macaddr" ["08:00:2b:01:02:03", "08002b010204"]
    BIT "bit(4)" ["0101", "1111", "0000"]
    VARBIT "varbit" ["", "1", "0101"]
    INT_ARRAY "int[]" ["{}", "{1,2}", "{NULL}", "{{1,2},{3,NULL}}", "[0:1]={1,2}", "{2147483647}"]
    TEXT_ARRAY "text[]" ["{}", "{a,b}", "{NULL,\"NULL\",null}", "{{a,\"b c\"},{\"d\\\\e\",\"f\\\"g\"}}", "{\"\",\" \",\"{\",\",\"}", "{'it''s'}", "{é&=%}"]
    BOOL_ARRAY "bool[]" ["{t,f,NULL}", "{}"]
    TIMESTAMP_ARRAY "timestamptz[]" ["{2024-02-29 12:34:56+00,infinity}", "{}", "{NULL,\"0044-03-15 12:00:00+00 BC\"}"]
    NUMERIC_ARRAY "numeric[]" ["{1.0}", "{1.00}", "{NaN,1}", "{}"]
    INT4RANGE "int4range" ["[1,5)", "empty", "(,)", "[1,1]", "(0,5)"]
    TSTZRANGE "tstzrange" ["[2024-01-01 00:00+00,infinity)", "empty", "(,2024-01-01 00:00+00]"]
    NUMRANGE "numrange" ["[1.0,2.00)", "[1,2)", "(,)"]
    FLOATRANGE "floatrange" ["[0.1,1e100)", "(-Infinity,Infinity)"]
    INT4MULTIRANGE "int4multirange" ["{}", "{[1,5),[7,9)}", "{(,)}"]
    MOOD "mood" ["sad", "ok", "so happy", "it's \"x\""]
    MOOD_ARRAY "mood[]" ["{sad,\"so happy\"}", "{\"it's \\\"x\\\"\",NULL}"]
    PAIR "pair" ["(1,a)", "(,)", "(1,\"a b\")", "(2,\"it's \"\"q\"\" \\\\\")", "(1,\"\")"]
    PAIR_ARRAY "pair[]" ["{\"(1,a)\",NULL}", "{}", "{\"(1,\\\"a b\\\")\"}"]
    SMALL "small" ["1", "2", "3", "999", "-5"]
    FLAG "flag" ["t", "f"]
    MOMENT "moment" ["2024-02-29 12:34:56.789+02", "infinity", "0044-03-15 12:00:00+00 BC"]
    WORDS "words" ["a", "b c", "it's", ""]
    INTS "ints" ["{1}", "{1,2}", "{}", "{NULL}"]
    MONEY "money" ["1", "-1234567.89", "0"]
    POINT "point" ["(1,2)", "(1.0,2.0)", "(NaN,Infinity)", "(0,-0)"]
    BOX "box" ["(1,2),(3,4)", "(0,0),(0,0)"]
    TSVECTOR "tsvector" ["a:1 b:2", "'it''s' fat:3A", ""]
    OID "oid" ["1", "0", "4294967295"]
    REGCLASS "regclass" ["pg_class", "pgq.queue", "-"]
    TXID_SNAPSHOT "txid_snapshot" ["1:5:2,3", "1:1:"]
    HSTORE "hstore" ["a=>1", "\"a b\"=>\"c&d\", e=>NULL", ""]
    CITEXT "citext" ["a", "A", "b", "it's", "É"]
    JSONPATH "jsonpath" ["$.a[*] ? (@ > 1)", "strict $"]
    PG_LSN "pg_lsn" ["0/0", "16/B374D848"]
}

//! Names that have to be quoted, encoded or cut somewhere.

/// Of columns, plain ones first.
pub(super) const COLUMNS: &[(usize, &str)] = &[
    (10, "a"),
    (10, "b"),
    (10, "c"),
    (8, "id"),
    (8, "val"),
    (5, "txt"),
    (5, "data"),
    (3, "k1"),
    (3, "k2"),
    (2, "Upper"),
    (2, "two words"),
    (2, "words"),
    (2, "dot.ted"),
    (2, "quo\"te"),
    (2, "it's"),
    (2, "amp&eq=pct%plus+"),
    (2, "naïve"),
    (2, "日本"),
    (2, "select"),
    (2, "user"),
    (1, "order"),
    (1, "between"),
    (1, "timestamp"),
    (1, "name"),
    (1, "value"),
    (1, "back\\slash"),
    (1, "comma,s"),
    (1, "$1"),
    (1, "x1234567890123456789012345678901234567890123456789012345678901é"),
    (1, "tab\there"),
    // Names of variables in functions that handle rows.
    (1, "new"),
    (1, "old"),
    (1, "names"),
    (1, "keys"),
    (1, "i_row"),
    (1, "queue"),
    (1, "result"),
    (1, "n"),
    (1, "i"),
    (1, "?column?"),
    (1, "{json}"),
    (1, "-"),
    (1, "1"),
];

/// Columns whose value takes the place of an event's field, and one that only looks so.
pub(super) const MAGIC_COLUMNS: &[(usize, &str)] = &[
    (3, "_pgq_ev_type"),
    (2, "_pgq_ev_data"),
    (3, "_pgq_ev_extra1"),
    (2, "_pgq_ev_extra2"),
    (3, "_pgq_ev_extra3"),
    (2, "_pgq_ev_extra4"),
    (1, "_pgq_ev_foo"),
];

/// Of tables.
pub(super) const TABLES: &[(usize, &str)] = &[
    (10, "t"),
    (6, "u"),
    (2, "Upper"),
    (2, "two words"),
    (2, "dot.ted"),
    (1, "quo\"te"),
    (1, "it's"),
    (1, "a&b=c%"),
    (1, "naïve"),
    (1, "日本語"),
    (1, "select"),
    (1, "user"),
    (1, "back\\slash"),
    (1, "x12345678901234567890123456789012345678901234567890123456789012"),
];

/// Of schemas; scripts create those they use.
pub(super) const SCHEMAS: &[(usize, &str)] = &[
    (20, "public"),
    (3, "other"),
    (2, "Odd Schema"),
    (1, "dot.ted"),
    (1, "quo\"te's"),
    (1, "schéma"),
    (1, "user"),
];

/// Of queues of plain pgq.
pub(super) const QUEUES: &[&str] = &["q", "Queue Two", "quo'te\"d", "dot.ted", "ünïcode/%&", ""];

/// Of queues of cascades.
pub(super) const CASCADES: &[&str] = &["R", "B", "L", "M1", "M2", "CR", "CB", "odd q'ü"];

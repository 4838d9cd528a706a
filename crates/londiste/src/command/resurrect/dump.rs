//! The file of lost events, and what is counted of them (contract `cli.md` 6.13).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pgq_client::consumer::BatchInfo;
use pgq_client::event::Event;

/// A JSON list with an event per line. It has its name only once it is whole and on the disk.
#[derive(Debug)]
pub(super) struct DumpFile {
    name: PathBuf,
    unfinished: PathBuf,
    out: BufWriter<File>,
    empty: bool,
}

impl DumpFile {
    /// Begins the file.
    pub(super) fn begin(name: impl AsRef<Path>) -> anyhow::Result<DumpFile> {
        let name = name.as_ref().to_owned();
        let mut unfinished = name.clone().into_os_string();
        unfinished.push(".part");
        let unfinished = PathBuf::from(unfinished);
        let file =
            File::create(&unfinished).with_context(|| format!("{}", unfinished.display()))?;
        let mut out = BufWriter::new(file);
        out.write_all(b"[\n").with_context(|| format!("{}", unfinished.display()))?;
        Ok(DumpFile { name, unfinished, out, empty: true })
    }

    /// Adds an event.
    pub(super) fn event(&mut self, event: &Event, batch: &BatchInfo) -> anyhow::Result<()> {
        let mut text = String::new();
        if !self.empty {
            text.push_str(",\n");
        }
        self.empty = false;
        object(&mut text, event, batch);
        self.write(text.as_bytes())
    }

    /// Ends the file and gives it its name.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        self.write(b"\n]\n")?;
        let ended = self
            .out
            .flush()
            .and_then(|()| self.out.get_ref().sync_all())
            .and_then(|()| fs::rename(&self.unfinished, &self.name))
            // The name has to be on the disk as well before anything is deleted.
            .and_then(|()| File::open(folder(&self.name))?.sync_all());
        ended.with_context(|| format!("{}", self.name.display()))
    }

    /// There was nothing to write.
    pub(super) fn discard(self) -> anyhow::Result<()> {
        fs::remove_file(&self.unfinished).with_context(|| format!("{}", self.unfinished.display()))
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.out.write_all(bytes).with_context(|| format!("{}", self.unfinished.display()))
    }
}

/// Where a file is; a mere name is in the current directory.
fn folder(name: &Path) -> &Path {
    name.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The event with the batch it was in.
fn object(text: &mut String, event: &Event, batch: &BatchInfo) {
    let time = iso_time(&event.time);
    let texts = [
        ("ev_type", event.kind.as_deref()),
        ("ev_data", event.data.as_deref()),
        ("ev_extra1", event.extra1.as_deref()),
        ("ev_extra2", event.extra2.as_deref()),
        ("ev_extra3", event.extra3.as_deref()),
        ("ev_extra4", event.extra4.as_deref()),
        ("ev_time", Some(time.as_str())),
    ];
    let _ = write!(text, "{{\"ev_id\": {}", event.id);
    for (key, value) in texts {
        let _ = write!(text, ", \"{key}\": ");
        match value {
            Some(value) => string(text, value),
            None => text.push_str("null"),
        }
    }
    let retry = event.retry.map_or_else(|| "null".to_owned(), |retry| retry.to_string());
    let _ = write!(
        text,
        ", \"ev_txid\": {}, \"ev_retry\": {retry}, \"tick_id\": {}, \"prev_tick_id\": {}}}",
        event.txid, batch.tick, batch.prev_tick
    );
}

/// A JSON string of ASCII characters, as the original writes them.
fn string(text: &mut String, value: &str) {
    text.push('"');
    for unit in value.chars() {
        match unit {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            ' '..='~' => text.push(unit),
            _ => {
                for unit in unit.encode_utf16(&mut [0; 2]) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text.push('"');
}

/// `2024-02-29 13:45:07.123456+00` as `2024-02-29T13:45:07.123456+00:00`; without a fraction when there is none.
fn iso_time(time: &str) -> String {
    let time = time.replacen(' ', "T", 1);
    let time = time.strip_suffix("+00").map_or_else(|| time.clone(), |t| format!("{t}+00:00"));
    time.replacen(".000000", "", 1)
}

/// What was lost, for the operator.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Statistics {
    pub(super) dumped: u64,
    pub(super) deleted: u64,
    truncated: Vec<String>,
    tables: BTreeMap<String, Changes>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Changes {
    inserts: u64,
    updates: u64,
    deletes: u64,
    /// Something is without the row it changed.
    final_: bool,
}

impl Statistics {
    /// Counts an event.
    pub(super) fn count(&mut self, event: &Event) {
        self.dumped += 1;
        let kind = event.kind.as_deref().unwrap_or_default();
        let Some(table) = event.extra1.as_deref() else { return };
        if kind == "R" {
            if !self.truncated.iter().any(|known| known == table) {
                self.truncated.push(table.to_owned());
            }
            return;
        }
        let Some(operation) = operation(kind) else { return };
        let changes = self.tables.entry(table.to_owned()).or_default();
        let without_old_row = event.extra3.is_none();
        match operation {
            'I' => changes.inserts += 1,
            'U' => {
                changes.updates += 1;
                changes.final_ |= without_old_row;
            }
            _ => {
                changes.deletes += 1;
                // In the other forms the event's own data is the deleted row.
                changes.final_ |= without_old_row && kind == "D";
            }
        }
    }

    /// In the order of their keys.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("deleted_count: {}", self.deleted),
            format!("dumped_count: {}", self.dumped),
        ];
        lines.extend(self.tables.iter().map(|(table, changes)| {
            let Changes { inserts, updates, deletes, final_ } = changes;
            let can = if *final_ { "cannot rollback" } else { "can rollback" };
            format!("table: {table}: [{inserts}, {updates}, {deletes}, '{can}']")
        }));
        let truncated: Vec<String> =
            self.truncated.iter().map(|table| format!("'{table}'")).collect();
        lines.push(format!("truncated_tables: [{}]", truncated.join(", ")));
        lines
    }
}

/// I, U or D, of an event of any form.
fn operation(kind: &str) -> Option<char> {
    let letter = if kind.starts_with('{') {
        let (_, rest) = kind.split_once("\"op\"")?;
        rest.trim_start_matches([':', ' ', '"']).chars().next()?
    } else {
        let (letter, _) = kind.split_once(':').unwrap_or((kind, ""));
        let mut letters = letter.chars();
        letters.next().filter(|_| letters.next().is_none())?
    };
    matches!(letter, 'I' | 'U' | 'D').then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pgq_client::id::{BatchId, EventId, TickId, Txid};

    fn event(kind: &str, extra1: Option<&str>, extra3: Option<&str>) -> Event {
        Event {
            id: EventId(7),
            time: "2024-02-29 13:45:07.123456+00".to_owned(),
            txid: Txid(900),
            retry: None,
            kind: Some(kind.to_owned()),
            data: Some("id=1&t=%c3%a4".to_owned()),
            extra1: extra1.map(str::to_owned),
            extra2: None,
            extra3: extra3.map(str::to_owned),
            extra4: None,
        }
    }

    fn batch() -> BatchInfo {
        BatchInfo {
            batch: BatchId(1),
            tick: TickId(11),
            prev_tick: TickId(10),
            tick_time: String::new(),
            event_seq: 0,
        }
    }

    #[test]
    fn an_event_is_a_line_of_json() {
        let mut text = String::new();
        let odd =
            Event { retry: Some(2), ..event("I:id", Some("a\"b\\c\n\u{1F600}ä\u{1}"), None) };
        object(&mut text, &odd, &batch());
        assert_eq!(
            text,
            r#"{"ev_id": 7, "ev_type": "I:id", "ev_data": "id=1&t=%c3%a4", "ev_extra1": "a\"b\\c\n\ud83d\ude00\u00e4\u0001", "ev_extra2": null, "ev_extra3": null, "ev_extra4": null, "ev_time": "2024-02-29T13:45:07.123456+00:00", "ev_txid": 900, "ev_retry": 2, "tick_id": 11, "prev_tick_id": 10}"#
        );
    }

    #[test]
    fn times_are_iso() {
        assert_eq!(iso_time("2024-02-29 13:45:07.000000+00"), "2024-02-29T13:45:07+00:00");
        assert_eq!(iso_time("2024-02-29 13:45:07.000100+00"), "2024-02-29T13:45:07.000100+00:00");
    }

    #[test]
    fn events_are_counted_by_table() {
        let mut statistics = Statistics::default();
        for (kind, table, old) in [
            ("I:id", "public.a", None),
            ("U:id", "public.a", Some("id=1")),
            ("D:id", "public.a", None),
            (r#"{"op":"UPDATE","table":["public","b"],"pkey":["id"]}"#, "public.b", None),
            ("D", "public.c", None),
            ("R", "public.c", None),
            ("R", "public.c", None),
        ] {
            statistics.count(&event(kind, Some(table), old));
        }
        statistics.count(&event("pgq.global-watermark", Some("q"), None));
        statistics.count(&event("EXECUTE", Some("f.sql"), None));
        statistics.deleted = 9;
        assert_eq!(
            statistics.lines(),
            [
                "deleted_count: 9",
                "dumped_count: 9",
                "table: public.a: [1, 1, 1, 'can rollback']",
                "table: public.b: [0, 1, 0, 'cannot rollback']",
                "table: public.c: [0, 0, 1, 'cannot rollback']",
                "truncated_tables: ['public.c']",
            ]
        );
    }

    #[test]
    fn a_file_has_its_name_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("lost.json");
        let mut file = DumpFile::begin(&name).unwrap();
        file.event(&event("I:id", Some("public.a"), None), &batch()).unwrap();
        file.event(&event("D:id", Some("public.a"), None), &batch()).unwrap();
        assert!(!name.exists());
        file.finish().unwrap();
        let text = fs::read_to_string(&name).unwrap();
        let lines: Vec<&str> = text.split('\n').collect();
        assert_eq!((lines[0], lines[3], lines[4]), ("[", "]", ""));
        assert!(lines[1].ends_with("},") && lines[2].ends_with('}'), "{text}");
        DumpFile::begin(folder.path().join("none.json")).unwrap().discard().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

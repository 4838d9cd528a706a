//! Rows as text, as the original shows them (contract `cli.md` 5.8). Pure.

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// What is shown.
    text: String,
    /// What counts for the column's width: the length of the value before it was made readable.
    length: usize,
}

impl Cell {
    /// A text that is shown as it is; NULL is `None` and has no length.
    pub fn text(value: Option<&str>) -> Cell {
        value.map_or_else(
            || Cell { text: "None".to_owned(), length: 0 },
            |value| Cell { text: value.to_owned(), length: value.chars().count() },
        )
    }

    /// A text shown in another form than it is stored.
    pub fn formatted(stored: Option<&str>, shown: String) -> Cell {
        Cell { text: shown, length: stored.map_or(0, |stored| stored.chars().count()) }
    }

    /// `True` or `False`.
    pub fn boolean(value: bool) -> Cell {
        if value {
            Cell { text: "True".to_owned(), length: 4 }
        } else {
            Cell { text: "False".to_owned(), length: 0 }
        }
    }

    /// A whole number.
    pub fn number(value: i64) -> Cell {
        let text = value.to_string();
        Cell { length: if value == 0 { 0 } else { text.len() }, text }
    }
}

/// Title, headers, a line of dashes, the rows, and two empty lines; `None` when there are no rows. The last line has no
/// line end: whoever prints adds it.
pub fn table(title: &str, headers: &[&str], rows: &[Vec<Cell>]) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let widths: Vec<usize> = (0..headers.len())
        .map(|column| rows.iter().map(|row| row[column].length).max().unwrap_or(0).max(15) + 2)
        .collect();
    let dashes: Vec<String> = widths.iter().map(|width| "-".repeat(width - 2)).collect();
    let mut lines = vec![
        title.to_owned(),
        line(headers.iter().copied(), &widths),
        line(dashes.iter().map(String::as_str), &widths),
    ];
    lines.extend(rows.iter().map(|row| line(row.iter().map(|cell| cell.text.as_str()), &widths)));
    lines.push("\n".to_owned());
    Some(lines.join("\n"))
}

/// All but the last column are padded.
fn line<'a>(texts: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let mut line = String::new();
    let mut texts = texts.zip(widths).peekable();
    while let Some((text, width)) = texts.next() {
        if texts.peek().is_some() {
            line.push_str(&format!("{text:width$}"));
        } else {
            line.push_str(text);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_as_in_the_contract() {
        let row = |name: &str, state: Option<&str>, stored: Option<&str>, shown: &str| {
            vec![
                Cell::text(Some(name)),
                Cell::text(state),
                Cell::formatted(stored, shown.to_owned()),
            ]
        };
        let rows = [
            row("other.t2", None, None, ""),
            row("public.mytable", Some("ok"), None, ""),
            row("public.t3", Some("wanna-sync:35"), Some("copy_node=%3f"), "{'copy_node': '?'}"),
        ];
        let text = table("Tables on node", &["table_name", "merge_state", "table_attrs"], &rows);
        assert_eq!(
            text.unwrap(),
            "Tables on node\n\
             table_name       merge_state      table_attrs\n\
             ---------------  ---------------  ---------------\n\
             other.t2         None             \n\
             public.mytable   ok               \n\
             public.t3        wanna-sync:35    {'copy_node': '?'}\n\n"
        );
    }

    #[test]
    fn columns_grow_with_their_values() {
        let row = |name: &str, local: bool, value: i64| {
            vec![Cell::text(Some(name)), Cell::boolean(local), Cell::number(value)]
        };
        let rows = [row("public.sq1", false, 90001), row("public.mytable_id_seq", true, 90004)];
        let text = table("Sequences on node", &["seq_name", "local", "last_value"], &rows);
        assert_eq!(
            text.unwrap(),
            "Sequences on node\n\
             seq_name               local            last_value\n\
             ---------------------  ---------------  ---------------\n\
             public.sq1             False            90001\n\
             public.mytable_id_seq  True             90004\n\n"
        );
    }

    #[test]
    fn nothing_is_shown_for_no_rows() {
        assert_eq!(table("Tables on node", &["table_name"], &[]), None);
    }
}

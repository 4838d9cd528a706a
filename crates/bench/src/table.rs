//! A table for people and for programs: aligned text, and a list of objects.

use std::fmt;

use serde_json::{Map, Value, json};

/// What stands in one place of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing to say.
    Empty,
    /// Words, to the left.
    Text(String),
    /// A number with this many decimals, to the right.
    Number(f64, usize),
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    fn json(&self) -> Value {
        match self {
            Self::Empty => Value::Null,
            Self::Text(text) => json!(text),
            Self::Number(number, _) => json!(number),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Number(number, decimals) => write!(f, "{number:.decimals$}"),
        }
    }
}

/// Headings and rows.
#[derive(Clone, Debug)]
pub struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// When it does not have a cell for each heading.
    pub fn add(&mut self, row: Vec<Cell>) {
        assert_eq!(row.len(), self.headings.len(), "a cell for each heading");
        self.rows.push(row);
    }

    /// The rows as objects whose keys are the headings.
    pub fn json(&self) -> Value {
        let object = |row: &Vec<Cell>| {
            let members = self.headings.iter().zip(row);
            members.map(|(&name, cell)| (name.to_owned(), cell.json())).collect::<Map<_, _>>()
        };
        self.rows.iter().map(object).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(Cell::to_string).collect()).collect();
        let columns = 0..self.headings.len();
        let width = |column: usize| {
            let cells = lines.iter().map(|line| line[column].chars().count());
            cells.chain([self.headings[column].len()]).max().unwrap_or_default()
        };
        let widths: Vec<usize> = columns.clone().map(width).collect();
        let is_number =
            |column: usize| self.rows.iter().any(|row| matches!(row[column], Cell::Number(..)));
        let numbers: Vec<bool> = columns.map(is_number).collect();
        let mut write = |cells: &mut dyn Iterator<Item = &str>| {
            let mut line = String::new();
            for ((cell, &width), &number) in cells.zip(&widths).zip(&numbers) {
                let cell =
                    if number { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
                line = line + &cell + "  ";
            }
            writeln!(f, "{}", line.trim_end())
        };
        write(&mut self.headings.iter().copied())?;
        let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
        write(&mut rule.iter().map(String::as_str))?;
        lines.iter().try_for_each(|line| write(&mut line.iter().map(String::as_str)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fruit() -> Table {
        let mut table = Table::new(&["fruit", "price", "note"]);
        table.add(vec![Cell::text("äpfel"), Cell::Number(1.0, 2), Cell::Empty]);
        table.add(vec![Cell::text("figs"), Cell::Number(10.456, 2), Cell::text("dried")]);
        table
    }

    #[test]
    fn numbers_stand_to_the_right() {
        let expected = "\
fruit  price  note
-----  -----  -----
äpfel   1.00
figs   10.46  dried
";
        assert_eq!(fruit().to_string(), expected);
    }

    #[test]
    fn rows_are_objects_with_exact_numbers() {
        let expected = json!([
            {"fruit": "äpfel", "price": 1.0, "note": null},
            {"fruit": "figs", "price": 10.456, "note": "dried"},
        ]);
        assert_eq!(fruit().json(), expected);
    }
}

//! Tables and lists of facts for people, aligned by the width that characters take on a terminal.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::text::Clean;

/// On which side a column is flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Rows under a heading. Held in memory: print a page at a time.
pub struct Table {
    columns: Vec<(&'static str, Side)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and no rows.
    pub fn new(columns: &[(&'static str, Side)]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row: one cell a column, made safe for a terminal.
    pub fn row(&mut self, cells: &[&str]) {
        let mut cells: Vec<_> = cells.iter().map(|cell| Clean(cell).to_string()).collect();
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
    }

    /// Writes the heading and the rows; nothing where there are no rows.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let heading: Vec<_> = self
            .columns
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        let widths = self.widths(&heading);
        std::iter::once(&heading)
            .chain(&self.rows)
            .try_for_each(|cells| self.write_row(out, cells, &widths))
    }

    fn widths(&self, heading: &[String]) -> Vec<usize> {
        (0..self.columns.len())
            .map(|column| {
                self.rows
                    .iter()
                    .map(|row| row[column].width())
                    .chain([heading[column].width()])
                    .max()
                    .unwrap_or(0)
            })
            .collect()
    }

    /// One line, two spaces between columns, none at its end.
    fn write_row(&self, out: &mut dyn Write, cells: &[String], widths: &[usize]) -> io::Result<()> {
        let mut line = String::new();
        for ((cell, width), (_, side)) in cells.iter().zip(widths).zip(&self.columns) {
            let gap = " ".repeat(width.saturating_sub(cell.width()));
            match side {
                Side::Left => line.extend([cell, gap.as_str(), "  "]),
                Side::Right => line.extend([gap.as_str(), cell, "  "]),
            }
        }
        writeln!(out, "{}", line.trim_end())
    }
}

/// Facts, one a line, their values aligned.
#[derive(Default)]
pub struct Facts(Vec<(&'static str, String)>);

impl Facts {
    /// No facts yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fact.
    pub fn add(&mut self, label: &'static str, value: impl std::fmt::Display) -> &mut Self {
        self.0.push((label, value.to_string()));
        self
    }

    /// Adds a fact if there is a value.
    pub fn add_some(
        &mut self,
        label: &'static str,
        value: Option<impl std::fmt::Display>,
    ) -> &mut Self {
        if let Some(value) = value {
            self.add(label, value);
        }
        self
    }

    /// Writes `label  value` lines.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let width = self
            .0
            .iter()
            .map(|(label, _)| label.width())
            .max()
            .unwrap_or(0);
        self.0
            .iter()
            .try_for_each(|(label, value)| writeln!(out, "{label:width$}  {}", Clean(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes).expect("a vector takes all");
        String::from_utf8(bytes).expect("tables are UTF-8")
    }

    #[test]
    fn wide_and_combining_characters_keep_columns_straight() {
        let mut table = Table::new(&[
            ("NAME", Side::Left),
            ("SIZE", Side::Right),
            ("WHY", Side::Left),
        ]);
        table.row(&["東京", "1 B", "x"]);
        table.row(&["Zoe\u{308}", "10.5 KiB", ""]);
        table.row(&["plain\n", "9 B", "y"]);
        assert_eq!(
            written(|out| table.write(out)),
            "NAME        SIZE  WHY\n\
             東京         1 B  x\n\
             Zoe\u{308}     10.5 KiB\n\
             plain\u{fffd}       9 B  y\n"
        );
    }

    #[test]
    fn an_empty_table_has_no_heading() {
        assert_eq!(
            written(|out| Table::new(&[("A", Side::Left)]).write(out)),
            ""
        );
    }

    #[test]
    fn facts_are_aligned_and_absent_ones_left_out() {
        let mut facts = Facts::new();
        facts
            .add("files", 3)
            .add_some("year", None::<i32>)
            .add("blob bytes", "1 B");
        assert_eq!(
            written(|out| facts.write(out)),
            "files       3\nblob bytes  1 B\n"
        );
    }
}

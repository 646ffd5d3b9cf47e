//! Tables as text and, in a notebook, as HTML.

use std::fmt::{self, Display};

use crate::notebook::{Contents, show_as_value};
use crate::{Error, Result};

/// A table with headings, rows and a note below. Columns of numbers are aligned on the right. It
/// prints as text, and a notebook shows it as HTML.
///
/// ```
/// use cuaderno::Table;
/// let mut table = Table::new(&["d'", "test MSE"]);
/// table.row(&[&8, &format!("{:.4}", 0.03387)])?;
/// assert!(table.to_string().ends_with("8    0.0339\n"));
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    pub(crate) headings: Vec<String>,
    pub(crate) lines: Vec<Vec<String>>,
    pub(crate) note: String,
}

impl Table {
    /// A table without rows.
    pub fn new(headings: &[&str]) -> Self {
        Self {
            headings: headings.iter().map(|&heading| heading.to_owned()).collect(),
            lines: Vec::new(),
            note: String::new(),
        }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// If the number of cells differs from that of the headings.
    pub fn row(&mut self, cells: &[&dyn Display]) -> Result<()> {
        if cells.len() != self.headings.len() {
            return Err(Error::argument(
                "the number of cells in a row of the table",
                cells.len(),
                format!("{}, one for each heading", self.headings.len()),
            ));
        }
        self.lines
            .push(cells.iter().map(|cell| cell.to_string()).collect());
        Ok(())
    }

    /// Shows the table in a notebook, as HTML and text.
    pub fn evcxr_display(&self) {
        let row = |cells: &[String], tag: &str| {
            let cells = cells.iter().enumerate().map(|(column, cell)| {
                let side = if self.is_number(column) {
                    "right"
                } else {
                    "left"
                };
                format!(
                    "<{tag} style=\"text-align:{side}\">{}</{tag}>",
                    escape(cell)
                )
            });
            format!("<tr>{}</tr>", cells.collect::<String>())
        };
        let head = row(&self.headings, "th");
        let body: String = self.lines.iter().map(|line| row(line, "td")).collect();
        let note = escape(&self.note);
        let html =
            format!("<table><thead>{head}</thead><tbody>{body}</tbody></table><p>{note}</p>");
        show_as_value(Contents::text(self.to_string()).with("text/html", html));
    }

    fn is_number(&self, column: usize) -> bool {
        let starts_with_digit =
            |cell: &String| cell.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        (self.lines.iter()).all(|line| line[column].is_empty() || starts_with_digit(&line[column]))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let rows = || std::iter::once(&self.headings).chain(&self.lines);
        let width = |column: usize| {
            let lengths = rows().map(|row| row[column].chars().count());
            lengths.max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headings.len()).map(width).collect();
        for (index, row) in rows().enumerate() {
            let mut text = String::new();
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                if self.is_number(column) {
                    text += &format!("{cell:>width$}  ");
                } else {
                    text += &format!("{cell:width$}  ");
                }
            }
            writeln!(f, "{}", text.trim_end())?;
            if index == 0 {
                let rule = widths.iter().map(|width| width + 2).sum::<usize>();
                writeln!(f, "{}", "─".repeat(rule.saturating_sub(2)))?;
            }
        }
        write!(f, "{}", self.note)
    }
}

/// A number with commas between thousands: `60,000`.
pub(crate) fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = (digits.as_bytes().rchunks(3).rev())
        .map(|group| std::str::from_utf8(group).expect("digits are ASCII"))
        .collect();
    groups.join(",")
}

/// A text as HTML.
pub(crate) fn escape(text: &str) -> String {
    (text.replace('&', "&amp;").replace('<', "&lt;")).replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_on_the_right() {
        let cells = |row: [&str; 2]| row.map(String::from).to_vec();
        let table = Table {
            headings: cells(["name", "n"]),
            lines: vec![cells(["a", "1"]), cells(["long", "1,000"])],
            note: "two lines".into(),
        };
        assert_eq!(
            table.to_string(),
            "name      n\n───────────\na         1\nlong  1,000\ntwo lines"
        );
    }

    #[test]
    fn commas_stand_between_thousands() {
        let text = [0, 500, 60_000, 1_234_567].map(thousands);
        assert_eq!(text, ["0", "500", "60,000", "1,234,567"]);
    }

    #[test]
    fn a_row_has_a_cell_for_each_heading() {
        let mut table = Table::new(&["name", "n"]);
        table.row(&[&"a", &1]).unwrap();
        let error = table.row(&[&"b"]).unwrap_err().to_string();
        assert!(error.contains("is 1, but it must be 2"), "{error}");
        assert_eq!(table.lines, [["a", "1"]]);
    }
}

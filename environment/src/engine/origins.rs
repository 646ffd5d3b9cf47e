//! Where the lines of the source that evcxr generates from a cell stand in that cell.

use std::collections::BTreeMap;
use std::ops::Range;

use super::cell::Cell;
use super::diagnostics::Span;

/// How the function begins that holds a cell's statements, when it runs and when it is only checked.
const FUNCTIONS: [&str; 2] = [
    "pub extern \"C\" fn run_user_code_",
    "async fn evcxr_analysis_wrapper(",
];

/// The lines of a generated source that are the cell's.
pub struct Origins<'a> {
    /// The cell without what was put into it.
    code: &'a str,
    /// For each line of the source: the cell's line, from 0, and how many characters stand before the
    /// part of it that is in the source.
    lines: Vec<Option<(usize, usize)>>,
    /// Lines of the source with nothing but the bracket that evcxr puts before the last expression.
    brackets: Vec<bool>,
    /// Where code was put into lines: for a line, from 1, the column and how much.
    moved: &'a BTreeMap<usize, (usize, usize)>,
}

impl<'a> Origins<'a> {
    /// Finds the parts of the cell `marked` in `source`. The student's `code` is `marked` without what
    /// has `moved` it.
    pub fn new(
        source: &str,
        code: &'a str,
        marked: &str,
        moved: &'a BTreeMap<usize, (usize, usize)>,
    ) -> Self {
        let source: Vec<&str> = source.lines().collect();
        let mut lines = vec![None; source.len()];
        let is_head = |line: &&str| FUNCTIONS.iter().any(|head| line.starts_with(head));
        let head = source.iter().position(is_head).unwrap_or(source.len());
        let mut from = head;
        let segments = Cell::read(marked).map(|cell| cell.segments(marked.len()));
        for (range, is_item) in segments.unwrap_or_default() {
            let part = &marked[range.clone()];
            let part: Vec<&str> = part
                .strip_suffix('\n')
                .unwrap_or(part)
                .split('\n')
                .collect();
            let region = if is_item { 0..head } else { from..source.len() };
            let is_there = |at: &usize| source[*at..].starts_with(&part);
            let Some(found) = region.into_iter().find(is_there) else {
                continue;
            };
            if !is_item {
                from = found + part.len();
            }
            let before = &marked[..range.start];
            let first = before.matches('\n').count();
            let column = before.rsplit('\n').next().unwrap_or_default();
            for index in 0..part.len() {
                let column = if index == 0 {
                    column.chars().count()
                } else {
                    0
                };
                lines[found + index] = Some((first + index, column));
            }
        }
        Self {
            code,
            lines,
            brackets: source.iter().map(|line| *line == "(").collect(),
            moved,
        }
    }

    /// The lines of a source that is the cell with `before` lines in front of it.
    pub fn behind(
        before: usize,
        code: &'a str,
        moved: &'a BTreeMap<usize, (usize, usize)>,
    ) -> Self {
        let lines = (0..code.split('\n').count()).map(|line| Some((line, 0)));
        Self {
            code,
            lines: vec![None; before].into_iter().chain(lines).collect(),
            brackets: vec![],
            moved,
        }
    }

    /// What the student wrote at `span`.
    pub fn text(&self, span: &Span) -> Option<&'a str> {
        self.code.get(self.range(span)?)
    }

    /// The cell's last expression, which it shows.
    pub fn last(&self) -> Option<Range<usize>> {
        Cell::read(self.code).ok()?.last()
    }

    /// Where the cell imports `name`.
    pub fn import_of(&self, name: &str) -> Option<Range<usize>> {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let mut start = 0;
        for line in self.code.split_inclusive('\n') {
            if line.trim_start().starts_with("use ") {
                let found = line.match_indices(name).find(|(at, _)| {
                    !line[..*at].ends_with(is_word) && !line[at + name.len()..].starts_with(is_word)
                });
                if let Some((at, _)) = found {
                    return Some(start + at..start + at + name.len());
                }
            }
            start += line.len();
        }
        None
    }

    /// The bytes of the cell that `span` is about, if it begins in the cell, or else where the cell
    /// calls the macro that it is in.
    pub fn range(&self, span: &Span) -> Option<Range<usize>> {
        let here = (span.file_name.ends_with("src/lib.rs")).then(|| self.range_here(span));
        let outside = || self.range(&span.expansion.as_ref()?.span);
        here.flatten().or_else(outside)
    }

    fn range_here(&self, span: &Span) -> Option<Range<usize>> {
        if self.brackets.get(span.line_start.wrapping_sub(1)) == Some(&true) {
            return self.last();
        }
        let start = self.byte(span.line_start, span.column_start)?;
        let end = self
            .byte(span.line_end, span.column_end)
            .filter(|end| *end >= start);
        // What was never closed ends where the source does.
        let line_end = self.code[start..]
            .find('\n')
            .map_or(self.code.len(), |at| start + at);
        Some(start..end.unwrap_or(line_end))
    }

    fn byte(&self, line: usize, column: usize) -> Option<usize> {
        let (line, before) = (*self.lines.get(line.checked_sub(1)?)?)?;
        let mut column = column.saturating_sub(1) + before;
        if let Some((from, by)) = self.moved.get(&(line + 1))
            && column >= from + by
        {
            column -= by;
        }
        let start: usize = self
            .code
            .split_inclusive('\n')
            .take(line)
            .map(str::len)
            .sum();
        let text = self.code[start..].lines().next().unwrap_or_default();
        let within = text
            .char_indices()
            .nth(column)
            .map_or(text.len(), |(at, _)| at);
        Some(start + within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(line: usize, start: usize, end: usize) -> Span {
        Span {
            file_name: "src/lib.rs".to_owned(),
            line_start: line,
            line_end: line,
            column_start: start,
            column_end: end,
            ..Span::default()
        }
    }

    #[test]
    fn each_part_of_a_cell_is_found_where_it_stands() {
        let code = "let a = 1; let a = 1; fn f() {\n    a\n}\nf(a)";
        let source = "fn f() {\n    a\n}\n\
            pub extern \"C\" fn run_user_code_1(\nlet a = 1; \nlet a = 1; \n(\nf(a)\n).evcxr_display();\n";
        let moved = BTreeMap::new();
        let origins = Origins::new(source, code, code, &moved);
        let text = |line, start, end| origins.range(&span(line, start, end)).map(|at| &code[at]);
        assert_eq!(text(2, 5, 6), Some("a"));
        assert_eq!(origins.range(&span(5, 5, 6)), Some(4..5));
        assert_eq!(origins.range(&span(6, 5, 6)), Some(15..16));
        assert_eq!(text(8, 3, 4), Some("a"));
        // What encloses the last expression stands for it.
        assert_eq!(text(7, 1, 2), Some("f(a)"));
        // The end of the source, as for a string that is not closed.
        let open = Span {
            line_end: 99,
            ..span(8, 2, 1)
        };
        assert_eq!(origins.range(&open).map(|at| &code[at]), Some("(a)"));
    }

    #[test]
    fn what_was_put_into_a_line_does_not_count() {
        let (code, marked) = ("impl A {}\né(b)", "type M=();impl A {}\né(b)");
        let source = "type M=();\nimpl A {}\npub extern \"C\" fn run_user_code_1(\né(b)\n";
        let moved = BTreeMap::from([(1, (0, 10))]);
        let origins = Origins::new(source, code, marked, &moved);
        let text = |line, start, end| origins.range(&span(line, start, end)).map(|at| &code[at]);
        assert_eq!(text(2, 6, 7), Some("A"));
        assert_eq!(text(4, 3, 4), Some("b"));
    }
}

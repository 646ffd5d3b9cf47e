//! Where a line of the generated source comes from: the cell, or one before it.

use ra_ap_syntax::ast::HasName;
use ra_ap_syntax::{AstNode, Edition, SourceFile, TextSize, ast};

/// A cell that ran.
pub struct EarlierCell {
    /// Its number, as the student sees it.
    pub number: Option<usize>,
    pub code: String,
}

/// The line of the student's that stands in line `number` of the `generated` source: in the cell
/// `code`, or in one of the `earlier`, of which the last is the newest.
pub fn describe(
    generated: &str,
    number: usize,
    code: &str,
    earlier: &[EarlierCell],
) -> Option<String> {
    let source: Vec<&str> = generated.lines().map(str::trim).collect();
    let at = number.checked_sub(1).filter(|at| *at < source.len())?;
    if source[at].is_empty() {
        return None;
    }
    // Where a line is not the only one of its kind, those around it tell which one it is. Of places
    // that are alike, the last counts: cells in the order of their age, and this one.
    let cells = earlier.iter().map(|cell| (cell.number, cell.code.as_str()));
    let cells = cells.chain([(None, code)]);
    let candidates = cells.flat_map(|(count, cell)| {
        let lines: Vec<&str> = cell.lines().map(str::trim).collect();
        let same = (0..lines.len()).filter(|line| lines[*line] == source[at]);
        let same: Vec<_> = same
            .map(|line| (around(&source, at, &lines, line), count, cell, line))
            .collect();
        same
    });
    let (_, count, cell, line) = candidates.max_by_key(|(around, ..)| *around)?;
    let text = cell.lines().nth(line)?.trim();
    let number = line + 1;
    if std::ptr::eq(cell, code) {
        return Some(format!("line {number}: {text}"));
    }
    let function = function_at(cell, line).map(|name| format!("in `{name}`, "));
    let function = function.unwrap_or_default();
    Some(match count {
        Some(count) => format!("{function}line {number} of cell {count}: {text}"),
        None => format!(
            "{function}line {number} of the earlier cell that begins `{}`: {text}",
            cell.lines().find(|line| !line.trim().is_empty())?.trim()
        ),
    })
}

/// How many lines next to `a[i]` and `b[j]` are the same.
fn around(a: &[&str], i: usize, b: &[&str], j: usize) -> usize {
    let same = |(one, other): &(&&str, &&str)| one == other;
    let before = a[..i].iter().rev().zip(b[..j].iter().rev());
    let after = a[i + 1..].iter().zip(&b[j + 1..]);
    before.take_while(same).count() + after.take_while(same).count()
}

/// The function of a cell that a line of it belongs to.
fn function_at(cell: &str, line: usize) -> Option<String> {
    let start: usize = cell.split_inclusive('\n').take(line).map(str::len).sum();
    let indent = cell[start..].len() - cell[start..].trim_start().len();
    let at = TextSize::try_from(start + indent).ok()?;
    let parsed = SourceFile::parse(cell, Edition::Edition2024);
    let root = parsed.syntax_node();
    let functions = root.descendants().filter_map(ast::Fn::cast);
    let around = functions.filter(|function| function.syntax().text_range().contains(at));
    Some(around.last()?.name()?.text().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in a generated source around the cell.
    fn generated(before: &str, code: &str) -> String {
        format!("{before}\npub extern \"C\" fn run() {{\n{code}\n}}\n")
    }

    #[test]
    fn of_two_equal_lines_the_right_one_is_named() {
        let code = "let mut it = vec![1].into_iter();\nit.next().unwrap();\nit.next().unwrap();";
        let source = generated("", code);
        for (line, number) in [(4, 2), (5, 3)] {
            assert_eq!(
                describe(&source, line, code, &[]).unwrap(),
                format!("line {number}: it.next().unwrap();")
            );
        }
        assert_eq!(describe(&source, 2, code, &[]), None);
        assert_eq!(describe(&source, 99, code, &[]), None);
    }

    #[test]
    fn a_function_of_an_earlier_cell_is_named() {
        let third = "fn third(list: &[i32]) -> i32 {\n    let at = 3;\n    list[at]\n}".to_owned();
        let code = "let at = 3;\nprintln!(\"{}\",\n    list[at]\n);\nthird(&[1])";
        let source = generated(&third, code);
        let cell = |number, code: &str| EarlierCell {
            number,
            code: code.to_owned(),
        };
        let earlier = [cell(Some(4), &third), cell(None, "1 + 1")];
        assert_eq!(
            describe(&source, 3, code, &earlier).unwrap(),
            "in `third`, line 3 of cell 4: list[at]"
        );
        assert_eq!(
            describe(&source, 8, code, &earlier).unwrap(),
            "line 3: list[at]"
        );
    }
}

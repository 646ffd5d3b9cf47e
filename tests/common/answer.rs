//! What a failed cell is answered, taken apart.

use serde_json::Value;

/// An answer to a failed cell.
pub struct Answer {
    pub kind: String,
    pub sentence: String,
    /// All that is shown.
    pub text: String,
    /// The lines to be pasted.
    pub lines: Option<String>,
    /// The numbers of those that they take the place of.
    pub place: Option<(usize, usize)>,
}

impl Answer {
    /// The answer to a cell, if it failed.
    pub fn of(notebook: &Value, cell: usize) -> Option<Self> {
        let outputs = notebook["cells"][cell]["outputs"].as_array()?;
        let error = outputs
            .iter()
            .find(|output| output["output_type"] == "error")?;
        let lines = error["traceback"]
            .as_array()?
            .iter()
            .filter_map(Value::as_str);
        let lines: Vec<&str> = lines.collect();
        let begin = lines
            .iter()
            .position(|line| line.starts_with("write in line"));
        let is_line = |line: &&&str| !line.starts_with("also in line ");
        let pasted = begin.map(|begin| {
            lines[begin + 1..]
                .iter()
                .take_while(is_line)
                .copied()
                .collect::<Vec<_>>()
                .join("\n")
        });
        let place = begin.and_then(|begin| {
            let numbers = lines[begin].split(|c: char| !c.is_ascii_digit());
            let numbers: Vec<usize> = numbers.filter_map(|word| word.parse().ok()).collect();
            Some((*numbers.first()?, *numbers.last()?))
        });
        Some(Self {
            kind: error["ename"].as_str()?.to_owned(),
            sentence: error["evalue"].as_str()?.to_owned(),
            text: lines.join("\n"),
            lines: pasted,
            place,
        })
    }

    /// The cell after the student has pasted what the answer says.
    pub fn pasted_into(&self, cell: &str) -> Option<String> {
        let (first, last) = self.place?;
        let mut lines: Vec<&str> = cell.lines().collect();
        lines.splice(first - 1..last, [self.lines.as_deref()?]);
        Some(lines.join("\n"))
    }
}

/// What a cell that did not fail has put out.
pub fn ran(notebook: &Value, cell: usize) -> String {
    format!("no error, but {}", notebook["cells"][cell]["outputs"])
}

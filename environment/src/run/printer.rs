//! What a headless run shows of a cell while it runs.

use crate::engine::{CellOutput, Page, Stream};

/// Prints what a cell prints, by the line, and keeps all that it puts out.
#[derive(Default)]
pub struct Printer {
    page: Page,
    lines: [String; 2],
}

impl Printer {
    /// Prints and keeps a piece of output.
    pub fn take(&mut self, output: &CellOutput) {
        self.page.add(output);
        if let CellOutput::Text(stream, text) = output {
            let line = &mut self.lines[*stream as usize];
            line.push_str(text);
            while let Some(end) = line.find('\n') {
                print_line(*stream, &line[..end]);
                line.drain(..=end);
            }
        }
    }

    /// All that the cell has put out so far.
    pub fn finish(&mut self) -> &[CellOutput] {
        for (stream, line) in [Stream::Stdout, Stream::Stderr]
            .into_iter()
            .zip(&mut self.lines)
        {
            if !line.is_empty() {
                print_line(stream, &std::mem::take(line));
            }
        }
        self.page.outputs()
    }
}

fn print_line(stream: Stream, line: &str) {
    // Of a line that was written over again and again, the last state.
    let line = line
        .rsplit('\r')
        .find(|part| !part.is_empty())
        .unwrap_or_default();
    match stream {
        Stream::Stdout => println!("    | {line}"),
        Stream::Stderr => println!("    ! {line}"),
    }
}

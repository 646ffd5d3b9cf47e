//! A cell's output as a notebook keeps it.

use super::output::CellOutput;

/// Puts pieces of output together as a notebook keeps them: text that follows text is one piece,
/// an update takes the place of what it updates.
#[derive(Default)]
pub struct Page {
    outputs: Vec<CellOutput>,
    clear_before_next: bool,
}

impl Page {
    /// Adds a piece.
    pub fn add(&mut self, output: &CellOutput) {
        match output {
            CellOutput::Clear { wait: true } => self.clear_before_next = true,
            CellOutput::Clear { wait: false } => self.outputs.clear(),
            CellOutput::Update(contents, id) => {
                for shown in &mut self.outputs {
                    match shown {
                        CellOutput::Display(old, Some(shown)) if shown == id => {
                            old.clone_from(contents);
                        }
                        _ => {}
                    }
                }
            }
            output => {
                if std::mem::take(&mut self.clear_before_next) {
                    self.outputs.clear();
                }
                match (self.outputs.last_mut(), output) {
                    (Some(CellOutput::Text(last, before)), CellOutput::Text(stream, text))
                        if last == stream =>
                    {
                        before.push_str(text);
                    }
                    (_, output) => self.outputs.push(output.clone()),
                }
            }
        }
    }

    /// The outputs in order.
    pub fn outputs(&self) -> &[CellOutput] {
        &self.outputs
    }
}

#[cfg(test)]
mod tests {
    use cuaderno_protocol::Contents;

    use super::super::output::Stream;
    use super::*;

    #[test]
    fn an_update_takes_the_place_of_what_was_shown() {
        let mut page = Page::default();
        let id = Some("curve".to_owned());
        for output in [
            CellOutput::Display(Contents::text("1"), id.clone()),
            CellOutput::Text(Stream::Stdout, "a".to_owned()),
            CellOutput::Update(Contents::text("2"), "curve".to_owned()),
            CellOutput::Text(Stream::Stdout, "b".to_owned()),
        ] {
            page.add(&output);
        }
        assert_eq!(
            page.outputs(),
            [
                CellOutput::Display(Contents::text("2"), id),
                CellOutput::Text(Stream::Stdout, "ab".to_owned())
            ]
        );
    }
}

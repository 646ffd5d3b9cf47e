//! An executed notebook as slides, cut where the `slideshow` metadata of its cells says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::markdown::{self, escaped, pieces};

/// What a slide holds, in characters of plain text; a longer text goes on on the next one.
const ROOM: usize = 600;
/// What it still holds in smaller type.
const ROOM_AND_A_HALF: usize = ROOM * 3 / 2;
/// A figure stands below as much at most; else it has a slide of its own.
const ABOVE_A_FIGURE: usize = 320;
/// A table or a text of more lines is treated as a figure.
const LONG: usize = 8;
/// Of a longer printed text, such as the epochs of a training, a slide shows beginning and end.
const PRINTED: usize = 16;
/// What a line of code or of printed text takes.
const LINE: usize = 60;

/// Slides from left to right, each with those below it.
#[derive(Default)]
pub struct Deck {
    columns: Vec<Vec<Slide>>,
    /// The section that a slide without a heading belongs to.
    section: String,
}

#[derive(Default)]
struct Slide {
    html: String,
    notes: String,
    size: usize,
    has_heading: bool,
    section: String,
}

impl Deck {
    /// The slides of a notebook in format 4.
    pub fn of(notebook: &Value) -> Self {
        let mut deck = Self::default();
        for cell in notebook["cells"].as_array().into_iter().flatten() {
            let kind = cell["metadata"]["slideshow"]["slide_type"].as_str();
            match kind {
                Some("skip") => continue,
                Some("notes") => {
                    let notes: String = markdown_of(cell).map(|piece| piece.html).collect();
                    // What a notebook folds, the speaker sees at once.
                    let notes = notes.replace("<details>", "<details open>");
                    deck.slide().notes.push_str(&notes);
                    continue;
                }
                Some("slide") => deck.columns.push(vec![Slide::default()]),
                Some("subslide") => deck.go_on(),
                _ => {}
            }
            match cell["cell_type"].as_str() {
                Some("markdown") if kind == Some("fragment") => {
                    let html: String = markdown_of(cell).map(|piece| piece.html).collect();
                    let slide = deck.slide();
                    slide
                        .html
                        .push_str(&format!("<div class=\"fragment\">{html}</div>\n"));
                }
                Some("markdown") => deck.add_text(cell),
                Some("code") => deck.add_code(cell),
                _ => {}
            }
        }
        deck
    }

    /// The slide that is being filled.
    fn slide(&mut self) -> &mut Slide {
        if self.columns.is_empty() {
            self.columns.push(vec![Slide::default()]);
        }
        let column = self.columns.last_mut().expect("there is one");
        column.last_mut().expect("a column begins with a slide")
    }

    /// Begins the slide below.
    fn go_on(&mut self) {
        self.slide();
        if let Some(column) = self.columns.last_mut() {
            column.push(Slide::default());
        }
    }

    fn add_text(&mut self, cell: &Value) {
        let mut pieces = markdown_of(cell).peekable();
        let mut was_led_to = false;
        while let Some(piece) = pieces.next() {
            let led_to = pieces.peek().filter(|next| {
                piece.leads && next.heading.is_none() && piece.size + next.size <= ROOM_AND_A_HALF
            });
            let size = piece.size + led_to.map_or(0, |next| next.size);
            let slide = self.slide();
            let is_full = !was_led_to && slide.size > 0 && slide.size + size > ROOM;
            was_led_to = led_to.is_some();
            // A heading stands with what follows it.
            let begins = piece.heading.is_some() && slide.size > 0;
            if (is_full || begins) && slide.holds_more_than_a_heading() {
                self.go_on();
            }
            if let Some(heading) = &piece.heading {
                self.section.clone_from(heading);
            }
            self.slide().has_heading |= piece.heading.is_some();
            self.add(&piece.html, piece.size);
        }
    }

    fn add_code(&mut self, cell: &Value) {
        if cell["metadata"]["jupyter"]["source_hidden"] != true {
            let code = text(&cell["source"]);
            let html = format!("<pre class=\"code\">{}</pre>\n", escaped(code.trim_end()));
            self.add(&html, LINE * code.lines().count());
        }
        for output in cell["outputs"].as_array().into_iter().flatten() {
            match Shown::of(output) {
                Shown::Figure(html) => {
                    if self.slide().size > ABOVE_A_FIGURE {
                        self.go_on();
                    }
                    self.add(&html, ROOM);
                }
                Shown::Lines(html, lines) => {
                    let is_long = lines > LONG;
                    if is_long && self.slide().size > ABOVE_A_FIGURE {
                        self.go_on();
                    }
                    self.add(&html, LINE * lines);
                }
            }
        }
    }

    /// Adds to the slide that is being filled.
    fn add(&mut self, html: &str, size: usize) {
        let section = self.section.clone();
        let slide = self.slide();
        if slide.section.is_empty() {
            slide.section = section;
        }
        slide.html.push_str(html);
        slide.size += size;
    }

    /// The document: one file that needs nothing else, neither a network nor a server.
    pub fn page(&self, title: &str) -> String {
        let mut slides = String::new();
        for column in &self.columns {
            slides.push_str("<section>\n");
            for slide in column.iter().filter(|slide| !slide.html.is_empty()) {
                slides.push_str(&slide.section_html());
            }
            slides.push_str("</section>\n");
        }
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <title>{title}</title>\n<style>\n{reveal_css}\n{css}</style>\n</head>\n<body>\n\
             <div class=\"reveal\"><div class=\"slides\">\n{slides}</div></div>\n\
             <script>{reveal}</script>\n<script>{notes}</script>\n<script>\n{script}</script>\n\
             </body>\n</html>\n",
            title = escaped(title),
            reveal_css = include_str!("reveal/reveal.css"),
            css = include_str!("slides.css"),
            reveal = include_str!("reveal/reveal.js"),
            notes = include_str!("reveal/notes.js"),
            script = include_str!("slides.js"),
        )
    }
}

impl Slide {
    fn holds_more_than_a_heading(&self) -> bool {
        !(self.has_heading && self.html.matches("</").count() <= 1)
    }

    fn section_html(&self) -> String {
        let header = if self.has_heading {
            String::new()
        } else {
            format!("<header>{}</header>\n", escaped(&self.section))
        };
        let notes = if self.notes.is_empty() {
            String::new()
        } else {
            format!("<aside class=\"notes\">{}</aside>\n", self.notes)
        };
        format!(
            "<section><div class=\"page\">\n{header}{}</div>\n{notes}</section>\n",
            self.html
        )
    }
}

fn markdown_of(cell: &Value) -> impl Iterator<Item = markdown::Piece> {
    pieces(&text(&cell["source"]), &cell["attachments"]).into_iter()
}

/// Text as notebooks have it: a string or a list of lines.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        lines => {
            let lines = lines.as_array().into_iter().flatten();
            lines.filter_map(Value::as_str).collect()
        }
    }
}

/// What a cell has put out, as HTML.
enum Shown {
    Figure(String),
    /// Text or a table, with its number of lines.
    Lines(String, usize),
}

impl Shown {
    fn of(output: &Value) -> Self {
        let data = &output["data"];
        let figure = |mime: &str, base64: &str| {
            let address = format!("data:{mime};base64,{base64}");
            Self::Figure(format!(
                "<figure><img src=\"{address}\" alt=\"\"></figure>\n"
            ))
        };
        let there = |mime: &str| Some(text(data.get(mime)?));
        if let Some(svg) = there("image/svg+xml") {
            return figure("image/svg+xml", &STANDARD.encode(svg));
        }
        if let Some(png) = there("image/png") {
            return figure("image/png", png.trim());
        }
        if let Some(html) = there("text/html") {
            let rows = html.matches("<tr").count();
            return Self::Lines(format!("<div class=\"output\">{html}</div>\n"), rows);
        }
        let plain = match output["output_type"].as_str() {
            Some("stream") => text(&output["text"]),
            Some("error") => text(&output["evalue"]),
            _ => text(&data["text/plain"]),
        };
        let mut lines: Vec<&str> = plain.trim_end().lines().collect();
        if lines.is_empty() {
            return Self::Lines(String::new(), 0);
        }
        if lines.len() > PRINTED {
            lines.splice(PRINTED / 2..lines.len() - PRINTED / 2, ["⋮"]);
        }
        let plain = escaped(&lines.join("\n"));
        let html = format!("<pre class=\"output\">{plain}</pre>\n");
        Self::Lines(html, lines.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn markdown(source: &str, slide_type: &str) -> Value {
        json!({
            "cell_type": "markdown", "source": [source],
            "metadata": {"slideshow": {"slide_type": slide_type}},
        })
    }

    /// How many slides each column has.
    fn heights(deck: &Deck) -> Vec<usize> {
        deck.columns.iter().map(Vec::len).collect()
    }

    #[test]
    fn slides_are_cut_where_the_cells_say() {
        let code = json!({
            "cell_type": "code", "source": ["let a = 1 < 2;"],
            "metadata": {"slideshow": {"slide_type": "-"}},
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["seen & read\n"]},
                {"output_type": "execute_result", "data": {"image/png": "AAAA", "text/plain": "no"}},
            ],
        });
        let cells = [
            markdown("# Title", "slide"),
            markdown("## One", "slide"),
            code,
            markdown("It is true.", "fragment"),
            markdown("Below", "subslide"),
            markdown("<details>\n\nSay this.\n\n</details>", "notes"),
            markdown("Not shown.", "skip"),
        ];
        let deck = Deck::of(&json!({"cells": cells}));
        assert_eq!(heights(&deck), [1, 2]);
        let page = deck.page("A lab");
        for part in [
            "<h2>One</h2>",
            "let a = 1 &lt; 2;",
            "seen &amp; read",
            "data:image/png;base64,AAAA",
            "<div class=\"fragment\"><p>It is true.</p>",
            "<header>One</header>\n<p>Below</p>",
            "<aside class=\"notes\"><details open>\n<p>Say this.</p>",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("Not shown.") && !page.contains(">no<"));
    }

    #[test]
    fn a_long_text_goes_on_below_and_keeps_its_heading() {
        let paragraph = "many words. ".repeat(28);
        let text = format!("## One\n\n{paragraph}\n\n{paragraph}\n\n### Two\n\nEnd");
        let deck = Deck::of(&json!({"cells": [markdown(&text, "slide")]}));
        assert_eq!(heights(&deck), [3]);
        assert!(deck.columns[0][0].html.contains("<h2>One</h2>\n<p>many"));
        assert!(deck.columns[0][2].html.starts_with("<h3>Two</h3>"));
    }

    #[test]
    fn of_a_long_log_beginning_and_end_are_shown() {
        let log: String = (1..=60).map(|epoch| format!("epoch {epoch}\n")).collect();
        let shown = Shown::of(&json!({"output_type": "stream", "text": [log]}));
        let Shown::Lines(html, 17) = shown else {
            panic!("17 lines of text");
        };
        for part in ["epoch 8\n⋮\nepoch 53\n", "epoch 60</pre>"] {
            assert!(html.contains(part), "{html}");
        }
    }

    #[test]
    fn half_a_sentence_stands_with_what_ends_it() {
        let paragraph = "many words. ".repeat(28);
        let items = "- many words, and more of them\n".repeat(8);
        for lead in ["You will", "It is:", "With $w$,"] {
            let text = format!("# Title\n\n{paragraph}\n\n{lead}\n\n{items}");
            let deck = Deck::of(&json!({"cells": [markdown(&text, "slide")]}));
            assert_eq!(heights(&deck), [2], "{lead}");
            assert!(deck.columns[0][1].html.contains("<ul>"), "{lead}");
        }
        let text = format!("# Title\n\n{paragraph}\n\nA sentence.\n\n{items}");
        let deck = Deck::of(&json!({"cells": [markdown(&text, "slide")]}));
        assert!(deck.columns[0][0].html.contains("A sentence."));
    }

    #[test]
    fn a_figure_below_much_code_has_a_slide_of_its_own() {
        let cell = |lines: usize| {
            json!({
                "cell_type": "code", "source": ["let a = 1;\n".repeat(lines)],
                "metadata": {"slideshow": {"slide_type": "subslide"}},
                "outputs": [{"output_type": "display_data", "data": {"image/png": "AAAA"}}],
            })
        };
        let cells = [markdown("# Title", "slide"), cell(2), cell(8)];
        let deck = Deck::of(&json!({"cells": cells}));
        assert_eq!(heights(&deck), [4]);
        assert!(deck.columns[0][3].html.starts_with("<figure>"));
        assert_eq!(deck.columns[0][3].section, "Title");
    }

    #[test]
    fn the_page_needs_no_network() {
        let page = Deck::of(&json!({"cells": [markdown("# Title", "slide")]})).page("A lab");
        for from_elsewhere in ["src=\"http", "href=\"http", "@import"] {
            assert!(!page.contains(from_elsewhere), "{from_elsewhere}");
        }
    }
}

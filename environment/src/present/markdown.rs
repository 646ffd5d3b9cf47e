//! The markdown of a cell as HTML: formulas as MathML, which browsers draw without a script, and
//! attached pictures inside.

use std::convert::Infallible;

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};
use pulldown_latex::config::{DisplayMode, RenderConfig};
use pulldown_latex::{Storage, push_mathml};
use serde_json::Value;

/// A heading, a paragraph, a list, a table: what is not torn apart.
pub struct Piece {
    pub html: String,
    /// What it takes of a slide, in characters of plain text.
    pub size: usize,
    /// The text of a heading.
    pub heading: Option<String>,
    /// It ends in the middle of a sentence, as in "you will" before a list: it stands with what
    /// follows.
    pub leads: bool,
}

/// What a row of a table or an item of a list takes besides its text.
const ROW: usize = 40;
const FORMULA: usize = 150;
const PICTURE: usize = 350;

/// The pieces of a markdown text, with the attachments of its cell.
pub fn pieces(markdown: &str, attachments: &Value) -> Vec<Piece> {
    let options = Options::ENABLE_MATH | Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let (mut pieces, mut events, mut depth) = (Vec::new(), Vec::new(), 0);
    for event in Parser::new_ext(markdown, options) {
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
        events.push(event);
        if depth == 0 {
            pieces.push(piece(std::mem::take(&mut events), attachments));
        }
    }
    pieces
}

fn piece(events: Vec<Event>, attachments: &Value) -> Piece {
    let mut size = 0;
    let mut text = String::new();
    let mut in_picture = false;
    for event in &events {
        match event {
            Event::End(TagEnd::Image) => in_picture = false,
            // What a reader is told who does not see it.
            _ if in_picture => {}
            Event::Text(words) | Event::Code(words) | Event::InlineMath(words) => {
                text.push_str(words);
                size += words.chars().count();
            }
            Event::DisplayMath(_) => size += FORMULA,
            Event::Start(Tag::Image { .. }) => {
                in_picture = true;
                size += PICTURE;
            }
            Event::Start(Tag::TableRow | Tag::Item) => size += ROW,
            _ => {}
        }
    }
    let is_paragraph = matches!(events.first(), Some(Event::Start(Tag::Paragraph)));
    let goes_on = |last: char| last.is_alphanumeric() || matches!(last, ',' | ':');
    let leads = is_paragraph && text.trim_end().ends_with(goes_on);
    let is_heading = matches!(events.first(), Some(Event::Start(Tag::Heading { .. })));
    let mut page = String::new();
    html::push_html(
        &mut page,
        events.into_iter().map(|event| drawn(event, attachments)),
    );
    Piece {
        html: page,
        size,
        heading: is_heading.then_some(text),
        leads,
    }
}

/// An event whose formula or picture a browser can show.
fn drawn<'a>(event: Event<'a>, attachments: &Value) -> Event<'a> {
    match event {
        Event::InlineMath(tex) => Event::InlineHtml(formula(&tex, DisplayMode::Inline).into()),
        Event::DisplayMath(tex) => Event::InlineHtml(formula(&tex, DisplayMode::Block).into()),
        Event::Start(Tag::Image {
            link_type,
            dest_url,
            title,
            id,
        }) => Event::Start(Tag::Image {
            link_type,
            dest_url: attached(dest_url, attachments),
            title,
            id,
        }),
        _ => event,
    }
}

/// The address of a picture; that of an attached one holds the picture itself.
fn attached<'a>(address: CowStr<'a>, attachments: &Value) -> CowStr<'a> {
    let name = address.strip_prefix("attachment:");
    let Some(Value::Object(by_type)) = name.map(|name| &attachments[name]) else {
        return address;
    };
    let data = by_type.iter().next();
    let data = data.and_then(|(mime, data)| Some(format!("data:{mime};base64,{}", data.as_str()?)));
    data.map_or(address, CowStr::from)
}

/// A formula in TeX as MathML; what cannot be read is shown as it stands.
fn formula(tex: &str, display_mode: DisplayMode) -> String {
    mathml(tex, display_mode).unwrap_or_else(|| format!("<code>{}</code>", escaped(tex)))
}

fn mathml(tex: &str, display_mode: DisplayMode) -> Option<String> {
    let storage = Storage::new();
    let parser = pulldown_latex::Parser::new(tex, &storage);
    let events = parser.collect::<Result<Vec<_>, _>>().ok()?;
    let config = RenderConfig {
        display_mode,
        ..RenderConfig::default()
    };
    let mut mathml = String::new();
    let events = events.into_iter().map(Ok::<_, Infallible>);
    push_mathml(&mut mathml, events, config).ok()?;
    Some(with_spaces_outside(mathml))
}

/// pulldown-latex writes the space before a function's name inside of what its subscript belongs to:
/// `\log_2` would be a space whose subscript is "log".
fn with_spaces_outside(mut mathml: String) -> String {
    const SPACE: &str = "<mspace width=\"0.1667em\" />";
    for tag in ["msub", "msup", "msubsup", "munder", "mover", "munderover"] {
        mathml = mathml.replace(&format!("<{tag}>{SPACE}"), &format!("{SPACE}<{tag}>"));
    }
    mathml
}

/// Text that may stand in HTML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn formulas_are_mathml_and_pictures_come_along() {
        let attachments = json!({"way.png": {"image/png": "AAAA"}});
        let text = "## §1 · A name\n\n$x_i$ and $$\\frac{1}{2}$$\n\n![way](attachment:way.png)";
        let pieces = pieces(text, &attachments);
        assert_eq!(pieces[0].heading.as_deref(), Some("§1 · A name"));
        assert!(pieces[1].html.contains("<msub>") && pieces[1].html.contains("<mfrac>"));
        assert!(
            pieces[2]
                .html
                .contains("src=\"data:image/png;base64,AAAA\"")
        );
        assert!(pieces[2].size > pieces[0].size);
    }

    #[test]
    fn what_is_no_formula_stands_as_it_is() {
        let pieces = pieces("$\\nosuchcommand < 1$", &Value::Null);
        assert!(
            pieces[0]
                .html
                .contains("<code>\\nosuchcommand &lt; 1</code>"),
            "{}",
            pieces[0].html
        );
    }

    #[test]
    fn a_subscript_belongs_to_the_name_of_a_function() {
        let drawn = formula("2 \\log_2 n", DisplayMode::Inline);
        assert!(
            drawn.contains("/><msub><mi>log</mi><mn>2</mn></msub>"),
            "{drawn}"
        );
    }

    #[test]
    fn every_formula_of_the_labs_can_be_drawn() {
        for entry in std::fs::read_dir(crate::workbook::notebooks()).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_none_or(|extension| extension != "ipynb")
            {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let notebook: Value = serde_json::from_str(&text).unwrap();
            for cell in notebook["cells"].as_array().unwrap() {
                if cell["cell_type"] != "markdown" {
                    continue;
                }
                let source: String = cell["source"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter_map(Value::as_str)
                    .collect();
                for event in Parser::new_ext(&source, Options::ENABLE_MATH | Options::ENABLE_TABLES)
                {
                    if let Event::InlineMath(tex) | Event::DisplayMath(tex) = event {
                        let drawn = formula(&tex, DisplayMode::Block);
                        assert!(
                            drawn.starts_with("<math"),
                            "{}, {}: {tex}",
                            path.display(),
                            cell["id"]
                        );
                    }
                }
            }
        }
    }
}

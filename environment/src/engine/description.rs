//! What is known of a name, as one would print it. The analyser gives HTML made of Markdown, with the
//! lines of examples that documentation hides, and a text whose headings stick to what follows.

/// The text and the HTML of `html`, without the hidden lines of examples and the private fields of
/// other crates' structs.
pub fn printed(html: &str) -> (String, String) {
    let html = without_private_fields(&without_hidden_lines(html));
    (text(&html), html)
}

const CODE: &str = "<pre><code";
const END_OF_CODE: &str = "</code></pre>";

/// The HTML without the lines of code that documentation hides: those that begin with `# `.
fn without_hidden_lines(html: &str) -> String {
    let mut shown = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find(CODE) {
        let (before, block) = rest.split_at(start);
        let end = block.find(END_OF_CODE).unwrap_or(block.len());
        let (block, after) = block.split_at(end);
        let (tag, code) = block.split_at(
            block[CODE.len()..]
                .find('>')
                .map_or(0, |at| CODE.len() + at + 1),
        );
        shown.push_str(before);
        shown.push_str(tag);
        let is_hidden = |line: &&str| {
            let line = line.trim();
            line == "#" || line.starts_with("# ")
        };
        let lines: Vec<&str> = code.lines().filter(|line| !is_hidden(line)).collect();
        shown.push_str(lines.join("\n").trim_matches('\n'));
        shown.push('\n');
        rest = after;
    }
    shown + rest
}

/// The HTML without the fields that are private in the definition of a public struct.
fn without_private_fields(html: &str) -> String {
    const MORE: &str = "    /* … */";
    let (signature, rest) = html.split_at(html.find("<hr />").unwrap_or(html.len()));
    let is_of_a_cell = signature.contains(">ctx");
    let Some(start) = signature.find(">pub struct ").filter(|_| !is_of_a_cell) else {
        return html.to_owned();
    };
    let is_private = |line: &&str| {
        line.starts_with("    ") && !line.starts_with("    pub ") && !line.starts_with("     ")
    };
    let (before, definition) = signature.split_at(start);
    let mut lines: Vec<&str> = definition.split('\n').collect();
    if lines.iter().any(is_private) && lines[0].ends_with('{') {
        lines.retain(|line| !is_private(line));
        let end = lines.iter().position(|line| line.starts_with('}'));
        lines.insert(end.unwrap_or(lines.len()), MORE);
    }
    format!("{before}{}{rest}", lines.join("\n"))
}

/// The HTML as text: a blank line between paragraphs, headings and code, examples indented.
fn text(html: &str) -> String {
    let mut text = String::new();
    // The signature stands before the first line across, examples behind it.
    let mut in_code = false;
    let mut indent = "";
    for piece in html.split('<') {
        let (tag, words) = match piece.split_once('>') {
            Some((tag, words)) => (tag, words),
            None => ("", piece),
        };
        let is = |name: &str| tag.split(' ').next() == Some(name);
        match tag {
            "/p" | "/pre" | "/ul" | "/ol" | "hr /" | "/h1" | "/h2" | "/h3" | "/h4" | "/table" => {
                end_paragraph(&mut text);
                if tag == "/pre" {
                    in_code = false;
                }
                if tag == "hr /" {
                    indent = "    ";
                }
            }
            "li" => text.push_str("- "),
            "/li" | "/tr" | "br /" => text = text.trim_end().to_owned() + "\n",
            "pre" => in_code = true,
            "code" | "/code" if !in_code => text.push('`'),
            _ => {}
        }
        let words = unescaped(words);
        if in_code && is("code") {
            let lines = words.trim_matches('\n').lines();
            let lines = lines.map(|line| format!("{indent}{line}").trim_end().to_owned());
            text.push_str(&lines.collect::<Vec<_>>().join("\n"));
        } else if in_code {
            text.push_str(words.trim_end_matches('\n'));
        } else if !words.trim().is_empty() {
            text.push_str(&words);
        }
    }
    text.trim().to_owned()
}

/// One blank line behind what is there.
fn end_paragraph(text: &mut String) {
    text.truncate(text.trim_end().len());
    if !text.is_empty() {
        text.push_str("\n\n");
    }
}

fn unescaped(words: &str) -> String {
    words
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_reads_as_it_would_be_printed() {
        let (text, html) = printed(
            "<pre><code class=\"language-rust\">cuaderno::rng\n</code></pre>\n\
             <pre><code class=\"language-rust\">pub fn new(seed: u64) -&gt; Rng\n</code></pre>\n<hr />\n\
             <p>A generator, see <a href=\"https://docs.rs\"><code>Seed</code></a>.</p>\n\
             <h1>Errors</h1>\n<p>None.</p>\n<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n\
             <pre><code class=\"language-rust\"># use a;\nlet r = Rng::new(1);\n\n    r.next() &amp;&amp; b?;\n\
             # Ok::&lt;(), cuaderno::Error&gt;(())\n</code></pre>\n",
        );
        assert_eq!(
            text,
            "cuaderno::rng\n\npub fn new(seed: u64) -> Rng\n\nA generator, see `Seed`.\n\nErrors\n\n\
             None.\n\n- one\n- two\n\n    let r = Rng::new(1);\n\n        r.next() && b?;"
        );
        assert!(!html.contains("# Ok") && !html.contains("# use"), "{html}");
        assert!(html.contains("<h1>Errors</h1>"), "{html}");
    }

    #[test]
    fn private_fields_are_not_shown() {
        let code = |code: &str| format!("<pre><code>{code}\n</code></pre>\n<hr />\n<p>A.</p>");
        let (text, _) = printed(&code(
            "pub struct A {\n    pub(super) b: u8,\n    pub c: u8,\n    d: u8,\n    /* … */\n}",
        ));
        assert_eq!(text, "pub struct A {\n    pub c: u8,\n    /* … */\n}\n\nA.");
        let own = "struct A {\n    b: u8,\n}";
        assert_eq!(printed(&code(own)).0, format!("{own}\n\nA."));
    }

    #[test]
    fn attributes_and_words_alone_are_kept() {
        assert_eq!(printed("no tags").0, "no tags");
        let (text, _) = printed("<pre><code>#[derive(Debug)]\nstruct A;\n</code></pre>");
        assert_eq!(text, "#[derive(Debug)]\nstruct A;");
    }
}

//! Macros of a session. evcxr keeps one item of a name, and so would lose a macro to a function of
//! its name; and it writes items in any order, while a macro is known only behind its definition.
//! So evcxr gets each macro in a module of its own, and in what is compiled all of them stand before
//! everything else.

use ra_ap_syntax::ast::{self, AstNode, HasModuleItem, HasName};
use ra_ap_syntax::{Edition, NodeOrToken, SourceFile, SyntaxNode};

use super::cell::plain;

/// What the names of the modules begin with.
const MODULE: &str = "cuaderno_macro_";

/// What stands before and behind the macro `node` for evcxr; none if it is no macro.
pub fn module_around(node: &SyntaxNode) -> Option<(String, &'static str)> {
    let name = ast::MacroRules::cast(node.clone())?.name()?;
    let name = format!("{MODULE}{}", plain(name.text()));
    Some((format!("#[macro_use]mod {name}{{"), "}"))
}

/// The macro in its module; none if it is another item.
pub fn macro_in(item: &ast::Item) -> Option<ast::Item> {
    let ast::Item::Module(module) = item else {
        return None;
    };
    let name = module.name()?;
    let list = module
        .item_list()
        .filter(|_| name.text().starts_with(MODULE))?;
    list.items().next()
}

/// The source with a copy of each macro in front. No line moves.
pub fn put_first(source: &str) -> String {
    if !source.contains("macro_rules!") {
        return source.to_owned();
    }
    let parsed = SourceFile::parse(source, Edition::Edition2024).tree();
    let items: Vec<_> = parsed.items().collect();
    let macros = items.iter().filter_map(|item| match macro_in(item) {
        Some(ast::Item::MacroRules(item)) => Some(item),
        _ => None,
    });
    let copies: String = macros.filter_map(|item| on_one_line(&item)).collect();
    let Some(first) = items.first() else {
        return source.to_owned();
    };
    // At the end of a line if there is one that is no comment: no column moves then, either.
    let start = usize::from(first.syntax().text_range().start());
    let before = source[..start].trim_end_matches('\n');
    let line = before.rsplit('\n').next().unwrap_or_default();
    let place = match before.len() < start && !line.contains("//") {
        true => before.len(),
        false => start,
    };
    format!("{}{copies}{}", &source[..place], &source[place..])
}

/// The macro without its attributes and comments; none if its text has to have several lines.
fn on_one_line(item: &ast::MacroRules) -> Option<String> {
    let mut text = String::from(" #[allow(unused_macros)] ");
    let parts = item.syntax().children_with_tokens();
    let parts = parts.skip_while(|part| {
        let kind = part.kind();
        ast::Attr::can_cast(kind) || kind.is_trivia()
    });
    for part in parts {
        let tokens: Vec<_> = match part {
            NodeOrToken::Token(token) => vec![token],
            NodeOrToken::Node(node) => {
                let all = node.descendants_with_tokens();
                all.filter_map(NodeOrToken::into_token).collect()
            }
        };
        for token in tokens {
            if token.kind().is_trivia() {
                text.push(' ');
            } else if token.text().contains('\n') {
                return None;
            } else {
                text.push_str(token.text());
            }
        }
    }
    text.push(' ');
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_stand_first_and_no_line_moves() {
        let source = "#![allow(unused)]\nfn f() -> u8 { one!() }\n\
                      #[macro_use]mod cuaderno_macro_one{\n/// One.\n#[macro_export]\nmacro_rules! one {\n    \
                      () => { 1 }; // always\n    ($a:expr) => { $a };\n}}\nfn g() {}";
        assert_eq!(
            put_first(source),
            source.replacen(
                "(unused)]",
                "(unused)] #[allow(unused_macros)] macro_rules! one { () => { 1 };   \
                 ($a:expr) => { $a }; } ",
                1
            )
        );
        let first = "#[macro_use]mod cuaderno_macro_one{macro_rules! one { () => {} }}";
        let adapted = put_first(first);
        assert!(adapted.starts_with(" #[allow(unused_macros)] macro_rules! one"));
        assert!(adapted.ends_with(first));
        for same in [
            "fn f() {}",
            "mod own { macro_rules! a { () => {} } }",
            "#[macro_use]mod cuaderno_macro_a{macro_rules! a { () => { \"\n\" } }}",
        ] {
            assert_eq!(put_first(same), same);
        }
    }
}

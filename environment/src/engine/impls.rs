//! Which `impl` blocks a session has, and what its cells need around items. evcxr knows items by their names: an `impl`, which has none,
//! it keeps with the item that stands before it in its cell, or forever. So each is given a name: an
//! item before it, its marker, which a later cell replaces together with the `impl`.

use std::collections::{BTreeMap, BTreeSet};

use ra_ap_syntax::SyntaxNode;
use ra_ap_syntax::ast::{self, AstNode, HasName};

use super::cell::Cell;
use super::definitions::{mentions, text, tokens};
use super::macros::module_around;

/// The `impl` blocks of a session.
#[derive(Clone, Default)]
pub struct Impls {
    blocks: Vec<Block>,
    /// How many markers there have been.
    markers: usize,
}

#[derive(Clone)]
struct Block {
    marker: String,
    /// What is implemented for what.
    header: String,
    is_of_trait: bool,
    members: BTreeSet<String>,
    /// The type or trait that the block's cell defines: the block goes when that is defined anew.
    goes_with: Option<String>,
}

/// A cell as evcxr gets it.
pub struct Marked {
    pub code: String,
    /// Of lines with markers in them, counted from 1: the column where the last stands, and how far
    /// what follows has moved.
    pub moved: BTreeMap<usize, (usize, usize)>,
    /// The blocks if the cell runs.
    pub impls: Impls,
}

impl Impls {
    /// Puts markers into `code`, of which `cell` is the syntax; `macros` says of a macro whether it
    /// defines items. No line moves.
    pub fn mark(&self, code: &str, cell: &Cell, macros: &dyn Fn(&str) -> bool) -> Marked {
        let mut impls = self.clone();
        let items = cell.statements().iter().cloned();
        let defined: BTreeSet<_> = items.filter_map(|node| type_name(&node)).collect();
        let new: Vec<_> = (cell.statements().iter().enumerate())
            .filter_map(|(at, node)| Some((at, ast::Impl::cast(node.clone())?)))
            .map(|(at, block)| (at, Block::new(&block, &defined)))
            .collect();
        let goes = |old: &Block| {
            (old.goes_with.as_ref()).is_some_and(|name| defined.contains(name))
                || new.iter().any(|(_, new)| new.replaces(old))
        };
        let (gone, stay): (Vec<_>, Vec<_>) = impls.blocks.into_iter().partition(goes);
        impls.blocks = stay;
        let mut free: Vec<_> = gone.into_iter().map(|block| block.marker).rev().collect();
        let mut insertions: Vec<(usize, String)> = Vec::new();
        for (at, node) in cell.statements().iter().enumerate() {
            if let Some((before, behind)) = module_around(node) {
                insertions.push((cell.place_before(at), before));
                insertions.push((cell.place_after(at), behind.to_owned()));
            }
        }
        for (at, mut block) in new {
            block.marker = free.pop().unwrap_or_else(|| {
                impls.markers += 1;
                format!("CuadernoImpl{}", impls.markers)
            });
            insertions.push((cell.place_before(at), marker(&block.marker)));
            impls.blocks.push(block);
        }
        // A marker without its block takes the block away.
        let first = cell
            .statements()
            .iter()
            .position(|node| ast::Item::can_cast(node.kind()));
        if let Some(first) = first {
            let rest: String = free.iter().map(|name| marker(name)).collect();
            if !rest.is_empty() {
                insertions.insert(0, (cell.place_before(first), rest));
            }
        }
        insertions.extend(cell.open_end(macros).map(|end| (end, ";".to_owned())));
        insertions.sort_by_key(|(place, _)| *place);
        let (code, moved) = insert(code, &insertions);
        Marked { code, moved, impls }
    }
}

impl Block {
    fn new(block: &ast::Impl, defined: &BTreeSet<String>) -> Self {
        let parts = block.syntax().children();
        let parts = parts.filter(|node| !ast::AssocItemList::can_cast(node.kind()));
        let parts = parts.filter(|node| !ast::Attr::can_cast(node.kind()));
        let header: String = parts.map(|node| text(&tokens(&node))).collect();
        let named = |kind: Option<ast::Type>| {
            let names = mentions(&tokens(kind?.syntax()));
            names.into_iter().find(|name| defined.contains(name))
        };
        let members = block.assoc_item_list().into_iter();
        let members = members.flat_map(|list| list.assoc_items());
        Self {
            marker: String::new(),
            header,
            is_of_trait: block.trait_().is_some(),
            members: members.filter_map(|member| member_name(&member)).collect(),
            goes_with: named(block.self_ty()).or_else(|| named(block.trait_())),
        }
    }

    /// Whether the two cannot be at once.
    fn replaces(&self, old: &Self) -> bool {
        self.header == old.header && (self.is_of_trait || !self.members.is_disjoint(&old.members))
    }
}

fn type_name(node: &SyntaxNode) -> Option<String> {
    let name = match ast::Item::cast(node.clone())? {
        ast::Item::Enum(item) => item.name(),
        ast::Item::Struct(item) => item.name(),
        ast::Item::Trait(item) => item.name(),
        ast::Item::Union(item) => item.name(),
        _ => None,
    };
    name.map(|name| name.text().to_string())
}

fn member_name(member: &ast::AssocItem) -> Option<String> {
    let name = match member {
        ast::AssocItem::Const(item) => item.name(),
        ast::AssocItem::Fn(item) => item.name(),
        ast::AssocItem::TypeAlias(item) => item.name(),
        ast::AssocItem::MacroCall(_) => None,
    };
    name.map(|name| name.text().to_string())
}

fn marker(name: &str) -> String {
    format!("type {name}=();")
}

/// `code` with `insertions`, which are in order, and what they have moved.
fn insert(code: &str, insertions: &[(usize, String)]) -> (String, BTreeMap<usize, (usize, usize)>) {
    let mut moved: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    let mut marked = String::with_capacity(code.len());
    let mut from = 0;
    for (at, words) in insertions {
        marked.push_str(&code[from..*at]);
        marked.push_str(words);
        from = *at;
        let line = code[..*at].matches('\n').count() + 1;
        let column = code[..*at]
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count();
        let (last, by) = moved.entry(line).or_default();
        *last = column;
        *by += words.len();
    }
    marked.push_str(&code[from..]);
    (marked, moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What evcxr gets of `cells`, one after the other.
    fn marked(cells: &[&str]) -> Vec<String> {
        let mut impls = Impls::default();
        let mut codes = Vec::new();
        for code in cells {
            let cell = Cell::read(code).unwrap_or_else(|unread| panic!("{unread:?}"));
            let marked = impls.mark(code, &cell, &|_| false);
            assert_eq!(marked.code.lines().count(), code.lines().count());
            impls = marked.impls;
            codes.push(marked.code);
        }
        codes
    }

    #[test]
    fn an_impl_that_is_written_again_takes_the_place_of_the_first() {
        assert_eq!(
            marked(&[
                "struct A;",
                "impl A { fn f() {} }",
                "impl A { fn g() {} }",
                "// better\nimpl A { fn f() { } fn h() {} }",
                "impl Clone for A { fn clone(&self) -> A { A } }\nimpl Clone for B {}",
                "impl Clone for A {}",
            ]),
            [
                "struct A;",
                "type CuadernoImpl1=();impl A { fn f() {} }",
                "type CuadernoImpl2=();impl A { fn g() {} }",
                "// better\ntype CuadernoImpl1=();impl A { fn f() { } fn h() {} }",
                "type CuadernoImpl3=();impl Clone for A { fn clone(&self) -> A { A } }type \
                 CuadernoImpl4=();\nimpl Clone for B {}",
                "type CuadernoImpl3=();impl Clone for A {}",
            ]
        );
    }

    #[test]
    fn an_impl_goes_with_its_type_and_not_with_its_neighbour() {
        assert_eq!(
            marked(&[
                "struct A;\nfn f() {}\nimpl A { fn g() { f() } }",
                "fn f() { }",
                "let a = 1; struct A(u8);",
            ]),
            [
                "struct A;\nfn f() {}type CuadernoImpl1=();\nimpl A { fn g() { f() } }",
                "fn f() { }",
                "let a = 1;type CuadernoImpl1=(); struct A(u8);",
            ]
        );
    }

    #[test]
    fn a_macro_gets_a_module() {
        assert_eq!(
            marked(&[
                "macro_rules! a { () => {} }\nfn a() {} macro_rules! b { () => {} } impl A {}"
            ]),
            [
                "#[macro_use]mod cuaderno_macro_a{macro_rules! a { () => {} }}\nfn a() {}\
              #[macro_use]mod cuaderno_macro_b{ macro_rules! b { () => {} }}\
              type CuadernoImpl1=(); impl A {}"
            ]
        );
    }

    #[test]
    fn what_has_moved_is_known() {
        let code = "let a = 1; impl A {}";
        let cell = Cell::read(code).ok().unwrap();
        let marked = Impls::default().mark(code, &cell, &|_| false);
        assert_eq!(marked.moved, BTreeMap::from([(1, (10, 22))]));
    }
}

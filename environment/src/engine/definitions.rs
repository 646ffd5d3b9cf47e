//! What the items of a session are, and which of them a variable's type reaches. Two cells agree on
//! a type's bytes if all that the type reaches reads the same in both; where it does not, the
//! variable must go.
//!
//! Names are not resolved: whatever a type could mean by a name counts as reached. That may lose a
//! variable needlessly, and never keeps one wrongly. The bodies of functions that no constant can
//! call do not count, nor do methods: no value's bytes depend on them. What a library's type is, is
//! told by its `TypeId`, when the variable is taken from the store.

use std::collections::BTreeSet;

use ra_ap_syntax::ast::{self, AstNode, HasModuleItem, HasName};
use ra_ap_syntax::{Edition, NodeOrToken, SourceFile, SyntaxKind, SyntaxNode, SyntaxToken};

use super::cell::{Cell, item_name, plain};
use super::macros::macro_in;

/// Names of library types that hold values of types which they do not name, and give them out by
/// their `TypeId`: that is the same for what a type was and for what it is now.
const OPAQUE: [&str; 3] = ["Any", "Error", "JoinHandle"];

/// Macros that mean something else from place to place, or from time to time.
const UNSTEADY: [&str; 8] = [
    "column",
    "env",
    "file",
    "include",
    "include_bytes",
    "include_str",
    "line",
    "option_env",
];

/// The items of a session.
#[derive(Clone, Default)]
pub struct Definitions {
    items: Vec<Item>,
}

/// One item.
#[derive(Clone)]
struct Item {
    /// What a later item of that name replaces.
    name: Option<String>,
    /// Whoever mentions one of these reaches the item; with none, whoever reaches any item does.
    reached_by: BTreeSet<String>,
    is_use: bool,
    /// Whether there are values of it.
    is_type: bool,
    /// How a sentence names it.
    words: String,
    /// Its tokens.
    text: String,
    mentions: BTreeSet<String>,
}

impl Definitions {
    /// The items of a session's source.
    pub fn of_source(source: &str) -> Self {
        let parsed = SourceFile::parse(source, Edition::Edition2024).tree();
        let mut items = Vec::new();
        for item in parsed.items() {
            add(&item, &mut items);
        }
        Self { items }
    }

    /// These items after `cell` has defined its own.
    #[must_use]
    pub fn with(&self, cell: &Cell) -> Self {
        let mut new = Vec::new();
        for item in cell
            .statements()
            .iter()
            .cloned()
            .filter_map(ast::Item::cast)
        {
            add(&item, &mut new);
        }
        let names: BTreeSet<_> = new.iter().filter_map(|item| item.name.as_ref()).collect();
        let is_kept = |item: &&Item| item.name.as_ref().is_none_or(|name| !names.contains(name));
        let mut items: Vec<_> = self.items.iter().filter(is_kept).cloned().collect();
        items.extend(new);
        Self { items }
    }

    /// Whether the macro `name` defines items.
    pub fn makes_items(&self, name: &str) -> bool {
        const ITEMS: [&str; 7] = ["enum", "fn", "impl", "mod", "struct", "trait", "union"];
        let named = |item: &&Item| item.text.starts_with(&format!(" macro_rules ! {name} "));
        self.items.iter().filter(named).any(|item| {
            let is_made = |word: &str| item.text.contains(&format!(" {word} "));
            ITEMS.iter().any(|word| is_made(word))
        })
    }

    /// What a value of type `kind` reaches that is not the same in `later`.
    pub fn changed_for<'a>(&'a self, kind: &str, later: &'a Self) -> Option<&'a str> {
        let kind = tokens_of(kind);
        let mut roots = mentions(&kind);
        let is_opaque = |item: &&Item| holds_anything(&item.text);
        if holds_anything(&text(&kind)) || self.reach(&roots).iter().any(is_opaque) {
            let types = self.items.iter().filter(|item| item.is_type);
            roots.extend(types.filter_map(|item| item.name.clone()));
        }
        let (before, after) = (self.reach(&roots), later.reach(&roots));
        let lacks = |items: &[&Item], text: &str| !items.iter().any(|item| item.text == text);
        let changed = before
            .iter()
            .find(|item| item.is_unsteady() || lacks(&after, &item.text))
            .or_else(|| after.iter().find(|item| lacks(&before, &item.text)));
        changed.map(|item| item.words.as_str())
    }

    /// All items that something which mentions `roots` may depend on.
    fn reach(&self, roots: &BTreeSet<String>) -> Vec<&Item> {
        let mut roots = roots.clone();
        // What an import in the type itself means, its `TypeId` tells; but it may lead to an item.
        let uses = || self.items.iter().filter(|item| item.is_use);
        while let Some(import) =
            uses().find(|item| item.is_reached(&roots) && !item.mentions.is_subset(&roots))
        {
            roots.extend(import.mentions.iter().cloned());
        }
        let is_root = |item: &&Item| !item.is_use && item.is_reached(&roots);
        let mut reached: Vec<&Item> = self.items.iter().filter(is_root).collect();
        if reached.is_empty() {
            return reached;
        }
        let mut rest: Vec<&Item> = self.items.iter().filter(|item| !is_root(item)).collect();
        let mut mentioned = BTreeSet::new();
        let mut new = reached.clone();
        while !new.is_empty() {
            mentioned.extend(new.iter().flat_map(|item| item.mentions.iter().cloned()));
            (new, rest) = rest
                .into_iter()
                .partition(|item| item.reached_by.is_empty() || item.is_reached(&mentioned));
            reached.extend(&new);
        }
        reached
    }
}

impl Item {
    fn is_reached(&self, mentioned: &BTreeSet<String>) -> bool {
        !self.reached_by.is_disjoint(mentioned)
    }

    fn is_unsteady(&self) -> bool {
        let is_called = |name: &str| self.text.contains(&format!(" {name} ! "));
        UNSTEADY.iter().any(|name| is_called(name))
    }
}

fn holds_anything(text: &str) -> bool {
    let is_named = |name: &str| text.contains(&format!(" {name} "));
    OPAQUE.iter().any(|name| is_named(name))
}

/// Adds what `item` defines.
fn add(item: &ast::Item, items: &mut Vec<Item>) {
    match item {
        ast::Item::Use(import) => {
            if let Some(tree) = import.use_tree() {
                add_imports(&tree, "", items);
            }
            return;
        }
        ast::Item::Impl(block) => {
            add_impl(block, items);
            return;
        }
        _ => {}
    }
    if let Some(item) = macro_in(item) {
        return add(&item, items);
    }
    let name = item_name(item.syntax());
    let named = name
        .iter()
        .map(|name| name.trim_end_matches('!').to_owned());
    let mut reached_by: BTreeSet<_> = named.collect();
    if let ast::Item::Module(module) = item {
        // `use module::*` may bring in what it holds.
        let names = module.syntax().descendants().filter_map(ast::Name::cast);
        reached_by.extend(names.map(|name| plain(name.text()).to_owned()));
    }
    let tokens = tokens(item.syntax());
    items.push(Item {
        words: match &name {
            Some(name) => format!("`{name}`"),
            None => format!("`{}`", item.syntax().text()),
        },
        name,
        reached_by,
        is_use: false,
        is_type: matches!(
            item,
            ast::Item::Enum(_)
                | ast::Item::Module(_)
                | ast::Item::Struct(_)
                | ast::Item::Trait(_)
                | ast::Item::Union(_)
        ),
        text: text(&tokens),
        mentions: mentions(&tokens),
    });
}

/// An `impl` counts by its associated types, constants and what constants can call: a type may be
/// laid out by them.
fn add_impl(block: &ast::Impl, items: &mut Vec<Item>) {
    let matters = |item: ast::AssocItem| match item {
        ast::AssocItem::Fn(function) => function.const_token().is_some(),
        _ => true,
    };
    let list = block.assoc_item_list();
    if !list.is_some_and(|list| list.assoc_items().any(matters)) {
        return;
    }
    let header = block.syntax().children();
    let header = header.filter(|node| ast::Type::can_cast(node.kind()));
    let header: Vec<_> = header.map(|node| tokens(&node)).collect();
    let words: Vec<_> = header
        .iter()
        .map(|kind| text(kind).trim().to_owned())
        .collect();
    let tokens = tokens(block.syntax());
    items.push(Item {
        name: None,
        reached_by: header.iter().flat_map(|kind| mentions(kind)).collect(),
        is_use: false,
        is_type: false,
        words: format!("`impl {}`", words.join(" for ")),
        text: text(&tokens),
        mentions: mentions(&tokens),
    });
}

/// Each name that `tree` imports is an item.
fn add_imports(tree: &ast::UseTree, before: &str, items: &mut Vec<Item>) {
    let path = tree.path().map(|path| text(&tokens(path.syntax())));
    let path = format!("{before}{}", path.unwrap_or_default());
    if let Some(list) = tree.use_tree_list() {
        for tree in list.use_trees() {
            add_imports(&tree, &format!("{path}:: "), items);
        }
        return;
    }
    let path = path.trim_end_matches(" :: self ").trim();
    let is_glob = tree.star_token().is_some();
    let renamed = tree.rename().map(|rename| rename.name());
    let name = match renamed {
        // `as _` names nothing.
        Some(name) => name.map(|name| plain(name.text()).to_owned()),
        None if is_glob => None,
        None => path.rsplit(' ').next().map(|last| plain(last).to_owned()),
    };
    if name.is_none() && !is_glob {
        return;
    }
    let (words, mut reached_by) = match &name {
        Some(name) => (format!("`{name}`"), BTreeSet::from([name.clone()])),
        None => (
            format!("`use {}::*`", path.replace(' ', "")),
            BTreeSet::new(),
        ),
    };
    // What the standard library calls `Debug` derives what `Debug` derives without it.
    if let Some(name) = &name
        && !is_of_library(path)
    {
        reached_by.insert(derived(name));
    }
    items.push(Item {
        reached_by,
        is_use: true,
        is_type: false,
        text: format!("use {path} as {words}"),
        words,
        mentions: path.split(' ').map(|word| plain(word).to_owned()).collect(),
        name,
    });
}

/// Whether `path`, as tokens between blanks, begins in the standard library.
fn is_of_library(path: &str) -> bool {
    let first = path.split(' ').find(|word| *word != "::");
    first.is_some_and(|first| ["alloc", "core", "std"].contains(&first))
}

/// The tokens of an item but for comments and what no type depends on.
pub fn tokens(node: &SyntaxNode) -> Vec<SyntaxToken> {
    let mut found = Vec::new();
    collect(node, &mut found);
    found
}

fn collect(node: &SyntaxNode, found: &mut Vec<SyntaxToken>) {
    let is_const = |node: &SyntaxNode| {
        ast::Fn::cast(node.clone()).is_some_and(|function| function.const_token().is_some())
    };
    let is_in_impl = node.kind() == SyntaxKind::ASSOC_ITEM_LIST
        && node
            .parent()
            .is_some_and(|parent| parent.kind() == SyntaxKind::IMPL);
    for child in node.children_with_tokens() {
        match child {
            NodeOrToken::Token(token) if token.kind().is_trivia() => {}
            NodeOrToken::Token(token) if is_last_comma(&token) => {}
            NodeOrToken::Token(token) => found.push(token),
            NodeOrToken::Node(child) => {
                let is_method = is_in_impl && child.kind() == SyntaxKind::FN && !is_const(&child);
                let is_body = node.kind() == SyntaxKind::FN
                    && child.kind() == SyntaxKind::BLOCK_EXPR
                    && !is_const(node);
                if !is_method && !is_body {
                    collect(&child, found);
                }
            }
        }
    }
}

/// Whether `token` is the comma behind the last field or variant, which means nothing.
fn is_last_comma(token: &SyntaxToken) -> bool {
    let lists = [SyntaxKind::RECORD_FIELD_LIST, SyntaxKind::VARIANT_LIST];
    let list = token.parent().map(|parent| parent.kind());
    let mut rest = std::iter::successors(token.next_token(), SyntaxToken::next_token);
    token.kind() == SyntaxKind::COMMA
        && list.is_some_and(|kind| lists.contains(&kind))
        && rest
            .find(|next| !next.kind().is_trivia())
            .map(|next| next.kind())
            == Some(SyntaxKind::R_CURLY)
}

/// The tokens of a type.
fn tokens_of(kind: &str) -> Vec<SyntaxToken> {
    let parsed = SourceFile::parse(&format!("type T = {kind};"), Edition::Edition2024);
    tokens(&parsed.syntax_node())
}

/// Tokens as one text, each between blanks.
pub fn text(tokens: &[SyntaxToken]) -> String {
    let mut text = String::from(" ");
    for token in tokens {
        text.push_str(token.text());
        text.push(' ');
    }
    text
}

/// The names that tokens could mean an item of the session by: not what follows a `::`, which is
/// looked up in what stands before it, but for `crate::`, `self::` and `super::`. Names of derived
/// traits are those of macros, which are not named as items are.
pub fn mentions(tokens: &[SyntaxToken]) -> BTreeSet<String> {
    let is_looked_up = |at: usize| {
        at >= 2
            && tokens[at - 1].text() == "::"
            && !["crate", "self", "super"].contains(&tokens[at - 2].text())
    };
    let names =
        (0..tokens.len()).filter(|&at| tokens[at].kind() == SyntaxKind::IDENT && !is_looked_up(at));
    let mentioned = |at: usize| {
        let name = plain(tokens[at].text());
        if is_derived(&tokens[at]) {
            derived(name)
        } else {
            name.to_owned()
        }
    };
    names.map(mentioned).collect()
}

/// Whether `token` stands in an attribute's `derive(...)`.
fn is_derived(token: &SyntaxToken) -> bool {
    let list = token.parent().filter(|list| {
        list.kind() == SyntaxKind::TOKEN_TREE
            && list.ancestors().any(|node| node.kind() == SyntaxKind::ATTR)
    });
    let before = list.and_then(|list| list.first_token()?.prev_token());
    before.is_some_and(|before| before.text() == "derive")
}

/// What mentions `name` in a `derive(...)`, which is no name itself.
fn derived(name: &str) -> String {
    format!("derive {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a variable of type `kind` is lost by if a cell `after` follows on a cell `before`.
    fn lost(before: &str, after: &str, kind: &str) -> Option<String> {
        let read = |code: &str| Cell::read(code).unwrap_or_else(|unread| panic!("{unread:?}"));
        let first = Definitions::default().with(&read(before));
        let later = first.with(&read(after));
        first.changed_for(kind, &later).map(str::to_owned)
    }

    #[track_caller]
    fn is_lost(before: &str, after: &str, kind: &str, by: &str) {
        assert_eq!(lost(before, after, kind), Some(by.to_owned()));
    }

    #[track_caller]
    fn is_kept(before: &str, after: &str, kind: &str) {
        assert_eq!(lost(before, after, kind), None);
    }

    #[test]
    fn a_type_that_changes_loses_its_variables() {
        let run = "struct Run { losses: Vec<f32> }";
        is_lost(run, "struct Run { losses: Vec<f64> }", "Run", "`Run`");
        is_lost(
            run,
            "struct Run { losses: Vec<f64> }",
            "Vec<Option<Run>>",
            "`Run`",
        );
        is_lost(run, "union Run { a: u8 }", "fn(Run) -> u8", "`Run`");
        is_lost(
            run,
            "#[repr(C)] struct Run { losses: Vec<f32> }",
            "Run",
            "`Run`",
        );
        is_kept(
            run,
            "struct Run {\n  // the same\n  losses: Vec<f32> }",
            "Run",
        );
        is_kept(run, "struct Run { losses: Vec<f64> }", "Vec<f32>");
        is_lost(
            "enum Level { Low = 1 }",
            "enum Level { Low = 2 }",
            "Level",
            "`Level`",
        );
    }

    #[test]
    fn what_a_type_reaches_counts_wherever_it_is() {
        let net = "struct Layer { units: u32 } struct Net { first: Layer }";
        is_lost(net, "struct Layer { units: u64 }", "Net", "`Layer`");
        is_kept(net, "struct Net { first: u32 }", "Layer");
        is_lost(
            "type Real = f32; struct Line { x: Real }",
            "type Real = f64;",
            "Line",
            "`Real`",
        );
        let board =
            "const fn two() -> usize { 2 } const SIDE: usize = two(); struct Board([u8; SIDE]);";
        is_lost(board, "const fn two() -> usize { 3 }", "Board", "`two`");
        let module =
            "mod m { pub struct P { pub x: super::Real } } type Real = f32; use m::P as Q;";
        is_lost(module, "type Real = f64;", "Q", "`Real`");
        is_lost(
            module,
            "mod m { pub struct P { pub x: u8 } }",
            "m::P",
            "`m`",
        );
        let made = "macro_rules! real { () => { f32 } } struct Line { x: real!() }";
        is_lost(
            made,
            "macro_rules! real { () => { f64 } }",
            "Line",
            "`real!`",
        );
    }

    #[test]
    fn traits_and_what_is_associated_with_types_count() {
        let animal = "trait Animal { fn legs(&self) -> u32; fn weight(&self) -> u32; }";
        let turned = "trait Animal { fn weight(&self) -> u32; fn legs(&self) -> u32; }";
        is_lost(animal, turned, "Box<dyn Animal>", "`Animal`");
        let out =
            "trait Out { type Is; } impl Out for u8 { type Is = u32; } struct S<T: Out>(T::Is);";
        assert!(lost(out, "impl Out for u8 { type Is = u64; }", "S<u8>").is_some());
        let count = "struct N; impl N { const OF: usize = 2; } struct Of([u8; N::OF]);";
        assert!(lost(count, "impl N { const OF: usize = 3; }", "Of").is_some());
    }

    #[test]
    fn functions_and_methods_may_change() {
        let code = "struct A { x: f64 } impl A { fn norm(&self) -> f64 { self.x } } fn f(a: A) {}";
        is_kept(code, "impl A { fn norm(&self) -> f64 { 0.0 } }", "A");
        is_kept(code, "impl Drop for A { fn drop(&mut self) {} }", "A");
        is_kept(code, "fn f(a: A) { drop(a) }", "A");
        let tr = "trait T { fn f(&self) -> u8 { 1 } }";
        is_kept(tr, "trait T { fn f(&self) -> u8 { 2 } }", "Box<dyn T>");
        is_lost(
            tr,
            "trait T { fn f(&self) -> u8 { 2 } fn g(&self); }",
            "Box<dyn T>",
            "`T`",
        );
    }

    #[test]
    fn imports_count_for_what_items_mean_by_a_name() {
        let code = "struct S { r: Result<u8, String> }";
        is_lost(code, "use std::fmt::Result;", "S", "`Result`");
        is_kept(code, "use std::collections::HashMap;", "S");
        is_kept(code, "use std::collections::HashMap;", "HashMap<u8, u8>");
        is_lost(code, "use std::fmt::*;", "S", "`use std::fmt::*`");
        is_kept(code, "use std::fmt::*;", "u8");
        let both = "use std::{fmt, io::{self, Result}}; struct S { r: Result<u8>, e: io::Error2 }";
        is_kept(both, "use std::{io::{self, Result}};", "S");
        is_lost(both, "use std::fmt as io;", "S", "`io`");
    }

    #[test]
    fn a_derived_trait_may_be_imported() {
        let run = "#[derive(Clone, Debug)] struct Run(u8);";
        is_kept(run, "use std::fmt::Debug;", "Run");
        is_kept(
            run,
            "use ::core::{clone::Clone, fmt::{self, Debug}};",
            "Run",
        );
        let given = "#[cfg_attr(all(), derive(Debug))] struct Run(u8);";
        is_kept(given, "use std::fmt::Debug;", "Run");
        is_lost(run, "use other::Debug;", "Run", "`Debug`");
        let other = format!("use other::Debug; {run}");
        is_lost(&other, "use std::fmt::Debug;", "Run", "`Debug`");
        let bound = "struct Of<T: Debug>(T);";
        is_lost(bound, "use std::fmt::Debug;", "Of<u8>", "`Debug`");
    }

    #[test]
    fn what_may_hold_anything_reaches_everything() {
        let any = "struct A(u8); struct B(u8);";
        is_lost(any, "struct B(u16);", "Box<dyn Any + Send>", "`B`");
        is_lost(
            any,
            "struct B(u16);",
            "Result<(), Box<dyn std::error::Error>>",
            "`B`",
        );
        let held = "struct A(u8); struct H(Box<dyn std::any::Any>);";
        is_lost(held, "struct A(u16);", "H", "`A`");
        let place = "const N: usize = line!() as usize; struct A([u8; N]);";
        is_lost(place, "struct B;", "A", "`N`");
        is_kept(any, "struct C(u8);", "Box<dyn Any>");
        let inside = "mod m { pub struct P(pub u8); } use m::*;";
        is_lost(inside, "mod m { pub struct P(pub u16); }", "P", "`m`");
    }
}

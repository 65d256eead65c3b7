//! Collects a module's definitions and references from its syntax tree, except for code under `#[cfg(test)]`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Ident, Item, Lit, Meta, UseTree};

/// A path as written in the source: `super::store::Store` is `["super", "store", "Store"]`.
pub(super) type Segments = Vec<String>;

#[derive(Default)]
pub(super) struct Module {
    pub(super) file: PathBuf,
    /// The names of the module's items, except for child modules and items inside functions.
    pub(super) definitions: BTreeSet<String>,
    /// The module's structs, enums, unions, traits and type aliases.
    pub(super) types: Vec<Located<String>>,
    /// The local names declared by `use`, each with the imported path.
    pub(super) imports: BTreeMap<String, Segments>,
    /// The paths in `use path::*` declarations.
    pub(super) globs: Vec<Segments>,
    /// All paths of two or more segments, including those in `use` declarations.
    pub(super) paths: Vec<Located<Segments>>,
    pub(super) macros: Vec<Located<String>>,
    /// The line numbers of `async` functions and blocks.
    pub(super) asyncs: Vec<usize>,
    /// The strings in `#[error("…")]`, `bail!("…")` and `anyhow!("…")`.
    pub(super) error_texts: Vec<Located<String>>,
    /// The string literals in each `impl Display`, with the type's name.
    pub(super) display_texts: Vec<(String, Located<String>)>,
    /// Types with a hand-written `impl Error`.
    pub(super) error_impls: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Located<T> {
    pub(super) line: usize,
    pub(super) what: T,
}

/// Calls `found` for each string literal in the tokens, with its line.
fn string_literals(tokens: TokenStream, found: &mut impl FnMut(String, usize)) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => string_literals(group.stream(), found),
            TokenTree::Literal(literal) => {
                let line = literal.span().start().line;
                if let Lit::Str(text) = Lit::new(literal) {
                    found(text.value(), line);
                }
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}

pub(super) fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let Meta::List(list) = &attribute.meta else { return false };
        let words = identifiers(list.tokens.clone());
        attribute.path().is_ident("cfg") && words.contains("test") && !words.contains("not")
    })
}

fn identifiers(tokens: TokenStream) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => drop(words.insert(ident.to_string())),
            TokenTree::Group(group) => words.extend(identifiers(group.stream())),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    words
}

pub(super) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn defined_name(item: &Item) -> Option<&Ident> {
    match item {
        Item::Const(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Fn(item) => Some(&item.sig.ident),
        Item::Macro(item) => item.ident.as_ref(),
        Item::Static(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        Item::Union(item) => Some(&item.ident),
        _ => None,
    }
}

impl Module {
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file, ..Self::default() }
    }

    /// Adds an item. Child modules are left to the caller.
    pub(super) fn add(&mut self, item: &Item) {
        if let Some(name) = defined_name(item) {
            self.definitions.insert(name.to_string());
        }
        self.visit_item(item);
    }

    fn add_type(&mut self, name: &Ident) {
        self.types.push(Located { line: name.span().start().line, what: name.to_string() });
    }

    fn add_use(&mut self, tree: &UseTree, prefix: &mut Segments) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.add_use(&path.tree, prefix);
                prefix.pop();
            }
            UseTree::Name(name) => self.add_import(&name.ident, &name.ident, prefix),
            UseTree::Rename(name) => self.add_import(&name.ident, &name.rename, prefix),
            UseTree::Glob(glob) => {
                self.paths.push(Located { line: glob.span().start().line, what: prefix.clone() });
                self.globs.push(prefix.clone());
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_use(tree, prefix)),
        }
    }

    fn add_import(&mut self, name: &Ident, local: &Ident, prefix: &[String]) {
        let mut path = prefix.to_vec();
        let mut local = local.to_string();
        if name == "self" {
            local = if local == "self" { path.last().cloned().unwrap_or_default() } else { local };
        } else {
            path.push(name.to_string());
        }
        self.paths.push(Located { line: name.span().start().line, what: path.clone() });
        self.imports.insert(local, path);
    }

    /// Finds paths such as `a::b` in the arguments of macros and attributes, which `syn` does not parse.
    fn add_paths_in_tokens(&mut self, tokens: TokenStream) {
        let mut path: Segments = Vec::new();
        let mut line = 0;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.add_path(line, std::mem::take(&mut path));
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.add_path(line, std::mem::take(&mut path));
                    colons = 0;
                    match other {
                        TokenTree::Group(group) => self.add_paths_in_tokens(group.stream()),
                        TokenTree::Literal(literal) => self.add_path_in_literal(literal),
                        TokenTree::Ident(_) | TokenTree::Punct(_) => {}
                    }
                }
            }
        }
        self.add_path(line, path);
    }

    /// Serde's attributes name functions in string literals.
    fn add_path_in_literal(&mut self, literal: proc_macro2::Literal) {
        let line = literal.span().start().line;
        if let Lit::Str(text) = Lit::new(literal)
            && ["crate::", "super::", "self::"].iter().any(|start| text.value().starts_with(start))
        {
            self.add_path(line, text.value().split("::").map(str::to_owned).collect());
        }
    }

    fn add_path(&mut self, line: usize, path: Segments) {
        if path.len() > 1 {
            self.paths.push(Located { line, what: path });
        }
    }

    fn add_error_text(&mut self, tokens: TokenStream) {
        if let Some(TokenTree::Literal(literal)) = tokens.into_iter().next() {
            string_literals(TokenTree::from(literal).into(), &mut |what, line| {
                self.error_texts.push(Located { line, what });
            });
        }
    }
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test_only(attributes(item)) && !matches!(item, Item::Mod(_)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test_only(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.add_type(&item.ident);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.add_type(&item.ident);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_union(&mut self, item: &'ast syn::ItemUnion) {
        self.add_type(&item.ident);
        visit::visit_item_union(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.add_type(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.add_type(&item.ident);
        visit::visit_item_type(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_use(&item.tree, &mut Vec::new());
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let (Some((path, _)), syn::Type::Path(of)) = (&item.trait_, &*item.self_ty)
            && let (Some(name), Some(of)) = (path.segments.last(), of.path.segments.last())
        {
            let of = of.ident.to_string();
            if name.ident == "Error" {
                self.error_impls.insert(of);
            } else if name.ident == "Display" {
                let mut literals = Literals::default();
                literals.visit_item_impl(item);
                self.display_texts.extend(literals.found.into_iter().map(|text| (of.clone(), text)));
            }
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.add_path(path.span().start().line, segments);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let name = call.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        if name == "bail" || name == "anyhow" {
            self.add_error_text(call.tokens.clone());
        }
        self.macros.push(Located { line: call.path.span().start().line, what: name });
        self.add_paths_in_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            if attribute.path().is_ident("error") {
                self.add_error_text(list.tokens.clone());
            }
            self.add_paths_in_tokens(list.tokens.clone());
        }
        visit::visit_attribute(self, attribute);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.asyncs.extend(signature.asyncness.as_ref().map(|token| token.span().start().line));
        visit::visit_signature(self, signature);
    }

    fn visit_expr_async(&mut self, block: &'ast syn::ExprAsync) {
        self.asyncs.push(block.span().start().line);
        visit::visit_expr_async(self, block);
    }
}

/// Collects all string literals, including those in macros.
#[derive(Default)]
struct Literals {
    found: Vec<Located<String>>,
}

impl<'ast> Visit<'ast> for Literals {
    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.found.push(Located { line: text.span().start().line, what: text.value() });
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        string_literals(call.tokens.clone(), &mut |what, line| self.found.push(Located { line, what }));
    }
}

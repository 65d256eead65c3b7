//! A crate's module tree, which resolves paths to the modules that define the items.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::Item;

use super::module::{Located, Module, Segments, attributes, is_test_only};

/// The contents of source files by their path relative to the project's root.
pub(super) type Files = BTreeMap<PathBuf, String>;

/// A module's path within its crate: `crate::store::s3` is `["store", "s3"]`, and the path of the root module is empty.
pub(super) type ModulePath = Vec<String>;

pub(super) struct Crate {
    pub(super) name: String,
    pub(super) modules: BTreeMap<ModulePath, Module>,
}

/// A reference from one module to another module of the same crate.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) from: ModulePath,
    pub(super) to: ModulePath,
    /// The location of the reference as `file:line`.
    pub(super) at: String,
}

/// The maximum length of a chain of re-exports. It stops the search when a name resolves to itself, as in `use
/// http::http`.
const MAX_DEPTH: usize = 16;

impl Crate {
    /// Parses the `root` file and all modules declared in it, recursively.
    pub(super) fn parse(name: &str, root: &str, files: &Files) -> Self {
        let mut parsed = Self { name: name.to_owned(), modules: BTreeMap::new() };
        let root = Path::new(root);
        let directory = root.parent().expect("a file is in a directory");
        parsed.add(Vec::new(), root, directory, &parse(root, files), files);
        parsed
    }

    fn add(&mut self, path: ModulePath, file: &Path, directory: &Path, items: &[Item], files: &Files) {
        let mut module = Module::new(file.to_owned());
        for item in items.iter().filter(|item| !is_test_only(attributes(item))) {
            let Item::Mod(child) = item else {
                module.add(item);
                continue;
            };
            let name = child.ident.to_string();
            let child_path = [path.as_slice(), std::slice::from_ref(&name)].concat();
            let child_directory = directory.join(&name);
            if let Some((_, items)) = &child.content {
                self.add(child_path, file, &child_directory, items, files);
            } else {
                let candidates = [directory.join(format!("{name}.rs")), child_directory.join("mod.rs")];
                let found = candidates.iter().find(|candidate| files.contains_key(*candidate));
                let found = found.unwrap_or_else(|| panic!("{} has no file for `mod {name}`", file.display()));
                self.add(child_path, found, &child_directory, &parse(found, files), files);
            }
        }
        self.modules.insert(path, module);
    }

    /// Resolves `path`, as written in the module `from`, to the module that defines the item, and follows re-exports.
    /// Returns `None` if the path leads out of the crate.
    pub(super) fn resolve(&self, from: &[String], path: &[String]) -> Option<ModulePath> {
        self.resolve_path(from, path, 0)
    }

    fn resolve_path(&self, from: &[String], path: &[String], depth: usize) -> Option<ModulePath> {
        if depth > MAX_DEPTH {
            return None;
        }
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(self.descend(&[], rest, depth)),
            "self" => Some(self.descend(from, rest, depth)),
            "super" => {
                let mut parent = from.split_last()?.1;
                let mut rest = rest;
                while let [first, others @ ..] = rest
                    && first == "super"
                {
                    parent = parent.split_last()?.1;
                    rest = others;
                }
                Some(self.descend(parent, rest, depth))
            }
            _ if self.modules.contains_key(&child(from, first)) => Some(self.descend(from, path, depth)),
            _ => {
                let import = self.modules.get(from)?.imports.get(first)?;
                self.resolve_path(from, &[import.as_slice(), rest].concat(), depth + 1)
            }
        }
    }

    /// Follows `path` from a module down through child modules and re-exports.
    fn descend(&self, from: &[String], path: &[String], depth: usize) -> ModulePath {
        let mut current = from.to_vec();
        for (index, segment) in path.iter().enumerate() {
            let next = child(&current, segment);
            if self.modules.contains_key(&next) {
                current = next;
                continue;
            }
            let module = &self.modules[&current];
            let is_local = module.definitions.contains(segment);
            let elsewhere = if let Some(import) = module.imports.get(segment).filter(|_| !is_local) {
                self.resolve_path(&current, &[import.as_slice(), &path[index + 1..]].concat(), depth + 1)
            } else if is_local {
                None
            } else {
                self.through_globs(&current, &path[index..], depth)
            };
            return elsewhere.unwrap_or(current);
        }
        current
    }

    fn through_globs(&self, from: &[String], path: &[String], depth: usize) -> Option<ModulePath> {
        self.modules[from].globs.iter().find_map(|glob| {
            let through = self.resolve_path(from, &[glob.as_slice(), path].concat(), depth + 1)?;
            let defines = self.modules.get(&through)?.definitions.contains(&path[0]);
            defines.then_some(through)
        })
    }

    /// Expands the first segment of a path if it is imported: after `use std::io`, `io::stdout` becomes
    /// `std::io::stdout`.
    pub(super) fn expand(&self, from: &[String], path: &[String]) -> Segments {
        let import = path.first().and_then(|first| self.modules.get(from)?.imports.get(first));
        import.map_or_else(|| path.to_vec(), |import| [import.as_slice(), &path[1..]].concat())
    }

    pub(super) fn references(&self) -> Vec<Reference> {
        let mut references = Vec::new();
        for (from, module) in &self.modules {
            for Located { line, what } in &module.paths {
                let to = self.resolve(from, what).filter(|to| to != from);
                let at = format!("{}:{line}", module.file.display());
                references.extend(to.map(|to| Reference { from: from.clone(), to, at }));
            }
        }
        references
    }

    /// The modules at or below `path`.
    pub(super) fn subtree(&self, path: &str) -> impl Iterator<Item = (&ModulePath, &Module)> {
        let path: ModulePath = path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        self.modules.iter().filter(move |(module, _)| module.starts_with(&path))
    }
}

fn child(module: &[String], name: &str) -> ModulePath {
    let mut path = module.to_vec();
    path.push(name.to_owned());
    path
}

fn parse(path: &Path, files: &Files) -> Vec<Item> {
    let text = files.get(path).unwrap_or_else(|| panic!("there is no {}", path.display()));
    syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", path.display())).items
}

/// Parses a crate from pairs of a path below `src/` and the file's content, for tests of the rules.
pub(super) fn crate_of(sources: &[(&str, &str)]) -> Crate {
    let files = sources.iter().map(|(path, text)| (Path::new("src").join(path), (*text).to_owned()));
    Crate::parse("example", "src/lib.rs", &files.collect())
}

fn resolved(sources: &[(&str, &str)], from: &str, path: &str) -> Option<String> {
    let split = |path: &str| path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    crate_of(sources).resolve(&split(from), &split(path)).map(|module| module.join("::"))
}

#[test]
fn a_path_leads_to_the_module_that_defines_its_name() {
    let sources = [
        ("lib.rs", "mod a; mod b; pub use b::deep::Deep; pub fn now() {}"),
        ("a.rs", "use crate::b; use std::fmt; pub struct A;"),
        ("b/mod.rs", "pub mod deep; pub use self::deep::*; struct B;"),
        ("b/deep.rs", "pub struct Deep; pub struct Other;"),
    ];
    assert_eq!(resolved(&sources, "a", "crate::b::B").as_deref(), Some("b"));
    assert_eq!(resolved(&sources, "a", "super::now").as_deref(), Some(""));
    assert_eq!(resolved(&sources, "b::deep", "super::super::a::A").as_deref(), Some("a"));
    assert_eq!(resolved(&sources, "", "a::A").as_deref(), Some("a"), "a child module");
    assert_eq!(resolved(&sources, "a", "crate::Deep").as_deref(), Some("b::deep"), "a re-export");
    assert_eq!(resolved(&sources, "a", "b::Other::new").as_deref(), Some("b::deep"), "an import, then a glob");
    assert_eq!(resolved(&sources, "a", "fmt::Display"), None, "another crate");
    assert_eq!(resolved(&sources, "a", "serde::de::Error"), None);
}

#[test]
fn paths_in_macros_attributes_and_bodies_are_references() {
    let example = crate_of(&[
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "fn a() { println!(\"{}\", crate::b::B); }"),
        ("b.rs", "#[serde(with = \"crate::c\")] struct B;"),
        ("c.rs", "impl C { fn c(self) -> super::d::D { self.0 } }"),
        ("d.rs", ""),
    ]);
    let found: Vec<String> =
        example.references().iter().map(|one| format!("{}>{}", one.from.join("::"), one.to.join("::"))).collect();
    assert_eq!(found, ["a>b", "b>c", "c>d"]);
    assert_eq!(example.references()[0].at, "src/a.rs:1");
}

#[test]
fn code_for_tests_is_left_out() {
    let example = crate_of(&[
        ("lib.rs", "mod a; mod b; #[cfg(test)] mod missing;"),
        ("a.rs", "#[cfg(test)] mod tests { use crate::b; } struct A; #[cfg(test)] use crate::b;"),
        ("b.rs", "impl B { #[cfg(test)] fn b() { crate::a::a(); } #[cfg(not(test))] fn c() { crate::a::a(); } }"),
    ]);
    assert_eq!(example.references().len(), 1);
}

//! Finds cycles and import chains in the graph of a crate's modules.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::module_tree::{Crate, ModulePath, Reference, crate_of};

/// Describes each group of sibling modules that import each other in cycles, with one of its shortest cycles.
///
/// A module includes all modules below it. Imports between a module and its parent are not counted, because a `mod.rs`
/// defines what its children share and also calls them.
pub(super) fn cycles(of: &Crate) -> Vec<String> {
    let references = of.references();
    let parents: BTreeSet<&[String]> = of.modules.keys().filter_map(|path| Some(path.split_last()?.1)).collect();
    parents.into_iter().flat_map(|parent| cycles_below(parent, &references)).collect()
}

/// The imports between the children of one module: importing module, imported module, and the first line with such an
/// import.
type Siblings<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a Reference>>;

fn cycles_below(parent: &[String], references: &[Reference]) -> Vec<String> {
    let mut siblings: Siblings = BTreeMap::new();
    for reference in references {
        if let (Some(from), Some(to)) = (child_of(parent, &reference.from), child_of(parent, &reference.to))
            && from != to
        {
            siblings.entry(from).or_default().entry(to).or_insert(reference);
        }
    }
    let mut known = BTreeSet::new();
    let mut cycles = Vec::new();
    for name in siblings.keys() {
        if !known.contains(name)
            && let Some(cycle) = shortest_cycle(name, &siblings)
        {
            let reached = reachable(name, &siblings);
            let group: Vec<&str> =
                reached.iter().filter(|other| reachable(other, &siblings).contains(name)).copied().collect();
            known.extend(group.iter().copied());
            cycles.push(describe(parent, &cycle, &group));
        }
    }
    cycles
}

fn child_of<'a>(parent: &[String], module: &'a [String]) -> Option<&'a str> {
    module.strip_prefix(parent)?.first().map(String::as_str)
}

fn reachable<'a>(from: &str, siblings: &Siblings<'a>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut queue: Vec<&str> = siblings.get(from).into_iter().flat_map(BTreeMap::keys).copied().collect();
    while let Some(next) = queue.pop() {
        if reached.insert(next) {
            queue.extend(siblings.get(next).into_iter().flat_map(BTreeMap::keys));
        }
    }
    reached
}

fn shortest_cycle<'a>(start: &'a str, siblings: &Siblings<'a>) -> Option<Vec<&'a Reference>> {
    let mut queue = VecDeque::from([(start, Vec::new())]);
    let mut seen = BTreeSet::new();
    while let Some((current, path)) = queue.pop_front() {
        for (next, reference) in siblings.get(current).into_iter().flatten() {
            let mut path = path.clone();
            path.push(*reference);
            if *next == start {
                return Some(path);
            }
            if seen.insert(*next) {
                queue.push_back((next, path));
            }
        }
    }
    None
}

fn describe(parent: &[String], cycle: &[&Reference], group: &[&str]) -> String {
    let steps: Vec<String> =
        cycle.iter().map(|step| format!("{} imports {} at {}", name(&step.from), name(&step.to), step.at)).collect();
    let others = if group.len() > cycle.len() {
        format!(" (cycles connect {} modules: {})", group.len(), group.join(", "))
    } else {
        String::new()
    };
    format!("in `{}`: {}{others}", name(parent), steps.join("; "))
}

pub(super) fn name(module: &[String]) -> String {
    if module.is_empty() { "crate".to_owned() } else { module.join("::") }
}

/// Finds the shortest chain of imports from each module at or below `from` to any module at or below `to`. Omits
/// modules without such a chain.
pub(super) fn chains(of: &Crate, from: &str, to: &str) -> Vec<String> {
    let references = of.references();
    let mut uses: BTreeMap<&ModulePath, Vec<&Reference>> = BTreeMap::new();
    for reference in &references {
        uses.entry(&reference.from).or_default().push(reference);
    }
    let targets: BTreeSet<&ModulePath> = of.subtree(to).map(|(path, _)| path).collect();
    let starts: BTreeSet<&ModulePath> = of.subtree(from).map(|(path, _)| path).collect();
    starts.iter().filter_map(|start| chain(start, &starts, &targets, &uses)).collect()
}

fn chain<'a>(
    start: &'a ModulePath,
    starts: &BTreeSet<&ModulePath>,
    targets: &BTreeSet<&ModulePath>,
    uses: &BTreeMap<&'a ModulePath, Vec<&'a Reference>>,
) -> Option<String> {
    let mut queue = VecDeque::from([(start, Vec::new())]);
    let mut seen = BTreeSet::new();
    while let Some((current, path)) = queue.pop_front() {
        for reference in uses.get(current).into_iter().flatten() {
            let mut path = path.clone();
            path.push(format!("{} (at {})", name(&reference.to), reference.at));
            if targets.contains(&reference.to) {
                return Some(format!("{} reaches {}", name(start), path.join(", ")));
            }
            // Other modules at or below `from` start separate chains.
            if !starts.contains(&reference.to) && seen.insert(&reference.to) {
                queue.push_back((&reference.to, path));
            }
        }
    }
    None
}

#[test]
fn siblings_that_use_each_other_are_a_cycle() {
    let example = crate_of(&[
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "fn b() {\n crate::c::c() }"),
        ("c.rs", "mod inner { use super::super::a::A; }"),
        ("d.rs", "use crate::a;"),
    ]);
    assert_eq!(
        cycles(&example),
        ["in `crate`: a imports b at src/a.rs:1; b imports c at src/b.rs:2; c::inner imports a at src/c.rs:1"]
    );
}

#[test]
fn a_cycle_through_a_re_export_is_found() {
    let example = crate_of(&[
        ("lib.rs", "mod folder;"),
        ("folder/mod.rs", "mod a; mod b; pub use b::B;"),
        ("folder/a.rs", "use super::B; pub struct A;"),
        ("folder/b.rs", "use super::a::A; pub struct B;"),
    ]);
    assert_eq!(cycles(&example).len(), 1, "{:?}", cycles(&example));
}

#[test]
fn a_module_and_its_parent_may_use_each_other() {
    let example = crate_of(&[
        ("lib.rs", "mod a; mod b; pub struct Root; use a::A;"),
        ("a.rs", "mod inner; pub struct A; use crate::Root; use inner::Inner;"),
        ("a/inner.rs", "use super::A; use crate::b::B; pub struct Inner;"),
        ("b.rs", "pub struct B; use crate::Root;"),
    ]);
    assert_eq!(cycles(&example), Vec::<String>::new());
}

#[test]
fn a_chain_of_imports_is_followed_across_a_wall() {
    let example = crate_of(&[
        ("lib.rs", "mod checks; mod between; mod store;"),
        ("checks.rs", "mod tcp { use crate::between; } mod http {}"),
        ("between.rs", "use crate::store::s3::Client;"),
        ("store.rs", "pub mod s3 { pub struct Client; }"),
    ]);
    assert_eq!(
        chains(&example, "checks", "store"),
        ["checks::tcp reaches between (at src/checks.rs:1), store::s3 (at src/between.rs:1)"]
    );
    assert_eq!(chains(&example, "store", "checks"), Vec::<String>::new());
}

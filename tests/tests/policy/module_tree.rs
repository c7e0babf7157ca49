//! The module tree of a library and the imports between its files.
//!
//! The sources are parsed, not compiled. Paths count in `use` items, types, expressions and macro
//! tokens, but not in tests, attributes, comments and strings. A use without a path, such as a
//! method call, is not found.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::visit::Visit;
use syn::{Attribute, Item, Meta, UseTree};

/// The limit for following aliases of aliases, which may be circular.
const MAX_DEPTH: usize = 16;

/// The modules of a library. The first one is the root of the crate.
pub(super) struct ModuleTree {
    src: PathBuf,
    modules: Vec<Module>,
}

#[derive(Default)]
struct Module {
    /// The path relative to `src`. An inline module has the file that contains it.
    file: PathBuf,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    items: BTreeSet<String>,
    /// Whether the items include a macro call, which may define unknown names.
    calls_macro: bool,
    /// The names that `use` items import, each with its path.
    aliases: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    references: Vec<Reference>,
}

struct Reference {
    path: Vec<String>,
    line: usize,
    in_use: bool,
}

/// The meaning of a path.
#[derive(Clone, Copy)]
enum Meaning {
    Module(usize),
    /// An item that this module defines.
    Item(usize),
    /// A name of another crate, a local name, or a primitive.
    Outside,
}

/// The imports between the files of a library.
#[derive(Default)]
pub(super) struct Imports {
    /// The importing file, the imported file, and the lines.
    pub(super) lines: BTreeMap<(PathBuf, PathBuf), BTreeSet<usize>>,
    /// Paths into the crate that could not be resolved, because the sources are not compiled.
    pub(super) unresolved: Vec<String>,
    /// The file that declares each file's module.
    pub(super) parents: BTreeMap<PathBuf, PathBuf>,
}

impl ModuleTree {
    /// Reads the library whose `lib.rs` is in `src`.
    pub(super) fn read(src: &Path) -> Self {
        let mut tree = ModuleTree {
            src: src.to_owned(),
            modules: Vec::new(),
        };
        tree.read_file(PathBuf::from("lib.rs"), PathBuf::new(), None);
        tree
    }

    fn read_file(&mut self, file: PathBuf, dir: PathBuf, parent: Option<usize>) -> usize {
        let path = self.src.join(&file);
        let text = fs::read_to_string(&path);
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let parsed = syn::parse_file(&text);
        let parsed = parsed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.read_module(file, dir, parent, &parsed.items)
    }

    fn read_module(
        &mut self,
        file: PathBuf,
        dir: PathBuf,
        parent: Option<usize>,
        items: &[Item],
    ) -> usize {
        let module = self.modules.len();
        self.modules.push(Module {
            file,
            parent,
            ..Module::default()
        });
        let mut reader = Reader {
            tree: self,
            module,
            dir,
        };
        for item in items {
            reader.declare(item);
        }
        for item in items {
            reader.visit_item(item);
        }
        module
    }

    /// Returns the imports between the files.
    pub(super) fn imports(&self) -> Imports {
        let mut imports = Imports::default();
        for (id, module) in self.modules.iter().enumerate() {
            if let Some(parent) = module.parent.map(|parent| &self.modules[parent].file) {
                if *parent != module.file {
                    imports.parents.insert(module.file.clone(), parent.clone());
                }
            }
            for reference in &module.references {
                let meaning = self.resolve(id, &reference.path, 0);
                let to = match meaning {
                    Some(Meaning::Module(to) | Meaning::Item(to)) => &self.modules[to].file,
                    Some(Meaning::Outside) => continue,
                    None => {
                        let (file, line) = (module.file.display(), reference.line);
                        let path = reference.path.join("::");
                        imports.unresolved.push(format!("{file}:{line}: {path}"));
                        continue;
                    }
                };
                if *to == module.file {
                    continue;
                }
                let edge = (module.file.clone(), to.clone());
                let lines = imports.lines.entry(edge).or_default();
                // An imported name was counted at its `use`.
                let first = reference.path[0].as_str();
                let says_where = ["crate", "self", "super"].contains(&first);
                if reference.in_use || says_where || lines.is_empty() {
                    lines.insert(reference.line);
                }
            }
        }
        imports
    }

    /// Resolves a path in a module. Returns `None` for a path into the crate that leads to nothing.
    fn resolve(&self, from: usize, path: &[String], depth: usize) -> Option<Meaning> {
        let (first, rest) = path.split_first()?;
        let mut meaning = match first.as_str() {
            "crate" => Meaning::Module(0),
            "self" => Meaning::Module(from),
            "super" => Meaning::Module(self.modules[from].parent?),
            name => self.look_up(from, name, depth).unwrap_or(Meaning::Outside),
        };
        for segment in rest {
            let Meaning::Module(module) = meaning else {
                break;
            };
            meaning = match segment.as_str() {
                "super" => Meaning::Module(self.modules[module].parent?),
                name => self.look_up(module, name, depth)?,
            };
        }
        Some(meaning)
    }

    /// Resolves a name in a module. A re-exported item belongs to the module that defines it.
    fn look_up(&self, id: usize, name: &str, depth: usize) -> Option<Meaning> {
        if depth > MAX_DEPTH {
            return None;
        }
        let module = &self.modules[id];
        if let Some(child) = module.children.get(name) {
            return Some(Meaning::Module(*child));
        }
        if module.items.contains(name) {
            return Some(Meaning::Item(id));
        }
        if let Some(path) = module.aliases.get(name) {
            return self.resolve(id, path, depth + 1);
        }
        let by_glob = module.globs.iter().find_map(|glob| {
            let Some(Meaning::Module(globbed)) = self.resolve(id, glob, depth + 1) else {
                return None;
            };
            self.look_up(globbed, name, depth + 1)
        });
        by_glob.or(module.calls_macro.then_some(Meaning::Item(id)))
    }
}

/// Reads the items of one module, and those of the modules that it declares.
struct Reader<'a> {
    tree: &'a mut ModuleTree,
    module: usize,
    /// The directory of the modules that it declares.
    dir: PathBuf,
}

impl Reader<'_> {
    fn here(&mut self) -> &mut Module {
        &mut self.tree.modules[self.module]
    }

    /// Records the name of an item of the module.
    fn declare(&mut self, item: &Item) {
        let name = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Macro(item) => match &item.ident {
                Some(name) => name,
                None => {
                    self.here().calls_macro = true;
                    return;
                }
            },
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::TraitAlias(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Union(item) => &item.ident,
            _ => return,
        };
        let name = name.to_string();
        self.here().items.insert(name);
    }

    fn refer(&mut self, path: Vec<String>, line: usize, in_use: bool) {
        self.here()
            .references
            .push(Reference { path, line, in_use });
    }

    fn read_use(&mut self, tree: &UseTree, mut path: Vec<String>) {
        match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.read_use(&part.tree, path);
            }
            UseTree::Group(group) => {
                for part in &group.items {
                    self.read_use(part, path.clone());
                }
            }
            UseTree::Name(part) => self.bring_in(path, &part.ident, &part.ident),
            UseTree::Rename(part) => self.bring_in(path, &part.ident, &part.rename),
            UseTree::Glob(part) => {
                let line = part.star_token.spans[0].start().line;
                self.here().globs.push(path.clone());
                self.refer(path, line, true);
            }
        }
    }

    fn bring_in(&mut self, mut path: Vec<String>, name: &Ident, alias: &Ident) {
        let mut alias = alias.to_string();
        if name != "self" {
            path.push(name.to_string());
        } else if alias == "self" {
            alias = path.last().expect("`self` is in a group").clone();
        }
        let aliases = &mut self.here().aliases;
        aliases.entry(alias).or_insert_with(|| path.clone());
        self.refer(path, name.span().start().line, true);
    }

    /// Finds the paths among a macro's tokens: identifiers with `::` between them.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let is_colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.read_tokens(group.stream()),
                TokenTree::Ident(first) => {
                    let from_elsewhere = at > 1 && is_colon(at - 1) && is_colon(at - 2);
                    let mut path = vec![first.to_string()];
                    while is_colon(at + 1) && is_colon(at + 2) {
                        let Some(TokenTree::Ident(next)) = tokens.get(at + 3) else {
                            break;
                        };
                        path.push(next.to_string());
                        at += 3;
                    }
                    if path.len() > 1 && !from_elsewhere {
                        self.refer(path, first.span().start().line, false);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !attributes(item).iter().any(is_for_tests) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        let dir = self.dir.join(&name);
        let parent = Some(self.module);
        let child = match &item.content {
            Some((_, items)) => {
                let file = self.here().file.clone();
                self.tree.read_module(file, dir, parent, items)
            }
            None => {
                let own = dir.with_extension("rs");
                let is_own = self.tree.src.join(&own).exists();
                let file = if is_own { own } else { dir.join("mod.rs") };
                self.tree.read_file(file, dir, parent)
            }
        };
        self.here().children.insert(name, child);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if item.leading_colon.is_none() {
            self.read_use(&item.tree, Vec::new());
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let names = path.segments.iter().map(|part| part.ident.to_string());
            let line = path.segments[0].ident.span().start().line;
            self.refer(names.collect(), line, false);
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.read_tokens(call.tokens.clone());
    }

    // `pub(in crate::a)` imports nothing.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

fn attributes(item: &Item) -> &[Attribute] {
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
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether an attribute is a `cfg` that only a build of tests fulfils.
fn is_for_tests(attribute: &Attribute) -> bool {
    fn needs_test(condition: &Meta) -> bool {
        if let Meta::List(list) = condition {
            return list.path.is_ident("all")
                && list
                    .parse_args_with(
                        syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated,
                    )
                    .is_ok_and(|all| all.iter().any(needs_test));
        }
        condition.path().is_ident("test") || condition.path().is_ident("doctest")
    }
    attribute.path().is_ident("cfg")
        && attribute
            .parse_args::<Meta>()
            .is_ok_and(|condition| needs_test(&condition))
}

//! The files that cargo can make of a workspace, by name.
//!
//! What a build says it made is a claim. A file is believed to be an artifact only under a name
//! that the manifests, as the host's cargo read them, can produce.

use std::path::{Component, Path, PathBuf};

use cross_targets::is_rustc_target;
use serde::{Deserialize, Serialize};

use crate::cargo::json::{Package, Target};

/// A program, library, test or the like of a package of the workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Product {
    /// The package's name.
    pub(crate) package: String,
    /// Its own name.
    pub(crate) name: String,
    /// What cargo makes of it: `bin`, `lib`, `test` and so on.
    kinds: Vec<String>,
    /// The manifest that it is in.
    pub(crate) manifest: PathBuf,
    /// The first source file that is compiled for it.
    pub(crate) source: PathBuf,
    /// The name of its file, if the manifest gives it another one (`filename`, which is unstable).
    #[serde(default)]
    file: Option<String>,
}

impl Product {
    /// Whether cargo looks for doctests in it.
    pub(crate) fn can_have_doctests(&self) -> bool {
        let kinds = ["lib", "rlib", "dylib", "proc-macro"];
        self.kinds.iter().any(|kind| kinds.contains(&kind.as_str()))
    }
}

/// Everything that cargo can make of a workspace for one target.
#[derive(Clone, Debug, Default)]
pub(crate) struct Products {
    all: Vec<Product>,
    /// The name of the target's directory below cargo's target directory.
    directory: String,
    /// The directories that cargo makes, if their files are joined into those of `directory`.
    built_in: Vec<String>,
    /// Whether file names may end in any way: a target specification of the user's says how.
    any_extension: bool,
    /// Whether files may have any name: a plugin packs what it wants.
    any_name: bool,
}

/// Where a file of a product is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Site {
    /// In the directory of a profile, as cargo shows it to its user.
    Profile,
    /// In the directory for examples below it.
    Examples,
    /// Where cargo keeps what it compiles, with a hash in its name.
    Kept,
}

/// What the names of cargo's files end with, beside nothing at all. A name may have several of
/// these: `libm.dll.a`, `libm.so.dwp`, `app.wasm.map`.
const EXTENSIONS: [&str; 21] = [
    "exe", "wasm", "js", "mjs", "efi", "elf", "a", "lib", "so", "dylib", "dll", "exp", "def",
    "rlib", "rmeta", "ptx", "pdb", "dwp", "debug", "map", "d",
];

/// The ending of a directory with Apple's debug information.
pub(crate) const APPLE_DEBUG: &str = ".dSYM";

/// What `--emit` makes of a crate, beside what cargo shows to its user.
const EMITTED: [&str; 6] = ["s", "asm", "ll", "bc", "mir", "o"];

/// What cargo links for others or loads, as it calls them.
const LIBRARIES: [&str; 6] = ["lib", "rlib", "dylib", "cdylib", "staticlib", "proc-macro"];

impl Product {
    fn of(package: &Package, target: &Target) -> Self {
        Product {
            package: package.name.clone(),
            name: target.name.clone(),
            kinds: target.kind.clone(),
            manifest: package.manifest_path.clone(),
            source: target.src_path.clone(),
            file: None,
        }
    }

    /// Everything that the manifest of `package` has.
    pub(crate) fn of_package(package: &Package) -> impl Iterator<Item = Self> + '_ {
        let targets = package.targets.iter();
        targets.map(|target| Product::of(package, target))
    }

    /// Reads what only the manifest says: cargo's metadata has no names of files.
    pub(crate) fn with_file_name(mut self) -> Self {
        if self.is("bin") {
            let text = std::fs::read_to_string(&self.manifest).unwrap_or_default();
            self.file = file_name(&self.name, &text);
        }
        self
    }

    /// Whether cargo means this one by `target`. `cargo rustc --crate-type` makes a library another
    /// kind of library.
    fn is_meant_by(&self, target: &Target) -> bool {
        let is_library = |kind: &String| LIBRARIES.contains(&kind.as_str());
        let both_libraries = self.is_library() && target.kind.iter().all(is_library);
        self.name == target.name && (both_libraries || target.kind.iter().any(|kind| self.is(kind)))
    }

    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kinds.iter().any(|own| own == kind)
    }

    pub(crate) fn is_library(&self) -> bool {
        LIBRARIES.iter().any(|kind| self.is(kind))
    }

    /// What cargo calls its files, without their endings: names in the directory of a profile.
    fn file_stems(&self) -> Vec<String> {
        let (name, own) = (self.name.clone(), self.crate_name());
        if self.is("bin") {
            self.file.clone().into_iter().chain([name, own]).collect()
        } else if self.is_library() {
            vec![format!("lib{own}"), own]
        } else if self.is("example") {
            vec![format!("examples/{name}"), format!("examples/lib{own}")]
        } else {
            Vec::new()
        }
    }

    /// Its name as rustc has it.
    pub(crate) fn crate_name(&self) -> String {
        self.name.replace('-', "_")
    }

    /// Whether its `manifest`, as text, says that it has no harness of libtest's. Cargo tells of
    /// that nowhere else.
    pub(crate) fn is_without_harness(&self, manifest: &str) -> bool {
        let Ok(manifest) = manifest.parse::<toml::Table>() else {
            return false;
        };
        let says_no = |table: &toml::Value| {
            table.get("harness").and_then(toml::Value::as_bool) == Some(false)
        };
        let is_named = |table: &toml::Value| {
            table.get("name").and_then(toml::Value::as_str) == Some(&self.name)
        };
        let of_kind = |kind: &&str| {
            let tables = manifest.get(*kind).and_then(toml::Value::as_array);
            let mut named = tables.into_iter().flatten().filter(|table| is_named(table));
            named.any(says_no)
        };
        match self.is_library() {
            true => manifest.get("lib").is_some_and(says_no),
            false => ["bin", "example", "test", "bench"]
                .iter()
                .filter(|kind| self.is(kind))
                .any(of_kind),
        }
    }

    /// What is left of `file` after the name of this product, if it begins with that.
    fn rest<'f>(&self, file: &'f str, site: Site) -> Option<&'f str> {
        let name = self.crate_name();
        let of_library = || {
            let plain = file.strip_prefix("lib").unwrap_or(file);
            [plain, file]
                .into_iter()
                .find_map(|file| file.strip_prefix(&name))
        };
        if let Some(own) = self.file.as_deref().filter(|_| site == Site::Profile) {
            let stem = own.rsplit_once('.').map_or(own, |(stem, _)| stem);
            if let Some(rest) = file.strip_prefix(own).or_else(|| file.strip_prefix(stem)) {
                return Some(rest);
            }
        }
        match site {
            // Cargo names a program after its target; wasm-bindgen's and Emscripten's after its
            // crate.
            Site::Profile if self.is("bin") => file
                .strip_prefix(&self.name)
                .or_else(|| file.strip_prefix(&name)),
            Site::Profile if self.is_library() => of_library(),
            Site::Examples if self.is("example") => {
                file.strip_prefix(&self.name).or_else(of_library)
            }
            Site::Kept => {
                let hashed = of_library()?.strip_prefix('-')?;
                let (hash, rest) = hashed.split_at_checked(16)?;
                hash.bytes()
                    .all(|byte| byte.is_ascii_hexdigit())
                    .then_some(rest)
            }
            _ => None,
        }
    }
}

/// The name that the `manifest` gives to the file of the program `name`.
fn file_name(name: &str, manifest: &str) -> Option<String> {
    let table = Some(manifest).filter(|text| text.contains("different-binary-name"))?;
    let table: toml::Table = table.parse().ok()?;
    let programs = table.get("bin").and_then(toml::Value::as_array)?;
    let text = |program: &toml::Value, key| Some(program.get(key)?.as_str()?.to_owned());
    let mut programs = programs.iter();
    let own = programs.find(|program| text(program, "name").as_deref() == Some(name))?;
    text(own, "filename")
}

impl Products {
    /// Those of `all` for the target whose directory is called `directory`.
    pub(crate) fn new(all: Vec<Product>, directory: &str) -> Self {
        Products {
            all,
            directory: directory.to_owned(),
            built_in: Vec::new(),
            any_extension: false,
            any_name: false,
        }
    }

    /// Says which directories cargo makes: the target's own, or those whose files are joined into
    /// it.
    pub(crate) fn built_in(mut self, directories: &[&str]) -> Self {
        self.built_in = directories.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// Lets file names end in any way.
    pub(crate) fn any_extension(mut self, yes: bool) -> Self {
        self.any_extension = yes;
        self
    }

    /// Lets files have any name.
    pub(crate) fn any_name(mut self, yes: bool) -> Self {
        self.any_name = yes;
        self
    }

    /// The one that a message of cargo's is about.
    pub(crate) fn find(&self, package: &str, target: &Target) -> Option<&Product> {
        let mut of_package = self.all.iter().filter(|product| product.package == package);
        of_package.find(|product| product.is_meant_by(target))
    }

    /// Those whose test binaries have this file name.
    pub(crate) fn of_test<'p>(&'p self, file: &'p str) -> impl Iterator<Item = &'p Product> {
        let is_named = move |product: &&Product| product.rest(file, Site::Kept).is_some();
        self.all.iter().filter(is_named)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Product> {
        self.all.iter()
    }

    /// Whether `path`, which is relative to cargo's target directory, is below the directory of the
    /// target that these are for. What is for the machine that builds is not.
    pub(crate) fn is_of_target(&self, path: &Path) -> bool {
        let first = path.components().next().map(Component::as_os_str);
        let mut own = self.built_in.iter().chain([&self.directory]);
        first.is_some_and(|first| own.any(|name| first == name.as_str()))
    }

    /// Whether cargo can have put a file of `product` at `path`, which is relative to its target
    /// directory.
    pub(crate) fn can_be_at(&self, product: &Product, path: &Path) -> bool {
        let Some((site, file)) = self.site(path) else {
            return false;
        };
        // The test binary of an example has a hash, beside the example.
        self.is_named(product, file, site)
            || site == Site::Examples
                && product.is("example")
                && self.is_named(product, file, Site::Kept)
    }

    /// Whether cargo can have put the test binary of `product`, a procedural macro, at `path`,
    /// which is relative to its target directory. Such a test runs where cargo does.
    pub(crate) fn can_be_host_test(&self, product: &Product, path: &Path) -> bool {
        let for_the_host = Path::new(&self.directory).join(path);
        let kept = self.site(&for_the_host);
        kept.is_some_and(|(site, file)| site == Site::Kept && self.is_named(product, file, site))
    }

    /// Whether cargo can show its user a file of this name at `site`.
    pub(crate) fn can_be_called(&self, file: &str, site: Site) -> bool {
        let mut all = self.all.iter();
        self.any_name || all.any(|product| self.is_named(product, file, site))
    }

    /// What cargo calls the files that it shows to its user, without their endings: names in the
    /// directory of a profile. `*` if they can have any name.
    pub(crate) fn file_stems(&self) -> Vec<String> {
        if self.any_name {
            return vec!["*".to_owned()];
        }
        let mut stems: Vec<_> = self.all.iter().flat_map(Product::file_stems).collect();
        stems.sort();
        stems.dedup();
        stems
    }

    /// Whether a directory of this name below cargo's target directory is that of another target.
    pub(crate) fn is_of_another_target(&self, name: &str) -> bool {
        !self.is_of_target(Path::new(name)) && is_rustc_target(name)
    }

    /// The name of the target's directory below cargo's target directory.
    pub(crate) fn directory(&self) -> &str {
        &self.directory
    }

    /// Whether a file of this name at `site` lists the sources of an artifact.
    pub(crate) fn can_be_dep_info(&self, file: &str, site: Site) -> bool {
        let mut all = self.all.iter();
        all.any(|product| product.rest(file, site) == Some(".d"))
    }

    /// Whether cargo can have put a directory of this name at `site`: Apple's debug information.
    pub(crate) fn can_be_directory(&self, name: &str, site: Site) -> bool {
        let product = name.strip_suffix(APPLE_DEBUG);
        product.is_some_and(|product| self.can_be_called(product, site))
    }

    /// Whether a file of this name, among those that cargo keeps, is one that `--emit` asked for.
    pub(crate) fn can_be_emitted(&self, file: &str) -> bool {
        let is_emitted = |rest: &str| match rest.strip_prefix('.') {
            // Each unit of code generation has a file where rustc does not join them. Objects of
            // single units are rustc's own.
            Some(extension) => match extension.rsplit_once(".rcgu.") {
                Some((_, kind)) => kind != "o" && EMITTED.contains(&kind),
                None => EMITTED.contains(&extension),
            },
            None => false,
        };
        // A library that others load has no hash in its name.
        let is_of = |product: &Product| {
            let unhashed = || file.strip_prefix(&product.crate_name());
            let rest = product.rest(file, Site::Kept);
            rest.or_else(|| unhashed().filter(|_| product.is_library()))
                .is_some_and(is_emitted)
        };
        self.all.iter().any(is_of)
    }

    /// Only the products of the cargo targets that `names` has, each a package and a target.
    pub(crate) fn only(&self, names: &[(&str, &str)]) -> Self {
        let is_named =
            |product: &&Product| names.contains(&(product.package.as_str(), product.name.as_str()));
        self.filtered(|product| is_named(&product))
    }

    /// Only the products whose files are called so, by [`file_stems`](Products::file_stems).
    pub(crate) fn with_stems(&self, stems: &[String]) -> Self {
        self.filtered(|product| product.file_stems().iter().any(|it| stems.contains(it)))
    }

    /// Only the products for which `keep` is true.
    pub(crate) fn filtered(&self, keep: impl Fn(&Product) -> bool) -> Self {
        Products {
            all: self.all.iter().filter(|it| keep(it)).cloned().collect(),
            ..self.clone()
        }
    }

    /// Whether directories beside those of profiles hold something for the user.
    pub(crate) fn have_any_name(&self) -> bool {
        self.any_name
    }

    fn is_named(&self, product: &Product, file: &str, site: Site) -> bool {
        product
            .rest(file, site)
            .is_some_and(|rest| match rest.strip_prefix('.') {
                None => rest.is_empty(),
                Some(_) if self.any_extension => true,
                Some(extensions) => extensions.split('.').all(|one| EXTENSIONS.contains(&one)),
            })
    }

    /// The directories that cargo makes.
    pub(crate) fn directories(&self) -> impl Iterator<Item = &str> {
        let own = self.built_in.is_empty().then_some(&self.directory);
        own.into_iter().chain(&self.built_in).map(String::as_str)
    }

    fn has_directory(&self, name: &str) -> bool {
        name == self.directory || self.directories().any(|directory| directory == name)
    }

    /// What is at `<directory>/<profile>/…` in cargo's target directory.
    fn site<'f>(&self, path: &'f Path) -> Option<(Site, &'f str)> {
        let names: Option<Vec<&str>> = path
            .components()
            .map(|component| match component {
                Component::Normal(name) => name.to_str(),
                _ => None,
            })
            .collect();
        match names?[..] {
            [target, profile, ref rest @ ..]
                if self.has_directory(target) && !profile.starts_with('.') =>
            {
                match *rest {
                    [file] => Some((Site::Profile, file)),
                    ["examples", file] => Some((Site::Examples, file)),
                    ["deps", file] | ["build", .., file] => Some((Site::Kept, file)),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(name: &str, kinds: &[&str]) -> Product {
        Product {
            package: "app".to_owned(),
            name: name.to_owned(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            manifest: "/w/Cargo.toml".into(),
            source: "/w/src/lib.rs".into(),
            file: None,
        }
    }

    fn products() -> Products {
        let all = vec![
            product("my-app", &["bin"]),
            product("my_lib", &["rlib", "cdylib"]),
            product("show-it", &["example"]),
            product("it", &["test"]),
        ];
        Products::new(all, "aarch64-unknown-linux-gnu")
    }

    fn is_believed(products: &Products, path: &str) -> bool {
        let path = Path::new("aarch64-unknown-linux-gnu").join(path);
        let mut all = products.all.iter();
        all.any(|product| products.can_be_at(product, &path))
    }

    #[test]
    fn names_that_cargo_gives_are_believed() {
        let products = products();
        for path in [
            "debug/my-app",
            "release/my-app.exe",
            "dist/my-app.wasm",
            "release/my_app.js",
            "release/my-app.d",
            "debug/libmy_lib.rlib",
            "debug/libmy_lib.so",
            "debug/my_lib.dll",
            "debug/my_lib.dll.lib",
            "debug/libmy_lib.dll.a",
            "debug/libmy_lib.so.dwp",
            "debug/my-app.exe.dwp",
            "debug/my_lib.pdb",
            "debug/my-app.wasm.map",
            "debug/examples/show-it",
            "debug/deps/it-0123456789abcdef",
            "debug/deps/my_app-0123456789abcdef.exe",
            "debug/deps/my_lib-0123456789abcdef.wasm",
            "debug/build/app/0123456789abcdef/out/it-0123456789abcdef",
            "debug/examples/show_it-0123456789abcdef",
        ] {
            assert!(is_believed(&products, path), "{path}");
        }
    }

    #[test]
    fn other_names_are_not() {
        let products = products();
        for path in [
            "debug/authorized_keys",
            "debug/my-app.sh",
            "debug/my-app.",
            "debug/my-app.so..d",
            "debug/my-app.d.sh",
            "debug/my-app2",
            "debug/.my-app",
            "debug/deps/it",
            "debug/deps/it-0123",
            "debug/deps/it-0123456789abcdeg",
            "debug/deps/../../../../my-app",
            "debug/examples/my-app",
            "debug/examples/my_app-0123456789abcdef",
            "debug/it",
            ".git/my-app",
            "my-app",
            "debug/incremental/my-app",
        ] {
            assert!(!is_believed(&products, path), "{path}");
        }
        let elsewhere = Path::new("debug/my-app");
        assert!(
            !products.can_be_at(&products.all[0], elsewhere),
            "for the host"
        );
        assert!(!products.can_be_at(&products.all[0], Path::new("/w/debug/my-app")));
    }

    #[test]
    fn what_emit_makes_is_told_from_what_rustc_keeps() {
        let products = products();
        for file in [
            "my_app-0123456789abcdef.s",
            "my_lib-0123456789abcdef.ll",
            "my_lib-0123456789abcdef.o",
            "my_lib.s",
            "my_app-0123456789abcdef.my_app.b0-cgu.0.rcgu.s",
        ] {
            assert!(products.can_be_emitted(file), "{file}");
        }
        for file in [
            "my_app-0123456789abcdef",
            "my_app-0123456789abcdef.d",
            "my_app-0123456789abcdef.my_app.b0-cgu.0.rcgu.o",
            "my_app-0123456789abcdef.b0.rcgu.dwo",
            "my_app.s",
            "serde-0123456789abcdef.s",
        ] {
            assert!(!products.can_be_emitted(file), "{file}");
        }
    }

    #[test]
    fn directories_are_those_of_apples_debug_information() {
        let products = products();
        assert!(products.can_be_directory("my-app.dSYM", Site::Profile));
        assert!(products.can_be_directory("libmy_lib.dylib.dSYM", Site::Profile));
        assert!(products.can_be_directory("my_app-0123456789abcdef.dSYM", Site::Kept));
        assert!(!products.can_be_directory("my-app", Site::Profile));
        assert!(!products.can_be_directory("other.dSYM", Site::Profile));
    }

    #[test]
    fn what_is_joined_is_not_of_another_target() {
        let slices = ["aarch64-apple-darwin", "x86_64-apple-darwin"];
        let products = Products::new(Vec::new(), "universal2-apple-darwin").built_in(&slices);
        assert!(
            !slices
                .into_iter()
                .any(|it| products.is_of_another_target(it))
        );
        assert!(products.is_of_another_target("aarch64-apple-ios"));
    }

    #[test]
    fn a_specification_of_the_users_says_how_names_end() {
        assert!(!is_believed(&products(), "debug/my-app.nro"));
        assert!(is_believed(
            &products().any_extension(true),
            "debug/my-app.nro"
        ));
    }

    #[test]
    fn a_program_may_have_a_file_name_of_its_own() {
        let manifest = "cargo-features = [\"different-binary-name\"]\n\
                        [[bin]]\nname = \"app\"\nfilename = \"my.app\"\n[[bin]]\nname = \"tool\"\n";
        assert_eq!(file_name("app", manifest).as_deref(), Some("my.app"));
        assert_eq!(file_name("tool", manifest), None);
        assert_eq!(file_name("app", &manifest.replace("different-", "")), None);
        let renamed = Product {
            file: Some("my.app".to_owned()),
            ..product("app", &["bin"])
        };
        let products = Products::new(vec![renamed], "triple");
        for file in ["my.app", "my.d", "my.app.dwp", "app"] {
            assert!(products.can_be_called(file, Site::Profile), "{file}");
        }
        assert!(products.can_be_dep_info("my.d", Site::Profile));
        assert!(!products.can_be_called("mine", Site::Profile));
    }

    #[test]
    fn a_target_without_harness_is_known_by_its_manifest() {
        let manifest = "[lib]\nharness = false\n[[test]]\nname = \"own\"\nharness = false\n\
                        [[test]]\nname = \"usual\"\n[[bench]]\nname = \"b\"\nharness = false\n";
        let is_without = |name, kind| product(name, &[kind]).is_without_harness(manifest);
        assert!(is_without("own", "test") && is_without("b", "bench") && is_without("app", "lib"));
        assert!(!is_without("usual", "test") && !is_without("b", "test"));
        assert!(!is_without("own", "bin"));
        assert!(!product("own", &["test"]).is_without_harness("[package]\n"));
    }
}

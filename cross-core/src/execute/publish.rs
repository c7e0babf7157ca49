//! Publishes artifacts: copies them to cargo's usual locations, under names that the workspace can
//! produce.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use cross_engine::Cancel;
use cross_engine::process::untrusted::{Dir, Entry, FileKind, RegularFile, limits};

use crate::cargo::dep_info::{self, Moved};
use crate::cargo::products::{APPLE_DEBUG, Products, Site};
use crate::host::files;
use crate::model::error::{Error, ErrorKind, IoContext as _, MapEngineError as _, Result};
use crate::model::fixed_paths::FixedPaths;
use crate::model::outcome::{Artifact, ArtifactKind};
use crate::plan::plan::Plan;
use crate::plan::publish_scope::PublishScope;

/// Creates and opens the directory where artifacts are published.
pub(crate) fn destination(path: &Path) -> Result<Dir> {
    fs::create_dir_all(path).on("create directory", path)?;
    Dir::open(path).map_engine_error()
}

/// Copies the artifacts in `from` to their published paths below `to`.
pub(crate) fn artifacts(from: &Dir, to: &Dir, built: &[Artifact], cancel: &Cancel) -> Result<()> {
    for artifact in built {
        if artifact.kind != ArtifactKind::Test && artifact.inside != artifact.path {
            let file = files::open(from, &artifact.inside)?;
            let published = files::relative(to, &artifact.path)?;
            to.publish(&file, published, cancel).map_engine_error()?;
        }
    }
    Ok(())
}

/// The error for a command that succeeded without what it announces.
pub(crate) fn nothing_made(place: &Path) -> Error {
    let message = format!(
        "cargo succeeded, but nothing is at `{}`, where it says it put the result",
        place.display()
    );
    Error::new(ErrorKind::CargoFailed, message).with_help(
        "a setting or a flag leads to a directory that does not exist outside of the environment: name the \
         directory with `--target-dir`",
    )
}

/// Whether cargo compiled or documented something in the target's directory `from`.
pub(crate) fn has_profile(from: &Dir) -> Result<bool> {
    for entry in from.entries().map_engine_error()? {
        if entry.kind == FileKind::Directory {
            let dir = from.dir(&entry.name).map_engine_error()?;
            let is_docs = entry.name == "doc";
            if is_docs || dir.dir_if_any("deps").map_engine_error()?.is_some() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Decides whether a file may be published at a path.
pub(crate) type PublishCheck<'a> = dyn FnMut(&RegularFile, &Path) -> Result<bool> + 'a;

/// Copies the files that cargo presents to its user in a target's directory.
pub(crate) struct Mirror<'a, 'j> {
    /// The destination.
    pub(crate) to: &'a Dir,
    /// The names that files may have.
    pub(crate) products: &'a Products,
    /// Those of `products` whose files are copied.
    pub(crate) wanted: &'a Products,
    /// What is certainly new: a newer file takes its place nowhere. Everything, if it is `None`.
    pub(crate) scope: Option<&'a PublishScope>,
    pub(crate) workspace: &'a Path,
    /// The paths that the runs see.
    pub(crate) fixed: &'a FixedPaths,
    pub(crate) cancel: &'a Cancel,
    /// Checks each file of a profile that has not been published yet.
    pub(crate) check: &'a mut PublishCheck<'j>,
    /// What is published, relative to the destination.
    pub(crate) copied: Vec<PathBuf>,
    /// What lies beside cargo's files and is not published.
    pub(crate) left: Vec<PathBuf>,
}

/// The directories of a profile that are cargo's own.
const OWN_DIRECTORIES: [&str; 5] = ["deps", "build", "examples", "incremental", "native"];

impl<'a, 'j> Mirror<'a, 'j> {
    /// Copies to the directory `to` what `plan` publishes: the files of all its products.
    pub(crate) fn of(
        plan: &'a Plan,
        to: &'a Dir,
        cancel: &'a Cancel,
        check: &'a mut PublishCheck<'j>,
    ) -> Self {
        Mirror {
            to,
            products: &plan.products,
            wanted: &plan.products,
            scope: Some(&plan.scope),
            workspace: &plan.workspace_root,
            fixed: &plan.fixed,
            cancel,
            check,
            copied: Vec::new(),
            left: Vec::new(),
        }
    }

    /// Copies the files of each profile, its examples, and the documentation. Cargo's internal
    /// files are not copied.
    pub(crate) fn run(&mut self, from: &Dir) -> Result<()> {
        for entry in from.entries().map_engine_error()? {
            if entry.kind != FileKind::Directory || is_hidden(&entry) {
                continue;
            }
            let name = Path::new(&entry.name);
            // Where tests leave what they like.
            if entry.name == "tmp" {
                continue;
            }
            let dir = from.dir(name).map_engine_error()?;
            if entry.name == "doc" {
                let is_new = self.scope.is_none_or(|scope| scope.documents);
                let replace = if is_new { Replace::All } else { Replace::Older };
                copy_tree_over(&dir, self.to, name, limits::DEPTH, replace, self.cancel)?;
                continue;
            }
            self.copy_profile(from, &dir, name)?;
        }
        Ok(())
    }

    /// Copies the files of the profiles whose directories are called `profiles`, and what `--emit`
    /// made in any profile.
    pub(crate) fn run_profiles(&mut self, from: &Dir, profiles: &[&OsStr]) -> Result<()> {
        for entry in from.entries().map_engine_error()? {
            if entry.kind == FileKind::Directory && !is_hidden(&entry) && entry.name != "doc" {
                let name = Path::new(&entry.name);
                let dir = from.dir(name).map_engine_error()?;
                match profiles.contains(&entry.name.as_os_str()) {
                    true => self.copy_profile(from, &dir, name)?,
                    false => self.copy_emitted(&dir, name)?,
                }
            }
        }
        Ok(())
    }

    /// Copies the artifacts in a directory that a flag of cargo's names.
    pub(crate) fn of_flag(&mut self, from: &Dir) -> Result<()> {
        for site in [Site::Profile, Site::Examples] {
            self.copy_site(from, from, Path::new(""), site)?;
        }
        match self.copied.is_empty() {
            true => Err(nothing_made(self.to.path())),
            false => Ok(()),
        }
    }

    /// Copies the stripped artifacts in `from`, which has the layout of a profile's directory.
    pub(crate) fn of_stripped(&mut self, from: &Dir) -> Result<()> {
        self.copy_site(from, from, Path::new(""), Site::Profile)?;
        let examples = Path::new("examples");
        match from.dir_if_any(examples).map_engine_error()? {
            Some(dir) => self.copy_site(from, &dir, examples, Site::Examples),
            None => Ok(()),
        }
    }

    /// Copies the files of the profile in `dir`, which is at `name` in `from`.
    fn copy_profile(&mut self, from: &Dir, dir: &Dir, name: &Path) -> Result<()> {
        let entries = dir.entries().map_engine_error()?;
        let has = |name: &str| entries.iter().any(|entry| entry.name == name);
        if has("deps") || self.products.have_any_name() {
            self.copy_site(from, dir, name, Site::Profile)?;
        }
        if has("examples") {
            let examples = dir.dir("examples").map_engine_error()?;
            self.copy_site(from, &examples, &name.join("examples"), Site::Examples)?;
        }
        self.copy_emitted(dir, name)
    }

    /// Copies the files in `dir` whose names the workspace can produce to `at`.
    fn copy_site(&mut self, from: &Dir, dir: &Dir, at: &Path, site: Site) -> Result<()> {
        check(self.cancel)?;
        self.to.sweep(at);
        let profile = match site {
            Site::Examples => at.parent().unwrap_or(at),
            _ => at,
        };
        let entries = dir.entries().map_engine_error()?;
        for entry in entries.iter().filter(|entry| !is_hidden(entry)) {
            let Some(name) = entry.name.to_str() else {
                continue;
            };
            let to = at.join(name);
            let product = name.strip_suffix(APPLE_DEBUG).unwrap_or(name);
            let is_product = |products: &Products| products.can_be_called(product, site);
            let is_new = self
                .scope
                .is_none_or(|scope| scope.builds(profile, is_product));
            let replace = if is_new { Replace::All } else { Replace::Older };
            if self.products.can_be_directory(name, site) {
                let is_wanted = self.wanted.can_be_directory(name, site);
                let tree = match is_wanted {
                    true => debug_directory(self.products, from, dir, entry, at)?,
                    false => None,
                };
                if let Some(tree) = tree {
                    copy_tree_over(&tree, self.to, &to, limits::DEPTH, replace, self.cancel)?;
                    self.copied.push(to);
                }
            } else if entry.kind == FileKind::Directory || !self.products.can_be_called(name, site)
            {
                let is_own = site == Site::Examples || OWN_DIRECTORIES.contains(&name);
                if !is_own && self.to.path().join(&to).symlink_metadata().is_err() {
                    self.left.push(to);
                }
            } else if self.wanted.can_be_called(name, site) {
                let file = dir.file(name).map_engine_error()?;
                match self.products.can_be_dep_info(name, site) {
                    _ if !replace.allows(self.to, &file, &to) => {}
                    true => self.copy_dep_info(from, &file, &to)?,
                    false => self.copy_file(&file, &to)?,
                }
                self.copied.push(to);
            }
        }
        Ok(())
    }

    fn copy_file(&mut self, file: &RegularFile, to: &Path) -> Result<()> {
        if !self.to.has_copy(file, to) && (self.check)(file, &self.to.path().join(to))? {
            self.to.publish(file, to, self.cancel).map_engine_error()?;
        }
        Ok(())
    }

    fn copy_dep_info(&self, from: &Dir, file: &RegularFile, to: &Path) -> Result<()> {
        let text = file.text(limits::DEP_INFO).map_engine_error()?;
        let moved = Moved {
            from: from.path(),
            to: self.to.path(),
            workspace: self.workspace,
            fixed: self.fixed,
        };
        let text = dep_info::published(&text, &moved);
        self.to.publish_text(file, &text, to).map_engine_error()
    }

    /// Copies what `--emit` made in the profile `dir`. Cargo keeps it beside its own files.
    fn copy_emitted(&mut self, dir: &Dir, name: &Path) -> Result<()> {
        // Where there are no such files, or too many, there is nothing for the user.
        let deps = dir.dir("deps").and_then(|deps| Ok((deps.entries()?, deps)));
        let Ok((entries, deps)) = deps else {
            return Ok(());
        };
        let at = name.join("deps");
        for entry in entries {
            let is_emitted =
                |name: &&str| entry.kind == FileKind::Regular && self.products.can_be_emitted(name);
            if let Some(name) = entry.name.to_str().filter(is_emitted) {
                self.copy_file(&deps.file(name).map_engine_error()?, &at.join(name))?;
            }
        }
        Ok(())
    }
}

/// Which of the files that are there already a copy replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replace {
    All,
    /// Those that are older: the others may be another environment's.
    Older,
}

impl Replace {
    fn allows(self, to: &Dir, file: &RegularFile, path: &Path) -> bool {
        self == Replace::All || !to.has_newer(file, path)
    }
}

/// Opens the directory with Apple's debug information that `entry` of `dir` is, or that it links
/// to: cargo keeps the directory, and shows a link to it. `dir` is at `at` in `from`, the target's
/// directory.
pub(crate) fn debug_directory(
    products: &Products,
    from: &Dir,
    dir: &Dir,
    entry: &Entry,
    at: &Path,
) -> Result<Option<Dir>> {
    match entry.kind {
        FileKind::Directory => dir.dir(&entry.name).map(Some).map_engine_error(),
        FileKind::SymbolicLink => {
            let target = dir.link(&entry.name).map_engine_error()?;
            let kept = match target.strip_prefix(from.path()) {
                Ok(relative) => relative.to_owned(),
                Err(_) => at.join(target),
            };
            let name = kept.file_name().and_then(OsStr::to_str).unwrap_or_default();
            match products.can_be_directory(name, Site::Kept) {
                true => from.dir_if_any(&kept).map_engine_error(),
                false => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

/// Copies the regular files in `dir` and its subdirectories, up to `depth` levels, to `at` beneath
/// `to`. Newer files stay there: another environment's.
pub(crate) fn copy_tree(
    dir: &Dir,
    to: &Dir,
    at: &Path,
    depth: usize,
    cancel: &Cancel,
) -> Result<()> {
    copy_tree_over(dir, to, at, depth, Replace::Older, cancel)
}

fn copy_tree_over(
    dir: &Dir,
    to: &Dir,
    at: &Path,
    depth: usize,
    replace: Replace,
    cancel: &Cancel,
) -> Result<()> {
    let Some(depth) = depth.checked_sub(1) else {
        let message = format!("`{}` is nested too deeply", dir.path().display());
        return Err(Error::new(ErrorKind::Untrusted, message));
    };
    check(cancel)?;
    to.sweep(at);
    for entry in dir.entries().map_engine_error()? {
        let path = at.join(&entry.name);
        match entry.kind {
            _ if is_hidden(&entry) => {}
            FileKind::Directory => {
                let subdirectory = dir.dir(&entry.name).map_engine_error()?;
                copy_tree_over(&subdirectory, to, &path, depth, replace, cancel)?;
            }
            FileKind::Regular => {
                let file = dir.file(&entry.name).map_engine_error()?;
                if replace.allows(to, &file, &path) {
                    to.publish(&file, &path, cancel).map_engine_error()?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Fails if the request was cancelled.
fn check(cancel: &Cancel) -> Result<()> {
    let stopped = |reason| Error::stopped(reason, "the publishing of artifacts");
    cancel.check().map_err(stopped)
}

fn is_hidden(entry: &Entry) -> bool {
    entry.name.as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::cargo::json::Metadata;
    use crate::cargo::products::Product;
    use crate::execute::companions;

    const TRIPLE: &str = "wasm32-unknown-emscripten";

    /// A workspace with the program `my-app`, and what cargo made of it.
    struct Built {
        root: tempfile::TempDir,
        products: Products,
    }

    impl Built {
        fn new(files: &[&str]) -> Self {
            let root = tempfile::tempdir().unwrap();
            for file in files {
                let path = root.path().join("inside").join(TRIPLE).join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, file).unwrap();
            }
            let metadata = r#"{"packages":[{"id":"app","name":"app","version":"0.1.0","source":null,
                "manifest_path":"/w/Cargo.toml","dependencies":[],"targets":[
                {"name":"my-app","kind":["bin"],"src_path":"/w/src/main.rs"},
                {"name":"second","kind":["bin"],"src_path":"/w/src/second.rs"},
                {"name":"show-it","kind":["example"],"src_path":"/w/examples/show-it.rs"}]}],
                "workspace_members":["app"],"workspace_root":"/w","target_directory":"/w/target"}"#;
            let metadata = Metadata::parse(metadata).unwrap();
            let all = metadata.packages.iter().flat_map(Product::of_package);
            Built {
                root,
                products: Products::new(all.collect(), TRIPLE),
            }
        }

        fn inside(&self, path: &str) -> PathBuf {
            self.root.path().join("inside").join(TRIPLE).join(path)
        }

        fn outside(&self) -> PathBuf {
            self.root.path().join("outside")
        }

        /// Publishes the files of `wanted`. Returns what is published, and what is not.
        fn publish(&self, wanted: &[(&str, &str)]) -> [Vec<PathBuf>; 2] {
            let to = destination(&self.outside()).unwrap();
            let wanted = match wanted {
                [] => self.products.clone(),
                some => self.products.only(some),
            };
            let mut mirror = Mirror {
                to: &to,
                products: &self.products,
                wanted: &wanted,
                scope: None,
                workspace: Path::new("/w"),
                fixed: &FixedPaths::default(),
                cancel: &Cancel::new(),
                check: &mut |_, _| Ok(true),
                copied: Vec::new(),
                left: Vec::new(),
            };
            mirror.run(&Dir::open(self.inside("")).unwrap()).unwrap();
            for copied in &mirror.copied {
                assert!(self.outside().join(copied).exists(), "{copied:?}");
            }
            [mirror.copied, mirror.left]
        }
    }

    fn paths(paths: &[&str]) -> Vec<PathBuf> {
        paths.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn a_script_comes_with_its_webassembly() {
        let built = Built::new(&[
            "debug/deps/my_app.wasm",
            "debug/my-app.js",
            "debug/my_app.wasm",
            "debug/second.js",
        ]);
        let [copied, left] = built.publish(&[("app", "my-app")]);
        assert_eq!(copied, paths(&["debug/my-app.js", "debug/my_app.wasm"]));
        assert!(left.is_empty(), "{left:?}");
        let script = built.outside().join("debug/my-app.js");
        let mut artifacts = [Artifact::sample(script)];
        companions::add(&mut artifacts, &built.outside(), &copied);
        let wasm = built.outside().join("debug/my_app.wasm");
        assert_eq!(artifacts[0].companions, [wasm]);
    }

    #[cfg(unix)]
    #[test]
    fn apples_debug_information_is_a_directory() {
        let built = Built::new(&[
            "debug/deps/my_app-0123456789abcdef.dSYM/Contents/Info.plist",
            "debug/examples/show_it-0123456789abcdef.dSYM/Contents/Info.plist",
            "debug/my-app",
        ]);
        let link = |to: &str, at: &str| symlink(to, built.inside(at)).unwrap();
        link("deps/my_app-0123456789abcdef.dSYM", "debug/my-app.dSYM");
        let absolute = built.inside("debug/examples/show_it-0123456789abcdef.dSYM");
        link(absolute.to_str().unwrap(), "debug/examples/show-it.dSYM");
        let [copied, _] = built.publish(&[]);
        let expected = [
            "debug/my-app",
            "debug/my-app.dSYM",
            "debug/examples/show-it.dSYM",
        ];
        assert_eq!(copied, paths(&expected));
        for tree in &expected[1..] {
            let list = built.outside().join(tree).join("Contents/Info.plist");
            assert!(list.symlink_metadata().unwrap().is_file(), "{tree}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_other_debug_information_is_not_followed() {
        for target in [
            "/etc",
            "../../../..",
            "deps",
            "deps/../../x-0123456789abcdef.dSYM",
        ] {
            let built = Built::new(&["debug/deps/secret", "debug/my-app"]);
            symlink(target, built.inside("debug/my-app.dSYM")).unwrap();
            let [copied, _] = built.publish(&[]);
            assert_eq!(copied, paths(&["debug/my-app"]), "{target}");
        }
    }

    #[test]
    fn what_cargo_did_not_make_is_named_until_the_user_has_it() {
        let built = Built::new(&[
            "debug/deps/my_app.d",
            "debug/my-app",
            "debug/my.h",
            "debug/assets/logo.svg",
            "debug/build/app/out/my.h",
        ]);
        let [_, left] = built.publish(&[]);
        assert_eq!(left, paths(&["debug/assets", "debug/my.h"]));
        fs::write(built.outside().join("debug/my.h"), "copied").unwrap();
        assert_eq!(built.publish(&[])[1], paths(&["debug/assets"]));
    }
}

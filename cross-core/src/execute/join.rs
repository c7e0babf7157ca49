//! Joins what cargo made for several machines into files that run on all of them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cross_engine::Cancel;
use cross_engine::process::untrusted::{Dir, FileKind, RegularFile, limits};
use cross_targets::Target;

use crate::cargo::dep_info;
use crate::cargo::products::{Products, Site};
use crate::execute::publish;
use crate::host::universal;
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::fixed_paths::FixedPaths;

/// Where a directory with Apple's debug information has its files.
const DEBUG_FILES: &str = "Contents/Resources/DWARF";

/// What cargo made for one machine.
pub(crate) struct Slice {
    pub(crate) target: Target,
    /// The directory that cargo wrote for it.
    pub(crate) dir: Dir,
}

/// The joining of what several machines have, into a directory with the layout of cargo's.
pub(crate) struct Join<'a> {
    pub(crate) slices: Vec<Slice>,
    pub(crate) to: &'a Dir,
    pub(crate) products: &'a Products,
    /// The paths that the runs see.
    pub(crate) fixed: &'a FixedPaths,
    pub(crate) cancel: &'a Cancel,
}

impl Join<'_> {
    /// Joins the files that cargo presents to its user, those of each profile. What cannot be
    /// joined is left where it is: Rust's own libraries. Documentation and dep-info are those of
    /// the first machine.
    pub(crate) fn run(&self) -> Result<()> {
        let Some(first) = self.slices.first() else {
            return Ok(());
        };
        for entry in first.dir.entries().map_engine_error()? {
            let name = Path::new(&entry.name);
            let is_hidden = entry.name.as_encoded_bytes().starts_with(b".");
            if entry.kind != FileKind::Directory || is_hidden || entry.name == "tmp" {
                continue;
            }
            let dir = first.dir.dir(name).map_engine_error()?;
            if entry.name == "doc" {
                publish::copy_tree(&dir, self.to, name, limits::DEPTH, self.cancel)?;
            } else if dir.dir_if_any("deps").map_engine_error()?.is_some() {
                // By this directory of cargo's, what publishes knows a profile.
                let deps = name.join("deps");
                self.to.create_dir_all(deps).map_engine_error()?;
                self.site(&dir, name, Site::Profile)?;
                if let Some(examples) = dir.dir_if_any("examples").map_engine_error()? {
                    self.site(&examples, &name.join("examples"), Site::Examples)?;
                }
            }
        }
        Ok(())
    }

    /// Joins the files that the first machine has in `dir`, which is at `at` for each machine.
    fn site(&self, dir: &Dir, at: &Path, site: Site) -> Result<()> {
        self.to.sweep(at);
        for entry in dir.entries().map_engine_error()? {
            let Some(name) = entry.name.to_str() else {
                continue;
            };
            let path = at.join(name);
            if self.products.can_be_directory(name, site) {
                self.debug_information(&path)?;
            } else if entry.kind == FileKind::Regular && self.products.can_be_called(name, site) {
                self.file(&path, self.products.can_be_dep_info(name, site))?;
            }
        }
        Ok(())
    }

    /// Joins the file at `path`, if each machine has it.
    fn file(&self, path: &Path, is_dep_info: bool) -> Result<()> {
        let mut files = Vec::new();
        for slice in &self.slices {
            match slice.dir.file_if_any(path).map_engine_error()? {
                Some(file) => files.push((slice.target, file)),
                None => return Ok(()),
            }
        }
        let is_rusts = path
            .extension()
            .is_some_and(|it| it == "rlib" || it == "rmeta");
        match (is_dep_info, files.first()) {
            (true, Some((_, first))) => self.dep_info(first, path),
            _ if is_rusts => Ok(()),
            _ => self.joined(&files, path).map(drop),
        }
    }

    /// Writes the dep-info of the joined file: what it is made of is the same for all machines.
    fn dep_info(&self, file: &RegularFile, path: &Path) -> Result<()> {
        let text = file.text(limits::DEP_INFO).map_engine_error()?;
        let text = dep_info::renamed(&text, self.slices[0].dir.path(), self.to.path(), self.fixed);
        self.to.publish_text(file, &text, path).map_engine_error()
    }

    /// Joins `files`. Returns whether they can be.
    fn joined(&self, files: &[(Target, RegularFile)], path: &Path) -> Result<bool> {
        let parts: Vec<_> = files.iter().map(|(target, file)| (*target, file)).collect();
        let Some(layout) = universal::layout(&parts)? else {
            return Ok(false);
        };
        let parts = parts.iter().map(|(_, file)| *file);
        let parts: Vec<_> = layout.offsets.into_iter().zip(parts).collect();
        self.to
            .publish_joined(&layout.header, &parts, path, self.cancel)
            .map_engine_error()?;
        Ok(true)
    }

    /// Joins the directories with Apple's debug information at `path`, if each machine has one.
    fn debug_information(&self, path: &Path) -> Result<()> {
        let at = path.parent().unwrap_or(Path::new(""));
        let mut dirs = Vec::new();
        for slice in &self.slices {
            let dir = slice.dir.dir(at).map_engine_error()?;
            let entries = dir.entries().map_engine_error()?;
            let entry = entries
                .iter()
                .find(|entry| path.file_name() == Some(&entry.name));
            let Some(entry) = entry else {
                return Ok(());
            };
            match publish::debug_directory(self.products, &slice.dir, &dir, entry, at)? {
                Some(dir) => dirs.push((slice.target, dir)),
                None => return Ok(()),
            }
        }
        self.tree(&dirs, path, limits::DEPTH)
    }

    /// Joins the files in `dirs`, each of one machine, up to `depth` levels, at `at`. What only
    /// some have, and what cannot be joined, is copied.
    fn tree(&self, dirs: &[(Target, Dir)], at: &Path, depth: usize) -> Result<()> {
        let Some(depth) = depth.checked_sub(1) else {
            let message = format!("`{}` is nested too deeply", at.display());
            return Err(Error::new(ErrorKind::Untrusted, message));
        };
        let (mut names, mut subdirectories) = (BTreeSet::new(), BTreeSet::new());
        for (_, dir) in dirs {
            for entry in dir.entries().map_engine_error()? {
                match entry.kind {
                    FileKind::Regular => names.insert(entry.name),
                    FileKind::Directory => subdirectories.insert(entry.name),
                    _ => false,
                };
            }
        }
        if at.ends_with(DEBUG_FILES) && self.only_files(dirs, at)? {
            return Ok(());
        }
        for name in names {
            self.file_of_tree(dirs, &name, &at.join(&name))?;
        }
        for name in subdirectories {
            let mut inner = Vec::new();
            for (target, dir) in dirs {
                let dir = dir.dir_if_any(&name).map_engine_error()?;
                inner.extend(dir.map(|dir| (*target, dir)));
            }
            self.tree(&inner, &at.join(&name), depth)?;
        }
        Ok(())
    }

    /// Joins the only file that each machine has in its directory of `dirs`, under the name of the
    /// first. Returns whether there are such files. Cargo's hashes in their names differ.
    fn only_files(&self, dirs: &[(Target, Dir)], at: &Path) -> Result<bool> {
        let mut files = Vec::new();
        for (target, dir) in dirs {
            match &dir.entries().map_engine_error()?[..] {
                [entry] if entry.kind == FileKind::Regular => {
                    files.push((*target, dir.file(&entry.name).map_engine_error()?));
                }
                _ => return Ok(false),
            }
        }
        let Some(name) = files.first().and_then(|(_, file)| file.path().file_name()) else {
            return Ok(false);
        };
        let path = at.join(name);
        Ok(files.len() == self.slices.len() && self.joined(&files, &path)?)
    }

    fn file_of_tree(&self, dirs: &[(Target, Dir)], name: &OsString, at: &Path) -> Result<()> {
        let mut files = Vec::new();
        for (target, dir) in dirs {
            let file = dir.file_if_any(name).map_engine_error()?;
            files.extend(file.map(|file| (*target, file)));
        }
        let is_everywhere = files.len() == self.slices.len();
        match files.first() {
            _ if is_everywhere && self.joined(&files, at)? => Ok(()),
            Some((_, first)) => self.to.publish(first, at, self.cancel).map_engine_error(),
            None => Ok(()),
        }
    }
}

/// The error for a file that cargo made at `path` for some of `targets` only.
pub(crate) fn incomplete(path: &Path, targets: &[PathBuf]) -> Error {
    let names: Vec<_> = targets
        .iter()
        .filter_map(|dir| dir.file_name()?.to_str())
        .collect();
    let message = format!(
        "cargo did not make `{}` for each of {}, in a form that can be joined",
        path.display(),
        names.join(" and ")
    );
    Error::new(ErrorKind::CargoFailed, message).with_help(
        "the manifest or a build script makes it depend on the processor: build each target separately",
    )
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cargo::json::Metadata;
    use crate::cargo::products::Product;
    use crate::host::mach_o::MachO;

    const SLICES: [(&str, u32); 2] = [
        ("aarch64-apple-darwin", object::macho::CPU_TYPE_ARM64),
        ("x86_64-apple-darwin", object::macho::CPU_TYPE_X86_64),
    ];

    /// A program without commands for a machine.
    fn program(cpu: u32) -> Vec<u8> {
        let header = [object::macho::MH_MAGIC_64, cpu, 0, 2, 0, 0, 0, 0];
        header.into_iter().flat_map(u32::to_le_bytes).collect()
    }

    struct Built {
        root: tempfile::TempDir,
        products: Products,
    }

    impl Built {
        fn new() -> Self {
            let metadata = r#"{"packages":[{"id":"app","name":"app","version":"0.1.0","source":null,
                "manifest_path":"/w/Cargo.toml","dependencies":[],"targets":[
                {"name":"app","kind":["bin"],"src_path":"/w/src/main.rs"},
                {"name":"core","kind":["staticlib","rlib"],"src_path":"/w/src/lib.rs"}]}],
                "workspace_members":["app"],"workspace_root":"/w","target_directory":"/w/target"}"#;
            let metadata = Metadata::parse(metadata).unwrap();
            let all = metadata.packages.iter().flat_map(Product::of_package);
            let built = Built {
                root: tempfile::tempdir().unwrap(),
                products: Products::new(all.collect(), "universal2-apple-darwin")
                    .built_in(&SLICES.map(|(triple, _)| triple)),
            };
            for (triple, cpu) in SLICES {
                built.write(triple, "release/app", &program(cpu));
                built.write(triple, "release/libcore.a", b"!<arch>\n");
                built.write(triple, "release/libcore.rlib", b"!<arch>\n");
                built.write(triple, "release/deps/app-0123456789abcdef", b"");
                let dep_info = format!(
                    "{}: /w/src/main.rs\n",
                    built.at(triple, "release/app").display()
                );
                built.write(triple, "release/app.d", dep_info.as_bytes());
                let kept = "release/deps/app-0123456789abcdef.dSYM";
                let debug = format!("{kept}/{DEBUG_FILES}/app-{cpu:016x}");
                built.write(triple, &debug, &program(cpu));
                built.write(triple, &format!("{kept}/Contents/Info.plist"), b"<plist/>");
                let link = built.at(triple, "release/app.dSYM");
                std::os::unix::fs::symlink(built.at(triple, kept), link).unwrap();
            }
            built
        }

        fn at(&self, triple: &str, name: &str) -> PathBuf {
            self.root.path().join(triple).join(name)
        }

        fn write(&self, triple: &str, name: &str, bytes: &[u8]) {
            let path = self.at(triple, name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }

        fn join(&self) -> Result<()> {
            let root = Dir::open(self.root.path()).unwrap();
            let to = root.create_dir_all(self.products.directory()).unwrap();
            let slice = |(triple, _)| Slice {
                target: Target::parse(triple).unwrap(),
                dir: root.dir(triple).unwrap(),
            };
            let join = Join {
                slices: SLICES.map(slice).into(),
                to: &to,
                products: &self.products,
                fixed: &FixedPaths::default(),
                cancel: &Cancel::new(),
            };
            join.run()
        }

        fn made(&self, name: &str) -> PathBuf {
            self.at("universal2-apple-darwin", name)
        }
    }

    #[test]
    fn programs_libraries_and_debug_information_are_joined_and_rusts_libraries_are_not() {
        let built = Built::new();
        built.join().unwrap();
        let debug = format!("app.dSYM/{DEBUG_FILES}/app-{:016x}", SLICES[0].1);
        for name in ["app", &debug] {
            let read = MachO::read_all(built.made("release").join(name)).unwrap();
            let machines: Vec<_> = read.iter().map(|one| one.machine.as_str()).collect();
            assert_eq!(machines, ["arm64", "x86_64"], "{name}");
        }
        let library = fs::read(built.made("release/libcore.a")).unwrap();
        assert!(library.starts_with(&[0xca, 0xfe, 0xba, 0xbe]));
        let plist = built.made("release/app.dSYM/Contents/Info.plist");
        assert_eq!(fs::read(plist).unwrap(), b"<plist/>");
        assert!(!built.made("release/libcore.rlib").exists());
        let dep_info = fs::read_to_string(built.made("release/app.d")).unwrap();
        let app = built.made("release/app");
        assert_eq!(dep_info, format!("{}: /w/src/main.rs\n", app.display()));
    }

    #[test]
    fn a_file_of_one_machine_alone_is_left() {
        let built = Built::new();
        fs::remove_file(built.at(SLICES[1].0, "release/app")).unwrap();
        built.join().unwrap();
        assert!(!built.made("release/app").exists());
        assert!(built.made("release/libcore.a").exists());
    }

    #[test]
    fn a_link_in_place_of_a_file_is_refused() {
        let built = Built::new();
        let app = built.at(SLICES[1].0, "release/app");
        fs::remove_file(&app).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &app).unwrap();
        assert_eq!(built.join().unwrap_err().kind(), ErrorKind::Untrusted);
    }
}

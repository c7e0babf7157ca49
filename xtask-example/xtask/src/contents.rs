//! What an archive is called and what belongs into it, as each ecosystem has it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cross_core::targets::Target;

use crate::archive::{Kind, Member};

/// The names of a package's licences begin with these.
const LICENSES: [&str; 4] = ["LICENSE", "LICENCE", "COPYING", "NOTICE"];

/// Where a file that a build made beside a program or library belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Into the archive: nothing works without it, or nothing links with it.
    Archive,
    /// Into an archive of its own, for debuggers.
    Symbols,
    /// Nowhere: it is the build's own.
    Left,
}

impl Place {
    /// The place of `companion`, a file or a directory.
    pub(crate) fn of(companion: &Path) -> Self {
        let extension = companion.extension().and_then(|it| it.to_str());
        match extension.unwrap_or_default() {
            "wasm" | "js" | "mjs" | "dll" | "so" | "dylib" | "a" | "lib" | "h" => Place::Archive,
            "pdb" | "dwp" | "dSYM" | "debug" | "map" => Place::Symbols,
            _ => Place::Left,
        }
    }
}

/// The kind of archive that the users of `target` expect: what their system unpacks by itself.
pub(crate) fn kind_of(target: &str) -> Kind {
    let os = Target::parse(target).map(|target| target.facts().os);
    match os {
        Ok("windows" | "uefi") => Kind::Zip,
        Ok(_) => Kind::TarGz,
        // A target that is not in the table has a name all the same.
        Err(_) if target.contains("-windows-") => Kind::Zip,
        Err(_) => Kind::TarGz,
    }
}

/// The members of an archive that come from the sources: the README, manual pages and C headers of
/// the package in `package`, and the licences of the workspace in `root`. Sorted by name.
pub(crate) fn documents(root: &Path, package: &Path) -> io::Result<Vec<Member>> {
    let mut members = Vec::new();
    let is_license = |name: &str| LICENSES.iter().any(|begin| name.starts_with(begin));
    let is_page = |name: &str| {
        let section = name.rsplit('.').next().unwrap_or_default();
        section.len() == 1 && section.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut add = |dir: &Path, below: &str, is_wanted: &dyn Fn(&str) -> bool| -> io::Result<()> {
        for path in files_in(dir)? {
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(name) = name.filter(|name| is_wanted(name)) {
                let mut member = Member::read(&path, false)?;
                member.name = format!("{below}{name}");
                members.push(member);
            }
        }
        Ok(())
    };
    add(package, "", &|name| name == "README.md")?;
    add(root, "", &is_license)?;
    add(&package.join("man"), "man/", &is_page)?;
    add(&package.join("include"), "include/", &|name| {
        name.ends_with(".h")
    })?;
    members.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(members)
}

/// The members that `companions` of an artifact are, of those that belong to `place`.
pub(crate) fn companions(companions: &[PathBuf], place: Place) -> io::Result<Vec<Member>> {
    let mut members = Vec::new();
    for path in companions.iter().filter(|path| Place::of(path) == place) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        add_tree(path, &name, &mut members)?;
    }
    Ok(members)
}

/// Adds the file at `path`, or those in the directory, under `name`.
fn add_tree(path: &Path, name: &str, members: &mut Vec<Member>) -> io::Result<()> {
    if !path.is_dir() {
        let mut member = Member::read(path, false)?;
        name.clone_into(&mut member.name);
        members.push(member);
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for entry in entries {
        let below = entry.file_name().unwrap_or_default().to_string_lossy();
        add_tree(&entry, &format!("{name}/{below}"), members)?;
    }
    Ok(())
}

/// The files in `dir`, sorted; none if it does not exist.
fn files_in(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_what_the_systems_users_unpack() {
        for (target, extension) in [
            ("x86_64-unknown-linux-gnu", "tar.gz"),
            ("aarch64-unknown-linux-musl", "tar.gz"),
            ("armv7-linux-androideabi", "tar.gz"),
            ("x86_64-unknown-freebsd", "tar.gz"),
            ("aarch64-apple-darwin", "tar.gz"),
            ("universal2-apple-darwin", "tar.gz"),
            ("wasm32-unknown-emscripten", "tar.gz"),
            ("thumbv7em-none-eabihf", "tar.gz"),
            ("x86_64-pc-windows-gnu", "zip"),
            ("aarch64-pc-windows-msvc", "zip"),
            ("i686-win7-windows-msvc", "zip"),
            ("x86_64-unknown-uefi", "zip"),
        ] {
            assert_eq!(kind_of(target).extension(), extension, "{target}");
        }
    }

    #[test]
    fn a_file_beside_a_program_has_its_place() {
        for (file, place) in [
            ("app.wasm", Place::Archive),
            ("app.dll.a", Place::Archive),
            ("app.dll.lib", Place::Archive),
            ("app.pdb", Place::Symbols),
            ("app.dwp", Place::Symbols),
            ("app.debug", Place::Symbols),
            ("app.exe.debug", Place::Symbols),
            ("app.dSYM", Place::Symbols),
            ("app.wasm.map", Place::Symbols),
            ("app.d", Place::Left),
            ("app.dll.exp", Place::Left),
        ] {
            assert_eq!(Place::of(Path::new(file)), place, "{file}");
        }
    }

    #[test]
    fn the_documents_are_the_readme_the_pages_the_headers_and_the_licences() {
        let root = tempfile::tempdir().unwrap();
        let package = root.path().join("app");
        for file in [
            "LICENSE-MIT",
            "COPYING",
            "README.md",
            "Cargo.toml",
            "app/README.md",
            "app/man/app.1",
            "app/man/notes.txt",
            "app/include/app.h",
            "app/src/main.rs",
        ] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        let members = documents(root.path(), &package).unwrap();
        let names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "COPYING",
                "LICENSE-MIT",
                "README.md",
                "include/app.h",
                "man/app.1"
            ]
        );
        assert_eq!(members[2].bytes, b"app/README.md");
        assert!(documents(Path::new("/nowhere"), &package).is_ok());
    }

    #[test]
    fn debug_information_in_a_directory_is_packed_whole() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("app.dSYM/Contents/Resources");
        fs::create_dir_all(&inside).unwrap();
        fs::write(inside.join("app"), "dwarf").unwrap();
        let made = ["app.dSYM", "app.d"].map(|name| dir.path().join(name));
        let members = companions(&made, Place::Symbols).unwrap();
        let names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["app.dSYM/Contents/Resources/app"]);
        assert!(companions(&made, Place::Archive).unwrap().is_empty());
    }
}

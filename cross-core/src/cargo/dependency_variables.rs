//! The variables that build scripts of dependencies read by name.
//!
//! What is in a registry or in a git repository does not change, so these are known once and for
//! all with the workspace. Crates that others use to find compilers and libraries read theirs by
//! conventions, which a table has.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cross_engine::process::untrusted::{RegularFile, limits};

use crate::cargo::json::{Metadata, Package};

/// The limit of files that are read of one package, and of those of all.
const FILES: usize = 32;
const ALL_FILES: usize = 1024;

/// What crates that build scripts use read, for whatever target.
const BY_CONVENTION: [(&str, &[&str]); 7] = [
    ("autotools", &["CFLAGS", "CPPFLAGS", "CXXFLAGS", "LDFLAGS"]),
    ("bindgen", &["BINDGEN_EXTRA_CLANG_ARGS"]),
    (
        "cc",
        &[
            "AR",
            "ARFLAGS",
            "CC",
            "CFLAGS",
            "CRATE_CC_NO_DEFAULTS",
            "CXX",
            "CXXFLAGS",
            "CXXSTDLIB",
            "HOST_AR",
            "HOST_CC",
            "HOST_CFLAGS",
            "HOST_CXX",
            "HOST_CXXFLAGS",
            "RANLIB",
        ],
    ),
    (
        "clang-sys",
        &[
            "CLANG_PATH",
            "LIBCLANG_PATH",
            "LIBCLANG_STATIC_PATH",
            "LLVM_CONFIG_PATH",
        ],
    ),
    (
        "cmake",
        &[
            "CMAKE",
            "CMAKE_BUILD_PARALLEL_LEVEL",
            "CMAKE_C_COMPILER_LAUNCHER",
            "CMAKE_CXX_COMPILER_LAUNCHER",
            "CMAKE_GENERATOR",
            "CMAKE_PREFIX_PATH",
            "CMAKE_TOOLCHAIN_FILE",
        ],
    ),
    (
        "pkg-config",
        &[
            "PKG_CONFIG",
            "PKG_CONFIG_ALLOW_CROSS",
            "PKG_CONFIG_ALL_DYNAMIC",
            "PKG_CONFIG_ALL_STATIC",
            "PKG_CONFIG_LIBDIR",
            "PKG_CONFIG_PATH",
            "PKG_CONFIG_SYSROOT_DIR",
        ],
    ),
    ("vcpkg", &["VCPKGRS_DYNAMIC", "VCPKG_ROOT"]),
];

/// The variables, each with the first crate or file that reads it.
pub(crate) fn read(metadata: &Metadata) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut room = ALL_FILES;
    let dependencies = metadata.packages.iter().filter(|it| it.source.is_some());
    for package in dependencies {
        let name = format!("{}-{}", package.name, package.version);
        let conventions = BY_CONVENTION.iter().find(|(it, _)| *it == package.name);
        for variable in conventions.into_iter().flat_map(|(_, names)| *names) {
            found
                .entry((*variable).to_owned())
                .or_insert_with(|| PathBuf::from(&name));
        }
        for file in scripts(package).into_iter().take(room.min(FILES)) {
            room -= 1;
            let Ok(text) = RegularFile::open(&file).and_then(|it| it.text(limits::RECORD)) else {
                continue;
            };
            let dir = package.dir().unwrap_or(Path::new(""));
            let shown = Path::new(&name).join(file.strip_prefix(dir).unwrap_or(&file));
            for variable in names(&text) {
                found
                    .entry(variable.to_owned())
                    .or_insert_with(|| shown.clone());
            }
        }
    }
    found
}

/// The sources of the package's build scripts: the files that cargo compiles, and those beside them
/// in a directory of their own.
fn scripts(package: &Package) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for target in &package.targets {
        if !target.kind.iter().any(|kind| kind == "custom-build") {
            continue;
        }
        files.push(target.src_path.clone());
        let Some(dir) = target.src_path.parent() else {
            continue;
        };
        let own = match package.dir() == Some(dir) {
            true => dir.join("build"),
            false => dir.to_owned(),
        };
        let beside = fs::read_dir(own).into_iter().flatten().flatten();
        let beside = beside.map(|entry| entry.path()).take(limits::ENTRIES);
        let mut beside: Vec<_> = beside
            .filter(|path| path.extension().is_some_and(|it| it == "rs"))
            .filter(|path| *path != target.src_path)
            .collect();
        beside.sort();
        files.extend(beside);
    }
    files
}

/// The names that a build script's source gives to macros and functions whose names speak of
/// variables, and to cargo's instruction. Many have a function of their own (`env_inner("NAME")`).
fn names(text: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let name = |text: &'_ str| {
        let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
        (end > 1).then_some(end)
    };
    let mut names = Vec::new();
    for (at, opened) in text.match_indices("(\"") {
        let called = text[..at].trim_end_matches('!');
        let start = called.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let called = called[start.map_or(0, |start| start + 1)..].to_ascii_lowercase();
        let rest = &text[at + opened.len()..];
        if let Some(end) = name(rest).filter(|end| rest[*end..].starts_with('"')) {
            if called.contains("env") || called.contains("var") {
                names.push(&rest[..end]);
            }
        }
    }
    const INSTRUCTION: &str = "rerun-if-env-changed=";
    for (at, _) in text.match_indices(INSTRUCTION) {
        let rest = &text[at + INSTRUCTION.len()..];
        // A name that goes on in braces is computed.
        if let Some(end) = name(rest).filter(|end| !rest[*end..].starts_with('{')) {
            names.push(&rest[..end]);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_functions_of_any_name() {
        let text = r#"
            env::var("A_1"); env_inner("OPENSSL_DIR"); getenv_unwrap!("B_B"); println!("NOT");
            var_os("lower"); println!("cargo:rerun-if-env-changed=Z_LIB_DIR"); cfg.define("NOT_2", None);
            println!("cargo:rerun-if-env-changed=PRE_{}", x); println!("cargo:rerun-if-env-changed=PRE_{x}");
        "#;
        assert_eq!(names(text), ["A_1", "OPENSSL_DIR", "B_B", "Z_LIB_DIR"]);
    }

    #[test]
    fn build_scripts_of_dependencies_are_read_where_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("own/build.rs", "env(\"OF_WORKSPACE\")");
        write("ssl/build/main.rs", "mod find; env(\"SSL_DIR\")");
        write("ssl/build/find.rs", "env(\"SSL_STATIC\")");
        write("z/build.rs", "env(\"Z_STATIC\")");
        write("z/build/more.rs", "env(\"Z_MORE\")");
        write("z/src/lib.rs", "env(\"OF_LIBRARY\")");
        let package = |name: &str, source: &str, script: &str| {
            format!(
                r#"{{"id":"{name}","name":"{name}","version":"1.0.0","source":{source},"dependencies":[],
                "manifest_path":"{0}/{name}/Cargo.toml","targets":[{{"name":"build-script-build",
                "kind":["custom-build"],"src_path":"{0}/{name}/{script}"}}]}}"#,
                dir.path().display().to_string().replace('\\', "/")
            )
        };
        let registry = "\"registry+https://example.invalid\"";
        let packages = [
            package("own", "null", "build.rs"),
            package("ssl", registry, "build/main.rs"),
            package("z", registry, "build.rs"),
            package("pkg-config", registry, "build.rs"),
        ];
        let json = format!(
            r#"{{"packages":[{}],"workspace_members":["own"],"workspace_root":"/w","target_directory":"/w/t"}}"#,
            packages.join(",")
        );
        let found = read(&Metadata::parse(&json).unwrap());
        let shown = |name: &str| {
            let path = found.get(name)?.display().to_string();
            Some(path.replace('\\', "/"))
        };
        assert_eq!(shown("SSL_DIR").unwrap(), "ssl-1.0.0/build/main.rs");
        assert_eq!(shown("SSL_STATIC").unwrap(), "ssl-1.0.0/build/find.rs");
        assert_eq!(shown("Z_STATIC").unwrap(), "z-1.0.0/build.rs");
        assert_eq!(shown("Z_MORE").unwrap(), "z-1.0.0/build/more.rs");
        assert_eq!(shown("PKG_CONFIG_PATH").unwrap(), "pkg-config-1.0.0");
        assert_eq!(shown("OF_WORKSPACE").or(shown("OF_LIBRARY")), None);
    }
}

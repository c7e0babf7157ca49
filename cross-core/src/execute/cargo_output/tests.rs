use std::fs;

use super::*;
use crate::cargo::json::Metadata;
use crate::execute::companions;
use crate::model::compiled::NativeLibrary;

#[test]
fn rendered_diagnostics_name_files_of_the_host() {
    let places = "error: no\n  --> /c/w/src/main.rs:2:9\n   |\n2 | let a = \"--> x/c/y:1\";\n  \
                  ::: src/lib.rs:1:1\n  \u{1b}[34m--> \u{1b}[0m\u{1b}[0m/c/w/a.rs:1:1\n \
                  --> \u{1b}[0msrc/c/x.rs:1:1\n --> /usr/src/x.rs:1:1\n";
    let paths = "error: no\n  --> C:\\w\\src\\main.rs:2:9\n   |\n2 | let a = \"--> x/c/y:1\";\n  \
                 ::: src/lib.rs:1:1\n  \u{1b}[34m--> \u{1b}[0m\u{1b}[0mC:\\w\\a.rs:1:1\n \
                 --> \u{1b}[0msrc/c/x.rs:1:1\n --> /usr/src/x.rs:1:1\n";
    assert_eq!(with_host_paths(System::Windows, places), paths);
    assert_eq!(with_host_paths(System::Linux, places), places);
}

/// A workspace with the program `app`, and its target directory.
struct Built {
    root: tempfile::TempDir,
    dir: Dir,
    products: Products,
}

const TRIPLE: &str = "aarch64-unknown-linux-gnu";

impl Built {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join(TRIPLE).join("release/deps")).unwrap();
        let metadata = r#"{"packages":[{"id":"app","name":"app","version":"0.1.0","source":null,
            "manifest_path":"/w/Cargo.toml","dependencies":[],"targets":[
            {"name":"my_lib","kind":["cdylib","staticlib"],"src_path":"/w/src/lib.rs"},
            {"name":"app","kind":["bin"],"src_path":"/w/src/main.rs"}]}],
            "workspace_members":["app"],"workspace_root":"/w","target_directory":"/w/target"}"#;
        let metadata = Metadata::parse(metadata).unwrap();
        let all = metadata.packages.iter().flat_map(Product::of_package);
        Built {
            dir: Dir::open(root.path()).unwrap(),
            products: Products::new(all.collect(), TRIPLE),
            root,
        }
    }

    fn reader(&self) -> Reader<'_> {
        Reader::new(&self.dir, &self.products, Path::new("/w/target"))
    }

    /// The path of `name` in the directory of the release profile.
    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(TRIPLE).join("release").join(name)
    }
}

/// Cargo's message about the program `app` at `path`, whose place cargo knows.
fn message(path: &Path) -> String {
    let line = r#"{"reason":"compiler-artifact","package_id":"path+file:///w#app@0.1.0","manifest_path":"/w/Cargo.toml","target":{"kind":["bin"],"crate_types":["bin"],"name":"app","src_path":"/w/src/main.rs","edition":"2024","doc":true,"doctest":false,"test":true},"profile":{"opt_level":"3","debuginfo":0,"debug_assertions":false,"overflow_checks":false,"test":false},"features":[],"filenames":["PATH"],"executable":"PATH","fresh":true}"#;
    let path = System::HERE.inside(path).unwrap();
    line.replace("PATH", path.to_str().unwrap())
}

#[test]
fn a_program_is_published_at_cargos_usual_path() {
    let built = Built::new();
    fs::write(built.path("app"), "").unwrap();
    let mut reader = built.reader();
    let Line::Events(events) = reader.read(&message(&built.path("app"))) else {
        panic!("not a message of cargo");
    };
    assert!(matches!(
        &events[0],
        EventKind::Compiled { fresh: true, .. }
    ));
    let artifact = &reader.artifacts[0];
    assert_eq!(artifact.kind, ArtifactKind::Executable);
    assert_eq!(artifact.profile, "release");
    assert!(artifact.inside.starts_with(built.root.path()));
    assert_eq!(
        artifact.path,
        Path::new("/w/target/aarch64-unknown-linux-gnu/release/app")
    );
}

/// Cargo names what the linker left beside a DLL as it names the DLL.
#[test]
fn a_dll_is_one_artifact_with_its_import_library_and_its_debug_information() {
    let published = Path::new("/w/target").join(TRIPLE);
    for (libraries, beside) in [
        (
            &["my_lib.dll", "my_lib.lib"][..],
            &["my_lib.dll.exp", "my_lib.dll.lib", "my_lib.pdb"][..],
        ),
        (&["my_lib.dll"], &["libmy_lib.dll.a"]),
    ] {
        let built = Built::new();
        let files: Vec<_> = libraries
            .iter()
            .chain(beside)
            .map(|it| built.path(it))
            .collect();
        for file in &files {
            fs::write(file, "").unwrap();
        }
        let line = message(&files[0]).replace(r#"["bin"]"#, r#"["cdylib","staticlib"]"#);
        let mut line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let inside = files.iter().map(|file| System::HERE.inside(file).unwrap());
        line["filenames"] = inside.map(|it| it.to_str().unwrap().to_owned()).collect();
        line["executable"] = serde_json::Value::Null;
        line["target"]["name"] = "my_lib".into();
        let mut reader = built.reader();
        assert!(matches!(reader.read(&line.to_string()), Line::Events(_)));
        let release = published.join("release");
        let names =
            |names: &[&str]| -> Vec<_> { names.iter().map(|it| release.join(it)).collect() };
        let made: Vec<_> = reader.artifacts.iter().map(|it| it.path.clone()).collect();
        assert_eq!(made, names(libraries));
        assert!(
            reader
                .artifacts
                .iter()
                .all(|it| it.kind == ArtifactKind::Library)
        );
        let copied = libraries.iter().chain(beside);
        let copied: Vec<_> = copied.map(|it| Path::new("release").join(it)).collect();
        companions::add(&mut reader.artifacts, &published, &copied);
        assert_eq!(reader.artifacts[0].companions, names(beside));
    }
}

/// Cargo names the first page since 1.95. The directory is published as a whole.
#[test]
fn the_first_page_of_the_documentation_is_not_said_to_be_missing() {
    let built = Built::new();
    for page in ["doc/app/index.html", "doc/other/index.html"] {
        let page = built.root.path().join(TRIPLE).join(page);
        let mut reader = built.reader();
        assert!(matches!(reader.read(&message(&page)), Line::Events(_)));
        assert!(reader.artifacts.is_empty());
        assert_eq!(reader.unpublished, []);
    }
}

#[test]
fn a_forged_message_about_another_file_adds_no_artifact() {
    let built = Built::new();
    let key = built.root.path().parent().unwrap().join("id_ed25519");
    for path in [
        built.path("authorized_keys"),
        built.path("../../../id_ed25519"),
        built.path("deps/app-0123456789abcdef"),
        PathBuf::from("/etc/passwd"),
        key,
    ] {
        let mut reader = built.reader();
        let line = reader.read(&message(&path));
        assert!(matches!(line, Line::Events(_)), "{}", path.display());
        assert!(reader.artifacts.is_empty(), "{}", path.display());
    }
}

#[test]
fn a_file_that_cargo_shows_and_that_is_not_published_is_named_with_the_reason() {
    let built = Built::new();
    let of_another = built.root.path().join("x86_64-unknown-linux-gnu/debug/app");
    for (path, package, reason) in [
        (built.path("renamed"), "app", Some(Reason::Name)),
        (built.path("app"), "unknown", Some(Reason::Name)),
        (of_another, "app", Some(Reason::Target)),
        ("/elsewhere/app".into(), "app", Some(Reason::Outside)),
        (built.path("deps/libdep.rlib"), "app", None),
        (built.path("deps/libdep.rlib"), "unknown", None),
        (built.path("build/dep/0123/out/libdep.rlib"), "app", None),
    ] {
        let mut reader = built.reader();
        let line = message(&path).replace("#app@", &format!("#{package}@"));
        assert!(matches!(reader.read(&line), Line::Events(_)));
        assert!(reader.artifacts.is_empty(), "{}", path.display());
        let reasons: Vec<_> = reader.unpublished.iter().map(|it| it.reason).collect();
        assert_eq!(reasons, Vec::from_iter(reason), "{}", path.display());
    }
}

#[test]
fn an_artifact_that_is_no_regular_file_is_rejected() {
    let built = Built::new();
    let path = built.path("app");
    let rejection = || match built.reader().read(&message(&path)) {
        Line::Rejected(error) => error,
        _ => panic!("not rejected"),
    };
    assert_eq!(rejection().kind(), ErrorKind::Io, "the file is missing");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        let error = rejection();
        assert_eq!(error.kind(), ErrorKind::Untrusted);
        assert!(error.to_string().contains("a symbolic link"), "{error}");
        fs::remove_file(&path).unwrap();
    }
    fs::create_dir(&path).unwrap();
    assert_eq!(rejection().kind(), ErrorKind::Untrusted);
}

#[test]
fn stored_data_of_forged_messages_is_bounded() {
    let built = Built::new();
    fs::write(built.path("app"), "").unwrap();
    let line = message(&built.path("app"));
    let mut reader = built.reader();
    reader.room_for_artifacts = Room::new(4 << 10);
    let mut lines = (0..100).map(|_| reader.read(&line));
    assert!(lines.any(|line| matches!(line, Line::Rejected(_))));
    assert!(reader.artifacts.len() < 10);

    let line = r#"{"reason":"compiler-message","package_id":"path+file:///w#app@0.1.0","message":{"message":"m","code":null,"level":"warning","spans":[],"rendered":"RENDERED"}}"#;
    let line = line.replace("RENDERED", &"x".repeat(1 << 10));
    let mut reader = built.reader();
    reader.room_for_diagnostics = Room::new(8 << 10);
    let mut warnings = 0;
    for _ in 0..100 {
        let Line::Events(events) = reader.read(&line) else {
            panic!("not a message of cargo");
        };
        let is_warning = |event: &&EventKind| matches!(event, EventKind::Warning { .. });
        warnings += events.iter().filter(is_warning).count();
        assert!(matches!(events.last(), Some(EventKind::Diagnostic(_))));
    }
    assert_eq!(warnings, 1, "the warning is emitted once");
    assert!(reader.diagnostics.len() < 10);
}

#[test]
fn other_json_is_not_a_message_of_cargo() {
    let built = Built::new();
    let mut reader = built.reader();
    assert!(matches!(
        reader.read(r#"{"reason":"because"}"#),
        Line::Other
    ));
    assert!(matches!(reader.read("plain"), Line::Other));
}

#[test]
fn what_a_run_with_fixed_paths_says_is_read_with_the_hosts_paths() {
    let built = Built::new();
    fs::write(built.path("app"), "").unwrap();
    let pair = |host: &Path, inside: &str| (host.to_owned(), PathBuf::from(inside));
    let project = System::HERE.outside(Path::new("/w/p"));
    let fixed = FixedPaths::new(vec![
        pair(&project, "/cross/project"),
        pair(built.root.path(), "/cross/target"),
    ]);
    let mut reader = built.reader().fixed(&fixed);
    let path = fixed.inside(&built.path("app"));
    assert!(path.starts_with("/cross/target"), "{}", path.display());
    let path = path.to_str().unwrap().replace('\\', "/");
    let line = message(Path::new("/x")).replace("/x", &path);
    reader.read(&line.replace("path+file:///w", "path+file:///cross/project"));
    assert_eq!(reader.artifacts[0].inside, built.path("app"));

    let line = r#"{"reason":"compiler-message","package_id":"path+file:///cross/project#app@0.1.0","message":{"message":"no /cross/project/x","code":null,"level":"error","spans":[{"file_name":"/cross/project/a.rs","line_start":1,"column_start":2,"is_primary":true}],"rendered":"error: no\n --> /cross/project/a.rs:1:2\n"}}"#;
    let Line::Events(_) = reader.read(line) else {
        panic!("not a message of cargo");
    };
    let diagnostic = &reader.diagnostics[0];
    let file = project.join("a.rs");
    let shown = |path: &Path| path.display().to_string();
    assert_eq!(
        diagnostic.message,
        format!("no {}", shown(&project.join("x")))
    );
    let rendered = format!("error: no\n --> {}:1:2\n", shown(&file));
    assert_eq!(diagnostic.rendered, rendered);
    let place = diagnostic.place.as_ref().unwrap();
    assert_eq!(place.file, file);
}

#[test]
fn packages_are_those_that_cargo_compiled_with_their_features_and_libraries() {
    let built = Built::new();
    let unit = |id: &str, kind: &str, place: &str, features: &str| {
        let path = built.root.path().join(place);
        let path = System::HERE.inside(&path).unwrap();
        let path = path.to_str().unwrap();
        format!(
            r#"{{"reason":"compiler-artifact","package_id":"{id}","target":{{"kind":["{kind}"],"name":"x","src_path":"/x"}},"profile":{{"test":false}},"features":[{features}],"filenames":["{path}"],"executable":null,"fresh":true}}"#
        )
    };
    let script = |id: &str, place: &str, libraries: &str, found: &str| {
        let path = built.root.path().join(place);
        let path = System::HERE.inside(&path).unwrap();
        let path = path.to_str().unwrap();
        format!(
            r#"{{"reason":"build-script-executed","package_id":"{id}","linked_libs":[{libraries}],"linked_paths":["native={found}"],"cfgs":[],"env":[],"out_dir":"{path}"}}"#
        )
        .replace("OUT", path)
    };
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    let id = |name: &str| format!("{registry}#{name}@1.0.0");
    let out = format!("{TRIPLE}/release/build/z-sys-1/out");
    let for_target = format!("{TRIPLE}/release/deps/libx.rlib");
    let for_host = "release/deps/libx.rlib";
    let mut reader = built.reader();
    for line in [
        script(&id("z-sys"), &out, r#""static=z","ssl""#, "OUT/lib"),
        // The same package as a dependency of a build script.
        script(
            &id("z-sys"),
            "release/build/z-sys-2/out",
            r#""z""#,
            "/usr/lib",
        ),
        unit(
            &id("z-sys"),
            "custom-build",
            "release/build/z-sys/build",
            "",
        ),
        unit(&id("z-sys"), "lib", &for_target, r#""std","bundled""#),
        unit(&id("z-sys"), "lib", for_host, r#""std""#),
        unit(&id("derive"), "proc-macro", for_host, ""),
        unit(&id("z-sys"), "lib", &for_target, r#""extra""#),
        unit(
            "git+https://me:token@h/one?branch=b#two@0.2.0",
            "lib",
            &for_target,
            "",
        ),
    ] {
        let read = reader.read(&line);
        assert!(matches!(read, Line::Events(_) | Line::Silent), "{line}");
    }
    let packages = reader.packages.into_list();
    let lines: Vec<_> = packages
        .iter()
        .map(|package| {
            let library = |library: &NativeLibrary| {
                format!("{:?}={} {:?}", library.kind, library.name, library.origin)
            };
            let libraries: Vec<_> = package.native_libraries.iter().map(library).collect();
            format!(
                "{} host:{} {} [{}]",
                package.name,
                package.for_host,
                package.features.join(","),
                libraries.join("; ")
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "derive host:true  []",
            "two host:false  []",
            "z-sys host:false bundled,extra,std [None=ssl BuildScript; Some(\"static\")=z BuildScript]",
            "z-sys host:true std [None=z Environment]",
        ]
    );
    assert_eq!(packages[0].source.as_deref(), Some(registry));
    assert_eq!(
        packages[1].source.as_deref(),
        Some("git+https://h/one?branch=b")
    );
}

#[test]
fn messages_about_packages_without_end_are_rejected() {
    let built = Built::new();
    let mut reader = built.reader();
    let path = built.path("deps/libx.rlib");
    let path = System::HERE.inside(&path).unwrap();
    let feature = "f".repeat(1 << 20);
    let mut lines = (0..100).map(|n| {
        format!(
            r#"{{"reason":"compiler-artifact","package_id":"registry+https://r#a@1.0.0","target":{{"kind":["lib"],"name":"x","src_path":"/x"}},"profile":{{"test":false}},"features":["{n}{feature}"],"filenames":["{}"],"executable":null,"fresh":true}}"#,
            path.to_str().unwrap()
        )
    });
    let rejected = lines.find_map(|line| match reader.read(&line) {
        Line::Rejected(error) => Some(error),
        _ => None,
    });
    let error = rejected.expect("there is a limit");
    assert_eq!(error.kind(), ErrorKind::Untrusted);
}

//! Directories that a run may write: what it did there is done here, and what is done here there.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use cross_core::events::EventKind;
use cross_tests::{Project, Recorder};

use crate::{Case, TARGET};

#[test]
fn what_a_run_writes_where_it_may_comes_back() {
    let case = Case::new(
        Project::new("app")
            .file("generated/kept.rs", "kept")
            .file("generated/changed.rs", "before")
            .cross_toml("[build]\nwritable = [\"generated\"]\n")
            .file(
                "build.rs",
                "use std::fs::write;\nfn main() { write(\"generated/changed.rs\", \"after\").unwrap();\n\
                 write(\"generated/new.rs\", \"new\").unwrap(); }",
            ),
    );
    let dir = case.project.path().join("generated");
    let kept = || dir.join("kept.rs").metadata().unwrap().ino();
    let before = kept();
    assert!(case.build().compiled);
    let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    assert_eq!(
        (read("changed.rs"), read("new.rs")),
        ("after".to_owned(), "new".to_owned())
    );
    assert_eq!(kept(), before, "what did not change is not touched");
}

/// A project with a directory that its build script writes, by `body`.
fn writing(body: &str) -> Project {
    let script = format!(
        "use std::fs;\nuse std::path::Path;\nuse std::os::unix::fs::symlink;\n\
         fn main() {{\n    println!(\"cargo:rerun-if-changed=step\");\n{body}\n}}\n"
    );
    Project::new("app")
        .file("step", "1")
        .cross_toml("[build]\nwritable = [\"generated\"]\n")
        .file("build.rs", &script)
}

#[test]
fn what_is_removed_on_one_side_is_removed_on_the_other() {
    let project = writing(
        "    if fs::read_to_string(\"step\").unwrap() == \"1\" {\n\
         fs::write(\"generated/made\", \"made\").unwrap();\n\
         fs::create_dir_all(\"generated/empty\").unwrap();\n\
         fs::remove_file(\"generated/sent\").unwrap();\n\
         fs::remove_dir_all(\"generated/deep\").unwrap();\n\
         } else {\n\
         assert!(!Path::new(\"generated/made\").exists());\n\
         assert!(Path::new(\"generated/kept\").exists());\n}",
    );
    let project = ["sent", "kept", "deep/er/file", "a\nb", "a"]
        .iter()
        .fold(project, |project, name| {
            project.file(&format!("generated/{name}"), name)
        });
    let case = Case::new(project);
    case.build();
    let here = |name: &str| case.project.path().join("generated").join(name);
    assert_eq!(fs::read_to_string(here("made")).unwrap(), "made");
    assert!(here("empty").is_dir());
    assert!(!here("sent").exists() && !here("deep").exists());
    for name in ["kept", "a\nb", "a"] {
        assert_eq!(fs::read_to_string(here(name)).unwrap(), name);
    }
    let again = case.build();
    assert_eq!(
        (again.sent, again.compiled),
        (0, false),
        "it is there already"
    );
    fs::remove_file(here("made")).unwrap();
    case.write("step", "2");
    assert!(case.build().compiled);
}

#[test]
fn what_changed_here_meanwhile_stays() {
    let case = Case::new(
        writing(
            "    fs::remove_file(\"generated/edited\").unwrap();\n\
             println!(\"cargo:warning=removed\");\n\
             std::thread::sleep(std::time::Duration::from_secs(1));",
        )
        .file("generated/edited", "before"),
    );
    let edited = case.project.path().join("generated/edited");
    let of_listener = edited.clone();
    let cross = case.cross().on_event(move |event| {
        if matches!(&event.kind, EventKind::Output { line, .. } if line.contains("Compiling app")) {
            fs::write(&of_listener, "after that").unwrap();
        }
    });
    cross.build(TARGET).run().unwrap();
    assert_eq!(fs::read_to_string(edited).unwrap(), "after that");
}

#[test]
fn a_name_that_cannot_be_asked_for_is_told() {
    let case = Case::new(
        writing(
            "    fs::write(\"generated/a\\\\b\", \"odd\").unwrap();\n\
                 fs::hard_link(\"generated/one\", \"generated/two\").unwrap();\n\
                 fs::write(\"generated/one\", \"both\").unwrap();",
        )
        .file("generated/one", "one"),
    );
    let recorder = Recorder::default();
    recorder.hear(case.cross()).build(TARGET).run().unwrap();
    let warned = recorder.events().into_iter().any(|event| {
        matches!(event.kind, EventKind::Warning { message, .. } if message.contains("a\\b"))
    });
    assert!(warned, "{:?}", recorder.events());
    for name in ["one", "two"] {
        let path = case.project.path().join("generated").join(name);
        assert_eq!(fs::read_to_string(path).unwrap(), "both");
    }
}

/// The volume has the sources beside the directory, and another build compiles them.
#[test]
fn links_that_a_run_leaves_there_lead_nowhere_when_the_volume_is_filled() {
    let body = "    if fs::read_to_string(\"step\").unwrap() == \"1\" {\n\
         fs::remove_dir_all(\"generated/src\").unwrap();\n\
         symlink(\"../src\", \"generated/src\").unwrap();\n\
         symlink(\"../src/main.rs\", \"generated/file\").unwrap();\n\
         symlink(\"../src\", \"generated/directory\").unwrap();\n\
         } else {\n\
         assert!(fs::read_to_string(\"src/main.rs\").unwrap().contains(\"honest\"));\n\
         assert!(Path::new(\"src/other.rs\").exists());\n\
         assert!(fs::read_to_string(\"generated/src/main.rs\").unwrap().contains(\"evil\"));\n}";
    let case = Case::new(
        writing(body)
            .file("src/main.rs", "fn main() { println!(\"honest\"); }\n")
            .file("src/other.rs", "")
            .file("generated/src/other.rs", "")
            .file("generated/src/main.rs", "fn main() {}\n"),
    );
    case.build();
    let here = case.project.path().join("generated");
    fs::create_dir_all(here.join("src")).unwrap();
    for name in ["src/main.rs", "file", "directory"] {
        fs::write(here.join(name), "fn main() { println!(\"evil\"); }\n").unwrap();
    }
    let _ = fs::remove_file(here.join("src/other.rs"));
    case.write("step", "2");
    let built = case.build();
    assert!(built.compiled);
    let program = fs::read(built.program()).unwrap();
    assert!(program.windows(6).any(|part| part == b"honest"));
}

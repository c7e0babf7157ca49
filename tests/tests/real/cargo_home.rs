//! A cargo home in the project, as CI systems that keep nothing else between jobs have it.

use std::fs;
use std::path::PathBuf;

use cross_core::{Cross, ErrorKind};
use cross_engine::Invocation;
use cross_tests::{Leftovers, Project, engines, on_engines, shell, tool};

use super::TARGET;

on_engines! { @ a_cargo_home_in_the_project_is_used_and_hidden sandbox docker podman }

const SECRET: &str = "s3cret-of-the-registry";

/// Fails if the secret is in a file that it sees, and says what the cargo home has.
const SEARCHES: &str = r#"fn search(dir: &std::path::Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() && !path.ends_with("target") {
            search(&path, found);
        } else if kind.is_file() {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            if text.contains(&["s3cret", "of-the-registry"].join("-")) {
                found.push(path.display().to_string());
            }
        }
    }
}
fn main() {
    let mut found = Vec::new();
    search(std::path::Path::new(".."), &mut found);
    assert!(found.is_empty(), "seen: {found:?}");
    let home = std::path::PathBuf::from(std::env::var("CARGO_HOME").unwrap());
    let crates = std::fs::read_to_string(home.join("registry/kept")).unwrap();
    println!("cargo:rustc-env=CRATES={crates}");
    assert!(!home.join("bin/tool").exists());
}
"#;

struct Case {
    project: Project,
    leftovers: Leftovers,
    home: PathBuf,
}

impl Case {
    fn new(home: &str) -> Self {
        let config = format!(
            "[env]\nOF_HOME = \"of-home\"\n[registries.mine]\nindex = \"sparse+https://me:{SECRET}@127.0.0.1:1/\"\n\
             token = \"{SECRET}\"\n"
        );
        let credentials = format!("[registry]\ntoken = \"{SECRET}\"\n");
        let at = |name: &str| format!("{home}/{name}");
        let main = "fn main() { println!(\"{} {}\", env!(\"CRATES\"), env!(\"OF_HOME\")); }\n";
        let project = Project::new("app")
            .file("build.rs", SEARCHES)
            .file("src/main.rs", main)
            .file(&at("config.toml"), &config)
            .file(&at("credentials.toml"), &credentials)
            .file(&at("credentials"), &credentials)
            .file(&at("bin/tool"), SECRET)
            .file(&at("registry/kept"), "crates");
        Case {
            leftovers: Leftovers::of(&project),
            home: project.path().join(home),
            project,
        }
    }

    fn cross(&self, engine: &str) -> Cross {
        let env = self.leftovers.env().set("CARGO_HOME", &self.home);
        self.project.cross().env(env).engine(engine)
    }
}

fn a_cargo_home_in_the_project_is_used_and_hidden(engine: &'static str) {
    engines::need(engine);
    for home in [".cargo", "ci/cargo"] {
        let case = Case::new(home);
        let ran = case.cross(engine).run(TARGET).capture(true).run();
        let ran = ran.unwrap_or_else(|error| panic!("{home}: {error:?}"));
        assert_eq!(ran.stdout.unwrap(), "crates of-home\n", "{home}");
        case.leftovers.are_none();
    }
}

/// Programs of the host are in it, and so are credentials.
#[test]
fn a_cargo_home_in_the_project_is_never_writable_nor_the_project_itself() {
    engines::need("sandbox");
    let case = Case::new("ci/cargo");
    for dir in ["ci", "ci/cargo", "ci/cargo/registry"] {
        let toml = format!("[build]\nwritable = [{dir:?}]\n");
        fs::write(case.project.path().join("Cross.toml"), toml).unwrap();
        let error = case.cross("sandbox").build(TARGET).plan().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
        assert!(error.to_string().contains("is never writable"), "{error}");
    }
    fs::remove_file(case.project.path().join("Cross.toml")).unwrap();
    let cross = case.cross("sandbox");
    let error = cross
        .cargo_home_dir(case.project.path())
        .build(TARGET)
        .plan();
    let error = error.unwrap_err();
    assert!(error.to_string().contains("is the cargo home"), "{error}");
}

/// Tools of the host may write beside the sources.
#[test]
fn a_tool_for_the_host_does_not_see_the_cargo_home_in_the_project() {
    engines::need("sandbox");
    let case = Case::new(".cargo");
    let tools = case.cross("sandbox").host_tools(TARGET).run().unwrap();
    let cat = tools.tool("cat").unwrap();
    let prints = |file: &str| {
        let line = format!("'{}' {file}", cat.display());
        shell(&case.project, &case.leftovers.env(), ["cross", ""], &line)
    };
    assert!(prints("src/main.rs").stdout.contains("OF_HOME"));
    for file in ["credentials.toml", "credentials", "bin/tool", "config.toml"] {
        let said = prints(&format!(".cargo/{file}"));
        assert!(!said.stdout.contains(SECRET), "{file}: {}", said.stdout);
    }
}

/// A run does not see it as it is in the repository.
#[test]
fn a_file_of_the_repository_in_the_cargo_home_is_named() {
    engines::need("sandbox");
    let case = Case::new(".cargo");
    let git = |words: &[&str]| {
        let git = Invocation::new("git").args(words.iter().copied());
        tool::stdout(&git.cwd(case.project.path()));
    };
    git(&["init", "--quiet"]);
    git(&["add", ".cargo/config.toml"]);
    let plan = case.cross("sandbox").build(TARGET).plan().unwrap();
    let of_git = plan.warnings.iter().filter(|warning| warning.code == "git");
    let messages: Vec<_> = of_git.map(|warning| &warning.message).collect();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(messages[0].contains(".cargo/config.toml` is in the repository and in the cargo home"));
}

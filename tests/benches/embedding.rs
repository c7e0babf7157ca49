//! The cost of the dependency: the build of a program with five lines on `cross-core`, with each of
//! the library's features and without any, compared with a program without a dependency, in seconds
//! of CPU time; and which crates take it.
//!
//! ```sh
//! cargo bench --package cross-tests --bench embedding
//! ```
//!
//! Cargo builds one crate at a time (`--jobs 1`), because cores that share their caches slow each
//! other down, and each rustc is measured by itself. A crate that several programs have is compiled
//! once, in a target directory that is empty at first: so their rows differ by what differs.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use cross_tests::measure::{Error, command, head, row};

const FIVE_LINES: &str = r#"fn main() -> Result<(), Box<dyn std::error::Error>> {
    let built = cross_core::build("aarch64-unknown-linux-gnu")?;
    built.executables().for_each(|program| println!("{}", program.path.display()));
    Ok(())
}
"#;

/// Starts rustc, and notes what it used: a line with the package, and two of the shell's, the last of
/// which is about its children.
const WRAPPER: &str = r#"#!/bin/sh
"$@"
code=$?
if [ -n "$CARGO_PKG_NAME" ]; then
    echo "$CARGO_PKG_NAME" >>"$TIMES"
    times >>"$TIMES"
fi
exit $code
"#;

/// The feature that enables every operation.
const FULL: &str = "full";

/// A crate that takes less of a program's time has no row.
const SMALL: f64 = 0.01;

fn main() -> Result<(), Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    let nothing = Program::new("fn main() {}\n", None)?.build(&[])?;
    let on_default = Program::new(FIVE_LINES, Some((&root, &[])))?;
    let default = on_default.build(&[])?;
    let lean = on_default
        .emptied()?
        .build(&[("CARGO_PROFILE_DEV_DEBUG", "0")])?;
    on_default.emptied()?.build(&[])?;

    println!("A cold build, `dev` profile, one job:\n");
    println!(
        "{}",
        head(&["five lines on", "user s", "system s", "CPU s", "crates"])
    );
    println!("{}", nothing.row("no dependency"));
    println!("{}", default.row("`cross-core`"));
    println!("{}", lean.row("`cross-core`, without debug information"));
    let row_of = |feature: &str, built: &Built| {
        let name = format!("`cross-core` with `{feature}`");
        println!("{}", default.with(built).row(&name));
    };
    let Features { of_full, others } = Features::read(&root)?;
    // What one feature needs is not compiled again for the next, and `full` needs all of it.
    let mut compiled = Built::default();
    for feature in of_full {
        let built = on_default.with(&root, &feature)?.build(&[])?;
        row_of(&feature, &built);
        compiled = compiled.with(&built);
    }
    let full = on_default.with(&root, FULL)?.build(&[])?;
    row_of(FULL, &compiled.with(&full));
    for feature in others {
        let built = on_default.with(&root, &feature)?.build(&[])?;
        row_of(&feature, &built);
    }
    println!("\nThe default, by crate:\n\n{}", default.by_crate());
    Ok(())
}

/// The library's features besides the default and `full` itself.
struct Features {
    /// Those that `full` enables.
    of_full: Vec<String>,
    others: Vec<String>,
}

impl Features {
    fn read(root: &Path) -> Result<Self, Error> {
        let mut cargo = command(cargo_program());
        let words = [
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ];
        let metadata = said(cargo.args(words).current_dir(root.join("cross-core")))?;
        let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
        let mut packages = metadata["packages"].as_array().into_iter().flatten();
        let this = packages.find(|package| package["name"] == "cross-core");
        let features = this.map(|package| package["features"].clone());
        let features: BTreeMap<String, Vec<String>> =
            serde_json::from_value(features.unwrap_or_default())?;
        let of_full = features.get(FULL).ok_or("no feature `full`")?.clone();
        let is_other = |name: &String| name != FULL && name != "default" && !of_full.contains(name);
        let others = features.into_keys().filter(is_other).collect();
        Ok(Features { of_full, others })
    }
}

/// What compiling each package took, build scripts among it.
#[derive(Clone, Default)]
struct Built(BTreeMap<String, Cpu>);

impl Built {
    fn parse(log: &str) -> Option<Self> {
        let mut built = Built::default();
        let lines: Vec<_> = log.lines().collect();
        for entry in lines.chunks_exact(3) {
            let cpu = Cpu::parse(entry[2])?;
            let of_package = built.0.entry(entry[0].to_owned()).or_default();
            of_package.user += cpu.user;
            of_package.system += cpu.system;
        }
        Some(built)
    }

    /// A build that compiled `others` again or besides.
    fn with(&self, others: &Built) -> Built {
        let mut built = self.clone();
        built.0.extend(others.0.clone());
        built
    }

    fn cpu(&self) -> Cpu {
        let add = |sum: Cpu, it: &Cpu| Cpu {
            user: sum.user + it.user,
            system: sum.system + it.system,
        };
        self.0.values().fold(Cpu::default(), add)
    }

    fn row(&self, name: &str) -> String {
        let Cpu { user, system } = self.cpu();
        row([
            name.to_owned(),
            format!("{user:.1}"),
            format!("{system:.1}"),
            format!("{:.1}", user + system),
            // The program itself is none.
            (self.0.len() - 1).to_string(),
        ])
    }

    /// The table of the crates, those with the largest share first.
    fn by_crate(&self) -> String {
        let whole = self.cpu().total();
        let (mut large, small): (Vec<_>, Vec<_>) = self
            .0
            .iter()
            .partition(|(_, cpu)| cpu.total() > SMALL * whole);
        large.sort_by(|(_, one), (_, other)| other.total().total_cmp(&one.total()));
        let mut lines = vec![head(&["crate", "CPU s"])];
        let of_crate = |(name, cpu): &(&String, &Cpu)| {
            row([format!("`{name}`"), format!("{:.1}", cpu.total())])
        };
        lines.extend(large.iter().map(of_crate));
        let rest: f64 = small.iter().map(|(_, cpu)| cpu.total()).sum();
        lines.push(row([
            format!("{} others", small.len()),
            format!("{rest:.1}"),
        ]));
        lines.join("\n")
    }
}

/// CPU time in seconds.
#[derive(Clone, Copy, Default)]
struct Cpu {
    user: f64,
    system: f64,
}

impl Cpu {
    fn total(self) -> f64 {
        self.user + self.system
    }

    /// Reads the times of a shell's children, such as `0m1.500s 0m0.100s`.
    fn parse(line: &str) -> Option<Self> {
        let (user, system) = line.split_once(' ')?;
        Some(Cpu {
            user: seconds(user)?,
            system: seconds(system)?,
        })
    }
}

/// A program outside of this workspace, in a directory of its own or in that of another one.
struct Program(Rc<tempfile::TempDir>);

impl Program {
    /// Makes a program, which depends on the library in this repository with these features, or on
    /// nothing.
    fn new(main: &str, on: Option<(&Path, &[&str])>) -> Result<Self, Error> {
        let dir = tempfile::tempdir()?;
        fs::create_dir(dir.path().join("src"))?;
        fs::write(dir.path().join("src/main.rs"), main)?;
        let wrapper = dir.path().join("rustc");
        fs::write(&wrapper, WRAPPER)?;
        let mut executable = fs::metadata(&wrapper)?.permissions();
        executable.set_mode(0o755);
        fs::set_permissions(&wrapper, executable)?;
        if let Some((root, _)) = on {
            // The versions that everything else here is built with.
            fs::copy(root.join("Cargo.lock"), dir.path().join("Cargo.lock"))?;
        }
        let program = Program(Rc::new(dir));
        program.depend(on)?;
        Ok(program)
    }

    /// The same program on the library with one more feature.
    fn with(&self, root: &Path, feature: &str) -> Result<Self, Error> {
        let program = Program(Rc::clone(&self.0));
        program.depend(Some((root, &[feature])))?;
        Ok(program)
    }

    fn depend(&self, on: Option<(&Path, &[&str])>) -> Result<(), Error> {
        let dependency = on.map_or_else(String::new, |(root, features)| {
            let path = root.join("cross-core");
            format!("cross-core = {{ path = {path:?}, features = {features:?} }}\n")
        });
        let manifest = format!(
            "[package]\nname = \"five-lines\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
             [dependencies]\n{dependency}[workspace]\n"
        );
        fs::write(self.0.path().join("Cargo.toml"), manifest)?;
        let mut fetch = command(cargo_program());
        said(fetch.arg("fetch").current_dir(self.0.path()))?;
        Ok(())
    }

    /// Removes what was built.
    fn emptied(&self) -> Result<&Self, Error> {
        fs::remove_dir_all(self.0.path().join("target"))?;
        Ok(self)
    }

    /// Builds the program, and returns what was compiled for it.
    fn build(&self, variables: &[(&str, &str)]) -> Result<Built, Error> {
        let dir = self.0.path();
        let log = dir.join("times");
        fs::write(&log, "")?;
        let mut cargo = command(cargo_program());
        cargo
            .args(["build", "--quiet", "--offline", "--jobs", "1"])
            .current_dir(dir)
            .env("CARGO_TARGET_DIR", dir.join("target"))
            .env("CARGO_INCREMENTAL", "0")
            .env_remove("CARGO_PROFILE_DEV_DEBUG")
            .env("RUSTC_WRAPPER", dir.join("rustc"))
            .env("TIMES", &log)
            .envs(variables.iter().copied());
        said(&mut cargo)?;
        let text = fs::read_to_string(log)?;
        Built::parse(&text).ok_or_else(|| format!("what the shells say: {text}").into())
    }
}

fn cargo_program() -> PathBuf {
    cross_tests::ambient::variable("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// Parses a time such as `0m1.500s` into seconds.
fn seconds(text: &str) -> Option<f64> {
    let (minutes, rest) = text.split_once('m')?;
    let rest: f64 = rest.strip_suffix('s')?.parse().ok()?;
    Some(minutes.parse::<f64>().ok()? * 60.0 + rest)
}

fn said(command: &mut Command) -> Result<String, Error> {
    let output = command.output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?),
        false => Err(format!("{command:?}: {stderr}").into()),
    }
}

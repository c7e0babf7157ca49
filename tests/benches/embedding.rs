//! The cost of the dependency: the build of a program with five lines on `cross-core`, compared
//! with a program without a dependency, in seconds of CPU time.
//!
//! ```sh
//! cargo bench --package cross-tests --bench embedding
//! ```
//!
//! Cargo builds one crate at a time (`--jobs 1`), because cores that share their caches slow each
//! other down. The registry is fetched, and each build has an empty target directory.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cross_tests::measure::{Error, command, head, now, row};

const FIVE_LINES: &str = r#"fn main() -> Result<(), Box<dyn std::error::Error>> {
    let built = cross_core::build("aarch64-unknown-linux-gnu")?;
    built.executables().for_each(|program| println!("{}", program.path.display()));
    Ok(())
}
"#;

fn main() -> Result<(), Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    let with = Program::new("five-lines", FIVE_LINES, Some(&root))?;
    let without = Program::new("nothing", "fn main() {}\n", None)?;
    println!("A cold build, `dev` profile, one job:\n");
    println!(
        "{}",
        head(&[
            "program",
            "CPU s",
            "wall s",
            "crates",
            "CPU s without debug info"
        ])
    );
    for (name, program) in [
        ("five lines on `cross-core`", &with),
        ("no dependency", &without),
    ] {
        let (cpu, wall) = program.build(&[])?;
        let (lean, _) = program.build(&[("CARGO_PROFILE_DEV_DEBUG", "0")])?;
        println!(
            "{}",
            row([
                name.to_owned(),
                format!("{cpu:.1}"),
                format!("{wall:.1}"),
                program.crates()?.to_string(),
                format!("{lean:.1}"),
            ])
        );
    }
    Ok(())
}

/// A program outside of this workspace.
struct Program(tempfile::TempDir);

impl Program {
    fn new(name: &str, main: &str, root: Option<&Path>) -> Result<Self, Error> {
        let dir = tempfile::tempdir()?;
        let dependency = root.map_or_else(String::new, |root| {
            format!("cross-core = {{ path = {:?} }}\n", root.join("cross-core"))
        });
        let manifest = format!(
            "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2021\"\n\
             [dependencies]\n{dependency}[workspace]\n"
        );
        fs::create_dir(dir.path().join("src"))?;
        fs::write(dir.path().join("Cargo.toml"), manifest)?;
        fs::write(dir.path().join("src/main.rs"), main)?;
        if let Some(root) = root {
            // The versions that everything else here is built with.
            fs::copy(root.join("Cargo.lock"), dir.path().join("Cargo.lock"))?;
        }
        let program = Program(dir);
        said(program.cargo().arg("fetch"))?;
        Ok(program)
    }

    fn cargo(&self) -> Command {
        let cargo =
            cross_tests::ambient::variable("CARGO").map_or_else(|| "cargo".into(), PathBuf::from);
        let mut cargo = command(cargo);
        cargo
            .current_dir(self.0.path())
            .env("CARGO_TARGET_DIR", self.0.path().join("target"));
        cargo
    }

    /// Builds the program from nothing, and returns the seconds of CPU time and of wall time.
    fn build(&self, variables: &[(&str, &str)]) -> Result<(f64, f64), Error> {
        let target = self.0.path().join("target");
        if target.exists() {
            fs::remove_dir_all(&target)?;
        }
        let cargo = self.cargo();
        // The shell knows what its children used.
        let mut shell = command("sh");
        shell
            .args(["-c", "\"$0\" build --quiet --offline --jobs 1 && times"])
            .arg(cargo.get_program())
            .current_dir(self.0.path())
            .env("CARGO_TARGET_DIR", &target)
            .envs(variables.iter().copied());
        let start = now();
        let times = said(&mut shell)?;
        let wall = start.elapsed().as_secs_f64();
        let children = times.lines().nth(1).unwrap_or_default();
        let cpu: Option<f64> = children.split_whitespace().map(seconds).sum();
        Ok((cpu.ok_or(format!("what the shell says: {times}"))?, wall))
    }

    /// Returns the number of compiled crates besides the program.
    fn crates(&self) -> Result<usize, Error> {
        let tree = said(self.cargo().args([
            "tree",
            "--offline",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ]))?;
        let versions = tree.lines().filter(|line| !line.is_empty());
        let versions = versions.map(|line| line.split(' ').take(2).collect::<Vec<_>>());
        Ok(versions.collect::<BTreeSet<_>>().len() - 1)
    }
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

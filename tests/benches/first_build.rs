//! The first build of a program in Rust alone, in an empty target directory: for musl, beside glibc.
//!
//! ```sh
//! cargo bench --package cross-tests --bench first_build
//! ```
//!
//! The environments are there: those of musl have Zig for C and C++, which a program in Rust alone
//! must not pay for.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::fs;

use cross_core::{Cancel, Cross};
use cross_tests::measure::{Error, Variant, alternate, head, milliseconds, row};

const GLIBC: &str = "x86_64-unknown-linux-gnu";
const MUSL: &str = "x86_64-unknown-linux-musl";
const ROUNDS: usize = 7;

fn main() -> Result<(), Error> {
    let dir = tempfile::tempdir()?;
    fs::create_dir(dir.path().join("src"))?;
    fs::write(
        dir.path().join("Cargo.toml"),
        "[package]\nname = \"first\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
    )?;
    fs::write(
        dir.path().join("src/main.rs"),
        "fn main() {\n    println!(\"hello\");\n}\n",
    )?;
    let cross = Cross::at(dir.path()).engine("sandbox").toolchain("host");
    for target in [GLIBC, MUSL] {
        let plan = cross.build(target).plan()?;
        plan.only_environment().execute(&Cancel::new())?;
    }
    let target_dir = dir.path().join("built");
    let build = |target: &'static str| {
        let (cross, target_dir) = (&cross, &target_dir);
        Variant::new(target, move || {
            if target_dir.exists() {
                fs::remove_dir_all(target_dir)?;
            }
            cross.build(target).target_dir(target_dir).run()?;
            Ok(())
        })
    };
    let times = alternate(1, ROUNDS, vec![build(GLIBC), build(MUSL)])?;
    let [glibc, musl] = &times[..] else {
        return Err("two variants".into());
    };
    println!("A program in Rust alone, medians of {ROUNDS} alternating rounds, ms:\n");
    println!("{}", head(&["glibc", "musl", "musl / glibc"]));
    let ratio = format!("{:.2}", musl.median() / glibc.median());
    println!("{}", row([milliseconds(glibc), milliseconds(musl), ratio]));
    Ok(())
}

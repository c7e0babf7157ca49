//! Targets: how they are named, run, and known to the `cross` project.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

mod explain;
mod published;
pub(crate) mod qemu_machine;
mod refused_glibc;
pub(crate) mod runner;
mod unknown_target;

use crate::facts::debian_arch::DebianArch;
use crate::facts::glibc::GlibcVersion;
use crate::facts::sdk::Sdk;
use crate::facts::target_facts::{Level, Libc, StdAvailability, TargetEmulator, TargetFacts};
use crate::table::rows::ROWS;
use crate::table::rustc_targets::is_rustc_target;
use crate::table::suggestions::similar_triples;
use qemu_machine::QemuMachine;
use runner::Runner;
use unknown_target::Problem;
pub use unknown_target::UnknownTarget;

/// The minimum glibc version of targets for old distributions (CentOS 7 and contemporaries).
const OLD_GLIBC: GlibcVersion = GlibcVersion::new(2, 17);

/// The triples that [`Target::all`] yields a second time, with [`OLD_GLIBC`].
const ALSO_WITH_OLD_GLIBC: [&str; 2] = ["aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"];

/// A compilation target: a row of the table, optionally with a minimum glibc version.
///
/// Targets are ordered by triple. A triple without a glibc version sorts before the same triple
/// with one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Index into [`ROWS`], which are ordered by triple.
    row: usize,
    glibc: Option<GlibcVersion>,
}

impl Target {
    /// Parses a triple, or `triple.2.17` for a triple that uses glibc.
    ///
    /// # Errors
    /// Returns [`UnknownTarget`] if the triple is not in the table, if the suffix is not a glibc
    /// version, or if the triple does not use glibc.
    pub fn parse(text: &str) -> Result<Self, UnknownTarget> {
        if let Some(row) = find(text) {
            return Ok(Self { row, glibc: None });
        }
        // Triples can contain dots themselves: `thumbv8m.base-none-eabi`.
        match split_glibc_suffix(text) {
            Some((row, floor)) => Self::with_floor(text, row, floor),
            None if is_rustc_target(text) => Err(UnknownTarget::new(text, Problem::NoRow)),
            None => Err(UnknownTarget::new(
                text,
                Problem::NoSuchTriple(similar_triples(text, ROWS)),
            )),
        }
    }

    fn with_floor(text: &str, row: usize, floor: &str) -> Result<Self, UnknownTarget> {
        let rejected = |problem: fn(&'static str) -> Problem| {
            UnknownTarget::new(text, problem(ROWS[row].triple))
        };
        if ROWS[row].libc != Libc::Glibc {
            return Err(rejected(Problem::NotGlibc));
        }
        let glibc = floor.parse().map_err(|_| rejected(Problem::InvalidGlibc))?;
        Ok(Self {
            row,
            glibc: Some(glibc),
        })
    }

    /// All known targets in order: each row, and two rows again with glibc 2.17.
    pub fn all() -> impl Iterator<Item = Target> {
        ROWS.iter().enumerate().flat_map(|(row, facts)| {
            let old = ALSO_WITH_OLD_GLIBC
                .contains(&facts.triple)
                .then_some(Some(OLD_GLIBC));
            std::iter::once(None)
                .chain(old)
                .map(move |glibc| Self { row, glibc })
        })
    }

    /// The Rust target triple without the glibc version, as `rustc --target` takes it.
    pub fn triple(self) -> &'static str {
        self.facts().triple
    }

    /// The glibc version that binaries may require at most. `None` means that of the environment.
    pub fn glibc(self) -> Option<GlibcVersion> {
        self.glibc
    }

    /// The facts about the triple.
    pub fn facts(self) -> &'static TargetFacts {
        &ROWS[self.row]
    }

    /// The targets that are built for this one: itself, or those whose files are joined into its
    /// own.
    pub fn slices(self) -> impl Iterator<Item = Target> {
        let slices = self.facts().slices;
        let own = slices.is_empty().then_some(self);
        let rows = slices.iter().filter_map(|triple| find(triple));
        own.into_iter()
            .chain(rows.map(|row| Self { row, glibc: None }))
    }

    /// The triple as it is spelled in cargo's variables: `AARCH64_UNKNOWN_LINUX_GNU` in
    /// `CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER`.
    pub fn env_upper(self) -> String {
        self.env_lower().to_uppercase()
    }

    /// The triple as it is spelled in the variables of cc-rs: `aarch64_unknown_linux_gnu` in
    /// `CC_aarch64_unknown_linux_gnu`.
    pub fn env_lower(self) -> String {
        // Both also replace the dot in `thumbv8m.main`.
        self.triple().replace(['-', '.'], "_")
    }

    /// The variables through which the programs of [`Target::recipe_with_sdk`] find the SDK at
    /// `path`. `api` is the result of [`Sdk::api`](crate::Sdk::api). Empty if the target takes no
    /// SDK.
    pub fn sdk_env(self, path: &str, api: Option<u32>) -> BTreeMap<String, String> {
        let sdk = self.facts().sdk;
        sdk.map_or_else(BTreeMap::new, |sdk| sdk.env(&self.env_lower(), path, api))
    }

    /// The virtual machine that runs programs of the target, if Debian has a kernel for it.
    pub fn machine(self) -> Option<QemuMachine> {
        qemu_machine::of(self.facts())
    }

    /// The runner that a user may name instead of the target's default one: `qemu-system`,
    /// `wasmtime` or `wasm-bindgen`. `None` if no recipe has it for the target.
    pub fn named_runner(self, name: &str) -> Option<Runner> {
        match name {
            "qemu-system" => self.machine().map(Runner::QemuSystem),
            "wasmtime" => wasmtime_runs(self.facts()).then_some(Runner::Wasmtime),
            "wasm-bindgen" => {
                (self.triple() == "wasm32-unknown-unknown").then_some(Runner::WasmBindgen)
            }
            _ => None,
        }
    }

    /// How programs of the target are started on a build machine: natively if possible, otherwise
    /// under an emulator.
    pub fn runner(self, build: DebianArch) -> Runner {
        Runner::choose(self.facts(), build)
    }

    /// How programs of the target are started in the environment of [`Target::recipe_with_sdk`].
    pub fn runner_with_sdk(self, build: DebianArch) -> Runner {
        let emulator = match self.facts().sdk {
            Some(Sdk::Windows { wine, .. }) => {
                wine.map(|program| TargetEmulator::Wine { program, dlls: "" })
            }
            // The others have what programs link with, but not what they need to start.
            _ => None,
        };
        Runner::of(emulator, self.facts(), build)
    }

    /// The level of support in the environment of [`Target::recipe_with_sdk`] on a build machine.
    /// `None` if the user's SDK does not change it, or if the target takes none.
    ///
    /// ```
    /// # use cross_targets::{DebianArch, Level, Target};
    /// let target = Target::parse("aarch64-apple-ios").unwrap();
    /// assert_eq!(target.facts().level(), Level::Libraries);
    /// assert_eq!(target.level_with_sdk(DebianArch::Amd64), Some(Level::Builds));
    /// ```
    pub fn level_with_sdk(self, build: DebianArch) -> Option<Level> {
        let facts = self.facts();
        facts.sdk?;
        let level = match self.runner_with_sdk(build) {
            Runner::None => Level::Builds,
            _ => Level::Tests,
        };
        (level != facts.level()).then_some(level)
    }

    /// The value of `-Z build-std` for the target when its `std` is built from source. Empty for
    /// cargo's default.
    pub fn std_crates(self) -> &'static [&'static str] {
        match (self.facts().std, self.facts().os) {
            (StdAvailability::None, _) => &["core", "alloc"],
            // A panic aborts there, by a crate that cargo does not build by itself.
            (_, "uefi" | "wasi" | "unknown") => &["std", "panic_abort"],
            _ => &[],
        }
    }

    /// Why `std` of the target cannot be built from source, as a clause: only rustup's has
    /// everything that programs link with. `None` where it can be.
    pub fn std_from_rustup_only(self) -> Option<&'static str> {
        let is_sanitized = self.triple() == "x86_64-unknown-linux-gnuasan";
        is_sanitized.then_some(
            "rustup's `std` brings the runtime library of the address sanitizer, and one that is \
             built from source does not",
        )
    }

    /// The last component of the image that the `cross` project publishes for the target:
    /// `aarch64-linux-android` in `ghcr.io/cross-rs/aarch64-linux-android`. `None` if it publishes
    /// none, and for every target with a glibc version.
    pub fn published_image(self) -> Option<&'static str> {
        match self.glibc {
            None => published::image(self.facts()),
            Some(_) => None,
        }
    }

    /// The value of `CROSS_DEB_ARCH`, which `cross` passes to Dockerfiles and `pre-build` commands.
    /// `None` if `cross` does not set it.
    pub fn deb_arch_argument(self) -> Option<&'static str> {
        published::deb_arch_argument(self.facts())
    }

    /// Whether containers of the published image need a custom seccomp profile, because programs of
    /// the target make system calls that the engine's default profile blocks.
    pub fn needs_seccomp_profile(self) -> bool {
        published::needs_seccomp_profile(self.facts())
    }
}

/// Whether Wasmtime runs the target's programs. Its library starts no threads for them.
fn wasmtime_runs(facts: &TargetFacts) -> bool {
    facts.libc == Libc::Wasi && facts.triple != "wasm32-wasip1-threads"
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.glibc {
            Some(floor) => write!(f, "{}.{floor}", self.triple()),
            None => f.write_str(self.triple()),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

impl FromStr for Target {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, UnknownTarget> {
        Self::parse(text)
    }
}

fn find(triple: &str) -> Option<usize> {
    ROWS.binary_search_by_key(&triple, |row| row.triple).ok()
}

/// Finds the longest known triple that is followed by a dot in `text`, and returns its row and the
/// text after that dot.
fn split_glibc_suffix(text: &str) -> Option<(usize, &str)> {
    text.rmatch_indices('.')
        .find_map(|(dot, _)| Some((find(&text[..dot])?, &text[dot + 1..])))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn rejected(text: &str) -> UnknownTarget {
        Target::parse(text).unwrap_err()
    }

    #[test]
    fn all_are_121_unique_and_ordered() {
        let all: Vec<Target> = Target::all().collect();
        assert_eq!(all.len(), 121);
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        let names: BTreeSet<String> = all.iter().map(Target::to_string).collect();
        assert_eq!(names.len(), 121);
        assert!(names.contains("aarch64-unknown-linux-gnu.2.17"));
        assert!(names.contains("x86_64-unknown-linux-gnu.2.17"));
    }

    #[test]
    fn every_target_is_read_from_what_it_writes() {
        for target in Target::all() {
            assert_eq!(Target::parse(&target.to_string()), Ok(target));
            assert_eq!(format!("{target:?}"), format!("Target({target})"));
        }
    }

    #[test]
    fn a_glibc_triple_takes_any_floor() {
        let target: Target = "armv7-unknown-linux-gnueabihf.2.31".parse().unwrap();
        assert_eq!(target.triple(), "armv7-unknown-linux-gnueabihf");
        assert_eq!(target.glibc(), Some(GlibcVersion::new(2, 31)));
        assert_eq!(target.to_string(), "armv7-unknown-linux-gnueabihf.2.31");
        assert_ne!(Ok(target), Target::parse("armv7-unknown-linux-gnueabihf"));
    }

    #[test]
    fn a_floor_that_is_no_version_is_rejected() {
        for floor in [
            "", ".", "2", "2.", "x.y", "2.17.1", "v2.17", "2.-17", "02.17", " 2.17", "2.17 ",
            "99999.1",
        ] {
            let error = rejected(&format!("x86_64-unknown-linux-gnu.{floor}"));
            assert_eq!(
                error.suggestions(),
                ["x86_64-unknown-linux-gnu"],
                "{floor:?}"
            );
            assert!(
                error
                    .to_string()
                    .ends_with("its suffix is not a glibc version"),
                "{floor:?}"
            );
            assert!(error.help().contains("x86_64-unknown-linux-gnu.2.17"));
        }
    }

    #[test]
    fn a_floor_needs_glibc() {
        for triple in [
            "x86_64-unknown-linux-musl",
            "x86_64-pc-windows-gnu",
            "aarch64-linux-android",
            "thumbv8m.main-none-eabi",
        ] {
            for floor in ["2.17", "x"] {
                let error = rejected(&format!("{triple}.{floor}"));
                assert!(error.to_string().contains("doesn't use glibc"), "{error}");
                assert_eq!(error.suggestions(), [triple]);
                assert_eq!(
                    error.help(),
                    format!("remove the glibc version: `{triple}`")
                );
            }
        }
    }

    #[test]
    fn dots_of_a_triple_are_its_own() {
        let target = Target::parse("thumbv8m.base-none-eabi").unwrap();
        assert_eq!(target.glibc(), None);
        assert_eq!(target.env_lower(), "thumbv8m_base_none_eabi");
        assert_eq!(target.env_upper(), "THUMBV8M_BASE_NONE_EABI");
    }

    #[test]
    fn variables_name_the_triple_without_the_floor() {
        let target = Target::parse("x86_64-unknown-linux-gnu.2.17").unwrap();
        assert_eq!(target.env_lower(), "x86_64_unknown_linux_gnu");
        assert_eq!(target.env_upper(), "X86_64_UNKNOWN_LINUX_GNU");
    }

    #[test]
    fn an_unknown_triple_suggests_the_nearest() {
        for (input, meant) in [
            ("aarch64-linux-gnu", "aarch64-unknown-linux-gnu"),
            ("x86-64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"),
            (
                "armv7-unknown-linux-gnueabihf2",
                "armv7-unknown-linux-gnueabihf",
            ),
        ] {
            let error = rejected(input);
            assert_eq!(error.input(), input);
            assert_eq!(error.to_string(), format!("unknown target `{input}`"));
            assert_eq!(error.suggestions().first(), Some(&meant), "{input}");
            assert!(
                error.help().starts_with(&format!("did you mean `{meant}`")),
                "{}",
                error.help()
            );
        }
    }

    #[test]
    fn hopeless_text_is_rejected_with_an_example() {
        for input in [
            "",
            " ",
            ".",
            "..2.17",
            ".2.17",
            "foo.2.17",
            "m68k-atari-tos",
            "\0",
            "日本.語",
        ] {
            let error = rejected(input);
            assert!(error.suggestions().is_empty(), "{input:?}");
            assert!(error.help().contains("aarch64-unknown-linux-gnu"));
        }
    }
}

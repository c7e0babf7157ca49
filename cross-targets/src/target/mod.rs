//! A target: a row of the table, optionally with a glibc floor.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

mod published;
pub(crate) mod qemu_machine;
pub(crate) mod runner;
mod unknown_target;

use crate::facts::debian_arch::DebianArch;
use crate::facts::glibc::Glibc;
use crate::facts::target_facts::{Facts, Libc, Std};
use crate::table::rows::ROWS;
use crate::table::suggestions::near;
use qemu_machine::Machine;
use runner::Runner;
use unknown_target::Problem;
pub use unknown_target::UnknownTarget;

/// The floor the two rows have that are also built for old distributions (CentOS 7 and its time).
const OLD: Glibc = Glibc::new(2, 17);

/// The triples that [`Target::all`] yields a second time, with the floor [`OLD`].
const ALSO_OLD: [&str; 2] = ["aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"];

/// What is built for: a row of the table, optionally with a glibc floor.
///
/// Ordered by triple, without a floor before with one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Index into [`ROWS`], which are ordered by triple.
    row: usize,
    glibc: Option<Glibc>,
}

impl Target {
    /// The target that `text` names: a triple, or `triple.2.17` where the triple's libc is glibc.
    ///
    /// # Errors
    /// [`UnknownTarget`] if the triple is in no row, or the floor isn't a version of glibc, or the
    /// triple doesn't use glibc.
    pub fn parse(text: &str) -> Result<Self, UnknownTarget> {
        if let Some(row) = find(text) {
            return Ok(Self { row, glibc: None });
        }
        // The triple may have dots of its own: `thumbv8m.base-none-eabi`.
        match longest_known_start(text) {
            Some((row, floor)) => Self::with_floor(text, row, floor),
            None => Err(UnknownTarget::new(
                text,
                Problem::NoSuchTriple(near(text, ROWS)),
            )),
        }
    }

    fn with_floor(text: &str, row: usize, floor: &str) -> Result<Self, UnknownTarget> {
        let refused = |problem: fn(&'static str) -> Problem| {
            UnknownTarget::new(text, problem(ROWS[row].triple))
        };
        if ROWS[row].libc != Libc::Glibc {
            return Err(refused(Problem::NotGnu));
        }
        let glibc = floor.parse().map_err(|_| refused(Problem::BadFloor))?;
        Ok(Self {
            row,
            glibc: Some(glibc),
        })
    }

    /// Every known target in order: each row, and two rows again with the floor 2.17.
    pub fn all() -> impl Iterator<Item = Target> {
        ROWS.iter().enumerate().flat_map(|(row, facts)| {
            let old = ALSO_OLD.contains(&facts.triple).then_some(Some(OLD));
            std::iter::once(None)
                .chain(old)
                .map(move |glibc| Self { row, glibc })
        })
    }

    /// The Rust target triple, without the floor: what `rustc --target` takes.
    pub fn triple(self) -> &'static str {
        self.facts().triple
    }

    /// The newest glibc a binary may ask for; `None` where that is whatever the environment has.
    pub fn glibc(self) -> Option<Glibc> {
        self.glibc
    }

    /// What is true of the triple.
    pub fn facts(self) -> &'static Facts {
        &ROWS[self.row]
    }

    /// The triple as cargo spells it in the names of its variables: the `AARCH64_UNKNOWN_LINUX_GNU`
    /// of `CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER`.
    pub fn env_upper(self) -> String {
        self.env_lower().to_uppercase()
    }

    /// The triple as cc-rs spells it in the names of its variables: the `aarch64_unknown_linux_gnu`
    /// of `CC_aarch64_unknown_linux_gnu`.
    pub fn env_lower(self) -> String {
        // Both replace the dot of `thumbv8m.main` too.
        self.triple().replace(['-', '.'], "_")
    }

    /// The variables by which the programs of [`Target::recipe_with_sdk`] find the directory at `path`.
    /// `api` is what [`Sdk::api`](crate::Sdk::api) says. Empty where the target takes no directory.
    pub fn sdk_env(self, path: &str, api: Option<u32>) -> BTreeMap<String, String> {
        let sdk = self.facts().sdk;
        sdk.map_or_else(BTreeMap::new, |sdk| sdk.env(&self.env_lower(), path, api))
    }

    /// The machine that QEMU makes to run the target's programs, where Debian has a kernel for it.
    pub fn machine(self) -> Option<Machine> {
        qemu_machine::of(self.facts())
    }

    /// How a program of the target is started on a machine of architecture `build`: natively where
    /// the machine can, else under the target's emulator.
    pub fn runner(self, build: DebianArch) -> Runner {
        Runner::choose(self.facts(), build)
    }

    /// What `-Z build-std` has to build for the target, where its `std` comes from source: the value
    /// of the option. Empty for cargo's own choice.
    pub fn std_crates(self) -> &'static [&'static str] {
        match self.facts().std {
            Std::None => &["core", "alloc"],
            _ => &[],
        }
    }

    /// The last part of the name of the image that the `cross` project publishes for the target
    /// (`aarch64-linux-android` of `ghcr.io/cross-rs/aarch64-linux-android`). `None` where it
    /// publishes none, which is also so for a glibc floor.
    pub fn published_image(self) -> Option<&'static str> {
        match self.glibc {
            None => published::image(self.facts()),
            Some(_) => None,
        }
    }

    /// The value of the build argument `CROSS_DEB_ARCH`, which `cross` gives to the Dockerfiles and
    /// `pre-build` commands of its users. `None` where it gives none.
    pub fn deb_arch_argument(self) -> Option<&'static str> {
        published::deb_arch_argument(self.facts())
    }

    /// Whether a container of the target's published image needs a seccomp profile of its own,
    /// because its programs make system calls that an engine's usual profile refuses.
    pub fn needs_seccomp_profile(self) -> bool {
        published::needs_seccomp_profile(self.facts())
    }
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

/// The row of the longest triple that `text` has before a dot, and what comes after that dot.
fn longest_known_start(text: &str) -> Option<(usize, &str)> {
    text.rmatch_indices('.')
        .find_map(|(dot, _)| Some((find(&text[..dot])?, &text[dot + 1..])))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn refused(text: &str) -> UnknownTarget {
        Target::parse(text).unwrap_err()
    }

    #[test]
    fn all_are_59_unique_and_ordered() {
        let all: Vec<Target> = Target::all().collect();
        assert_eq!(all.len(), 59);
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        let names: BTreeSet<String> = all.iter().map(Target::to_string).collect();
        assert_eq!(names.len(), 59);
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
        assert_eq!(target.glibc(), Some(Glibc::new(2, 31)));
        assert_eq!(target.to_string(), "armv7-unknown-linux-gnueabihf.2.31");
        assert_ne!(Ok(target), Target::parse("armv7-unknown-linux-gnueabihf"));
    }

    #[test]
    fn a_floor_that_is_no_version_is_refused() {
        for floor in [
            "", ".", "2", "2.", "x.y", "2.17.1", "v2.17", "2.-17", "02.17", " 2.17", "2.17 ",
            "99999.1",
        ] {
            let error = refused(&format!("x86_64-unknown-linux-gnu.{floor}"));
            assert_eq!(
                error.suggestions(),
                ["x86_64-unknown-linux-gnu"],
                "{floor:?}"
            );
            assert!(
                error
                    .to_string()
                    .ends_with("its end is not a glibc version"),
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
                let error = refused(&format!("{triple}.{floor}"));
                assert!(error.to_string().contains("doesn't use glibc"), "{error}");
                assert_eq!(error.suggestions(), [triple]);
                assert_eq!(error.help(), format!("leave the floor away: `{triple}`"));
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
            let error = refused(input);
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
    fn hopeless_text_is_refused_with_an_example() {
        for input in [
            "",
            " ",
            ".",
            "..2.17",
            ".2.17",
            "foo.2.17",
            "aarch64-apple-darwin",
            "\0",
            "日本.語",
        ] {
            let error = refused(input);
            assert!(error.suggestions().is_empty(), "{input:?}");
            assert!(error.help().contains("aarch64-unknown-linux-gnu"));
        }
    }
}

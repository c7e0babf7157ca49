//! What a target gets and what it lacks, in one paragraph for people.

use std::borrow::Cow;

use super::Target;
use super::runner::Runner;
use crate::facts::debian_arch::DebianArch;
use crate::facts::sdk::Sdk;
use crate::facts::target_facts::{
    CToolchain, Level, Libc, StdAvailability, TargetFacts, TestSupport,
};

impl Target {
    /// What the target gets on a machine of architecture `build`, and what it lacks: one paragraph
    /// of plain sentences.
    ///
    /// ```
    /// # use cross_targets::{DebianArch, Target};
    /// let target = Target::parse("thumbv7m-none-eabi").unwrap();
    /// let text = target.explain(DebianArch::Amd64);
    /// assert!(text.starts_with("Programs for thumbv7m-none-eabi run under qemu-arm-static"));
    /// ```
    pub fn explain(self, build: DebianArch) -> String {
        if let Some(refused) = self.refused_glibc() {
            let (why, help) = (&refused.why, refused.help(self));
            return format!("There is no recipe for {self}: {why}. Instead, {help}.");
        }
        let sentences = [
            Some(self.promise(build)),
            self.compilers(),
            self.libraries(),
            self.joined(),
            self.otherwise(build),
            self.oldest_system(),
        ];
        let sentences: Vec<_> = sentences.into_iter().flatten().collect();
        sentences.join(" ")
    }

    /// Why no program of the target is started in the environment of its recipe, and what can be
    /// done: one sentence without a full stop.
    pub fn not_run(self) -> String {
        format!("{self}: {}", self.why_not_run())
    }

    /// The same without the name.
    fn why_not_run(self) -> Cow<'static, str> {
        if let [first, ..] = self.facts().slices {
            let slices = self.facts().slices.join(" and ");
            return format!(
                "no program is started for {self}, which is {slices} joined (request it for one of \
                 them, such as `{first}`)"
            )
            .into();
        }
        let why = match self.facts().triple {
            "wasm32-unknown-unknown" => {
                "programs for it have no entry that a runtime starts (of its tests, those by \
                 wasm-bindgen-test run where `Cargo.lock` names that crate, and no others do; all \
                 tests of wasm32-wasip1 run)"
            }
            "wasm32v1-none" => "it has libraries for other programs, and no entry that starts one",
            _ => {
                "nothing in its environment runs programs for it (the key `runner` names a command \
                 that does, such as one that copies them to another machine)"
            }
        };
        why.into()
    }

    /// What runs or is built.
    fn promise(self, build: DebianArch) -> String {
        let facts = self.facts();
        let why = facts.lacks().unwrap_or_default();
        let runs = match self.runner(build) {
            Runner::Native => "run natively".to_owned(),
            Runner::None => format!("are built, and not run: {}", self.why_not_run()),
            _ => {
                let program = facts.emulator.map_or("", |emulator| emulator.program());
                format!(
                    "run under {}",
                    program.rsplit('/').next().unwrap_or(program)
                )
            }
        };
        match facts.level() {
            Level::Tests => format!("Tests and programs for {self} {runs}."),
            Level::Programs if facts.std == StdAvailability::Prebuilt => format!(
                "Programs for {self} {runs}; its `std` has no threads, which cargo's tests start."
            ),
            Level::Programs => format!(
                "Programs for {self} {runs}; it has no `std`, so cargo's tests cannot be built."
            ),
            Level::Builds => format!("Programs for {self} {runs}."),
            Level::Libraries => format!(
                "Rust's libraries for {self} are built, checked and documented, and nothing is linked: {why}."
            ),
            Level::Sdk | Level::Image => format!("There is no recipe for {self}: {why}."),
        }
    }

    /// What compiles C and C++.
    fn compilers(self) -> Option<String> {
        let facts = self.facts();
        let by = match facts.c_toolchain {
            _ if self.glibc().is_some() => "Zig",
            CToolchain::Gcc => "Debian's GCC",
            CToolchain::Mingw => "Debian's GCC with mingw-w64",
            CToolchain::Newlib { .. } => "Debian's GCC with newlib",
            CToolchain::Zig => "Zig",
            CToolchain::Emscripten => "Debian's Emscripten",
            CToolchain::Clang => "Debian's clang",
            CToolchain::ClangCl | CToolchain::Ndk | CToolchain::None => return None,
        };
        let suite = facts.suite?;
        let floor = self.glibc().map_or(String::new(), |version| {
            format!(", for glibc {version} or later")
        });
        let what = match facts.triple {
            "wasm32-wasip1-threads" => {
                "C, and C++ without its library, which has no threads there, are"
            }
            _ => "C and C++ are",
        };
        let without = match (facts.c_toolchain, facts.libc) {
            (CToolchain::Clang, Libc::None) => ", without a C library",
            _ => "",
        };
        Some(format!(
            "{what} compiled by {by} on {suite}{floor}{without}."
        ))
    }

    /// Where Rust's libraries come from.
    fn libraries(self) -> Option<String> {
        let TargetFacts {
            std, suite, sdk, ..
        } = self.facts();
        (suite.is_some() || sdk.is_some()).then(|| {
            let text = match (std, self.std_from_rustup_only()) {
                (_, Some(why)) => return format!("It needs a toolchain of rustup's: {why}."),
                (StdAvailability::Prebuilt, _) => "rustup installs its `std`.",
                (StdAvailability::BuildStd, _) => {
                    "Its `std` is built from source, by a nightly toolchain or by the Rust in the \
                     environment (`toolchain = \"image\"`)."
                }
                (StdAvailability::None, _) => "rustup installs its `core` and `alloc`.",
            };
            text.to_owned()
        })
    }

    /// What the files are joined of.
    fn joined(self) -> Option<String> {
        let slices = self.facts().slices;
        (!slices.is_empty()).then(|| {
            format!(
                "Its programs, dynamic libraries and static libraries are those for {}, joined; \
                 Rust's own libraries stay apart.",
                slices.join(" and ")
            )
        })
    }

    /// How programs are made for an older system of Apple's.
    fn oldest_system(self) -> Option<String> {
        let variable = self.facts().deployment_variable()?;
        Some(format!(
            "`deployment-target` or {variable} says which version of its system programs run on, \
             or a later one."
        ))
    }

    /// What can be used where there is no recipe.
    fn otherwise(self, build: DebianArch) -> Option<String> {
        let facts = self.facts();
        let sdk = facts.sdk.map(|sdk| {
            let adds = match (sdk, facts.lacks()) {
                (Sdk::Apple { .. }, None) => ": then Debian's clang builds, and frameworks link",
                (Sdk::Apple { .. }, Some(_)) => {
                    ": then Debian's clang builds programs and C, and frameworks link"
                }
                (Sdk::Windows { .. }, _) if self.runner_with_sdk(build) != Runner::None => {
                    ": then Debian's clang builds programs and C, and Wine runs them"
                }
                (Sdk::Windows { .. }, _) => ": then Debian's clang builds programs and C",
                _ => " to build with; nothing in that environment runs the programs",
            };
            let or = sdk.variables().first();
            let or = or.map_or(String::new(), |name| format!(" or {name}"));
            format!("`sdk`{or} names {}{adds}.", sdk.describe())
        });
        let image = match facts.level() {
            Level::Sdk | Level::Image => self.published_image(),
            _ => None,
        };
        let image = image.map(|image| {
            let runs = match facts.emulator.filter(|_| facts.tests != TestSupport::None) {
                Some(emulator) => format!(", and runs them under {}", emulator.program()),
                None => String::new(),
            };
            format!(
                "Otherwise the image `ghcr.io/cross-rs/{image}:main` builds them, on docker or podman{runs}."
            )
        });
        let both: Vec<_> = sdk.into_iter().chain(image).collect();
        (!both.is_empty()).then(|| both.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(target: &str) -> String {
        Target::parse(target).unwrap().explain(DebianArch::Amd64)
    }

    #[test]
    fn every_target_is_explained_in_sentences() {
        for target in Target::all() {
            let text = target.explain(DebianArch::Arm64);
            assert!(text.contains(&target.to_string()), "{text}");
            assert!(text.ends_with('.') && !text.contains(['\n', '@']), "{text}");
            assert!(!text.contains("  ") && !text.contains(".."), "{text}");
            if let Some(why) = target.facts().lacks() {
                assert!(text.contains(why), "{text}");
            }
        }
    }

    #[test]
    fn what_it_gets_and_what_it_lacks() {
        assert_eq!(
            explained("aarch64-unknown-linux-gnu.2.17"),
            "Tests and programs for aarch64-unknown-linux-gnu.2.17 run under qemu-aarch64-static. \
             C and C++ are compiled by Zig on bookworm, for glibc 2.17 or later. rustup installs \
             its `std`."
        );
        assert_eq!(
            explained("aarch64-apple-darwin"),
            "Programs for aarch64-apple-darwin are built, and not run: nothing in its environment \
             runs programs for it (the key `runner` names a command that does, such as one that \
             copies them to another machine). C and C++ are compiled by Zig on bookworm. rustup \
             installs its `std`. `sdk` or SDKROOT names an SDK of Apple's for this system: then \
             Debian's clang builds, and frameworks link. `deployment-target` or \
             MACOSX_DEPLOYMENT_TARGET says which version of its system programs run on, or a \
             later one."
        );
        let both = explained("universal2-apple-darwin");
        assert!(
            both.contains("are those for aarch64-apple-darwin and x86_64-apple-darwin, joined"),
            "{both}"
        );
        assert!(
            both.contains("and x86_64-apple-darwin joined (request it for one of them"),
            "{both}"
        );
        assert!(!both.contains("the key `runner`"), "{both}");
        let android = explained("aarch64-linux-android");
        assert!(
            android.contains("`sdk` or ANDROID_NDK_HOME names Android's NDK"),
            "{android}"
        );
        assert!(
            android.contains("`ghcr.io/cross-rs/aarch64-linux-android:main`"),
            "{android}"
        );
        let windows = Target::parse("x86_64-pc-windows-msvc").unwrap();
        let runs = "builds them, on docker or podman, and runs them under qemu-aarch64-static.";
        assert!(android.ends_with(runs), "{android}");
        assert!(android.contains("rustup installs its `std`."), "{android}");
        for (build, has_wine) in [(DebianArch::Amd64, true), (DebianArch::Arm64, false)] {
            let text = windows.explain(build);
            assert!(
                text.contains("then Debian's clang builds programs"),
                "{text}"
            );
            assert_eq!(text.contains("Wine runs them"), has_wine, "{text}");
        }
        let ios = explained("aarch64-apple-ios");
        assert!(
            ios.contains("nothing is linked: programs and C code for it need an SDK of Apple's"),
            "{ios}"
        );
    }
}

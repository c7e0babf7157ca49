//! Cargo's knobs as typed setters: what is selected, with which features, in which profile.

use std::path::PathBuf;

use crate::request::request::Request;

/// # What is selected
///
/// As cargo has it: without any of these, the package of the directory (or the workspace's default
/// members) with what its verb takes of it.
impl Request {
    /// Only this package of the workspace (`--package`). May be given more than once.
    pub fn package(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.options.packages.push(name.clone());
        self.flag("--package", name)
    }

    /// Every package of the workspace (`--workspace`).
    pub fn workspace(self, yes: bool) -> Self {
        self.switch("--workspace", yes)
    }

    /// Not this package; with [`workspace`](Request::workspace) (`--exclude`). May be given more than
    /// once.
    pub fn exclude(self, name: impl Into<String>) -> Self {
        self.flag("--exclude", name)
    }

    /// Only the library (`--lib`).
    pub fn lib(self, yes: bool) -> Self {
        self.switch("--lib", yes)
    }

    /// Only this binary (`--bin`). May be given more than once.
    pub fn bin(self, name: impl Into<String>) -> Self {
        self.flag("--bin", name)
    }

    /// All binaries (`--bins`).
    pub fn bins(self, yes: bool) -> Self {
        self.switch("--bins", yes)
    }

    /// Only this example (`--example`). May be given more than once.
    pub fn example(self, name: impl Into<String>) -> Self {
        self.flag("--example", name)
    }

    /// All examples (`--examples`).
    pub fn examples(self, yes: bool) -> Self {
        self.switch("--examples", yes)
    }

    /// Only this integration test (`--test`). May be given more than once.
    pub fn test_target(self, name: impl Into<String>) -> Self {
        self.flag("--test", name)
    }

    /// Everything that has tests (`--tests`).
    pub fn tests(self, yes: bool) -> Self {
        self.switch("--tests", yes)
    }

    /// Only this benchmark (`--bench`). May be given more than once.
    pub fn bench_target(self, name: impl Into<String>) -> Self {
        self.flag("--bench", name)
    }

    /// Everything that has benchmarks (`--benches`).
    pub fn benches(self, yes: bool) -> Self {
        self.switch("--benches", yes)
    }

    /// Libraries, binaries, examples, tests and benchmarks (`--all-targets`).
    pub fn all_targets(self, yes: bool) -> Self {
        self.switch("--all-targets", yes)
    }
}

/// # Features and profile
impl Request {
    /// With these features (`--features`).
    pub fn features<I>(self, features: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let features: Vec<String> = features.into_iter().map(Into::into).collect();
        self.flag("--features", features.join(","))
    }

    /// With all features (`--all-features`).
    pub fn all_features(self, yes: bool) -> Self {
        self.switch("--all-features", yes)
    }

    /// Without the default features (`--no-default-features`).
    pub fn no_default_features(self, yes: bool) -> Self {
        self.switch("--no-default-features", yes)
    }

    /// In the release profile (`--release`).
    ///
    /// # Default value
    ///
    /// Cargo's `dev` profile.
    pub fn release(self, yes: bool) -> Self {
        self.switch("--release", yes)
    }

    /// In this profile (`--profile`).
    pub fn profile(self, name: impl Into<String>) -> Self {
        self.flag("--profile", name)
    }

    /// With these flags for every rustc that compiles for the target, and not for build scripts.
    ///
    /// They join `target.<triple>.rustflags` of cargo's configuration; as for any such flags, cargo
    /// leaves `build.rustflags` out of account then. Where the environment has `RUSTFLAGS` or
    /// `CARGO_ENCODED_RUSTFLAGS`, which replace all of these for cargo, they follow what is in it.
    ///
    /// ```
    /// # let cross = cross_core::Cross::at(".");
    /// let request = cross.build("aarch64-unknown-linux-gnu").rustflags(["-C", "target-cpu=neoverse-n1"]);
    /// ```
    pub fn rustflags<I>(mut self, flags: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let flags = flags.into_iter().map(Into::into);
        self.options.rustflags.extend(flags);
        self
    }

    /// With this entry of cargo's configuration (`--config`): `profile.release.lto = "thin"`.
    ///
    /// A file is named by [`cargo_args`](Request::cargo_args), and has to be in the workspace.
    pub fn config(self, entry: impl Into<String>) -> Self {
        self.flag("--config", entry)
    }
}

/// # How cargo goes about it
impl Request {
    /// With `Cargo.lock` as it is: a change it would need is an error (`--locked`).
    pub fn locked(mut self, yes: bool) -> Self {
        self.options.locked = yes;
        self
    }

    /// Without a network: as [`Cross::offline`](crate::Cross::offline), for this request alone.
    pub fn offline(mut self, yes: bool) -> Self {
        self.options.offline = yes;
        self
    }

    /// [`locked`](Request::locked) and [`offline`](Request::offline) (`--frozen`).
    pub fn frozen(self, yes: bool) -> Self {
        self.locked(yes).offline(yes)
    }

    /// With this many jobs at once (`--jobs`), and so many tests over all test binaries.
    ///
    /// # Default value
    ///
    /// Cargo's: the number of processors.
    pub fn jobs(self, jobs: u32) -> Self {
        self.flag("--jobs", jobs.to_string())
    }

    /// The manifest of the package or workspace, from the directory of the [`Cross`](crate::Cross)(crate::Cross)
    /// (`--manifest-path`).
    ///
    /// # Default value
    ///
    /// The `Cargo.toml` that cargo finds from the directory upwards.
    pub fn manifest_path(mut self, manifest: impl Into<PathBuf>) -> Self {
        self.cross = self.cross.manifest_path(manifest);
        self
    }

    /// With this target directory in place of the workspace's own (`--target-dir`). Artifacts appear
    /// in `<dir>/<triple>/<profile>`.
    pub fn target_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        let dir = self.cross.dir().join(dir.into());
        self.options.target_dir = Some(dir);
        self
    }

    /// Adds arguments for cargo that have no method here.
    pub fn cargo_args<I>(mut self, args: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.options.cargo.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds a flag without a value once, or takes it back.
    fn switch(mut self, flag: &str, yes: bool) -> Self {
        self.options.cargo.retain(|arg| arg != flag);
        if yes {
            self.options.cargo.push(flag.to_owned());
        }
        self
    }

    fn flag(self, name: &str, value: impl Into<String>) -> Self {
        self.cargo_args([name.to_owned(), value.into()])
    }
}

/// # How tests are run
impl Request {
    /// Adds arguments for nextest itself: `["--profile", "ci"]`, `["-E", "test(slow)"]`,
    /// `["--no-fail-fast"]`.
    pub fn nextest_args<I>(mut self, args: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let args = args.into_iter().map(Into::into);
        self.options.nextest.extend(args);
        self
    }

    /// Packs what [`Cross::nextest`](crate::Cross::nextest) compiled into this file and runs nothing: `cargo nextest run
    /// --archive-file` runs it elsewhere. The file is relative to the directory of the [`Cross`](crate::Cross); its name
    /// ends with `.tar.zst`.
    ///
    /// # Default value
    ///
    /// The tests are run.
    pub fn archive(mut self, file: impl Into<PathBuf>) -> Self {
        let file = self.cross.dir().join(file.into());
        self.options.archive = Some(file);
        self
    }

    /// Instruments the target's code, and collects what every program that is run writes:
    /// [`Outcome::raw_profiles`](crate::Outcome::raw_profiles) has the files, on the host, each
    /// with the identity of its program in its name.
    ///
    /// `llvm-profdata merge` and `llvm-cov`, of the LLVM that the toolchain was built with (rustup's
    /// component `llvm-tools`), make a report of them and of the programs, which are among the
    /// artifacts. The files of the request before it are removed.
    ///
    /// # Default value
    ///
    /// Nothing is instrumented.
    pub fn coverage(mut self, yes: bool) -> Self {
        self.options.coverage = yes;
        self
    }

    /// Runs the test binaries one after the other, as cargo does: for tests that share a port, a file or a
    /// database with those of another binary. The key `serial-tests` says so for everyone.
    ///
    /// # Default value
    ///
    /// What the configuration says, else `false`: as many binaries run side by side as there are jobs for their
    /// tests. What they print is told in cargo's order, each binary's whole.
    pub fn serial_tests(self, yes: bool) -> Self {
        self.configured(|layer| layer.serial_tests(yes))
    }

    /// Makes a directory of the workspace writable for this request. A relative path is relative to
    /// the workspace's root. The directory has to exist, and may be neither the workspace's root nor
    /// within `.git` or `.cargo`. The key `writable` does the same for everyone.
    ///
    /// # Default value
    ///
    /// What the configuration says, else none: what runs in an environment can write to its target
    /// directory, a home directory and `/tmp`, of which the latter two are in memory.
    pub fn writable(self, dir: impl Into<String>) -> Self {
        let dir = dir.into();
        self.configured(|layer| layer.writable([dir]))
    }
}

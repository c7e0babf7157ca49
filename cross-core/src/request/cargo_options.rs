//! Setters for cargo's options: selection, features, profile, and tests.

use std::path::PathBuf;

use crate::request::request::Request;

/// # Package and target selection
///
/// Without any of these, cargo's defaults apply: the package of the directory, or the workspace's
/// default members, and the cargo targets that the subcommand selects.
impl Request {
    /// Selects this package of the workspace (`--package`). May be called more than once.
    pub fn package(self, name: impl Into<String>) -> Self {
        self.flag("--package", name)
    }

    /// Selects every package of the workspace (`--workspace`).
    pub fn workspace(self, yes: bool) -> Self {
        self.switch("--workspace", yes)
    }

    /// Excludes this package, together with [`workspace`](Request::workspace) (`--exclude`). May be
    /// called more than once.
    pub fn exclude(self, name: impl Into<String>) -> Self {
        self.flag("--exclude", name)
    }

    /// Selects the library (`--lib`).
    pub fn lib(self, yes: bool) -> Self {
        self.switch("--lib", yes)
    }

    /// Selects this binary (`--bin`). May be called more than once.
    pub fn bin(self, name: impl Into<String>) -> Self {
        self.flag("--bin", name)
    }

    /// Selects all binaries (`--bins`).
    pub fn bins(self, yes: bool) -> Self {
        self.switch("--bins", yes)
    }

    /// Selects this example (`--example`). May be called more than once.
    pub fn example(self, name: impl Into<String>) -> Self {
        self.flag("--example", name)
    }

    /// Selects all examples (`--examples`).
    pub fn examples(self, yes: bool) -> Self {
        self.switch("--examples", yes)
    }

    /// Selects this integration test (`--test`). May be called more than once.
    pub fn test_target(self, name: impl Into<String>) -> Self {
        self.flag("--test", name)
    }

    /// Selects everything that has tests (`--tests`).
    pub fn tests(self, yes: bool) -> Self {
        self.switch("--tests", yes)
    }

    /// Selects this benchmark (`--bench`). May be called more than once.
    pub fn bench_target(self, name: impl Into<String>) -> Self {
        self.flag("--bench", name)
    }

    /// Selects everything that has benchmarks (`--benches`).
    pub fn benches(self, yes: bool) -> Self {
        self.switch("--benches", yes)
    }

    /// Selects libraries, binaries, examples, tests and benchmarks (`--all-targets`).
    pub fn all_targets(self, yes: bool) -> Self {
        self.switch("--all-targets", yes)
    }
}

/// # Features and profile
impl Request {
    /// Enables these features (`--features`).
    pub fn features<I>(self, features: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let features: Vec<String> = features.into_iter().map(Into::into).collect();
        self.flag("--features", features.join(","))
    }

    /// Enables all features (`--all-features`).
    pub fn all_features(self, yes: bool) -> Self {
        self.switch("--all-features", yes)
    }

    /// Disables the default features (`--no-default-features`).
    pub fn no_default_features(self, yes: bool) -> Self {
        self.switch("--no-default-features", yes)
    }

    /// Builds in the release profile (`--release`).
    ///
    /// # Default value
    ///
    /// Cargo's `dev` profile.
    pub fn release(self, yes: bool) -> Self {
        self.switch("--release", yes)
    }

    /// Builds in this profile (`--profile`).
    pub fn profile(self, name: impl Into<String>) -> Self {
        self.flag("--profile", name)
    }

    /// Passes these flags to every rustc that compiles for the target. Build scripts are compiled
    /// without them.
    ///
    /// They are added to `target.<triple>.rustflags` of cargo's configuration, and cargo then
    /// ignores `build.rustflags`. If the environment has `RUSTFLAGS` or `CARGO_ENCODED_RUSTFLAGS`,
    /// which override cargo's configuration, the flags are appended to that variable.
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

    /// Sets this entry of cargo's configuration (`--config`): `profile.release.lto = "thin"`.
    ///
    /// For a configuration file, name its path, relative to the directory of the
    /// [`Cross`](crate::Cross).
    pub fn config(self, entry: impl Into<String>) -> Self {
        self.flag("--config", entry)
    }
}

/// # Lock file, network, jobs and directories
impl Request {
    /// Requires that `Cargo.lock` needs no change (`--locked`).
    pub fn locked(mut self, yes: bool) -> Self {
        self.options.locked = yes;
        self
    }

    /// Disables the network for this request, as [`Cross::offline`](crate::Cross::offline) does for
    /// all requests.
    pub fn offline(mut self, yes: bool) -> Self {
        self.options.offline = yes;
        self
    }

    /// Combines [`locked`](Request::locked) and [`offline`](Request::offline) (`--frozen`).
    pub fn frozen(self, yes: bool) -> Self {
        self.locked(yes).offline(yes)
    }

    /// Limits the jobs that run at once (`--jobs`), and the tests that run at once over all test
    /// binaries.
    ///
    /// # Default value
    ///
    /// Cargo's default: the number of processors.
    pub fn jobs(self, jobs: u32) -> Self {
        self.flag("--jobs", jobs.to_string())
    }

    /// Sets the manifest of the package or workspace (`--manifest-path`), relative to the directory
    /// of the [`Cross`](crate::Cross).
    ///
    /// # Default value
    ///
    /// The `Cargo.toml` that cargo finds in the directory or its parents.
    pub fn manifest_path(mut self, manifest: impl Into<PathBuf>) -> Self {
        self.cross = self.cross.manifest_path(manifest);
        self
    }

    /// Uses this target directory instead of the workspace's own (`--target-dir`). Artifacts appear
    /// in `<dir>/<triple>/<profile>`.
    pub fn target_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        let dir = self.cross.dir().join(dir.into());
        self.options.target_dir = Some(dir);
        self
    }

    /// Adds arguments for cargo, for options without a method. `--locked`, `--offline`, `--frozen`,
    /// `--target-dir` and `--manifest-path` have the effect of the methods with these names.
    pub fn cargo_args<I>(mut self, args: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let mut args = args.into_iter().map(Into::into);
        while let Some(arg) = args.next() {
            let (name, mut value) = match arg.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (arg.as_str(), None),
            };
            if ["--target-dir", "--manifest-path"].contains(&name) {
                value = value.or_else(|| args.next());
            }
            self = match (name, value) {
                ("--target-dir", Some(dir)) => self.target_dir(dir),
                ("--manifest-path", Some(manifest)) => self.manifest_path(manifest),
                _ => self.cargo_arg(arg),
            };
        }
        self
    }

    fn cargo_arg(mut self, arg: String) -> Self {
        match &*arg {
            "--locked" => self.locked(true),
            "--offline" => self.offline(true),
            "--frozen" => self.frozen(true),
            _ => {
                self.options.cargo.push(arg);
                self
            }
        }
    }

    /// Adds a flag without a value once, or removes it.
    fn switch(mut self, flag: &str, yes: bool) -> Self {
        self.options.cargo.retain(|arg| arg != flag);
        if yes {
            self.options.cargo.push(flag.to_owned());
        }
        self
    }

    fn flag(mut self, name: &str, value: impl Into<String>) -> Self {
        self.options.cargo.extend([name.to_owned(), value.into()]);
        self
    }
}

/// # Tests
impl Request {
    /// Adds arguments for nextest: `["--profile", "ci"]`, `["-E", "test(slow)"]`,
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

    /// Packs the tests that [`Cross::nextest`](crate::Cross::nextest) compiled into this file, and
    /// does not run them. `cargo nextest run --archive-file` runs them on another machine. The path
    /// is relative to the directory of the [`Cross`](crate::Cross), and its name ends with
    /// `.tar.zst`.
    ///
    /// # Default value
    ///
    /// The tests are run.
    pub fn archive(mut self, file: impl Into<PathBuf>) -> Self {
        let file = self.cross.dir().join(file.into());
        self.options.archive = Some(file);
        self
    }

    /// Instruments the code for coverage, and collects the raw profiles of every program that runs.
    /// [`Outcome::raw_profiles`](crate::Outcome::raw_profiles) has their paths on the host. Each
    /// file name contains an ID of its program.
    ///
    /// `llvm-profdata merge` and `llvm-cov` make a report from the profiles and the programs, which
    /// are among the artifacts. Use the LLVM tools of the toolchain (rustup's component
    /// `llvm-tools`). The profiles of the previous request are removed.
    ///
    /// # Default value
    ///
    /// `false`.
    pub fn coverage(mut self, yes: bool) -> Self {
        self.options.coverage = yes;
        self
    }

    /// Runs the test binaries one after the other, as cargo does. Use it for tests that share a
    /// port, a file or a database with tests of another binary. The key `serial-tests` has the same
    /// effect for every request.
    ///
    /// # Default value
    ///
    /// The value of the configuration, else `false`: test binaries run side by side, as far as
    /// there are jobs for their tests. Their output is delivered in cargo's order, one binary at a
    /// time.
    pub fn serial_tests(self, yes: bool) -> Self {
        self.configured(|layer| layer.serial_tests(yes))
    }

    /// Makes the same sources, lock and toolchain give the same bytes in any directory, for any user
    /// and on any engine. What compiles sees the project, the crates and the toolchain at fixed
    /// paths below `/cross`, and a fixed time, locale and user name. It compiles into a target
    /// directory of its own. The key `reproducible` has the same effect for every request. The plan
    /// warns of what defeats it.
    ///
    /// # Default value
    ///
    /// The value of the configuration, else `false`: what compiles sees everything at its path on
    /// the host.
    pub fn reproducible(self, yes: bool) -> Self {
        self.configured(|layer| layer.reproducible(yes))
    }

    /// Makes a directory of the workspace writable for this request. A relative path is relative to
    /// the workspace's root. The directory has to exist, and may be neither the workspace's root
    /// nor within `.git` or `.cargo`. The key `writable` has the same effect for every request.
    ///
    /// # Default value
    ///
    /// The value of the configuration, else none. A run can write only to its target directory, to
    /// a home directory and to `/tmp`. The latter two are in memory.
    pub fn writable(self, dir: impl Into<String>) -> Self {
        let dir = dir.into();
        self.configured(|layer| layer.writable([dir]))
    }
}

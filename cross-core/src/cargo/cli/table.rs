//! The table of cargo's subcommands and plugins: where each runs, and the reason.
//!
//! A subcommand that compiles for the target or runs its programs runs in the environment. One that
//! only reads or edits manifests, sources or registries runs with the host's cargo, which has the
//! user's credentials and network. Any other is refused, with a remedy.
//!
//! Sources: `cargo --list` of cargo 1.95, and the plugins' own documentation.

use super::command::{Command, Exception, Nested, Placement, Rule};
use super::flags::{Flag, Phase};

const COMPILES: Placement = Placement::Environment {
    compiles: true,
    runs_programs: false,
};
const RUNS: Placement = Placement::Environment {
    compiles: true,
    runs_programs: true,
};
const READS: Placement = Placement::Environment {
    compiles: false,
    runs_programs: false,
};

const fn rule(place: Placement, why: &'static str) -> Rule {
    Rule {
        place,
        why,
        remedy: None,
        target_flag: matches!(place, Placement::Environment { compiles: true, .. }),
    }
}

const fn refusal(why: &'static str, remedy: &'static str) -> Rule {
    Rule {
        remedy: Some(remedy),
        ..rule(Placement::Refused, why)
    }
}

const fn cargo(name: &'static str, place: Placement, why: &'static str) -> Command {
    Command {
        name,
        aliases: &[],
        builtin: true,
        phase: Phase::Cargo,
        word_ends_flags: false,
        one_target: false,
        accepts_locked: true,
        rule: rule(place, why),
        nested: &[],
        exceptions: &[],
    }
}

const fn also(aliases: &'static [&'static str], command: Command) -> Command {
    Command { aliases, ..command }
}

const fn plugin(name: &'static str, place: Placement, why: &'static str) -> Command {
    Command {
        builtin: false,
        phase: Phase::Plugin,
        accepts_locked: false,
        ..cargo(name, place, why)
    }
}

const fn refused(name: &'static str, why: &'static str, remedy: &'static str) -> Command {
    Command {
        rule: refusal(why, remedy),
        ..plugin(name, Placement::Refused, why)
    }
}

const fn nested(names: &'static [&'static str], place: Placement, why: &'static str) -> Nested {
    Nested {
        names,
        rule: rule(place, why),
    }
}

const NO_RUN: &[Exception] = &[Exception {
    with: Flag::NoRun,
    without: None,
    shown: "with `--no-run`",
    rule: rule(COMPILES, "compiles for the target and starts nothing"),
}];

/// Verifying an archive compiles it.
const VERIFIED: &[Exception] = &[Exception {
    with: Flag::Target,
    without: Some(Flag::NoVerify),
    shown: "with `--target`, without `--no-verify`",
    rule: refusal(
        "would verify the archive by compiling it for the target on the host",
        "`build` for the target first, then `--no-verify`, or verify for this machine without `--target`",
    ),
}];

const LINTED: &[Exception] = &[
    Exception {
        with: Flag::Explain,
        without: None,
        shown: "with `--explain`",
        rule: rule(Placement::Host, "only prints the documentation of a lint"),
    },
    Exception {
        with: Flag::Fix,
        without: None,
        shown: "with `--fix`",
        rule: rule(
            COMPILES,
            "compiles for the target to lint it; the sources of the workspace's packages are writable",
        ),
    },
];

const INSTALLED: &[Exception] = &[Exception {
    with: Flag::Target,
    without: None,
    shown: "with `--target`",
    rule: refusal(
        "would compile for the target on the host, and install the program on this machine",
        "`build --release` in the package's source, and copy the program",
    ),
}];

const NEXTEST: &[Nested] = &[
    nested(
        &["run", "r"],
        RUNS,
        "compiles the tests for the target and runs them",
    ),
    nested(
        &["bench", "b"],
        RUNS,
        "compiles the benchmarks for the target and runs them",
    ),
    nested(
        &["list"],
        RUNS,
        "compiles the tests for the target and lists them",
    ),
    nested(
        &["archive"],
        COMPILES,
        "compiles the tests for the target and packs them",
    ),
    nested(
        &["show-config", "self", "help"],
        Placement::Host,
        "neither compiles nor runs tests",
    ),
];

const LLVM_COV: &[Nested] = &[
    nested(
        &["nextest", "test", "run"],
        RUNS,
        "compiles for the target with coverage and runs it",
    ),
    Nested {
        names: &["report"],
        rule: Rule {
            target_flag: true,
            ..rule(READS, "reads the coverage data in the environment")
        },
    },
    nested(
        &["clean"],
        READS,
        "removes the coverage data in the environment",
    ),
    Nested {
        names: &["show-env"],
        rule: refusal(
            "prints variables for a shell of the host, where nothing is compiled for the target",
            "`llvm-cov` itself, or `llvm-cov --no-report`",
        ),
    },
];

const MIRI: &[Nested] = &[
    nested(
        &["test", "t", "nextest"],
        RUNS,
        "compiles the tests for the target and interprets them",
    ),
    nested(
        &["run", "r"],
        RUNS,
        "compiles the program for the target and interprets it",
    ),
    nested(
        &["setup"],
        COMPILES,
        "compiles the standard library for the interpreter",
    ),
];

const HACK: &[Nested] = &[nested(
    &["test", "t", "run", "r", "bench", "nextest"],
    RUNS,
    "compiles each set of features and runs it",
)];

const INSTA: &[Nested] = &[
    nested(
        &["test"],
        RUNS,
        "compiles the tests for the target and runs them",
    ),
    nested(
        &["review", "accept", "reject", "pending-snapshots", "show"],
        Placement::Host,
        "only reads and edits snapshots",
    ),
];

const AUDITABLE: &[Nested] = &[
    nested(
        &["test", "t", "run", "r", "bench"],
        RUNS,
        "compiles for the target and runs it",
    ),
    nested(
        &["build", "b", "check", "c", "rustc", "doc"],
        COMPILES,
        "compiles for the target",
    ),
];

const CAREFUL: &[Nested] = &[
    nested(
        &["test", "run", "nextest"],
        RUNS,
        "compiles for the target with checks and runs it",
    ),
    nested(
        &["build", "rustc"],
        COMPILES,
        "compiles for the target with checks",
    ),
    nested(
        &["setup"],
        COMPILES,
        "compiles the standard library with checks",
    ),
];

const FUZZ: &[Nested] = &[
    nested(
        &["run", "cmin", "tmin", "coverage"],
        RUNS,
        "compiles for the target with a sanitizer and runs it",
    ),
    nested(
        &["build", "check"],
        COMPILES,
        "compiles for the target with a sanitizer",
    ),
    nested(
        &["init", "add", "list"],
        Placement::Host,
        "only reads and writes files of the workspace",
    ),
];

/// Every known subcommand, cargo's own first.
#[rustfmt::skip]
pub(crate) const COMMANDS: &[Command] = &[
    also(&["b"], cargo("build", COMPILES, "compiles for the target")),
    also(&["c"], cargo("check", COMPILES, "compiles for the target")),
    also(&["t"], Command { exceptions: NO_RUN, ..cargo("test", RUNS, "compiles the tests for the target and runs them") }),
    also(&["r"], Command { word_ends_flags: true, one_target: true, ..cargo("run", RUNS, "compiles a program for the target and runs it") }),
    Command { exceptions: NO_RUN, ..cargo("bench", RUNS, "compiles the benchmarks for the target and runs them") },
    also(&["d"], cargo("doc", COMPILES, "compiles the documentation for the target")),
    Command { word_ends_flags: true, ..cargo("rustc", COMPILES, "compiles for the target") },
    Command { word_ends_flags: true, ..cargo("rustdoc", COMPILES, "compiles the documentation for the target") },
    cargo("fix", COMPILES, "compiles for the target to find what to fix; the sources of the workspace's packages are writable"),
    cargo("report", READS, "reads reports in the environment's target directory"),

    cargo("add", Placement::Host, "only edits manifests"),
    also(&["rm"], cargo("remove", Placement::Host, "only edits manifests")),
    cargo("new", Placement::Host, "only writes new files"),
    cargo("init", Placement::Host, "only writes new files"),
    cargo("metadata", Placement::Host, "only reads manifests"),
    cargo("tree", Placement::Host, "only reads manifests"),
    cargo("pkgid", Placement::Host, "only reads manifests"),
    cargo("locate-project", Placement::Host, "only looks for the manifest"),
    cargo("read-manifest", Placement::Host, "only reads manifests"),
    cargo("verify-project", Placement::Host, "only reads manifests"),
    cargo("fetch", Placement::Host, "only downloads, with your credentials"),
    cargo("update", Placement::Host, "only queries registries and writes `Cargo.lock`"),
    cargo("generate-lockfile", Placement::Host, "only queries registries and writes `Cargo.lock`"),
    cargo("vendor", Placement::Host, "only downloads, with your credentials"),
    cargo("search", Placement::Host, "only queries a registry"),
    cargo("info", Placement::Host, "only queries a registry"),
    cargo("login", Placement::Host, "only stores a credential"),
    cargo("logout", Placement::Host, "only removes a credential"),
    cargo("owner", Placement::Host, "only talks to a registry, with your credentials"),
    cargo("yank", Placement::Host, "only talks to a registry, with your credentials"),
    Command { exceptions: VERIFIED, ..cargo("package", Placement::Host, "packs sources, the same for every target; it verifies them for this machine") },
    Command { exceptions: VERIFIED, ..cargo("publish", Placement::Host, "packs sources, the same for every target, and sends them with your credentials") },
    Command { exceptions: INSTALLED, ..cargo("install", Placement::Host, "installs a program for this machine") },
    cargo("uninstall", Placement::Host, "removes a program of this machine"),
    cargo("clean", Placement::Host, "only removes files"),
    cargo("config", Placement::Host, "only prints cargo's configuration"),
    cargo("help", Placement::Host, "only prints help"),
    cargo("version", Placement::Host, "only prints a version"),
    cargo("git-checkout", Placement::Host, "is no longer a command: cargo says so itself"),

    Command { accepts_locked: true, phase: Phase::Cargo, exceptions: LINTED, ..plugin("clippy", COMPILES, "compiles for the target to lint it") },
    plugin("fmt", Placement::Host, "only formats sources"),
    Command { nested: MIRI, ..plugin("miri", RUNS, "interprets programs that are compiled for the target") },
    Command { accepts_locked: true, nested: NEXTEST, exceptions: NO_RUN, ..plugin("nextest", RUNS, "compiles the tests for the target and runs them") },
    Command { accepts_locked: true, nested: LLVM_COV, exceptions: NO_RUN, ..plugin("llvm-cov", RUNS, "compiles the tests for the target with coverage and runs them") },
    Command { exceptions: NO_RUN, ..plugin("tarpaulin", RUNS, "compiles the tests for the target with coverage and runs them") },
    Command { accepts_locked: true, nested: HACK, ..plugin("hack", COMPILES, "compiles each set of features for the target") },
    Command { nested: INSTA, ..plugin("insta", RUNS, "compiles the tests for the target and runs them") },
    Command { nested: AUDITABLE, ..plugin("auditable", COMPILES, "compiles for the target") },
    Command { nested: CAREFUL, ..plugin("careful", RUNS, "compiles for the target with checks and runs it") },
    plugin("criterion", RUNS, "compiles the benchmarks for the target and runs them"),
    Command { nested: FUZZ, ..plugin("fuzz", RUNS, "compiles for the target with a sanitizer and runs it") },
    plugin("expand", COMPILES, "compiles for the target to expand its macros"),
    plugin("asm", COMPILES, "compiles for the target to show its assembly"),
    plugin("show-asm", COMPILES, "compiles for the target to show its assembly"),
    plugin("bloat", COMPILES, "compiles for the target to measure it"),
    plugin("llvm-lines", COMPILES, "compiles for the target to measure it"),
    plugin("udeps", COMPILES, "compiles for the target to find unused dependencies"),
    plugin("geiger", COMPILES, "compiles for the target to find unsafe code"),
    plugin("size", COMPILES, "compiles for the target to measure it"),
    plugin("nm", COMPILES, "compiles for the target to list its symbols"),
    plugin("objdump", COMPILES, "compiles for the target to disassemble it"),
    plugin("objcopy", COMPILES, "compiles for the target to copy it"),
    plugin("readobj", COMPILES, "compiles for the target to read it"),
    plugin("strip", COMPILES, "compiles for the target to strip it"),
    plugin("cbuild", COMPILES, "compiles a C library for the target"),
    plugin("ctest", RUNS, "compiles a C library's tests for the target and runs them"),
    plugin("deb", COMPILES, "compiles for the target and packs it"),

    plugin("generate-rpm", Placement::Host, "only packs what a build left in the target directory"),
    plugin("deny", Placement::Host, "only reads manifests and queries registries"),
    plugin("audit", Placement::Host, "only reads `Cargo.lock` and queries a registry"),
    plugin("vet", Placement::Host, "only reads manifests and queries registries"),
    plugin("outdated", Placement::Host, "only reads manifests and queries registries"),
    plugin("about", Placement::Host, "only reads manifests"),
    plugin("license", Placement::Host, "only reads manifests"),
    plugin("cyclonedx", Placement::Host, "only reads manifests"),
    plugin("machete", Placement::Host, "only reads sources"),
    plugin("shear", Placement::Host, "only reads sources and edits manifests"),
    plugin("sort", Placement::Host, "only edits manifests"),
    plugin("edit", Placement::Host, "only edits manifests"),
    plugin("upgrade", Placement::Host, "only edits manifests"),
    plugin("set-version", Placement::Host, "only edits manifests"),
    plugin("hakari", Placement::Host, "only edits manifests"),
    plugin("release", Placement::Host, "edits manifests and sends sources with your credentials"),
    plugin("binstall", Placement::Host, "installs a program for this machine"),
    plugin("install-update", Placement::Host, "installs programs for this machine"),
    plugin("cache", Placement::Host, "only removes downloads"),
    plugin("sweep", Placement::Host, "only removes files"),

    refused("cross", "wraps cargo itself, and would start another environment in this one", "leave `cross` out of the command line"),
    refused("zigbuild", "brings its own linker", "`build` with `zig = true` in Cross.toml, and the glibc version in the target: `x86_64-unknown-linux-gnu.2.17`"),
    refused("xwin", "brings its own environment", "`cargo xwin` directly"),
    refused("ndk", "needs an Android NDK of the host", "`build` for the Android target, or `cargo ndk` directly"),
    refused("watch", "starts the host's cargo again and again, for the host", "`cargo watch -s COMMAND` directly, with this program as COMMAND"),
    refused("make", "starts the host's cargo from its tasks", "`cargo make` directly, with this program as the task's command"),
    refused("dist", "plans builds for targets by itself, with the host's cargo", "`cargo dist` directly, or build with this program and package the artifacts"),
    refused("flamegraph", "measures with the host's kernel, which does not know the target's programs", "`build`, and measure on a machine of the target"),
    refused("mutants", "copies the workspace to a directory that the environment does not see", "`cargo mutants` directly"),
    refused("semver-checks", "compares documentation that it compiles with the host's cargo", "`cargo semver-checks` directly: the interface of a crate rarely depends on the target"),
    refused("cinstall", "would install a library of the target on this machine", "`cbuild`, and copy the library"),
];

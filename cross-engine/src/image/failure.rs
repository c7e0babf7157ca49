//! The meaning of the output of a failed environment build, image build or pull.

use std::path::{Path, PathBuf};

use crate::engines::diagnosis::last_line;
use crate::image::{apt_failure, missing_program};
use crate::process::Exit;
use crate::process::TailLines;
use crate::process::error::{Error, ErrorKind};

/// What a script of the caller prints before each command of the user, to name it in progress and
/// failures. The first line of the command follows.
pub(crate) const RUNS: &str = "cross-core: runs ";

/// The error for a failed environment build, by the last lines of its output.
pub(crate) fn of_environment_build(what: &str, exit: Exit, output: &str) -> Error {
    if let Some(error) = apt_failure::find(what, output) {
        return error;
    }
    let line = relevant_line(output);
    if says_disk_full(output) {
        return Error::new(
            ErrorKind::Environment,
            format!("{what} failed with {exit}: {line}"),
        )
        .with_help("free some space in the cache directory");
    }
    // A shell exits with 128 + n after signal n.
    if exit.signal == Some(9) || exit.code == Some(137) {
        return Error::new(
            ErrorKind::Killed,
            format!("{what} was killed by signal 9: {line}"),
        )
        .with_help(KILLED_HELP);
    }
    Error::new(
        ErrorKind::Environment,
        format!("{what} failed with {exit}: {line}"),
    )
}

const KILLED_HELP: &str = "the kernel kills processes when memory runs out (`dmesg` tells): make more memory available, or end what uses it";

/// The error for a user's command that failed during a build.
pub(crate) fn of_command(what: &str, name: &str, status: i32, lines: &TailLines) -> Error {
    let help = match status {
        137 => format!("a process of the command was killed: {KILLED_HELP}"),
        _ => missing_program::remedy(lines.iter(), true).unwrap_or_else(|| {
            "the command runs as root in the environment with `set -e`, and does not see the project: correct it, or \
             append `|| true` if it may fail"
                .to_owned()
        }),
    };
    let message = command_message(what, name, status, lines);
    Error::new(ErrorKind::CommandFailed, message).with_help(help)
}

/// The error for a command of the environment's recipe that failed during a build. No user wrote it,
/// so none can correct it.
pub(crate) fn of_recipe_command(what: &str, name: &str, status: i32, lines: &TailLines) -> Error {
    let says = |words: &&str| lines.iter().any(|line| line.contains(*words));
    let (kind, help) = if status == 137 {
        (ErrorKind::Killed, KILLED_HELP)
    } else if UNREACHABLE_FOR_PIP.iter().any(says) {
        let help = "check the network and the proxy variables (`http_proxy`, `https_proxy`, `no_proxy`), and try again";
        (ErrorKind::Unreachable, help)
    } else {
        let help = "the library's recipe for the target has this command, and no key changes it: an `image` or a \
                    `dockerfile` for the target does without the recipe; report these lines to the library";
        (ErrorKind::Environment, help)
    };
    Error::new(kind, command_message(what, name, status, lines)).with_help(help)
}

/// What pip prints if the index of its packages cannot be reached.
const UNREACHABLE_FOR_PIP: [&str; 3] = [
    "connection broken by",
    "Failed to establish a new connection",
    "Temporary failure in name resolution",
];

fn command_message(what: &str, name: &str, status: i32, lines: &TailLines) -> String {
    let mut message = format!("{what}: `{name}` failed with exit status {status}");
    for line in lines.iter() {
        message.push_str("\n  ");
        message.push_str(line.trim_end());
    }
    message
}

/// Texts in the output of registries and container CLIs, and what they mean. The first match
/// counts: an image that does not exist for a platform is also reported as not found.
const IMAGE_PATTERNS: [(&str, ErrorKind); 24] = [
    ("no matching manifest for", ErrorKind::PlatformNotFound),
    (
        "no image found in manifest list",
        ErrorKind::PlatformNotFound,
    ),
    ("no image found in image index", ErrorKind::PlatformNotFound),
    (
        "does not match the specified platform",
        ErrorKind::PlatformNotFound,
    ),
    ("no match for platform", ErrorKind::PlatformNotFound),
    ("did not resolve to an alias", ErrorKind::ImageNotFound),
    ("manifest unknown", ErrorKind::ImageNotFound),
    ("name unknown", ErrorKind::ImageNotFound),
    ("repository does not exist", ErrorKind::ImageNotFound),
    (
        "requested access to the resource is denied",
        ErrorKind::ImageNotFound,
    ),
    ("unauthorized", ErrorKind::ImageNotFound),
    ("authentication required", ErrorKind::ImageNotFound),
    ("invalid reference format", ErrorKind::ImageNotFound),
    ("no such host", ErrorKind::Unreachable),
    ("connection refused", ErrorKind::Unreachable),
    ("connection reset", ErrorKind::Unreachable),
    ("network is unreachable", ErrorKind::Unreachable),
    ("dial tcp", ErrorKind::Unreachable),
    ("i/o timeout", ErrorKind::Unreachable),
    ("tls handshake", ErrorKind::Unreachable),
    ("x509:", ErrorKind::Unreachable),
    ("http response to https client", ErrorKind::Unreachable),
    ("toomanyrequests", ErrorKind::Unreachable),
    ("context deadline exceeded", ErrorKind::Unreachable),
];

/// The error for a failed pull, by the last lines of its output.
pub(crate) fn of_pull(what: &str, exit: Exit, output: &str) -> Error {
    image_error(what, output).unwrap_or_else(|| of_environment_build(what, exit, output))
}

fn image_error(what: &str, output: &str) -> Option<Error> {
    let lower = output.to_lowercase();
    let (pattern, kind) = IMAGE_PATTERNS
        .iter()
        .find(|(pattern, _)| lower.contains(pattern))?;
    let line = output
        .lines()
        .rev()
        .find(|line| line.to_lowercase().contains(pattern));
    let message = line.unwrap_or_default().trim();
    let message = ["Error: ", "Error response from daemon: "]
        .iter()
        .fold(message, |message, prefix| {
            message.strip_prefix(prefix).unwrap_or(message)
        });
    Some(match kind {
        ErrorKind::PlatformNotFound => {
            Error::new(*kind, format!("{what} does not exist for this platform: {message}"))
                .with_help("choose a platform that the image has, or another image")
        }
        ErrorKind::ImageNotFound => Error::new(*kind, format!("{what} was not found: {message}")).with_help(
            "check the name, including the registry (`docker.io/library/debian:bookworm`), and log in with the \
             engine's `login` if the image is not public",
        ),
        _ => Error::new(*kind, format!("{what}: its registry cannot be reached: {message}")).with_help(
            match *pattern {
                "toomanyrequests" => {
                    "the registry limits pulls without an account: log in with the engine's `login`, or pull the image \
                     later or from a mirror"
                }
                "x509:" => {
                    "the engine does not trust the registry's certificate: put its authority into \
                     `/etc/docker/certs.d` or `/etc/containers/certs.d`, and set the clock if the certificate is not \
                     yet or no longer valid"
                }
                "http response to https client" => {
                    "the registry speaks HTTP: name it in `insecure-registries` of the docker daemon, or `insecure` in \
                     podman's registries.conf"
                }
                _ => "check the network, the proxy variables of the engine's daemon, and the registry's certificate",
            },
        ),
    })
}

/// The error for a failed build of the image `tag`, by the last lines of its output.
pub(crate) fn of_image_build(tag: &str, exit: Exit, output: &str) -> Error {
    let what = format!("building image `{tag}`");
    if let Some((command, status)) = failed_step(output) {
        let lines = step_output(output);
        return match of_user(&lines) {
            Some((command, lines)) => of_command(&what, command, status, &lines),
            None => of_command(&what, &command, status, &lines).with_help(
                missing_program::remedy(lines.iter(), false).unwrap_or_else(|| {
                    "correct this `RUN` of the Dockerfile; it runs as root, and sees of the project only what \
                     `COPY` names"
                        .to_owned()
                }),
            ),
        };
    }
    image_error(&format!("a base image of `{tag}`"), output).unwrap_or_else(|| {
        let error = of_environment_build(&what, exit, output);
        match (error.help(), dockerfile_help(output)) {
            (None, Some(help)) => error.with_help(help),
            _ => error,
        }
    })
}

/// What builders say of a Dockerfile that they refuse, in lower case, and the remedies.
const DOCKERFILE: [(&[&str], &str); 6] = [
    (
        &["could not find bridge"],
        "restart the docker daemon, which makes the bridge of its network again, or set \
         `CROSS_BUILD_OPTS=--network=host`",
    ),
    (
        &[
            "no build stage in current context",
            "no from statement found",
            "cannot be empty",
            "no contents in",
            "file with no instructions",
        ],
        "a Dockerfile begins with `FROM`: `ARG CROSS_BASE_IMAGE` and `FROM $CROSS_BASE_IMAGE` name the environment of the \
         target",
    ),
    (
        &["should not be blank"],
        "give the `ARG` in `FROM` a value with `dockerfile.build-args` in Cross.toml; `CROSS_BASE_IMAGE`, `CROSS_TARGET` \
         and `CROSS_DEB_ARCH` have one",
    ),
    (
        &[
            "file not found in build context",
            "failed to calculate checksum",
            "forbidden path outside the build context",
            "possible escaping context directory",
            "checking on sources under",
            "copy failed",
            "add failed",
        ],
        "`COPY` and `ADD` see the directory that `dockerfile.context` names in Cross.toml (the workspace, if it names \
         none), without what `.dockerignore` excludes",
    ),
    (
        &[
            "unknown instruction",
            "parse error",
            "syntax error",
            "unknown flag",
            "requires exactly",
            "requires at least",
        ],
        "correct that line of the Dockerfile",
    ),
    (
        &["exec format error"],
        "the base image is for another architecture: name one for this machine, or its platform in `image.toolchain`",
    ),
];

fn dockerfile_help(output: &str) -> Option<&'static str> {
    let output = output.to_lowercase();
    let has = |words: &&[&str]| words.iter().any(|words| output.contains(words));
    let known = DOCKERFILE.iter().find(|(words, _)| has(words));
    known.map(|(_, help)| *help)
}

/// The number of lines of a failed step that are in the message.
const STEP_LINES: usize = 12;

/// The last lines of the last step, without the builder's own.
fn step_output(output: &str) -> TailLines {
    let mut lines: Vec<_> = output
        .lines()
        .rev()
        .filter(|line| !line.starts_with("Removing intermediate container"))
        .skip(1)
        .take_while(|line| !line.starts_with("Step ") && !line.starts_with("STEP "))
        .filter(|line| !line.starts_with(" ---> "))
        .collect();
    lines.reverse();
    let mut tail = TailLines::new(STEP_LINES);
    lines.into_iter().for_each(|line| tail.push(line));
    tail
}

/// The last command that a script of the caller named in the output of a step, and what it printed.
fn of_user(step: &TailLines) -> Option<(&str, TailLines)> {
    let command = |line| Some(str::split_once(line, RUNS)?.1.trim_end());
    let name = step.iter().rev().find_map(command)?;
    let mut lines = TailLines::new(STEP_LINES);
    let after = step.iter().rev().take_while(|line| command(line).is_none());
    let mut after: Vec<_> = after.collect();
    after.reverse();
    after.into_iter().for_each(|line| lines.push(line));
    Some((name, lines))
}

/// The command of the failed step and its status. The messages are those of docker's legacy
/// builder, BuildKit and podman.
fn failed_step(output: &str) -> Option<(String, i32)> {
    let number = |text: &str| {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    output.lines().rev().find_map(|line| {
        if let Some((before, after)) = line.split_once("' returned a non-zero code: ") {
            let command = before.split_once("The command '")?.1;
            return Some((command.to_owned(), number(after)?));
        }
        if let Some((before, after)) = line.split_once("did not complete successfully: exit code: ")
        {
            let command = before
                .split_once("process \"")?
                .1
                .trim_end()
                .trim_end_matches('"');
            return Some((command.to_owned(), number(after)?));
        }
        let (before, after) = line.split_once("while running runtime: exit status ")?;
        let command = before.split_once("building at STEP \"")?.1;
        let command = command
            .trim_end()
            .trim_end_matches(':')
            .trim_end_matches('"');
        Some((command.to_owned(), number(after)?))
    })
}

/// The error for a build in `dir`, on whose file system no program starts.
pub(crate) fn of_noexec(what: &str, dir: &Path) -> Error {
    let dir = dir.display();
    Error::new(
        ErrorKind::Environment,
        format!("{what}: the file system of `{dir}` is mounted `noexec`, so no program of an environment can start"),
    )
    .with_help(
        "name a directory of another file system with `CROSS_CACHE_DIR` or `Cross::cache_dir`, or mount this one `exec`",
    )
}

/// The error for a build that filled one of these directories. With each comes the free space, in
/// bytes, after the build's files were removed.
pub(crate) fn of_full_disk(what: &str, directories: &[(PathBuf, u64)]) -> Error {
    let fullest = directories.iter().min_by_key(|(_, free)| *free);
    let (place, free) = fullest.map_or_else(
        || ("the cache directory".to_owned(), String::new()),
        |(dir, free)| {
            let megabytes = free / 1_000_000;
            (
                format!("`{}`", dir.display()),
                format!(" ({megabytes} MB are free now)"),
            )
        },
    );
    Error::new(
        ErrorKind::Environment,
        format!("{what}: no space left on device in {place}{free}"),
    )
    .with_help(format!(
        "free some space in {place}: the build takes up to 2 GB; unused environments and the rest of the cache \
         can be removed"
    ))
    .with_disk_full()
}

pub(crate) fn says_disk_full(text: &str) -> bool {
    text.to_lowercase().contains("no space left on device")
}

/// The line that reports a full disk, or the last one with an error, or the last one.
fn relevant_line(text: &str) -> &str {
    let lines = || text.trim().lines().rev();
    let is_full = lines().find(|line| says_disk_full(line));
    // mmdebstrap always prints this line at the end.
    let is_empty = |line: &str| line == "E: mmdebstrap failed to run";
    let apt_says = lines().find(|line| line.starts_with("E: ") && !is_empty(line));
    is_full
        .or(apt_says)
        .or_else(|| lines().find(|line| line.to_lowercase().contains("error")))
        .unwrap_or(last_line(text))
        .trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: i32) -> Exit {
        Exit {
            code: Some(code),
            signal: None,
        }
    }

    #[test]
    fn a_killed_build_is_no_failed_build() {
        for exit in [
            failed(137),
            Exit {
                code: None,
                signal: Some(9),
            },
        ] {
            let error = of_environment_build("building the environment", exit, "I: done\n");
            assert_eq!(error.kind(), ErrorKind::Killed);
            assert!(error.help().unwrap().contains("memory"), "{error:?}");
        }
    }

    #[test]
    fn a_command_in_a_script_is_named_in_place_of_the_scripts_step() {
        let output = "STEP 2/2: RUN chmod 755 /x && /x\ncross-core: runs echo one\none\n\
                      cross-core: runs false\ntwo\n\
                      Error: building at STEP \"RUN chmod 755 /x && /x\": while running runtime: exit status 1";
        let error = of_image_build("localhost/x:1", failed(1), output);
        assert_eq!(
            error.to_string(),
            "building image `localhost/x:1`: `false` failed with exit status 1\n  two"
        );
        assert!(error.help().unwrap().contains("set -e"), "{error:?}");
    }

    /// The words of docker 20 to 28, with and without BuildKit, and of podman 4.
    #[test]
    fn a_dockerfile_that_is_refused_has_a_remedy() {
        for (output, word) in [
            (
                "Error response from daemon: no build stage in current context\n",
                "`FROM`",
            ),
            ("Error: no FROM statement found\n", "`FROM`"),
            (
                "base name ($NOTHING) should not be blank\n",
                "dockerfile.build-args",
            ),
            (
                "dockerfile parse error on line 3: unknown instruction: RUNN\n",
                "that line",
            ),
            (
                "COPY failed: file not found in build context or excluded by .dockerignore: stat a: file does not exist\n",
                "dockerfile.context",
            ),
            (
                "Error: building at STEP \"COPY a /x\": checking on sources under \"/w\": copier: stat: \"/a\": no such file or directory\n",
                "dockerfile.context",
            ),
        ] {
            let error = of_image_build("localhost/x:1", failed(1), output);
            assert!(
                error.help().unwrap_or_default().contains(word),
                "{output}: {error:?}"
            );
        }
        let limited =
            "Error response from daemon: toomanyrequests: You have reached your pull rate limit\n";
        let error = of_pull("image `debian`", failed(1), limited);
        assert!(error.help().unwrap().contains("`login`"), "{error:?}");
    }

    #[test]
    fn a_missing_package_is_named() {
        let error = of_environment_build(
            "building the environment",
            failed(1),
            "I: downloading\nE: Unable to locate package libnope-dev\nE: apt failed\n",
        );
        assert_eq!(error.kind(), ErrorKind::PackageNotFound);
        assert!(error.to_string().contains("`libnope-dev`"), "{error}");
    }

    #[test]
    fn a_full_disk_is_named_whatever_is_said_after_it() {
        let output = "dpkg-deb: error: paste subprocess was killed: No space left on device\n\
                    E: Sub-process returned an error code (1)\nE: mmdebstrap failed to run\n";
        let error = of_environment_build("building the environment", failed(25), output);
        assert!(error.to_string().contains("No space left"), "{error}");
        assert!(error.help().unwrap().contains("free some space"));
        let output = "E: Sub-process returned an error code (1)\nE: mmdebstrap failed to run\n";
        let error = of_environment_build("building the environment", failed(25), output);
        assert!(error.to_string().ends_with("error code (1)"), "{error}");
    }

    #[test]
    fn an_unreachable_mirror_is_not_a_missing_package() {
        let output = "Err:1 http://mirror.invalid bookworm InRelease\n  Temporary failure resolving 'mirror.invalid'\n\
                    E: Failed to fetch http://mirror.invalid/InRelease";
        let error = of_environment_build("building the environment", failed(1), output);
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(
            error.to_string().ends_with("resolving 'mirror.invalid'"),
            "{error}"
        );
        assert!(error.help().is_some());
    }

    #[test]
    fn a_command_of_the_recipe_is_not_the_users_to_correct() {
        let of = |status: i32, lines: &[&str]| {
            let mut tail = TailLines::new(10);
            lines.iter().for_each(|line| tail.push(*line));
            of_recipe_command("building the environment", "pip install x", status, &tail)
        };
        let failed = of(1, &["ld.lld: error: undefined symbol: x"]);
        assert_eq!(failed.kind(), ErrorKind::Environment, "{failed}");
        assert!(failed.to_string().contains("undefined symbol"), "{failed}");
        assert!(failed.help().unwrap().contains("report these lines"));
        let offline = "WARNING: Retrying after connection broken by 'NewConnectionError(...)'";
        assert_eq!(of(1, &[offline]).kind(), ErrorKind::Unreachable);
        assert_eq!(of(137, &[]).kind(), ErrorKind::Killed);
    }

    /// Output of docker 20.10, BuildKit 0.12 and podman 4.3.
    #[test]
    fn a_failed_step_is_named_with_its_status_and_output() {
        let exit = Exit {
            code: Some(7),
            signal: None,
        };
        let legacy = "Step 2/2 : RUN echo one; exit 7\n ---> Running in d237\none\nRemoving intermediate container \
                      d237\nThe command '/bin/sh -c echo one; exit 7' returned a non-zero code: 7";
        let buildx = "#6 0.3 one\nERROR: failed to solve: process \"/bin/sh -c echo one; exit 7\" did not complete \
                      successfully: exit code: 7";
        let podman = "STEP 2/2: RUN echo one; exit 7\none\n\
                      Error: building at STEP \"RUN echo one; exit 7\": while running runtime: exit status 7";
        for output in [legacy, buildx, podman] {
            let error = of_image_build("localhost/x:1", exit, output);
            assert_eq!(error.kind(), ErrorKind::CommandFailed, "{error}");
            let text = error.to_string();
            let first = text.lines().next().unwrap();
            assert!(
                first.contains("echo one; exit 7` failed with exit status 7"),
                "{first}"
            );
            assert!(
                text.lines().skip(1).all(|line| line.ends_with("one")),
                "{text}"
            );
            assert_eq!(text.lines().count(), 2, "{text}");
        }
    }

    /// Output of docker 20.10 and podman 4.3.
    #[test]
    fn what_of_an_image_cannot_be_had_is_told() {
        let exit = Exit {
            code: Some(1),
            signal: None,
        };
        for (output, kind) in [
            (
                "Error response from daemon: manifest for 127.0.0.1:5055/x:2 not found: manifest unknown: manifest unknown",
                ErrorKind::ImageNotFound,
            ),
            (
                "Error: initializing source docker://127.0.0.1:5055/x:2: reading manifest 2 in 127.0.0.1:5055/x: \
                 manifest unknown: manifest unknown",
                ErrorKind::ImageNotFound,
            ),
            (
                "Error: short-name \"x:1\" did not resolve to an alias and no unqualified-search registries are defined",
                ErrorKind::ImageNotFound,
            ),
            (
                "no matching manifest for linux/arm64/v8 in the manifest list entries",
                ErrorKind::PlatformNotFound,
            ),
            (
                "Error: choosing an image from manifest list docker://x: no image found in manifest list for \
                 architecture arm64, variant \"v8\", OS linux",
                ErrorKind::PlatformNotFound,
            ),
            (
                "Error response from daemon: Get \"https://no.such.host.invalid/v2/\": dial tcp: lookup \
                 no.such.host.invalid on 10.0.0.1:53: no such host",
                ErrorKind::Unreachable,
            ),
        ] {
            let error = of_pull("image `x`", exit, output);
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.help().is_some() && error.to_string().starts_with("image `x`"));
            assert!(!error.to_string().contains("Error"), "{error}");
        }
    }
}

//! The meaning of what apt and mmdebstrap print when an environment cannot be built.

use crate::process::error::{Error, ErrorKind};

/// The error for a known reason in the last lines of the output.
pub(crate) fn find(what: &str, output: &str) -> Option<Error> {
    missing_package(what, output)
        .or_else(|| conflict(what, output))
        .or_else(|| missing_suite(what, output))
        .or_else(|| untrusted_mirror(what, output))
        .or_else(|| unreachable(what, output))
}

/// The names of architectures that are often written in place of Debian's.
const ARCHITECTURES: [(&str, &str); 8] = [
    ("aarch64", "arm64"),
    ("arm", "armel"),
    ("armv7", "armhf"),
    ("i686", "i386"),
    ("powerpc64le", "ppc64el"),
    ("riscv64gc", "riscv64"),
    ("x86", "i386"),
    ("x86_64", "amd64"),
];

fn missing_package(what: &str, output: &str) -> Option<Error> {
    let package = between(output, "Unable to locate package ", "\n")
        .or_else(|| between(output, "Couldn't find any package by glob '", "'"))
        .or_else(|| between(output, "Version '", "' for"))
        .or_else(|| {
            let before = output.split_once("' has no installation candidate")?.0;
            Some(before.rsplit_once("Package '")?.1)
        })?
        .trim();
    let message = format!("{what}: package `{package}` is not in the suite");
    let architecture = package.split_once(':').map(|(_, arch)| arch);
    let debians = ARCHITECTURES
        .iter()
        .find(|(name, _)| Some(*name) == architecture);
    let help = match debians {
        Some((name, debians)) => format!(
            "Debian calls the architecture `{name}` `{debians}`; in `packages`, a package without \
             an architecture is for the target, and one with `:native` for the build machine"
        ),
        None => {
            "correct its name in `packages` in Cross.toml (packages.debian.org has the names of \
                 each suite), or choose a `suite` that has the package"
                .to_owned()
        }
    };
    Some(Error::new(ErrorKind::PackageNotFound, message).with_help(help))
}

/// How many lines about a conflict a message has.
const CONFLICT_LINES: usize = 4;

/// Packages that exclude one another, or need something that the suite does not have.
fn conflict(what: &str, output: &str) -> Option<Error> {
    const HEADLINES: [&str; 2] = [
        "The following packages have unmet dependencies:",
        "Unable to satisfy dependencies. Reached two conflicting",
    ];
    let mut lines = output.lines();
    lines.find(|line| HEADLINES.iter().any(|words| line.contains(words)))?;
    let reasons: Vec<_> = lines
        .take_while(|line| !line.starts_with("E: "))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(CONFLICT_LINES)
        .collect();
    let message = format!(
        "{what}: the packages cannot be installed together: {}",
        reasons.join("; ")
    );
    Some(Error::new(ErrorKind::Environment, message).with_help(
        "leave one of them out of `packages` in Cross.toml, or take the variant that fits; a \
         program that runs on the build machine is a package with `:native`",
    ))
}

/// A mirror that answers, and does not have the suite.
fn missing_suite(what: &str, output: &str) -> Option<Error> {
    let line = line_with(output, &["does not have a Release file"])?;
    let message = format!("{what}: the mirror does not have the suite: {line}");
    Some(Error::new(ErrorKind::Environment, message).with_help(
        "correct `suite` in Cross.toml: it is the code name of a Debian release that the mirror \
         has, such as `bookworm` or `trixie`",
    ))
}

/// A mirror that answers with something that is not trusted.
fn untrusted_mirror(what: &str, output: &str) -> Option<Error> {
    const CERTIFICATE: [&str; 4] = [
        "Certificate verification failed",
        "certificate verify failed",
        "The certificate is NOT trusted",
        "No system certificates available",
    ];
    const CLOCK: [&str; 2] = ["is not valid yet", "is expired"];
    const SIGNATURE: [&str; 4] = [
        "NO_PUBKEY",
        "signatures couldn't be verified",
        "signatures were invalid",
        "is not signed",
    ];
    const CHANGED: [&str; 2] = ["Hash Sum mismatch", "File has unexpected size"];
    let kinds: [(&[&str], ErrorKind, &str); 4] = [
        (
            &CERTIFICATE,
            ErrorKind::Unreachable,
            "the certificate of the mirror or the proxy is not trusted on this machine: add its \
             authority (`update-ca-certificates`), or name its file in `SSL_CERT_FILE`",
        ),
        (
            &CLOCK,
            ErrorKind::Environment,
            "set this machine's clock; if it is right, the mirror is outdated",
        ),
        (
            &SIGNATURE,
            ErrorKind::Environment,
            "install `debian-archive-keyring` (`debian-ports-archive-keyring` for a port) in its \
             newest version, which has the keys of the suite",
        ),
        (
            &CHANGED,
            ErrorKind::Unreachable,
            "the mirror is being updated, or a proxy has old files: wait some minutes, or unset \
             `http_proxy`",
        ),
    ];
    kinds.into_iter().find_map(|(words, kind, help)| {
        let line = line_with(output, words)?;
        Some(Error::new(kind, format!("{what}: the mirror is not trusted: {line}")).with_help(help))
    })
}

fn unreachable(what: &str, output: &str) -> Option<Error> {
    const WORDS: [&str; 13] = [
        "Temporary failure resolving",
        "Could not resolve",
        "Could not connect",
        "Unable to connect",
        "Connection failed",
        "Connection timed out",
        "Connection refused",
        "Proxy Authentication Required",
        "Failed to fetch",
        "manifest unknown",
        "dial tcp",
        "pull access denied",
        "TLS handshake",
    ];
    let line = line_with(output, &WORDS)?;
    let help = match output.contains("Proxy Authentication Required") {
        true => {
            "the proxy asks for a user and a password: put them into `http_proxy` and \
             `https_proxy` (`http://user:password@host:port`)"
        }
        false => {
            "check the network and the proxy variables (`http_proxy`, `https_proxy`, `no_proxy`), \
             and try again"
        }
    };
    let message = format!("{what}: a server cannot be reached: {line}");
    Some(Error::new(ErrorKind::Unreachable, message).with_help(help))
}

/// The first line that has one of the words.
fn line_with<'a>(output: &'a str, words: &[&str]) -> Option<&'a str> {
    let has = |line: &&str| words.iter().any(|words| line.contains(words));
    output.lines().find(has).map(str::trim)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(rest.split(after).next().unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(output: &str) -> (ErrorKind, String, String) {
        let error = find("building", output).unwrap();
        let help = error.help().unwrap_or_default().to_owned();
        (error.kind(), error.to_string(), help)
    }

    /// Output of apt 2.6.
    #[test]
    fn packages_that_do_not_exist_or_exclude_each_other_are_named() {
        let (kind, message, help) = told("E: Unable to locate package libssl-dev:aarch64\n");
        assert_eq!(kind, ErrorKind::PackageNotFound);
        assert!(message.contains("`libssl-dev:aarch64`"), "{message}");
        assert!(
            help.contains("`arm64`") && help.contains(":native"),
            "{help}"
        );
        let (kind, message, _) = told(
            "Package libfoo is not available, but is referred to by another package.\n\
             E: Package 'libfoo' has no installation candidate\n",
        );
        assert_eq!(kind, ErrorKind::PackageNotFound);
        assert!(message.contains("`libfoo`"), "{message}");
        let (kind, message, help) = told(
            "The following packages have unmet dependencies:\n \
             libcurl4-openssl-dev : Conflicts: libcurl4-gnutls-dev\n\
             E: Unable to correct problems, you have held broken packages.\n",
        );
        assert_eq!(kind, ErrorKind::Environment);
        assert!(
            message.ends_with("Conflicts: libcurl4-gnutls-dev"),
            "{message}"
        );
        assert!(help.contains("`packages`"), "{help}");
    }

    #[test]
    fn mirrors_are_told_apart() {
        for (output, kind, word) in [
            (
                "E: The repository 'http://m x Release' does not have a Release file.",
                ErrorKind::Environment,
                "`suite`",
            ),
            (
                "E: Release file for http://m/InRelease is not valid yet (invalid for 3h)",
                ErrorKind::Environment,
                "clock",
            ),
            (
                "W: GPG error: the public key is not available: NO_PUBKEY 0E98404D386FA1D9",
                ErrorKind::Environment,
                "debian-archive-keyring",
            ),
            (
                "  407  Proxy Authentication Required [IP: 127.0.0.1 80]",
                ErrorKind::Unreachable,
                "password",
            ),
            (
                "E: Failed to fetch http://m/x.deb  Hash Sum mismatch",
                ErrorKind::Unreachable,
                "updated",
            ),
            (
                "  Certificate verification failed: The certificate is NOT trusted.",
                ErrorKind::Unreachable,
                "update-ca-certificates",
            ),
        ] {
            let (found, message, help) = told(output);
            assert_eq!(found, kind, "{message}");
            assert!(help.contains(word), "{help}");
        }
        assert!(find("building", "E: Sub-process returned an error code (1)").is_none());
    }
}

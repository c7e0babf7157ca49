//! The remedies for failures of the host's cargo and rustup, recognized in their output.

use std::borrow::Cow;

/// What is printed for a known cause, and the remedy.
const KNOWN: &[(&[&str], &str)] = &[
    (
        &["could not parse override file"],
        "rust-toolchain.toml is broken: it has a table `[toolchain]` with `channel`, `path`, `components`, `targets` \
         or `profile`, or it is one line with the name of a toolchain",
    ),
    (
        &["specified in override file", "invalid toolchain"],
        "rust-toolchain.toml names it: correct `channel` or `path` there, or make a toolchain of that name with \
         `rustup toolchain link`",
    ),
    (
        &["could not choose a version of", "no default is configured"],
        "rustup has no toolchain to use: `rustup default stable` installs one; if it has, `RUSTUP_HOME` or `HOME` \
         names another directory than the one in which it is",
    ),
    (
        &["invalid toolchain name", "invalid value for '[+toolchain]'"],
        "`RUSTUP_TOOLCHAIN` or rust-toolchain.toml has a name that rustup cannot read: `rustup toolchain list` shows \
         those that are installed",
    ),
    (
        &["manifest path `"],
        "name an existing Cargo.toml with `manifest_path` (`--manifest-path`)",
    ),
    (
        &["supported edition values are"],
        "`edition` in Cargo.toml is misspelt, or newer than the toolchain: correct it, or `rustup update`",
    ),
    (
        &[
            "links to the native library",
            "multiple packages link to native library",
        ],
        "only one package of a program may link a native library: `cargo tree --invert` shows who requires each of \
         the packages, and the versions have to be brought together",
    ),
    (
        &["this version of Cargo is older than the"],
        "`edition` in Cargo.toml is newer than the toolchain, or there is no such edition: correct it, or `rustup update`",
    ),
    (
        &["path contains invalid UTF-8 characters"],
        "the project's directory, `CARGO_HOME` or the target directory (`CARGO_TARGET_DIR`, `build.target-dir`) has a \
         name that is not UTF-8, which cargo's messages cannot show: rename it",
    ),
    (
        &["could not create home directory"],
        "`HOME` or `RUSTUP_HOME` names no directory in which rustup can write: set it to the directory in which the \
         toolchains are",
    ),
    (
        &["registry index was not found in any configuration"],
        "write the registry's address in cargo's configuration: `index` in `[registries.<name>]`, or the variable \
         `CARGO_REGISTRIES_<NAME>_INDEX`",
    ),
    (
        &["does not have that feature", "does not have these features"],
        "correct `features` of the dependency in Cargo.toml, or ask for a version that has the feature",
    ),
    (
        &["--locked was passed", "because --frozen was passed"],
        "the request must not change Cargo.lock, and the manifests need another one: run `cargo update --workspace`, \
         and commit Cargo.lock",
    ),
    (
        &[
            "you're using offline mode",
            "--offline was specified",
            "offline was specified",
        ],
        "`CARGO_NET_OFFLINE` or `net.offline` forbids downloads: run `cargo fetch` once without it",
    ),
    (
        &[
            "feature `edition20",
            "requires rustc ",
            "does not understand this lock file",
            "-Znext-lockfile-bump",
        ],
        "the toolchain is too old for the project: `rustup update`, or choose a newer one with `+<toolchain>`",
    ),
    (
        &["failed to parse lock file"],
        "Cargo.lock is broken, as a merge with conflicts leaves it: take the file of one side (`git checkout --ours \
         Cargo.lock`), and `cargo update --workspace` adds what the manifests need",
    ),
    (
        &[
            "require a credential-provider",
            "requires a credential-provider",
        ],
        "the registry wants a token, and cargo is not told where tokens are kept: set \
         `registry.global-credential-providers = [\"cargo:token\"]` in the configuration of cargo in `CARGO_HOME`, and \
         run `cargo login --registry <name>`",
    ),
    (
        &[
            "no token found",
            "got 401",
            "got 403",
            "code: 401",
            "code: 403",
            "failed to authenticate",
            "authentication required",
            "server requires authentication",
            "class=Http (34); code=Auth",
            "Permission denied (publickey",
        ],
        "the registry or the git server refuses the credentials: `cargo login --registry <name>`, or a credential \
         helper of git with `net.git-fetch-with-cli = true`",
    ),
    (
        &["config.json not found in registry"],
        "there is no registry at the address: correct `index` in `[registries.<name>]` of cargo's configuration",
    ),
    (
        &[
            "got 404",
            "got 410",
            "http status code: 404",
            "http status code: 410",
        ],
        "the server has no such file or repository: correct the address (`index` of the registry, or `git` in \
         Cargo.toml), or the version, which may have been removed; some servers answer so where a login is missing",
    ),
    (
        &[
            "got 429",
            "got 500",
            "got 502",
            "got 503",
            "got 504",
            "http status code: 429",
            "http status code: 50",
        ],
        "the server was reached, and cannot serve this now, which nothing on this machine changes: until it can, \
         `replace-with` in `[source.<name>]` of cargo's configuration names a mirror",
    ),
    (
        &["expected value at line 1 column 1"],
        "what the server sent is no index of a registry: a proxy or a page for logins answered instead, or `index` in \
         `[registries.<name>]` is the address of something else",
    ),
    (
        &["failed to verify the checksum", "checksum for `"],
        "what was downloaded is not what the registry's index or Cargo.lock announces: a mirror or a proxy has another \
         file of this version, or it was published again; compare with another network before you trust it",
    ),
    (
        &["Could not resolve proxy"],
        "the name of the proxy is unknown here: correct `http.proxy` of cargo's configuration, or `http_proxy`, \
         `HTTPS_PROXY` and `ALL_PROXY`",
    ),
    (
        &["Operation too slow"],
        "the server or the network is too slow: raise `http.timeout` (`CARGO_HTTP_TIMEOUT`, in seconds), or check \
         `http.proxy`",
    ),
    (
        &[
            "SSL certificate problem",
            "certificate verify failed",
            "self-signed certificate",
        ],
        "a certificate is not trusted: name the file of its authority in `CARGO_HTTP_CAINFO` or `http.cainfo`",
    ),
    (
        &[
            "Could not resolve",
            "failed to resolve address",
            "failed to lookup address",
            "Could not connect",
            "Couldn't connect",
            "Connection refused",
            "Network is unreachable",
            "failed to connect",
            "Timeout was reached",
            "Operation timed out",
            "spurious network error",
        ],
        "a server cannot be reached from this machine: check the network, and `http.proxy` or `HTTPS_PROXY`",
    ),
    (
        &["no matching package named", "failed to select a version"],
        "correct the name, the version or the source of the dependency in Cargo.toml; `cargo search` and \
         `cargo update` show what exists",
    ),
    (
        &[
            "failed to load source for dependency",
            "Unable to update",
            "failed to get `",
        ],
        "the source of the dependency cannot be read: correct its `path`, `git` or `registry` in Cargo.toml",
    ),
    (
        &["o space left on device"],
        "free some space where cargo keeps what it downloads (`CARGO_HOME`)",
    ),
    (
        &["Permission denied", "Read-only file system"],
        "cargo has to write to `CARGO_HOME` and to Cargo.lock: let this user write there, or run `cargo fetch` as one \
         who may",
    ),
];

/// Returns the remedy for the first known cause in `output`.
pub(crate) fn find(output: &str) -> Option<Cow<'static, str>> {
    if let Some(toolchain) = missing_toolchain(output) {
        return Some(Cow::Owned(format!(
            "`rustup toolchain install {toolchain}` installs it; rust-toolchain.toml, `rustup override` or \
             `RUSTUP_TOOLCHAIN` asks for it"
        )));
    }
    let has = |words: &[&str]| words.iter().any(|words| output.contains(words));
    let known = KNOWN.iter().find(|(words, _)| has(words));
    known.map(|(_, remedy)| Cow::Borrowed(*remedy))
}

/// Whether rustup could not choose or start a toolchain.
pub(crate) fn is_of_toolchain(output: &str) -> bool {
    const WORDS: [&str; 4] = [
        "override file",
        "invalid toolchain",
        "could not choose a version of",
        "[+toolchain]",
    ];
    missing_toolchain(output).is_some() || WORDS.iter().any(|words| output.contains(words))
}

/// The released toolchain that rustup says is not installed.
fn missing_toolchain(output: &str) -> Option<&str> {
    let (before, _) = output.split_once("' is not installed")?;
    let (said, name) = before.rsplit_once("toolchain '")?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    (name.chars().all(is_name) && !said.ends_with("custom ")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_apart() {
        for (output, word) in [
            (
                "failed to get `a` as a dependency\nCaused by: [6] Could not resolve host: x.invalid",
                "network",
            ),
            (
                "failed to get `a` as a dependency\nCaused by: no such file",
                "`path`",
            ),
            ("error: no matching package named `x` found", "cargo search"),
            (
                "package `b` links to the native library `z`, but it conflicts",
                "cargo tree",
            ),
            (
                "the lock file needs to be updated but --locked was passed",
                "cargo update",
            ),
            (
                "authenticated registries require a credential-provider to be configured",
                "global-credential-providers",
            ),
            ("config.json not found in registry", "`index`"),
            (
                "failed to get successful HTTP response from `http://a/config.json`, got 404",
                "removed",
            ),
            (
                "warning: spurious network error (1 try remaining): failed to get successful HTTP response, got 503",
                "replace-with",
            ),
            (
                "expected value at line 1 column 1",
                "no index of a registry",
            ),
            ("failed to verify the checksum of `a v1.0.0`", "mirror"),
            (
                "[5] Could not resolve proxy name (Could not resolve proxy: x.invalid)",
                "name of the proxy",
            ),
            (
                "[28] Timeout was reached (Operation too slow. Less than 10 bytes/sec)",
                "http.timeout",
            ),
            (
                "server requires authentication that we do not support; class=Http (34); code=Auth (-16)",
                "credentials",
            ),
            ("git@a: Permission denied (publickey).", "credentials"),
            ("unexpected http status code: 404; class=Http (34)", "`git`"),
            (
                "failed to parse lock file at: /a/Cargo.lock\n\nCaused by: TOML parse error",
                "merge",
            ),
            (
                "failed to parse lock file at: /a/Cargo.lock\n\nlock file version `9` was found, but this version of \
                 Cargo does not understand this lock file",
                "too old",
            ),
            (
                "package `app` depends on `a` with feature `b` but `a` does not have that feature.\n\nfailed to \
                 select a version for `a`",
                "`features`",
            ),
            ("path contains invalid UTF-8 characters", "CARGO_TARGET_DIR"),
            (
                "could not create home directory: '/etc/hostname/.rustup'",
                "`HOME`",
            ),
            (
                "registry index was not found in any configuration: `x`",
                "[registries.<name>]",
            ),
            (
                "this version of Cargo is older than the `2030` edition",
                "no such edition",
            ),
        ] {
            assert!(find(output).unwrap().contains(word), "{output}");
        }
        let missing = "error: toolchain '1.60.0-x86_64-unknown-linux-gnu' is not installed";
        let help = find(missing).unwrap();
        assert!(help.contains("toolchain install 1.60.0-x86_64"), "{help}");
        let custom = "custom toolchain 'mine' specified in override file '/a/rust-toolchain.toml' is not installed";
        assert!(find(custom).unwrap().contains("toolchain link"));
        for output in [
            missing,
            custom,
            "invalid toolchain: the path '/x' has no bin/ directory",
        ] {
            assert!(is_of_toolchain(output), "{output}");
        }
        assert!(!is_of_toolchain("error: failed to parse manifest"));
        assert_eq!(find("error: nobody knows"), None);
    }
}

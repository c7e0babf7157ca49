//! The remedies for failures of the host's cargo and rustup, recognized in their output.

/// What is printed for a known cause, and the remedy.
const KNOWN: [(&[&str], &str); 12] = [
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
            "this version of Cargo is older than",
            "does not understand this lock file",
            "-Znext-lockfile-bump",
        ],
        "the toolchain is too old for the project: `rustup update`, or choose a newer one with `+<toolchain>`",
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
        ],
        "the registry or the git server refuses the credentials: `cargo login --registry <name>`, or a credential \
         helper of git with `net.git-fetch-with-cli = true`",
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
pub(crate) fn find(output: &str) -> Option<&'static str> {
    let has = |words: &[&str]| words.iter().any(|words| output.contains(words));
    let known = KNOWN.iter().find(|(words, _)| has(words));
    known.map(|(_, remedy)| *remedy)
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
        ] {
            assert!(find(output).unwrap().contains(word), "{output}");
        }
        assert_eq!(find("error: nobody knows"), None);
    }
}

//! Cargo's package IDs, in the forms that its versions print.

/// The parts of a package ID: `path+file:///w/app#0.1.0`, `…#name@0.1.0`, or before cargo 1.77
/// `name 0.1.0 (path+file:///w/app)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PackageId<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    /// Where it comes from, with its kind: `registry+https://…`, `git+https://…`, `path+file://…`.
    source: &'a str,
}

impl<'a> PackageId<'a> {
    /// Parses `id`. What is not there is empty.
    pub(crate) fn parse(id: &'a str) -> Self {
        let Some((source, fragment)) = id.split_once('#').filter(|(url, _)| !url.contains(" ("))
        else {
            let (name, rest) = id.split_once(' ').unwrap_or((id, ""));
            let (version, source) = rest.split_once(" (").unwrap_or((rest, ""));
            return PackageId {
                name,
                version,
                source: source.trim_end_matches(')'),
            };
        };
        let (name, version) = fragment.split_once('@').unwrap_or_else(|| {
            let path = source.split('?').next().unwrap_or(source);
            (path.rsplit('/').next().unwrap_or(path), fragment)
        });
        PackageId {
            name,
            version,
            source,
        }
    }

    /// The registry or the repository, as Cargo.lock names it, without the revision; `None` for a
    /// directory.
    pub(crate) fn source(&self) -> Option<&'a str> {
        let source = self.source.split('#').next().unwrap_or(self.source);
        (!source.is_empty() && !self.is_local()).then_some(source)
    }

    /// Whether it is in a directory.
    pub(crate) fn is_local(&self) -> bool {
        self.source.starts_with("path+")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_ids_of_all_cargo_versions_are_parsed() {
        let registry = "registry+https://github.com/rust-lang/crates.io-index";
        let cases = [
            (
                "path+file:///w/my%20app#0.1.0",
                ("my%20app", "0.1.0", None::<&str>),
            ),
            ("path+file:///w/x#app@0.1.0", ("app", "0.1.0", None)),
            ("app 0.1.0 (path+file:///w/app)", ("app", "0.1.0", None)),
            (
                "registry+https://github.com/rust-lang/crates.io-index#serde@1.0.1",
                ("serde", "1.0.1", Some(registry)),
            ),
            (
                "serde 1.0.1 (registry+https://github.com/rust-lang/crates.io-index)",
                ("serde", "1.0.1", Some(registry)),
            ),
            (
                "git+https://h/one?branch=b#0.2.0",
                ("one", "0.2.0", Some("git+https://h/one?branch=b")),
            ),
            (
                "one 0.2.0 (git+https://h/one?branch=b#0123abc)",
                ("one", "0.2.0", Some("git+https://h/one?branch=b")),
            ),
            ("nonsense", ("nonsense", "", None)),
        ];
        for (text, expected) in cases {
            let id = PackageId::parse(text);
            assert_eq!((id.name, id.version, id.source()), expected, "{text}");
        }
    }
}

//! The versions of glibc for which nothing links programs of a target.

use super::Target;
use crate::facts::glibc::GlibcVersion;
use crate::facts::target_facts::ZigTarget;

/// Why nothing links programs for the glibc in a target's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedGlibc {
    /// The reason: a clause without a full stop.
    pub(crate) why: String,
    /// The nearest version that Zig links for, if the one in the name is too old.
    nearest: Option<GlibcVersion>,
}

impl RefusedGlibc {
    /// A remedy: a clause without a full stop.
    pub(crate) fn help(&self, target: Target) -> String {
        let triple = target.triple();
        let nearest = self
            .nearest
            .map(|version| format!("`{triple}.{version}`, or for "));
        format!(
            "build for {}`{triple}`, which uses the glibc of its environment",
            nearest.unwrap_or_default()
        )
    }
}

impl Target {
    /// Why nothing links programs for the glibc in the target's name. `None` if Zig does, and if the
    /// name has no version.
    pub(crate) fn refused_glibc(self) -> Option<RefusedGlibc> {
        let version = self.glibc()?;
        let newest = ZigTarget::NEWEST_GLIBC;
        let (what, nearest) = match self.oldest_glibc() {
            None => ("cannot link programs for it".to_owned(), None),
            Some(oldest) if version < oldest => (
                format!("links Rust's programs for it with none that is older than {oldest}"),
                Some(oldest),
            ),
            Some(_) if version > newest => (format!("has none that is newer than {newest}"), None),
            Some(_) => return None,
        };
        let why = format!("Zig, which links for other versions of glibc, {what}");
        Some(RefusedGlibc { why, nearest })
    }

    /// Whether something links programs for the glibc in the target's name, if it has one.
    pub fn links_its_glibc(self) -> bool {
        self.refused_glibc().is_none()
    }

    /// The oldest glibc for which programs of the target are linked. `None` if they are linked for
    /// that of the environment alone.
    pub fn oldest_glibc(self) -> Option<GlibcVersion> {
        self.facts().zig?.oldest_glibc
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<RefusedGlibc> {
        Target::parse(text).unwrap().refused_glibc()
    }

    #[test]
    fn each_processor_has_an_oldest_glibc() {
        for (triple, oldest, older) in [
            ("aarch64-unknown-linux-gnu", "2.17", "2.16"),
            ("loongarch64-unknown-linux-gnu", "2.36", "2.35"),
            ("powerpc64le-unknown-linux-gnu", "2.19", "2.18"),
            ("riscv64gc-unknown-linux-gnu", "2.27", "2.26"),
            ("riscv64a23-unknown-linux-gnu", "2.27", "2.17"),
            ("x86_64-unknown-linux-gnu", "2.17", "0.0"),
        ] {
            assert_eq!(refused(&format!("{triple}.{oldest}")), None, "{triple}");
            let too_old = format!("{triple}.{older}");
            let error = refused(&too_old).unwrap();
            let end = format!("older than {oldest}");
            assert!(error.why.ends_with(&end), "{}", error.why);
            let help = error.help(Target::parse(&too_old).unwrap());
            let start = format!("build for `{triple}.{oldest}`, or for `{triple}`,");
            assert!(help.starts_with(&start), "{help}");
        }
    }

    #[test]
    fn where_zig_links_nothing_every_version_is_refused() {
        for triple in ["sparc64-unknown-linux-gnu", "powerpc64-unknown-linux-gnu"] {
            assert_eq!(refused(triple), None);
            for version in ["2.17", "2.28", "2.42", "2.99"] {
                let target = Target::parse(&format!("{triple}.{version}")).unwrap();
                let error = target.refused_glibc().unwrap();
                assert!(error.why.ends_with("cannot link programs for it"));
                assert_eq!(
                    error.help(target),
                    format!("build for `{triple}`, which uses the glibc of its environment")
                );
            }
        }
    }

    #[test]
    fn the_oldest_is_not_newer_than_the_newest() {
        let oldest = Target::all().filter_map(Target::oldest_glibc);
        assert!(oldest.max().unwrap() <= ZigTarget::NEWEST_GLIBC);
    }
}

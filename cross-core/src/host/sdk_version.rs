//! What names the version of an SDK, so that another one is told from it.

use std::path::Path;

use cross_engine::process::untrusted::{RegularFile, limits};

use crate::model::hash::short_hash;
use crate::model::printable::printable;

/// The files that SDKs say in which version they are: Apple's, the NDK's, Microsoft's libraries,
/// Solaris and illumos, DragonFly.
const FILES: [&str; 6] = [
    "SDKSettings.json",
    "source.properties",
    "crt/include/crtversion.h",
    "sdk/include/shared/sdkddkver.h",
    "etc/release",
    "usr/include/sys/param.h",
];
/// A header that many systems have, and which names the version only of this one.
const OF_DRAGONFLY: (&str, &str) = ("usr/include/sys/param.h", "__DragonFly_version");
/// The length of the hash of a file.
const SHORT: usize = 12;

/// The version of the SDK in `dir`: the files that say it, with their hashes. `None` if there is
/// no such file.
pub(crate) fn find(dir: &Path) -> Option<String> {
    let mut found = Vec::new();
    for name in FILES {
        let file = RegularFile::open(dir.join(name));
        let Ok(bytes) = file.and_then(|file| file.bytes(limits::SOURCE)) else {
            continue;
        };
        let text = String::from_utf8_lossy(&bytes);
        if name == OF_DRAGONFLY.0 && !text.contains(OF_DRAGONFLY.1) {
            continue;
        }
        let own = own_version(name, &text).map_or(String::new(), |own| format!("{own} "));
        found.push(format!("{own}{name} {}", short_hash(&text, SHORT)));
    }
    (!found.is_empty()).then(|| found.join(", "))
}

/// The version in the words of the file, if it has a line for it.
fn own_version(name: &str, text: &str) -> Option<String> {
    let own = match name {
        "SDKSettings.json" => {
            let settings: serde_json::Value = serde_json::from_str(text).ok()?;
            settings.get("CanonicalName")?.as_str()?.to_owned()
        }
        "source.properties" => {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            let (_, value) = lines.find(|(key, _)| key.trim() == "Pkg.Revision")?;
            value.trim().to_owned()
        }
        _ => return None,
    };
    Some(printable(&own).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// The version of an SDK with these files.
    fn version(files: &[(&str, &str)]) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        find(dir.path())
    }

    #[test]
    fn an_sdk_is_named_by_its_version_and_the_hash_of_what_says_it() {
        let apple = version(&[("SDKSettings.json", "{\"CanonicalName\": \"macosx14.2\"}")]);
        let apple = apple.unwrap();
        assert!(apple.starts_with("macosx14.2 SDKSettings.json "), "{apple}");
        let ndk = |version: &str| format!("Pkg.Desc = NDK\nPkg.Revision = {version}\n");
        let [old, new] = ["26.1", "27.0"].map(|it| version(&[("source.properties", &ndk(it))]));
        assert!(old.as_ref().unwrap().starts_with("26.1 source.properties "));
        assert_ne!(old, new);
        let microsofts = version(&[
            ("crt/include/crtversion.h", "#define X 1"),
            ("sdk/include/shared/sdkddkver.h", ""),
        ]);
        assert!(microsofts.unwrap().contains(", sdk/include/shared/"));
    }

    #[test]
    fn an_sdk_that_does_not_say_its_version_has_none() {
        assert_eq!(version(&[]), None);
        assert_eq!(version(&[("usr/include/sys/param.h", "any system")]), None);
        let dragonfly = [(
            "usr/include/sys/param.h",
            "#define __DragonFly_version 600400",
        )];
        assert!(version(&dragonfly).is_some());
    }
}

//! What the packages of the libraries have.

use crate::{LIBRARIES, cargo, read};

/// The licences are links to those of the repository, so that every package has their text.
#[test]
fn every_package_has_the_licences_and_a_readme() {
    for library in LIBRARIES {
        let mut list = vec!["package", "--list", "--allow-dirty", "--offline"];
        list.extend(["--package", library]);
        let files = cargo(&list);
        for name in ["LICENSE-APACHE", "LICENSE-MIT", "README.md"] {
            assert!(
                files.lines().any(|file| file == name),
                "{library} has no {name}: {files}"
            );
        }
        for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
            assert_eq!(read(format!("{library}/{name}")), read(name), "{library}");
        }
    }
}

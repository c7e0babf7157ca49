//! Checks that only `cross_engine::process::untrusted` reads files from inside an environment.

use std::path::Path;

/// The modules that read files which programs inside have written. A folder includes all of its
/// files.
const READERS: [&str; 11] = [
    "cross-core/src/cargo/dep_info.rs",
    "cross-core/src/execute",
    "cross-core/src/host/binary.rs",
    "cross-core/src/host/deployment_target.rs",
    "cross-core/src/host/glibc_floor.rs",
    "cross-core/src/host/mach_o.rs",
    "cross-core/src/host/universal.rs",
    "cross-core/src/plan/coverage.rs",
    "cross-engine/src/reuse/attached.rs",
    "cross-engine/src/run/engine_run.rs",
    "cross-engine/src/run/test_relay.rs",
];
/// Calls that bypass the door: each follows links, may block, or reads without a limit.
const WAYS_AROUND: [&str; 9] = [
    "fs::read(",
    "fs::copy(",
    "hard_link(",
    "read_to_string(",
    "read_dir(",
    "read_link(",
    "canonicalize(",
    "File::open(",
    "File::options(",
];

#[test]
fn what_ran_inside_is_read_through_one_door() {
    for reader in READERS {
        let library = reader.split('/').next().unwrap();
        let sources = super::sources(library);
        let mut read = sources
            .iter()
            .filter(|(path, _)| path.starts_with(Path::new(reader)))
            .peekable();
        assert!(read.peek().is_some(), "{reader} is no more");
        for (path, code) in read {
            // The door itself.
            let code = code.replace("RegularFile::open(", "");
            for way in WAYS_AROUND {
                assert!(!code.contains(way), "{}: `{way}…)`", path.display());
            }
        }
    }
}

//! A small file system, which is full soon.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use cross_engine::Invocation;

use crate::tool;

/// A small file system, mounted until it is dropped. Only root can mount one.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one at `path` with these options of `tmpfs`: `size=4m`.
    pub fn at(path: PathBuf, options: &str) -> Self {
        fs::create_dir_all(&path).unwrap();
        let options = format!("mode=0700,{options}");
        let words = [
            "-t",
            "tmpfs",
            "-o",
            &options,
            "small",
            path.to_str().unwrap(),
        ];
        tool::stdout(&Invocation::new("mount").args(words));
        SmallDisk(path)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Fills it, so that no byte more can be written.
    pub fn fill(&self) {
        let mut file = File::create(self.0.join("full")).unwrap();
        let error = loop {
            if let Err(error) = file.write_all(&[0; 4096]) {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error}");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        tool::output(&Invocation::new("umount").arg(self.0.to_str().unwrap()));
    }
}

//! The answer of an engine to `container inspect` about the caller's own container.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::os;
use crate::reach::answer::{Nested, OuterMount, OuterRoot};
use crate::reach::caller::{Caller, CallerMount};

/// A container, as far as it matters where its files are. Docker and podman have these fields in
/// common.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspected {
    pub(super) id: String,
    #[serde(default)]
    mounts: Option<Vec<Mount>>,
    #[serde(default)]
    graph_driver: Option<Driver>,
    #[serde(default)]
    host_config: Option<HostConfig>,
    #[serde(default)]
    resolv_conf_path: Option<PathBuf>,
    #[serde(default)]
    hostname_path: Option<PathBuf>,
    #[serde(default)]
    hosts_path: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mount {
    #[serde(default)]
    source: PathBuf,
    destination: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    /// The directories in memory, by destination.
    #[serde(default)]
    tmpfs: Option<BTreeMap<PathBuf, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Driver {
    #[serde(default)]
    name: String,
    data: Option<DriverData>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DriverData {
    merged_dir: Option<PathBuf>,
    upper_dir: Option<PathBuf>,
}

impl Inspected {
    /// Parses the answer; `None` if it is not about a container.
    pub(super) fn parse(answer: &str) -> Option<Self> {
        let answers: Vec<Inspected> = serde_json::from_str(answer).ok()?;
        answers.into_iter().next()
    }

    /// Whether this is the container of `caller`. The name of another container may equal the
    /// caller's host name.
    pub(super) fn is_of(&self, caller: &Caller) -> bool {
        if caller.ids.contains(&self.id) {
            return true;
        }
        let upper = |root: &CallerMount| root.upper_dir().map(PathBuf::from);
        let own = caller.root().and_then(upper);
        let is_same_root = own.is_some() && own == self.upper_dir().map(Path::to_owned);
        let name = caller.host_name.as_deref().unwrap_or_default();
        is_same_root || name.len() >= 12 && self.id.starts_with(name)
    }

    fn upper_dir(&self) -> Option<&Path> {
        let data = self.graph_driver.as_ref()?.data.as_ref()?;
        data.upper_dir.as_deref()
    }

    /// The name of the storage driver; empty if the engine does not tell.
    fn driver(&self) -> &str {
        let driver = self.graph_driver.as_ref();
        driver.map_or("", |driver| driver.name.as_str())
    }

    /// The directory at which the engine has the merged layers mounted, if the answer tells.
    pub(super) fn merged_dir(&self) -> Option<&Path> {
        let data = self.graph_driver.as_ref()?.data.as_ref()?;
        let merged = data.merged_dir.as_deref()?;
        (!merged.as_os_str().is_empty()).then_some(merged)
    }

    /// Where the engine sees the container's root file system. `store` is the directory of its
    /// store; `store_driver` is the driver that it names there.
    pub(super) fn root(&self, caller: &Caller, store: Option<&Store>) -> OuterRoot {
        if let Some(merged) = self.merged_dir() {
            return OuterRoot::At(merged.to_owned());
        }
        let Some(store) = store else {
            return OuterRoot::Unknown("the engine does not tell where its store is".to_owned());
        };
        let driver = match self.driver() {
            "" => store.driver.as_str(),
            driver => driver,
        };
        match caller.root() {
            // A driver without layers that are mounted: each container has a directory or a
            // subvolume below the driver's own.
            Some(root) if ["vfs", "btrfs"].contains(&driver) => {
                match below_driver(&root.root, driver) {
                    Some(path) => OuterRoot::At(store.root.join(path)),
                    None => unknown(driver),
                }
            }
            // The store of containerd, whose driver is a snapshotter.
            Some(root) if driver == "overlayfs" && root.file_system == "overlay" => {
                OuterRoot::At(store.root.join("rootfs").join(driver).join(&self.id))
            }
            _ => unknown(driver),
        }
    }

    /// The container as the place of `caller`.
    pub(super) fn nested(&self, caller: &Caller, root: OuterRoot) -> Nested {
        let mut mounts: Vec<OuterMount> = Vec::new();
        for mount in caller
            .mounts
            .iter()
            .filter(|mount| mount.point != Path::new("/"))
        {
            mounts.retain(|earlier| earlier.destination != mount.point);
            mounts.push(OuterMount {
                destination: mount.point.clone(),
                source: self.source(&mount.point),
                file_system: mount.file_system.clone(),
            });
        }
        mounts.sort_by(|a, b| a.destination.cmp(&b.destination));
        Nested {
            container: self.id.clone(),
            root,
            mounts,
        }
    }

    /// The path on the engine's machine of what is mounted at `point`.
    fn source(&self, point: &Path) -> Option<PathBuf> {
        let all = self.sources();
        let at = |path: &Path| {
            // Later mounts are made on top of earlier ones.
            let found = all
                .iter()
                .rev()
                .find(|(destination, _)| destination == path);
            found.map(|(_, source)| source.clone())
        };
        // What the engine did not mount by itself came with the directory around it.
        let around = point.ancestors().find_map(|path| Some((path, at(path)?)));
        let (path, source) = around?;
        let source = source.filter(|source| source.is_absolute())?;
        Some(match point.strip_prefix(path) {
            Ok(rest) if !rest.as_os_str().is_empty() => source.join(rest),
            _ => source,
        })
    }

    /// The mounts that the engine made: the destination without links, and the source if it is a
    /// path of the engine's machine.
    fn sources(&self) -> Vec<(PathBuf, Option<PathBuf>)> {
        let own = [
            ("/etc/resolv.conf", &self.resolv_conf_path),
            ("/etc/hostname", &self.hostname_path),
            ("/etc/hosts", &self.hosts_path),
        ];
        let own = own
            .into_iter()
            .filter_map(|(at, source)| Some((PathBuf::from(at), Some(source.clone()?))));
        let memory = self.host_config.iter().flat_map(|config| &config.tmpfs);
        let memory = memory.flat_map(BTreeMap::keys).map(|at| (at.clone(), None));
        let named = self.mounts.iter().flatten();
        let named = named.map(|mount| (mount.destination.clone(), Some(mount.source.clone())));
        let all = own.chain(named).chain(memory);
        all.map(|(at, source)| (os::canonical(&at).unwrap_or(at), source))
            .collect()
    }
}

/// The store of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Store {
    pub(super) driver: String,
    pub(super) root: PathBuf,
}

impl Store {
    /// Parses the answer to `info`: the driver, a blank, and the directory.
    pub(super) fn parse(answer: &str) -> Option<Self> {
        let (driver, root) = answer.trim().split_once(' ')?;
        Some(Store {
            driver: driver.to_owned(),
            root: root.into(),
        })
    }
}

fn unknown(driver: &str) -> OuterRoot {
    OuterRoot::Unknown(match driver {
        "" => "the engine does not name its storage driver".to_owned(),
        driver => format!("the storage driver `{driver}` is not known"),
    })
}

/// The end of `root` that begins with the directory of the driver.
fn below_driver(root: &Path, driver: &str) -> Option<PathBuf> {
    let parts: Vec<_> = root.iter().collect();
    let at = parts.iter().rposition(|part| *part == driver)?;
    (at + 1 < parts.len()).then(|| parts[at..].iter().collect())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    const ID: &str = "9d2d5a3e9a1c7c5b5a0c2f9d2d5a3e9a1c7c5b5a0c2f9d2d5a3e9a1c7c5b5a0c";

    fn inspected(fields: &str) -> Inspected {
        Inspected::parse(&format!(r#"[{{"Id": "{ID}"{fields}}}]"#)).unwrap()
    }

    fn root(fields: &str, mountinfo: &str, store: &str) -> OuterRoot {
        let caller = Caller::of(mountinfo, "", "", "");
        inspected(fields).root(&caller, Store::parse(store).as_ref())
    }

    const OVERLAY: &str = "1 2 0:5 / / rw - overlay overlay rw,upperdir=/x/u/diff\n";

    #[test]
    fn every_storage_driver_has_its_place() {
        let merged = r#", "GraphDriver": {"Name": "overlay2", "Data": {"MergedDir": "/d/overlay2/m/merged"}}"#;
        let at = |path: &str| OuterRoot::At(path.into());
        assert_eq!(root(merged, OVERLAY, ""), at("/d/overlay2/m/merged"));
        // A file system in user space, as docker 20.10 describes it and its containers see it.
        let fuse = r#", "GraphDriver": {"Name": "fuse-overlayfs", "Data": {"LowerDir": "/d/fuse-overlayfs/53-init/diff:/d/fuse-overlayfs/47/diff", "MergedDir": "/d/fuse-overlayfs/53/merged", "UpperDir": "/d/fuse-overlayfs/53/diff", "WorkDir": "/d/fuse-overlayfs/53/work"}}"#;
        let mounted =
            "1 2 0:58 / / rw - fuse.fuse-overlayfs fuse-overlayfs rw,user_id=0,group_id=0\n";
        assert_eq!(
            root(fuse, mounted, "fuse-overlayfs /d"),
            at("/d/fuse-overlayfs/53/merged")
        );
        // A container in containerd's store, as docker 25 and docker 29 describe it.
        let containerd = at(&format!("/d/rootfs/overlayfs/{ID}"));
        let named = r#", "GraphDriver": {"Data": null, "Name": "overlayfs"}"#;
        assert_eq!(root(named, OVERLAY, "overlayfs /d"), containerd);
        let other = r#", "Storage": {"RootFS": {"Snapshot": {"Name": "overlayfs"}}}"#;
        assert_eq!(root(other, OVERLAY, "overlayfs /d\n"), containerd);
        // Without layers that are mounted, the kernel tells the directory, as the file system has
        // it.
        let vfs = r#", "GraphDriver": {"Data": null, "Name": "vfs"}"#;
        let mounted = "1 2 8:1 /docker/vfs/dir/7f00 / rw - ext4 /dev/vdb rw\n";
        assert_eq!(root(vfs, mounted, "vfs /d"), at("/d/vfs/dir/7f00"));
        let btrfs = r#", "GraphDriver": {"Data": null, "Name": "btrfs"}"#;
        let mounted = "1 2 8:1 /btrfs/subvolumes/7f00 / rw - btrfs /dev/vdb rw\n";
        assert_eq!(
            root(btrfs, mounted, "btrfs /d"),
            at("/d/btrfs/subvolumes/7f00")
        );
        let OuterRoot::Unknown(why) = root(
            r#", "GraphDriver": {"Data": {"Dataset": "p/7f"}, "Name": "zfs"}"#,
            "1 2 0:5 / / rw - zfs p/7f rw\n",
            "zfs /d",
        ) else {
            panic!("zfs has no directory");
        };
        assert!(why.contains("`zfs`"), "{why}");
    }

    #[test]
    fn sources_are_the_engines_and_memory_has_none() {
        let fields = r#", "HostnamePath": "/d/c/hostname", "HostConfig": {"Tmpfs": {"/nowhere/m": ""}},
            "Mounts": [
                {"Type": "bind", "Source": "/home/u", "Destination": "/nowhere"},
                {"Type": "volume", "Name": "v", "Source": "/d/volumes/v/_data", "Destination": "/nowhere/v"},
                {"Type": "tmpfs", "Source": "", "Destination": "/nowhere/t"}
            ]"#;
        let points = [
            "/nowhere",
            "/nowhere/v",
            "/nowhere/t",
            "/nowhere/m",
            "/nowhere/came/along",
            "/proc",
        ];
        let lines = points.map(|point| format!("2 1 8:1 / {point} rw - ext4 /dev/vda rw\n"));
        let caller = Caller::of(&(OVERLAY.to_owned() + &lines.concat()), "", "", "");
        let nested = inspected(fields).nested(&caller, OuterRoot::At("/m".into()));
        let source = |point: &str| {
            let mut mounts = nested.mounts.iter();
            let found = mounts
                .find(|mount| mount.destination == Path::new(point))
                .unwrap();
            found.source.as_deref().and_then(Path::to_str)
        };
        assert_eq!(
            points.map(source),
            [
                Some("/home/u"),
                Some("/d/volumes/v/_data"),
                None,
                None,
                Some("/home/u/came/along"),
                None
            ]
        );
    }

    #[test]
    fn a_namesake_is_not_the_callers_container() {
        let container = inspected("");
        let by_id = format!("1 2 8:1 /d/containers/{ID}/hostname /etc/hostname rw - ext4 a rw\n");
        assert!(container.is_of(&Caller::of(&by_id, "", "", "web")));
        assert!(container.is_of(&Caller::of("", "", "", &ID[..12])));
        assert!(!container.is_of(&Caller::of("", "", "", "web")));
        let upper = r#", "GraphDriver": {"Name": "overlay2", "Data": {"UpperDir": "/x/u/diff"}}"#;
        assert!(inspected(upper).is_of(&Caller::of(OVERLAY, "", "", "web")));
    }
}

//! A cache of an engine's answers about images.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::engines::engine::{Engine, EngineKind};
use crate::engines::probe_cache::{self, FileStamp, ProbeCache};
use crate::engines::probe_validity;
use crate::image::cli::{self, ImageFacts};
use crate::process::host::Host;

/// The variables that select a CLI's store. Their values are paths and names, not secrets.
const STORE_VARIABLES: [&str; 7] = [
    "CONTAINERS_CONF",
    "CONTAINERS_STORAGE_CONF",
    "HOME",
    "STORAGE_DRIVER",
    "STORAGE_OPTS",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
];

/// Returns the cached answer of `engine` about the image `reference`, if it is still valid.
pub(crate) fn recall_image(engine: &Engine, host: &Host, reference: &str) -> Option<ImageFacts> {
    let (store, _) = probe_validity::of_images(engine, host)?;
    let key = image_key(engine, host, &store, reference)?;
    ProbeCache::in_cache(&host.cache).get(&file_name(&key), &key)
}

/// Stores the answer of `engine` about the image `reference`, which it gave to a query at
/// `asked_at`.
pub(crate) fn remember_image(
    engine: &Engine,
    host: &Host,
    reference: &str,
    asked_at: std::time::Duration,
    answer: &str,
) {
    let entry = || {
        let (store, mut stamps) = probe_validity::of_images(engine, host)?;
        let key = image_key(engine, host, &store, reference)?;
        let facts = cli::facts(reference, answer).ok()?;
        stamps.push(FileStamp::of(&engine.program));
        stamps.push(FileStamp::of(image_list(engine.kind, answer)?));
        Some((key, facts, stamps))
    };
    if let Some((key, facts, stamps)) = entry() {
        ProbeCache::in_cache(&host.cache).insert(&file_name(&key), &key, stamps, asked_at, &facts);
    }
}

/// The cache key; `None` for a hash, which may become invalid without a change of the image list.
fn image_key(engine: &Engine, host: &Host, store: &str, reference: &str) -> Option<String> {
    let digits = reference.trim_start_matches("sha256:");
    let is_hash = digits.chars().all(|digit| digit.is_ascii_hexdigit());
    if is_hash || reference.contains('@') {
        return None;
    }
    let variables = STORE_VARIABLES.map(|name| format!("{name}={:?}", host.variable(name)));
    Some(format!(
        "{reference} of {} {store} as {}:{}, {}",
        engine.program.display(),
        host.uid,
        host.gid,
        variables.join(" ")
    ))
}

fn file_name(key: &str) -> String {
    format!("image-{}", probe_cache::short_hash(key))
}

/// The file with a store's image list, found by the location of an image's files.
fn image_list(kind: EngineKind, answer: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Inspected {
        graph_driver: Driver,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Driver {
        name: String,
        data: Data,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Data {
        upper_dir: PathBuf,
    }
    let images: Vec<Inspected> = serde_json::from_str(answer).ok()?;
    let Driver { name, data } = &images.first()?.graph_driver;
    let mut ancestors = data.upper_dir.ancestors();
    let store = ancestors.find(|dir| dir.file_name().is_some_and(|file| file == name.as_str()))?;
    let root: &Path = store.parent()?;
    let list = match kind {
        EngineKind::Docker => root.join("image").join(name).join("repositories.json"),
        _ => root.join(format!("{name}-images")).join("images.json"),
    };
    list.is_file().then_some(list)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::process::clock;
    use crate::process::invocation::Variables;
    use std::fs;
    use std::os::unix::net::UnixListener;
    use std::time::Duration;

    struct Machine {
        dir: tempfile::TempDir,
    }

    impl Machine {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir_all(dir.path().join("store/overlay-images")).unwrap();
            fs::create_dir_all(dir.path().join("store/image/overlay")).unwrap();
            fs::create_dir(dir.path().join("cache")).unwrap();
            Machine { dir }
        }

        fn write(&self, path: &str, text: &str) {
            fs::write(self.dir.path().join(path), text).unwrap();
        }

        fn install(&self, program: &str) {
            use std::os::unix::fs::PermissionsExt as _;
            self.write(program, "");
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(self.dir.path().join(program), mode).unwrap();
        }

        fn host(&self) -> Host {
            let dir = self.dir.path().display().to_string();
            let variables = [
                ("HOME", dir.clone()),
                ("PATH", dir.clone()),
                ("DOCKER_HOST", format!("unix://{dir}/docker.sock")),
            ];
            let variables = variables.map(|(name, value)| (name.into(), value.into()));
            Host::new(Variables::from(variables), self.dir.path().join("cache"))
        }

        fn engine(&self, kind: EngineKind) -> Engine {
            Engine {
                program: self.dir.path().join(kind.name()),
                ..Engine::sample(kind)
            }
        }

        fn answer(&self) -> String {
            let upper = self.dir.path().join("store/overlay/0a/diff");
            format!(
                r#"[{{"Id": "sha256:1", "GraphDriver": {{"Name": "overlay", "Data": {{"UpperDir": {upper:?}}}}}}}]"#
            )
        }

        /// Stores an answer about `reference`, and recalls it after `change`.
        fn recalled(&self, kind: EngineKind, reference: &str, change: impl FnOnce()) -> bool {
            let (engine, host) = (self.engine(kind), self.host());
            let later = clock::unix_time() + Duration::from_secs(5);
            remember_image(&engine, &host, reference, later, &self.answer());
            change();
            recall_image(&engine, &host, reference).is_some()
        }
    }

    #[test]
    fn podmans_answer_holds_until_its_list_or_configuration_changes() {
        let machine = Machine::new();
        let list = "store/overlay-images/images.json";
        let recalled =
            |change: &dyn Fn()| machine.recalled(EngineKind::Podman, "localhost/a:1", change);
        assert!(!recalled(&|| ()), "a store whose list is not seen");
        machine.write(list, "[]");
        assert!(recalled(&|| ()));
        assert!(!recalled(&|| machine.write(list, "[1]")));
        assert!(recalled(&|| ()));
        let config = || {
            fs::create_dir_all(machine.dir.path().join(".config/containers")).unwrap();
            machine.write(".config/containers/storage.conf", "x");
        };
        assert!(!recalled(&config));
        machine.write(
            ".config/containers/containers.conf",
            "[engine]\nremote = true\n",
        );
        assert!(!recalled(&|| ()), "images of another machine");
    }

    #[test]
    fn an_answer_is_of_the_store_that_was_asked() {
        let machine = Machine::new();
        machine.write("store/overlay-images/images.json", "[]");
        let mut elsewhere = machine.host();
        let far = ("CONTAINER_HOST".into(), "ssh://far/podman.sock".into());
        elsewhere.variables.extend([far]);
        assert!(machine.recalled(EngineKind::Podman, "localhost/a:1", || ()));
        let podman = machine.engine(EngineKind::Podman);
        assert_eq!(recall_image(&podman, &elsewhere, "localhost/a:1"), None);

        machine.write("store/image/overlay/repositories.json", "{}");
        machine.install("dockerd");
        let _here = UnixListener::bind(machine.dir.path().join("docker.sock")).unwrap();
        let other = machine.dir.path().join("other.sock");
        let _other = UnixListener::bind(&other).unwrap();
        let mut elsewhere = machine.host();
        let address = format!("unix://{}", other.display());
        elsewhere
            .variables
            .extend([("DOCKER_HOST".into(), address.into())]);
        assert!(machine.recalled(EngineKind::Docker, "me/app:1", || ()));
        let docker = machine.engine(EngineKind::Docker);
        assert_eq!(recall_image(&docker, &elsewhere, "me/app:1"), None);
    }

    #[test]
    fn dockers_answer_holds_while_the_same_daemon_listens() {
        let machine = Machine::new();
        machine.write("store/image/overlay/repositories.json", "{}");
        machine.install("dockerd");
        let socket = machine.dir.path().join("docker.sock");
        let recalled = |change: &dyn Fn()| machine.recalled(EngineKind::Docker, "me/app:1", change);
        assert!(!recalled(&|| ()), "nobody listens");
        let daemon = std::cell::RefCell::new(Some(UnixListener::bind(&socket).unwrap()));
        assert!(recalled(&|| ()));
        assert!(
            !recalled(&|| drop(daemon.take())),
            "killed: its socket stays"
        );
        fs::remove_file(&socket).unwrap();
        let _again = UnixListener::bind(&socket).unwrap();
        assert!(!machine.recalled(EngineKind::Docker, "other:1", || {
            machine.write("dockerd", "updated")
        }));
        assert!(recalled(&|| ()));
        assert!(
            !machine.recalled(EngineKind::Docker, "me/app@sha256:12", || ()),
            "a hash"
        );
        assert!(
            !machine.recalled(EngineKind::Docker, "0123456789ab", || ()),
            "a hash"
        );
        fs::create_dir_all(machine.dir.path().join(".docker")).unwrap();
        machine.write(".docker/config.json", r#"{"currentContext": "far"}"#);
        assert!(!recalled(&|| ()), "the daemon of another machine");
    }
}

use std::time::Duration;

use super::*;
use crate::engines::engine::EngineKind;
use crate::process::invocation::{EnvValue, Variables};
use crate::spec::mount::Mount;
use crate::spec::run_spec::{Network, Stdio};

fn spec() -> RunSpec {
    RunSpec::new(Root::Image("i:1".into()), "/w", ["cargo", "build"])
        .mounts([Mount::write("/w"), Mount::scratch("/tmp/home")])
        .env([("A".to_owned(), EnvValue::Plain("1".into()))])
        .name("cross-x")
}

fn host(cache: &Path) -> Host {
    Host::new(Variables::new(), cache)
}

fn shared() -> ContainerPool {
    ContainerPool::new(ContainerReuse::across_processes(Duration::from_secs(60)))
}

fn name(pool: &ContainerPool, spec: &RunSpec, image: &ContainerImage, cache: &Path) -> String {
    let (_, reused) = pool
        .reused_container(
            &Engine::sample(EngineKind::Docker),
            spec,
            image,
            &host(cache),
        )
        .unwrap();
    reused.container
}

#[test]
fn what_is_fixed_is_said_when_it_starts_and_the_rest_when_it_is_entered() {
    let image = ContainerImage::new(None, vec!["/entry".to_owned()]);
    let (enter, reused) = shared()
        .reused_container(
            &Engine::sample(EngineKind::Docker),
            &spec(),
            &image,
            &host(Path::new("/c")),
        )
        .unwrap();
    let name = &reused.container;
    let (base, generation) = name.split_at(name.len() - "-1-reused".len());
    assert_eq!(generation, "-1-reused");
    // The separators of Windows are those of files that the engine's client reads.
    let start = reused.start.args.join(" ").replace('\\', "/");
    let expected = format!(
        "run --rm --detach --name {name} --pull never --label org.cross-core.run \
         --label org.cross-core.reused=/c/reused-shared/{base} --label org.cross-core.reused-image=i:1 --no-healthcheck \
         --security-opt label=disable --security-opt no-new-privileges --cap-drop ALL --network none --user 1000:1001 \
         --pids-limit 16384 \
         --env http_proxy= --env https_proxy= --env ftp_proxy= --env all_proxy= --env no_proxy= \
         --env HTTP_PROXY= --env HTTPS_PROXY= --env FTP_PROXY= --env ALL_PROXY= --env NO_PROXY= \
         --mount type=tmpfs,dst=/tmp/home,tmpfs-mode=1777 --mount type=bind,src=/w,dst=/w \
         --mount type=bind,src=/c/reused-shared/{base}/shown,dst=/run/cross-reused,readonly \
         --mount type=bind,src=/c/relays,dst=/c/relays \
         --workdir / --entrypoint sh i:1 -c "
    );
    assert!(start.starts_with(&expected), "{start}\n{expected}");
    assert!(start.ends_with(" cross 60 0"), "{start}");
    let enter = enter.args.join(" ");
    let expected = format!("exec --interactive --workdir /w --env A {name} /entry sh -c ");
    assert!(enter.starts_with(&expected), "{enter}");
    assert!(enter.ends_with(" cross cargo build"), "{enter}");
}

#[test]
fn one_that_is_nobody_elses_hangs_on_its_client() {
    let pool = ContainerPool::new(ContainerReuse::new());
    let (_, reused) = pool
        .reused_container(
            &Engine::sample(EngineKind::Docker),
            &spec(),
            &ContainerImage::default(),
            &host(Path::new("/c")),
        )
        .unwrap();
    assert_eq!(reused.start.args[..3], ["run", "--rm", "--interactive"]);
    assert_eq!(reused.start.args.last().unwrap(), "1");
    let other = name(
        &ContainerPool::new(ContainerReuse::new()),
        &spec(),
        &ContainerImage::default(),
        Path::new("/c"),
    );
    assert_ne!(reused.container, other, "another pool, another container");
}

#[test]
fn a_key_has_everything_that_is_fixed_and_nothing_else() {
    let cache = tempfile::tempdir().unwrap();
    let (pool, image) = (shared(), ContainerImage::default());
    let name = |spec: &RunSpec, image: &ContainerImage| name(&pool, spec, image, cache.path());
    let first = name(&spec(), &image);
    let same = [
        spec(),
        spec().env([("B".to_owned(), EnvValue::Plain("2".into()))]),
        spec().stdio(Stdio::Inherit).terminal(true),
        spec().jobserver(Some("/c/jobs".into())),
    ];
    for spec in same {
        assert_eq!(name(&spec, &image), first, "{spec:?}");
    }
    let other = [
        spec().network(Network::Default),
        spec().mounts([Mount::read("/usr")]),
        spec()
            .mounts([Mount::read("/w")])
            .root(Root::Image("i:2".into())),
        spec().user_namespace(Some("host".into())),
        spec().platform(Some("linux/arm64".into())),
        spec().seccomp(Some("/c/seccomp.json".into())),
    ];
    for spec in other {
        assert_ne!(name(&spec, &image), first, "{spec:?}");
    }
    let id = |id: &str| ContainerImage::new(Some(id.to_owned()), Vec::new());
    assert_ne!(
        name(&spec(), &id("sha256:1")),
        name(&spec(), &id("sha256:2"))
    );
}

#[test]
fn a_directory_that_was_made_again_is_another_one() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("toolchain"), dir.path().join("new"));
    fs::create_dir(&old).unwrap();
    fs::create_dir(&new).unwrap();
    let spec = spec().mounts([Mount::read(&old)]);
    let pool = shared();
    let name = || name(&pool, &spec, &ContainerImage::default(), dir.path());
    let first = name();
    assert_eq!(name(), first);
    fs::rename(&old, dir.path().join("gone")).unwrap();
    fs::rename(&new, &old).unwrap();
    assert_ne!(name(), first);
}

#[test]
fn the_name_is_known_before_the_directories_that_are_written_exist() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("target");
    let spec = spec().mounts([Mount::write(&target)]);
    let (pool, image, host) = (shared(), ContainerImage::default(), host(dir.path()));
    let slot = || {
        pool.slot(&Engine::sample(EngineKind::Docker), &spec, &image, &host)
            .unwrap()
    };
    let planned = slot().name(1);
    fs::create_dir(&target).unwrap();
    let slot_1 = slot();
    assert_eq!(slot_1.name(1), planned);
    fs::create_dir_all(&slot_1.dir).unwrap();
    let record = Record {
        key: slot_1.key.clone(),
        purpose: slot_1.purpose.clone(),
        image: slot_1.image.clone(),
        generation: 1,
        idle: 60,
        used: Duration::ZERO,
    };
    record.write(&slot_1.dir).unwrap();
    let status = |generation, running| SlotStatus {
        generation,
        running,
    };
    assert_eq!(pool.status(&slot()), status(1, true));
    // The running container has the old directory.
    fs::rename(&target, dir.path().join("gone")).unwrap();
    assert_eq!(pool.status(&slot()), status(2, false));
    fs::create_dir(&target).unwrap();
    assert_eq!(pool.status(&slot()), status(2, false));
}

#[test]
fn what_is_remembered_is_believed_for_its_time_and_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let record = Record {
        key: "k".to_owned(),
        purpose: "p".to_owned(),
        image: "i".to_owned(),
        generation: 3,
        idle: 60,
        used: Duration::ZERO,
    };
    record.write(dir.path()).unwrap();
    let read = || Record::read(dir.path()).unwrap();
    assert!(read().is_fresh(Duration::from_secs(60)));
    assert_eq!((read().key.as_str(), read().generation), ("k", 3));
    record::expire(dir.path());
    assert!(!read().is_fresh(Duration::from_secs(60)));
    record::touch(dir.path());
    assert!(read().is_fresh(Duration::from_secs(60)));
    assert!(!read().is_fresh(Duration::ZERO));
    fs::write(dir.path().join("record.json"), "{").unwrap();
    assert_eq!(Record::read(dir.path()), None);
}

#[test]
fn a_users_words_for_run_keep_nothing() {
    let pool = shared();
    assert!(pool.can_run(&Engine::sample(EngineKind::Docker), &spec()));
    assert!(!pool.can_run(
        &Engine::sample(EngineKind::Docker),
        &spec().options(["--env", "A=2"])
    ));
}

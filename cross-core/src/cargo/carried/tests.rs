//! Tests of what is carried, and of what is said of the rest.

use std::fs;

use cross_engine::os::System;

use super::*;

const HOST: &str = "x86_64-unknown-linux-gnu";
const TARGET: &str = "thumbv8m.main-none-eabi";

const TEXT: &str = r#"
    [build]
    rustc-wrapper = "/usr/bin/sccache"
    build-dir = "/fast/disk"
    target-dir = "out"
    rustflags = ["-Ctarget-cpu=native"]
    [target.x86_64-unknown-linux-gnu]
    linker = "clang"
    runner = "gdb"
    [target."thumbv8m.main-none-eabi"]
    linker = "arm-none-eabi-gcc"
    rustflags = ["-Clink-arg=-Tlink.x"]
    [target.'cfg(unix)']
    runner = "sudo"
    [target.other]
    linker = "ld"
    [env]
    GREETING = "hello"
    [alias]
    x = "run"
"#;

struct Machine {
    dir: tempfile::TempDir,
    sets_linkers: bool,
    keeps_programs: bool,
}

impl Machine {
    fn new(files: &[(&str, &str)]) -> Self {
        let machine = Machine {
            dir: tempfile::tempdir().unwrap(),
            sets_linkers: true,
            keeps_programs: false,
        };
        for (path, text) in [("w/app/made", ""), ("home/made", "")].iter().chain(files) {
            let path = machine.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        machine
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn carried(&self) -> Carried {
        let root = self.path("w/app");
        let read = |path: &Path| fs::read_to_string(path).ok();
        let configs = Configs::find(&root, Some(&self.path("home")), &read).unwrap();
        Carried::of(&Surroundings {
            configs: &configs,
            holds: &|name| name == "cfg(unix)" || name == "cfg(all())",
            dir: &root,
            inside_dir: &root,
            cargo_home: &self.path("home"),
            roots: vec![&root],
            host: HOST,
            target: TARGET,
            keeps_programs: self.keeps_programs,
            sets_linkers: self.sets_linkers,
        })
    }
}

fn keys(carried: &Carried) -> Vec<&str> {
    let mut keys: Vec<_> = carried.left_out.iter().map(|it| it.key.as_str()).collect();
    keys.sort_unstable();
    keys
}

const FOR_HOST: [&str; 5] = [
    "build.build-dir",
    "build.rustc-wrapper",
    "target.'cfg(unix)'.runner",
    "target.'thumbv8m.main-none-eabi'.linker",
    "target.x86_64-unknown-linux-gnu.linker",
];

#[test]
fn a_file_of_the_sources_is_changed_only_where_no_variable_overrides_it() {
    let mut machine = Machine::new(&[("w/app/.cargo/config.toml", TEXT)]);
    let carried = machine.carried();
    assert_eq!(keys(&carried), FOR_HOST);
    assert_eq!(carried.replaced, []);
    assert!(carried.shows_runner && carried.shows_build_dir);
    assert_eq!(carried.text, "");
    machine.sets_linkers = false;
    let carried = machine.carried();
    let [(path, text)] = &carried.replaced[..] else {
        panic!("{:?}", carried.replaced);
    };
    assert!(path.ends_with("w/app/.cargo/config.toml"));
    let expected = r#"
        build.rustflags = ["-Ctarget-cpu=native"]
        target."thumbv8m.main-none-eabi".rustflags = ["-Clink-arg=-Tlink.x"]
        env.GREETING = "hello"
    "#;
    assert_eq!(
        text.parse::<toml::Table>().unwrap(),
        expected.parse().unwrap()
    );
}

#[test]
fn files_that_a_run_does_not_find_are_merged_and_paths_are_absolute() {
    let machine = Machine::new(&[
        ("home/config.toml", TEXT),
        (
            "w/.cargo/config.toml",
            "include = \"more/a.toml\"\nbuild.rustflags = [\"-Cdebuginfo=0\"]\n\
             patch.crates-io.a = { path = \"../a\" }\nenv.DIR = { value = \"x\", relative = true }\n",
        ),
        ("w/.cargo/more/a.toml", "source.v.directory = \"vendor\"\n"),
        ("a/Cargo.toml", ""),
        ("w/.cargo/vendor/made", ""),
    ]);
    let carried = machine.carried();
    assert_eq!(keys(&carried), FOR_HOST);
    assert_eq!(carried.replaced, []);
    assert!(!carried.shows_runner);
    let table: toml::Table = carried.text.parse().unwrap();
    let flags = ["-Ctarget-cpu=native", "-Cdebuginfo=0"].map(toml::Value::from);
    assert_eq!(table["build"]["rustflags"], flags.to_vec().into());
    let text = |path: &str| {
        let place = System::HERE.inside(&machine.path(path)).unwrap();
        toml::Value::from(place.display().to_string())
    };
    assert_eq!(table["patch"]["crates-io"]["a"]["path"], text("a"));
    assert_eq!(table["env"]["DIR"]["value"], text("w/x"));
    assert_eq!(
        table["source"]["v"]["directory"],
        text("w/.cargo/vendor"),
        "the directory around the one of the included file"
    );
    let packages: Vec<_> = carried.named.configured_packages().collect();
    assert_eq!(packages, [&machine.path("a")]);
    let crates: Vec<_> = carried.named.sources().collect();
    assert_eq!(crates, [&machine.path("w/.cargo/vendor")]);
}

#[test]
fn an_image_may_have_the_linker_that_the_sources_name_but_not_that_of_the_user() {
    let mut machine = Machine::new(&[
        ("w/app/.cargo/config.toml", TEXT),
        (
            "home/config.toml",
            "[target.'cfg(all())']\nlinker = \"mold\"\n",
        ),
    ]);
    machine.keeps_programs = true;
    let carried = machine.carried();
    assert_eq!(
        keys(&carried),
        [FOR_HOST[0], FOR_HOST[1], "target.'cfg(all())'.linker"]
    );
    let programs: Vec<_> = carried.programs.iter().map(|it| &*it.variable).collect();
    assert_eq!(
        programs,
        [
            "CARGO_TARGET_THUMBV8M_MAIN_NONE_EABI_RUNNER",
            "CARGO_TARGET_THUMBV8M_MAIN_NONE_EABI_LINKER"
        ]
    );
}

#[test]
fn an_address_that_replaces_another_is_known_by_its_password() {
    let of = |text: &str| {
        let machine = Machine::new(&[("home/config", text)]);
        let carried = machine.carried();
        assert!(!carried.text.contains("s3cret"));
        carried.secret_replacement
    };
    let mirror = "[source.mirror]\nregistry = \"https://me:s3cret@a.invalid/\"\n";
    assert_eq!(of(mirror), None, "it replaces nothing");
    let replaced = format!("{mirror}[source.crates-io]\nreplace-with = \"mirror\"\n");
    assert_eq!(
        of(&replaced).as_deref(),
        Some("https://[redacted]@a.invalid/")
    );
    assert_eq!(of(&replaced.replace("me:s3cret@", "")), None);
}

#[test]
fn secrets_and_tables_that_nobody_knows_stay_outside_and_are_named() {
    let text = "[registries.mine]\nindex = \"sparse+https://a.invalid/\"\ntoken = \"s3cret\"\n\
                [env]\nMY_TOKEN = \"s3cret\"\n[http]\nproxy = \"http://s3cret@p:1\"\n\
                [future]\nx = \"s3cret\"\n";
    let carried = Machine::new(&[("home/config.toml", text)]).carried();
    let expected = [
        "env.MY_TOKEN",
        "future",
        "http.proxy",
        "registries.mine.token",
    ];
    assert_eq!(keys(&carried), expected);
    assert_eq!(
        carried.text,
        "\"registries\".\"mine\".\"index\" = \"sparse+https://a.invalid/\"\n"
    );
}

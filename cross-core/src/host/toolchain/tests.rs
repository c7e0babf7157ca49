use super::*;
use cross_engine::Variables;
use std::fs;

struct Machine(tempfile::TempDir);

impl Machine {
    fn new(settings: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["stable", "nightly", "1.85.0"] {
            let bin = dir
                .path()
                .join(format!("rustup/toolchains/{name}-{}/bin", host_triple()));
            fs::create_dir_all(&bin).unwrap();
            fs::write(bin.join("cargo"), "").unwrap();
        }
        fs::create_dir_all(dir.path().join("w/app/src")).unwrap();
        let project = dir.path().join("w");
        let settings = settings.replace("DIR/w", project.to_str().unwrap());
        fs::write(dir.path().join("rustup/settings.toml"), settings).unwrap();
        Machine(dir)
    }

    fn name(&self, extra: &[(&str, &str)]) -> Result<String> {
        let mut variables = Variables::from([(
            "RUSTUP_HOME".into(),
            self.0.path().join("rustup").into_os_string(),
        )]);
        variables.extend(extra.iter().map(|(k, v)| (k.into(), v.into())));
        let host = Host::new(variables, "/nonexistent");
        let dir = self.0.path().join("w/app");
        let found = find(&ToolchainPreference::Host, &dir, &host, &host_triple())?;
        match found.source {
            ToolchainSource::Host { name, .. } => Ok(name),
            other => panic!("{other:?}"),
        }
    }
}

/// The toolchain `name` for environments on a machine with `system`, on which rustup runs.
fn on(system: System, machine: &Machine, name: &str, platform: &str) -> Result<String> {
    let host = Host::new(Variables::new(), "/nonexistent");
    let rustup = Rustup {
        home: Some(machine.0.path().join("rustup")),
        host: &host,
        system,
    };
    match rustup.named(name, "a test", machine.0.path(), platform)? {
        ToolchainSource::Host { name, .. } => Ok(name),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_environments_toolchain_is_linuxs_whatever_the_host_is() {
    for (system, own, program) in [
        (System::Mac, "aarch64-apple-darwin", "cargo"),
        (System::Windows, "x86_64-pc-windows-gnu", "cargo.exe"),
    ] {
        let machine = Machine::new(&format!("default_host_triple = \"{own}\"\n"));
        let name = format!("stable-{own}");
        // What runs on the host is no toolchain for an environment, even if it is there alone.
        let bin = machine.0.path().join("rustup/toolchains").join(&name);
        fs::create_dir_all(bin.join("bin")).unwrap();
        fs::write(bin.join("bin").join(program), "").unwrap();
        let inside = on(system, &machine, &name, &host_triple()).unwrap();
        assert_eq!(inside, full("stable"));
        assert_eq!(on(system, &machine, "stable", own).unwrap(), name);
        assert_eq!(on(system, &machine, &name, own).unwrap(), name);
        let sysroot = machine.0.path().join("rustup/toolchains").join(&inside);
        fs::remove_dir_all(sysroot).unwrap();
        let none = on(system, &machine, &name, &host_triple());
        assert_eq!(none.unwrap_err().kind(), ErrorKind::Toolchain);
    }
}

#[test]
fn a_linked_toolchain_of_another_system_is_refused_for_an_environment() {
    let machine = Machine::new("default_toolchain = \"mine\"\n");
    let sysroot = machine.0.path().join("rustup/toolchains/mine");
    fs::create_dir_all(sysroot.join("bin")).unwrap();
    let write =
        |name: &str, bytes: &[u8]| fs::write(sysroot.join("bin").join(name), bytes).unwrap();
    let directory = ToolchainPreference::Directory(sysroot.clone());
    let of_directory = || {
        let host = Host::new(Variables::new(), "/nonexistent");
        source(&directory, machine.0.path(), &host, &host_triple())
    };
    write("cargo", b"#!/bin/sh\n");
    for (magic, name, system) in [
        (&b"\xcf\xfa\xed\xfe "[..], "rustc", "macOS"),
        (b"\xca\xfe\xba\xbe ", "rustc", "macOS"),
        (b"MZ  ", "rustc.exe", "Windows"),
    ] {
        write(name, magic);
        for error in [machine.name(&[]).unwrap_err(), of_directory().unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Toolchain);
            assert!(
                error.to_string().contains(&format!("are {system}'s")),
                "{error}"
            );
            assert!(error.help().unwrap().contains(&host_triple()));
        }
        fs::remove_file(sysroot.join("bin").join(name)).unwrap();
    }
    write("rustc", b"\x7fELF ");
    assert_eq!(machine.name(&[]).unwrap(), "mine");
    of_directory().unwrap();
    // The host's own cargo is its system's.
    write("cargo.exe", b"MZ  ");
    let own = on(System::Windows, &machine, "mine", "x86_64-pc-windows-msvc");
    assert_eq!(own.unwrap(), "mine");
}

fn full(channel: &str) -> String {
    format!("{channel}-{}", host_triple())
}

#[test]
fn the_active_toolchain_follows_rustups_precedence() {
    let machine =
        Machine::new("default_toolchain = \"stable\"\n[overrides]\n'DIR/w' = \"nightly\"\n");
    assert_eq!(machine.name(&[]).unwrap(), full("nightly"));
    assert_eq!(
        machine.name(&[("RUSTUP_TOOLCHAIN", "stable")]).unwrap(),
        full("stable")
    );
    let file = machine.0.path().join("w/app/rust-toolchain.toml");
    fs::write(file, "[toolchain]\nchannel = \"1.85.0\"\n").unwrap();
    assert_eq!(machine.name(&[]).unwrap(), full("1.85.0"));
}

#[test]
fn a_toolchain_file_that_rustup_refuses_is_no_reason_for_another_toolchain() {
    let machine = Machine::new("default_toolchain = \"stable\"\n");
    let file = |name: &str| machine.0.path().join("w/app").join(name);
    for (name, text) in [
        ("rust-toolchain.toml", "channel = \"1.85.0\"\n"),
        ("rust-toolchain.toml", "[toolchain]\nchanel = \"1.85.0\"\n"),
        (
            "rust-toolchain.toml",
            "[toolchain]\nchannel = \"1.85.0\"\npath = \"x\"\n",
        ),
        ("rust-toolchain.toml", "1.85.0\n"),
        ("rust-toolchain", ""),
    ] {
        fs::write(file(name), text).unwrap();
        let error = machine.name(&[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Toolchain, "{text}");
        assert!(error.to_string().contains(name), "{error}");
        fs::remove_file(file(name)).unwrap();
    }
    for (name, text, toolchain) in [
        ("rust-toolchain", "nightly\n", "nightly"),
        (
            "rust-toolchain",
            "[toolchain]\nchannel = \"nightly\"\n",
            "nightly",
        ),
        (
            "rust-toolchain.toml",
            "[toolchain]\ntargets = []\n",
            "stable",
        ),
        (
            "rust-toolchain.toml",
            "[toolchain]\nprofile = \"minimal\"\n",
            "stable",
        ),
    ] {
        fs::write(file(name), text).unwrap();
        assert_eq!(machine.name(&[]).unwrap(), full(toolchain), "{text}");
        fs::remove_file(file(name)).unwrap();
    }
}

#[test]
fn a_toolchain_that_is_not_installed_is_reported_with_its_reason() {
    let machine = Machine::new("default_toolchain = \"beta\"\n");
    let error = machine.name(&[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Toolchain);
    assert_eq!(
        error.to_string(),
        "toolchain `beta` (rustup's default) is not installed"
    );
    assert!(
        error
            .help()
            .unwrap()
            .contains("rustup toolchain install beta")
    );
}

#[test]
fn the_version_and_its_commit_come_from_the_channel_manifest() {
    let dir = tempfile::tempdir().unwrap();
    let rustlib = dir.path().join("lib/rustlib");
    fs::create_dir_all(&rustlib).unwrap();
    fs::write(
        rustlib.join("multirust-channel-manifest.toml"),
        "[pkg.cargo]\nversion = \"0.96.0 (f2d)\"\n\n[pkg.rust]\nversion = \"1.95.0 (598 2026-04-14)\"\n",
    )
    .unwrap();
    let commit = Some("598 2026-04-14".to_owned());
    assert_eq!(
        recorded_release(dir.path()),
        Some(("1.95.0".to_owned(), commit))
    );
}

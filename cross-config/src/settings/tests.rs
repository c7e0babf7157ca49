//! The values that each setting accepts and rejects.

use super::*;

fn read(variables: &[(&str, &str)]) -> (Settings, Vec<String>) {
    let set = |env: Env, (name, value): &(&str, &str)| env.set(*name, *value);
    let mut problems = Vec::new();
    let settings = Settings::read(&variables.iter().fold(Env::new(), set), &mut problems);
    let problems = problems.iter().map(ToString::to_string).collect();
    (settings, problems)
}

fn usable(variables: &[(&str, &str)]) -> Settings {
    let (settings, problems) = read(variables);
    assert_eq!(problems, [""; 0], "{variables:?}");
    settings
}

#[test]
fn an_empty_environment_sets_nothing() {
    let settings = usable(&[]);
    assert_eq!(settings, Settings::default());
    assert_eq!(settings.rows().count(), 0);
    for setting in SETTINGS {
        for name in setting.variables {
            assert_eq!(usable(&[(name, "")]), Settings::default(), "{name}");
        }
    }
}

#[test]
fn every_setting_is_read_from_each_of_its_variables() {
    for setting in SETTINGS.iter().filter(|setting| !setting.auto) {
        for name in setting.variables {
            let settings = usable(&[(name, setting.example)]);
            let rows: Vec<_> = settings.rows().collect();
            assert_eq!(rows.len(), 1, "{name}");
            assert_eq!(rows[0].0, setting.variables[0]);
            assert_eq!(rows[0].1.origin, Origin::Variable((*name).to_owned()));
        }
    }
}

#[test]
fn arguments_are_split_as_a_shell_splits_them() {
    let name = "CROSS_CONTAINER_OPTS";
    let settings = usable(&[(name, "--env 'A=b c' -v\\ x \"\"")]);
    assert_eq!(
        settings.container_opts.value,
        ["--env", "A=b c", "-v x", ""]
    );
    let (settings, problems) = read(&[(name, "--env 'A")]);
    assert_eq!(settings, Settings::default());
    assert_eq!(
        problems,
        ["CROSS_CONTAINER_OPTS: invalid value `--env \\'A` [invalid-value]"]
    );
}

#[test]
fn old_names_are_read_and_reported() {
    let (settings, problems) = read(&[("DOCKER_OPTS", "-x"), ("CROSS_DOCKER_IN_DOCKER", "yes")]);
    assert_eq!(
        settings.container_opts.to_owned().origin,
        Origin::Variable("DOCKER_OPTS".to_owned())
    );
    assert!(settings.in_container.is_some_and(|it| it.value));
    assert_eq!(
        problems,
        [
            "DOCKER_OPTS: deprecated name of CROSS_CONTAINER_OPTS [deprecated]",
            "CROSS_DOCKER_IN_DOCKER: deprecated name of CROSS_CONTAINER_IN_CONTAINER [deprecated]",
        ]
    );
    let (settings, problems) = read(&[("DOCKER_OPTS", "-x"), ("CROSS_CONTAINER_OPTS", "-y")]);
    assert_eq!(settings.container_opts.value, ["-y"]);
    assert_eq!(
        problems,
        ["DOCKER_OPTS: deprecated name of CROSS_CONTAINER_OPTS, and is ignored [deprecated]"]
    );
}

#[test]
fn auto_says_nothing() {
    let rootless = |text| {
        let settings = usable(&[("CROSS_ROOTLESS_CONTAINER_ENGINE", text)]);
        settings.rootless.map(|rootless| rootless.value)
    };
    assert_eq!(rootless("auto"), None);
    assert_eq!((rootless("1"), rootless("no")), (Some(true), Some(false)));
    let namespace = |text| {
        usable(&[("CROSS_CONTAINER_USER_NAMESPACE", text)])
            .user_namespace
            .value
    };
    assert_eq!(namespace("auto"), UserNamespace::Host);
    assert_eq!(namespace("none"), UserNamespace::None);
    assert_eq!(
        namespace("keep-id"),
        UserNamespace::Named("keep-id".to_owned())
    );
}

#[test]
fn what_is_no_value_is_an_error_and_sets_nothing() {
    for (name, text) in [
        ("CROSS_BUILD_PROGRESS", "rawjson"),
        ("CROSS_CONTAINER_ENGINE_NO_BUILDKIT", "maybe"),
        ("CROSS_ROOTLESS_CONTAINER_ENGINE", "maybe"),
        ("CROSS_CONTAINER_UID", "root"),
        ("CROSS_CONTAINER_GID", "-1"),
        ("CROSS_CUSTOM_TOOLCHAIN", "2"),
        ("CROSS_CONTAINER_USER_NAMESPACE", " "),
        ("NIX_STORE", " "),
    ] {
        let (settings, problems) = read(&[(name, text)]);
        assert_eq!(settings, Settings::default(), "{name}");
        let expected = format!("{name}: invalid value `{text}` [invalid-value]");
        assert_eq!(problems, [expected]);
    }
}

#[test]
fn an_older_behaviour_is_not_to_be_had() {
    let (_, problems) = read(&[("CROSS_COMPATIBILITY_VERSION", "0.2.1")]);
    assert_eq!(
        problems,
        ["CROSS_COMPATIBILITY_VERSION: older behaviour is not emulated [no-effect]"]
    );
}

#[test]
fn a_relative_path_is_relative_to_the_current_directory() {
    let mut settings = usable(&[("NIX_STORE_DIR", "nix"), ("NIX_STORE", "/other")]);
    settings.resolve_paths(Path::new("/here"));
    assert_eq!(
        settings.nix_store.unwrap().to_owned().value,
        Path::new("/here/nix")
    );
}

#[test]
fn the_values_of_variables_in_arguments_are_hidden() {
    let opts = "-e TOKEN=hunter2 --env=KEY=hunter2 -eX=hunter2 --memory=2g --label plain";
    let settings = usable(&[("CROSS_CONTAINER_OPTS", opts)]);
    let (_, row) = settings.rows().next().unwrap();
    assert!(!row.value.contains("hunter2"), "{}", row.value);
    for shown in ["TOKEN=", "--env=KEY=", "-eX=", "--memory=2g", "plain"] {
        assert!(row.value.contains(shown), "{}", row.value);
    }
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn a_later_environment_covers_what_it_sets() {
    let mut settings = usable(&[("CROSS_CONTAINER_UID", "1"), ("CROSS_BUILD_OPTS", "-a")]);
    settings.overlay(&usable(&[("CROSS_BUILD_OPTS", "-b")]));
    assert_eq!(settings.uid.unwrap().value, 1);
    assert_eq!(settings.build_opts.value, ["-b"]);
}

//! Attacks on secrets: in variables, in URLs, in the user's files, and in what a run prints.

use crate::attacker::{Attack, SECRET};
use crate::report::Said;
use crate::seat::{Seat, Shared, on_seats};

on_seats! {
    cross_variables_stay_outside: sandbox_as_root sandbox_as_user docker podman nested remote;
    no_variable_passes_by_its_family: sandbox_as_root sandbox_as_user docker podman nested remote;
    variables_with_secrets_stay_outside: sandbox_as_root sandbox_as_user docker podman nested remote;
    registry_tokens_in_urls_stay_outside: sandbox_as_root sandbox_as_user docker podman nested remote;
    tokens_in_the_workspaces_own_config_stay_outside: sandbox_as_root sandbox_as_user docker podman nested remote;
    the_users_files_are_not_seen: sandbox_as_root sandbox_as_user docker podman nested remote;
    a_tests_network_settings_have_no_password: sandbox_as_root sandbox_as_user docker podman nested remote;
    what_is_configured_does_reach_the_inside: sandbox_as_user podman;
    plans_do_not_show_tokens: sandbox_as_root docker;
    errors_do_not_show_tokens_in_urls: sandbox_as_user docker;
}

/// Looks for the secret in the variables and command lines of all processes, and in all files that
/// are not the environment's own.
const LOOKS: &str = r##"
    fn search(dir: &Path, depth: u32, found: &mut Vec<String>) {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let kind = match entry.file_type() {
                Ok(kind) => kind,
                Err(_) => continue,
            };
            let path = entry.path();
            let others = ["/dev", "/proc", "/sys", "/usr", "/etc", "/var", "/opt"];
            if path == workspace().join("target") || others.iter().any(|other| path == Path::new(other)) {
                continue;
            }
            if kind.is_dir() && depth < 12 {
                search(&path, depth + 1, found);
            } else if kind.is_file() && !path.starts_with(workspace().join("build.rs")) && !path.starts_with(workspace().join("src")) {
                look(&path, found);
            }
        }
    }
    fn look(path: &Path, found: &mut Vec<String>) {
        // What is bound over a file may be a device, and endless.
        if fs::metadata(path).map_or(true, |meta| !meta.is_file()) {
            return;
        }
        let mut text = Vec::new();
        let _ = File::open(path).and_then(|file| file.take(1 << 20).read_to_end(&mut text));
        if text.windows(12).any(|part| part == b"s3cret-decoy") {
            found.push(path.display().to_string());
        }
    }
    let mut found = Vec::new();
    for (name, value) in std::env::vars_os() {
        if value.to_string_lossy().contains("s3cret-decoy") {
            found.push(name.to_string_lossy().into_owned());
        }
    }
    for pid in processes() {
        let words = fs::read(format!("/proc/{}/cmdline", pid)).unwrap_or_default();
        let variables = fs::read(format!("/proc/{}/environ", pid)).unwrap_or_default();
        let words = words.split(|byte| *byte == 0).chain(variables.split(|byte| *byte == 0));
        for word in words.map(String::from_utf8_lossy).filter(|word| word.contains("s3cret-decoy")) {
            found.push(word.split('=').next().unwrap().to_owned());
        }
    }
    search(Path::new("/"), 0, &mut found);
    search(workspace().parent().unwrap(), 0, &mut found);
    let home = workspace().parent().unwrap().join("home");
    for path in [".ssh/id_ed25519", ".cargo/credentials.toml", ".netrc", ".git-credentials", ".docker/config.json"] {
        look(&home.join(path), &mut found);
    }
    found.sort();
    found.dedup();
    tell("secrets", found.join("|"));
"##;

/// Variables of the user's, by why somebody might think that they are wanted inside.
const OF_CROSS: [&str; 5] = [
    "CROSS_TOKEN",
    "CROSS_REMOTE_PASSWORD",
    "CROSS_RELEASE_KEY",
    "CROSS_",
    "CROSS_CUSTOM",
];
/// Cargo's own families are not all cargo's.
const OF_FAMILIES: [&str; 6] = [
    "CARGO_TERM_TOKEN",
    "CARGO_PROFILE_TOKEN",
    "CARGO_UNSTABLE_TOKEN",
    "LC_TOKEN",
    "RUST_TOKEN",
    "QEMU_TOKEN",
];
const OF_OTHERS: [&str; 10] = [
    "CARGO_REGISTRY_TOKEN",
    "CARGO_REGISTRIES_MINE_TOKEN",
    "GITHUB_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "SSH_AUTH_SOCK",
    "GIT_ASKPASS",
    "GIT_CONFIG_VALUE_0",
    "NPM_TOKEN",
    "DOCKER_AUTH_CONFIG",
    "SIGNING_KEY",
];
/// Without a network there is no proxy to be told of.
const PROXIES: [&str; 4] = ["HTTP_PROXY", "https_proxy", "ALL_PROXY", "no_proxy"];

/// A configuration of cargo's with a user name and a token in every URL and in other keys.
fn config() -> String {
    format!(
        "[registries.mine]\nindex = \"sparse+https://me:{SECRET}@127.0.0.1:1/index/\"\ntoken = \"{SECRET}\"\n\
         [registries.token-as-user]\nindex = \"sparse+https://{SECRET}@127.0.0.1:1/index/\"\n\
         [registries.in-query]\nindex = \"sparse+https://127.0.0.1:1/index/?token={SECRET}\"\n\
         [source.mirror]\nregistry = \"sparse+https://me:{SECRET}@127.0.0.1:1/mirror/\"\n\
         [source.git-mirror]\ngit = \"https://me:{SECRET}@127.0.0.1:1/mirror.git\"\nbranch = \"main\"\n\
         [http]\nproxy = \"http://me:{SECRET}@127.0.0.1:1\"\n\
         [env]\nMY_TOKEN = \"{SECRET}\"\n"
    )
}

/// The configuration of docker's client, which sets the variables in every container.
fn proxies_of_docker() -> String {
    let proxy = format!("http://me:{SECRET}@127.0.0.1:1");
    let keys = ["httpProxy", "httpsProxy", "ftpProxy", "allProxy", "noProxy"];
    let keys = keys.map(|key| format!("{key:?}: {proxy:?}"));
    format!("{{\"proxies\": {{\"default\": {{{}}}}}}}", keys.join(", "))
}

/// What a build script and a test said who looked, with all that is secret around them.
fn looked(seat: Seat) -> &'static Said {
    static SHARED: Shared = Shared::new();
    SHARED.of(seat, || {
        let own = format!(
            "[registries.mine]\nindex = \"sparse+https://me:{SECRET}@127.0.0.1:1/index/\"\ntoken = \"{SECRET}\"\n"
        );
        let mut attack = Attack::on(seat)
            .build_script(LOOKS)
            .program_and_test(LOOKS)
            .file("../home/.cargo/config.toml", &config())
            .file("../.cargo/config.toml", &config())
            .file("../home/.docker/config.json", &proxies_of_docker())
            .file(".cargo/config.toml", &own);
        for name in OF_CROSS.iter().chain(&OF_FAMILIES).chain(&OF_OTHERS) {
            attack = attack.set(name, SECRET);
        }
        for name in PROXIES {
            attack = attack.set(name, &format!("http://me:{SECRET}@127.0.0.1:1"));
        }
        let said = attack.run("test");
        said.succeeded();
        said
    })
}

/// That nothing that is found, at any time, is so.
#[track_caller]
fn none_is(seat: Seat, is: impl Fn(&str) -> bool) {
    let mut found = Vec::new();
    for looked in looked(seat).all_told("secrets") {
        found.extend(looked.split('|').filter(|name| is(name)));
    }
    assert!(found.is_empty(), "{found:?}");
}

fn cross_variables_stay_outside(seat: Seat) {
    none_is(seat, |name| OF_CROSS.contains(&name));
}

fn no_variable_passes_by_its_family(seat: Seat) {
    none_is(seat, |name| OF_FAMILIES.contains(&name));
}

fn variables_with_secrets_stay_outside(seat: Seat) {
    none_is(seat, |name| OF_OTHERS.contains(&name));
}

fn a_tests_network_settings_have_no_password(seat: Seat) {
    none_is(seat, |name| PROXIES.contains(&name));
}

/// The user's own, and that of a directory above the workspace.
fn registry_tokens_in_urls_stay_outside(seat: Seat) {
    none_is(seat, |name| {
        name.contains("/.cargo/config") && !name.contains("/app/")
    });
}

/// It is among the sources, which are seen.
fn tokens_in_the_workspaces_own_config_stay_outside(seat: Seat) {
    none_is(seat, |name| name.contains("/app/.cargo/config"));
}

/// And nothing else, wherever it is.
fn the_users_files_are_not_seen(seat: Seat) {
    none_is(seat, |name| {
        name.contains('/') && !name.contains("/.cargo/config")
    });
    looked(seat).no_secret_was_said();
}

/// What the user names passes, and what is meant for cargo.
fn what_is_configured_does_reach_the_inside(seat: Seat) {
    let attack = Attack::on(seat)
        .file(
            "Cross.toml",
            "[build]\nenv.passthrough = [\"APP_BUILD_ID\"]\n",
        )
        .set("APP_BUILD_ID", "42")
        .set("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
        .set("CARGO_TERM_COLOR", "never")
        .build_script(
            "    for name in [\"APP_BUILD_ID\", \"OPT_LEVEL\"] {\n        \
             tell(name, std::env::var(name).unwrap_or_default());\n    }",
        );
    let said = attack.run("build");
    said.succeeded();
    assert_eq!(said.told("APP_BUILD_ID"), "42");
    assert_eq!(said.told("OPT_LEVEL"), "1");
}

/// A plan is printed, kept by CI, and sent to others.
fn plans_do_not_show_tokens(seat: Seat) {
    let attack = Attack::on(seat)
        .file("../home/.cargo/config.toml", &config())
        .file(
            "Cross.toml",
            "[build]\nenv.passthrough = [\"RELEASE_TOKEN\", \"INLINE=s3cret-decoy\"]\n",
        )
        .set("RELEASE_TOKEN", SECRET)
        .set("CROSS_TOKEN", SECRET)
        .set("HTTPS_PROXY", &format!("http://me:{SECRET}@127.0.0.1:1"));
    let said = attack.run("plan");
    said.succeeded();
    assert!(said.output().contains("\"shown\""), "{}", said.shown());
    said.no_secret_was_said();
}

/// Cargo says where it could not fetch from.
fn errors_do_not_show_tokens_in_urls(seat: Seat) {
    let manifest = |dependency: &str| {
        format!(
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\n{dependency}\n"
        )
    };
    for dependency in [
        format!("other = {{ git = \"https://me:{SECRET}@127.0.0.1:1/other.git\" }}"),
        "other = { version = \"1\", registry = \"mine\" }".to_owned(),
    ] {
        let attack = Attack::on(seat)
            .file("Cargo.toml", &manifest(&dependency))
            .file("../home/.cargo/config.toml", &config())
            .set("CARGO_NET_RETRY", "0");
        std::fs::remove_file(attack.path("Cargo.lock")).unwrap();
        let said = attack.run("build");
        said.failed();
        said.no_secret_was_said();
    }
}

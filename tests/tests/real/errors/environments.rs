//! Environments and images that cannot be had.

use std::fs;

use cross_tests::{PlainUser, Project, tool};

use super::{Case, TARGET, rows};

rows! {
    a_package_that_does_not_exist => PackageNotFound
        ["building the environment", "`libnope-dev:arm64`"] ["`packages`", "Cross.toml"]
        || with_packages("\"libnope-dev\"").error();
    a_package_of_an_architecture_that_debian_calls_otherwise => PackageNotFound
        ["`libssl-dev:aarch64`"] ["`arm64`", ":native"]
        || with_packages("\"libssl-dev:aarch64\"").error();
    packages_that_exclude_each_other => Environment
        ["cannot be installed together", "libcurl4-gnutls-dev", "libcurl4-openssl-dev"]
        ["`packages`", "Cross.toml"]
        || with_packages("\"libcurl4-gnutls-dev\", \"libcurl4-openssl-dev\"").error();
    a_suite_that_does_not_exist => Environment
        ["does not have the suite"] ["`suite`", "`bookworm`"]
        || Case::new(Project::new("app").cross_toml("[build]\nsuite = \"nowhere\"\n")).own_cache().error();
    a_proxy_that_is_not_there => Unreachable
        ["building the environment", "127.0.0.1"] ["`http_proxy`"]
        || {
            let nobody = "http://127.0.0.1:9";
            with_packages("\"hello\"").own_cache().env(|env| {
                env.set("http_proxy", nobody).set("https_proxy", nobody).remove("no_proxy")
            }).error()
        };
    a_cache_without_space => Environment
        ["no space left on device"] ["free some space"] || {
            let case = with_packages("\"hello\"").own_cache();
            let cache = case.leftovers.own_cache();
            fs::create_dir(&cache).unwrap();
            let mount = cross_engine::Invocation::new("mount")
                .args(["-t", "tmpfs", "-o", "size=40m,mode=0700", "small", cache.to_str().unwrap()]);
            tool::stdout(&mount);
            let error = super::failed(case.cross.build(TARGET).run());
            tool::stdout(&cross_engine::Invocation::new("umount").arg(cache.to_str().unwrap()));
            case.leftovers.are_none();
            error
        };
    a_pre_build_command_that_fails => CommandFailed
        ["`false` failed with exit status 1"] ["Cross.toml:2:", "set -e"]
        || pre_build("sandbox", "pre-build = [\"true\", \"false\"]").error();
    a_pre_build_command_that_says_why => CommandFailed
        ["`ls /nowhere` failed with exit status 2", "cannot access '/nowhere'"] ["Cross.toml:2:"]
        || pre_build("sandbox", "pre-build = [\n    \"ls /nowhere\",\n    \"true\",\n]").error();
    a_pre_build_command_without_its_program => CommandFailed
        ["`frobnicate --all` failed with exit status 127", "not found"] ["`packages = [\"PACKAGE:native\"]`"]
        || pre_build("sandbox", "pre-build = \"frobnicate --all\"").error();
    a_pre_build_package_that_does_not_exist => CommandFailed
        ["`apt-get install --assume-yes libnope`", "Unable to locate package libnope"] ["Cross.toml:2:"]
        || pre_build("sandbox", "pre-build = [\"apt-get install --assume-yes libnope\"]").error();
    a_pre_build_command_that_is_killed => CommandFailed
        ["`sh -c 'kill -9 $$'` failed with exit status 137"] ["memory"]
        || pre_build("sandbox", "pre-build = [\"sh -c 'kill -9 $$'\"]").error();
    a_pre_build_script_that_fails => CommandFailed
        ["`pre-build` failed with exit status 3", "no luck"] ["Cross.toml:2:"] || {
            let mut case = pre_build("sandbox", "pre-build = \"setup.sh\"");
            case.project = case.project.file("setup.sh", "#!/bin/sh\necho no luck >&2\nexit 3\n");
            case.error()
        };
    a_pre_build_command_on_an_image_that_fails => CommandFailed
        ["`false` failed with exit status 1"] ["Cross.toml:3:"] || on_image("pre-build = [\"true\", \"false\"]").error();
    a_pre_build_command_on_an_image_that_says_why => CommandFailed
        ["`ls /nowhere` failed with exit status", "/nowhere"] ["Cross.toml:3:"]
        || on_image("pre-build = [\"ls /nowhere\"]").error();
    a_dockerfile_that_fails => CommandFailed
        ["`/bin/sh -c ls /nowhere` failed with exit status", "/nowhere"] ["`RUN`", "Dockerfile"] || {
            let case = Case::on("docker", Project::new("app")
                .cross_toml(&format!("[target.{TARGET}]\ndockerfile = \"Dockerfile\"\n"))
                .file("Dockerfile", "ARG CROSS_BASE_IMAGE\nFROM $CROSS_BASE_IMAGE\nRUN ls /nowhere\n"));
            case.error()
        };
    an_image_that_does_not_exist => ImageNotFound
        ["was not found"] ["name", "registry"] || {
            let toml = format!("[target.{TARGET}]\nimage = \"cross-test-nope:1\"\n");
            let case = Case::on("podman", Project::new("app").cross_toml(&toml));
            let registries = case.project.outer().join("registries.conf");
            fs::write(&registries, "unqualified-search-registries = []\n").unwrap();
            case.env(|env| env.set("CONTAINERS_REGISTRIES_CONF", &registries)).error()
        };
    a_registry_that_is_not_there => Unreachable
        ["registry cannot be reached"] ["network"] || {
            let toml = format!("[target.{TARGET}]\nimage = \"127.0.0.1:9/x:1\"\n");
            Case::on("docker", Project::new("app").cross_toml(&toml)).error()
        };
}

/// A project with packages that no environment has.
fn with_packages(packages: &str) -> Case {
    let toml = format!("[build]\npackages = [{packages}]\n");
    Case::new(Project::new("app").cross_toml(&toml))
}

fn pre_build(engine: &str, line: &str) -> Case {
    let toml = format!("[build]\n{line}\n");
    Case::on(engine, Project::new("app").cross_toml(&toml))
}

/// A `pre-build` on the image of the recipe.
fn on_image(line: &str) -> Case {
    let built = Case::on("docker", Project::new("app"))
        .cross
        .build(TARGET)
        .run()
        .unwrap();
    let cross_core::engine::EnvironmentLocation::Image(image) = built.environment.location else {
        panic!("{:?}", built.environment.location);
    };
    let toml = format!("[target.{TARGET}]\nimage = \"{image}\"\n{line}\n");
    Case::on("docker", Project::new("app").cross_toml(&toml))
}

/// A user whose machine has no subordinate ids, or not the program that uses them.
#[test]
fn a_user_without_subordinate_ids_is_told_what_to_install_or_to_add() {
    for (script, words) in [
        (
            "mount --bind /dev/null /etc/subuid",
            ["no range in /etc/subuid", "usermod --add-subuids"],
        ),
        (
            "mount --bind /dev/null /etc/subgid",
            ["no range in /etc/subgid", "--add-subgids"],
        ),
        (
            "mkdir -p \"$0/empty\" && mount -t tmpfs none /usr/local/sbin && \
             for it in newuidmap newgidmap; do mount --bind /dev/null $(command -v $it); done",
            ["`newuidmap` is not installed", "install `uidmap`"],
        ),
    ] {
        let user = PlainUser::get();
        let project = Project::new("app").cross_toml("[build]\npackages = [\"hello\"]\n");
        let caller = user.owns(&project, std::path::Path::new(env!("CARGO_BIN_EXE_caller")));
        let env = user.env();
        let outer = project.outer().to_str().unwrap().to_owned();
        let variables = env
            .iter()
            .map(|(name, value)| format!("{}={}", name.to_str().unwrap(), value.to_str().unwrap()));
        let words_of_caller = ["runuser", "-u", "cross-test", "--", "env", "-i"].map(str::to_owned);
        let call = [&caller, "build", "sandbox", TARGET].map(str::to_owned);
        let run = cross_engine::Invocation::new("unshare")
            .args([
                "--mount",
                "sh",
                "-c",
                &format!("{script}\nexec \"$@\""),
                &outer,
            ])
            .args(words_of_caller.into_iter().chain(variables).chain(call))
            .cwd(project.path());
        let said = tool::output(&run).stdout;
        let last = said.lines().last().unwrap_or_default();
        let said: serde_json::Value = serde_json::from_str(last).unwrap();
        let error = &said["error"];
        assert_eq!(error["kind"], "Environment", "{said}");
        let message = error["message"].as_str().unwrap();
        let help = error["help"].as_str().unwrap();
        assert!(
            message.contains("user namespaces") && message.contains(words[0]),
            "{message}"
        );
        assert!(help.contains(words[1]) && help.contains("docker"), "{help}");
    }
}

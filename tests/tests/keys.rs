//! Every key and variable of the configuration on real engines: each test fails without the feature
//! it is named after.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use cross_core::{
    Cross, Env, ErrorKind, binary::Binary, engine::EnvironmentLocation, events::EventKind,
};
use cross_engine::Invocation;
use cross_tests::{Leftovers, Project, on_engines, real_env, tool};

const TARGET: &str = "aarch64-unknown-linux-gnu";
const HOST: &str = "x86_64-unknown-linux-gnu";

/// A project with its leftovers, on an engine.
struct Case {
    project: Project,
    leftovers: Leftovers,
    engine: &'static str,
    env: Env,
}

impl Case {
    fn new(engine: &'static str, cross_toml: &str) -> Self {
        let project = Project::new("app").cross_toml(cross_toml);
        let leftovers = Leftovers::of(&project);
        Case {
            env: leftovers.env(),
            project,
            leftovers,
            engine,
        }
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.project = self.project.file(path, text);
        self
    }

    /// Sets the body of the program's `main`.
    fn main(self, body: &str) -> Self {
        self.file("src/main.rs", &format!("fn main() {{ {body} }}\n"))
    }

    /// Adds lines to `[dependencies]` in the manifest.
    fn dependencies(mut self, lines: &str) -> Self {
        self.project = self.project.without("Cargo.lock");
        let head = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
        self.file("Cargo.toml", &format!("{head}[dependencies]\n{lines}"))
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.env = self.env.set(name, value);
        self
    }

    fn cross(&self) -> Cross {
        self.project
            .cross()
            .env(self.env.clone())
            .engine(self.engine)
    }

    /// Runs the program for `target` and returns its output.
    #[track_caller]
    fn prints_for(&self, target: &str) -> String {
        let ran = self.cross().run(target).capture(true).run();
        let ran = ran.unwrap_or_else(|error| {
            panic!(
                "{error}\nhelp: {:?}\n{}",
                error.help(),
                self.project.recorder().output()
            )
        });
        self.leftovers.are_none();
        ran.stdout.unwrap()
    }

    #[track_caller]
    fn prints(&self) -> String {
        self.prints_for(TARGET)
    }
}

on_engines! {
    a_passed_on_variable_reaches_a_build_script
    a_file_in_a_volume_can_be_included
    a_configured_runner_starts_the_program
    qemu_strace_shows_the_system_calls
    the_nix_store_is_mounted
    a_rustc_wrapper_in_the_workspaces_configuration_is_not_used
}

// Each of these makes its own environment, which takes a minute. Docker and podman import one in
// the same way, which other suites test.
on_engines! { @ libraries_from_packages_and_pre_build_are_linked sandbox docker }
on_engines! { @ a_toolchain_directory_compiles sandbox }

/// A program that prints the versions of two linked libraries of the distribution.
const LIBRARIES: &str = "extern \"C\" { fn zlibVersion() -> *const std::ffi::c_char; }\n\
    fn main() {\n\
    let zlib = unsafe { std::ffi::CStr::from_ptr(zlibVersion()) }.to_str().unwrap();\n\
    let openssl = unsafe { openssl_sys::OpenSSL_version_num() };\n\
    println!(\"zlib {zlib}, OpenSSL {openssl:x} on {}\", std::env::consts::ARCH);\n}\n";

fn libraries_from_packages_and_pre_build_are_linked(engine: &'static str) {
    let toml = format!(
        "[build]\npackages = [\"zlib1g-dev\"]\n[target.{TARGET}]\npre-build = [\n\
         \"export DEBIAN_FRONTEND=noninteractive\",\n\
         \"apt-get update && apt-get install --assume-yes libssl-dev:$CROSS_DEB_ARCH\",\n]\n"
    );
    let case = Case::new(engine, &toml)
        .dependencies("openssl-sys = \"0.9\"\n[build-dependencies]\npkg-config = \"0.3\"\n")
        .file(
            "build.rs",
            "fn main() { pkg_config::probe_library(\"zlib\").unwrap(); }\n",
        )
        .file("src/main.rs", LIBRARIES);
    let printed = case.prints();
    assert!(printed.starts_with("zlib 1."), "{printed}");
    assert!(printed.contains(", OpenSSL 3"), "{printed}");
    assert!(printed.ends_with("on aarch64\n"), "{printed}");
    let again = case.cross().build(TARGET).plan().unwrap();
    assert!(again.environment.exists, "it is made once: {again}");
}

fn a_passed_on_variable_reaches_a_build_script(engine: &'static str) {
    let toml = "[build.env]\npassthrough = [\"GIVEN\", \"WRITTEN=in the file\"]\n";
    let build = "fn main() { for name in [\"GIVEN\", \"WRITTEN\"] { \
                 println!(\"cargo:rustc-env={name}={}\", std::env::var(name).unwrap()); } }\n";
    let case = Case::new(engine, toml)
        .set("GIVEN", "by the caller")
        .file("build.rs", build);
    let case = case.main("println!(\"{}, {}\", env!(\"GIVEN\"), env!(\"WRITTEN\"));");
    assert_eq!(case.prints(), "by the caller, in the file\n");
}

fn a_file_in_a_volume_can_be_included(engine: &'static str) {
    let case = Case::new(engine, "[build.env]\nvolumes = [\"SHARED\"]\n");
    let case = case.file("../shared/text", "from the volume");
    let shared = case.project.outer().join("shared");
    let case = case.set("SHARED", shared.to_str().unwrap());
    let case = case.main("println!(\"{}\", include_str!(concat!(env!(\"SHARED\"), \"/text\")));");
    assert_eq!(case.prints(), "from the volume\n");
}

fn a_configured_runner_starts_the_program(engine: &'static str) {
    let toml = format!("[target.{TARGET}]\nrunner = \"env STARTED_BY=me qemu-aarch64-static\"\n");
    let case = Case::new(engine, &toml);
    let case = case.main("println!(\"{}\", std::env::var(\"STARTED_BY\").unwrap());");
    assert_eq!(case.prints(), "me\n");
}

fn qemu_strace_shows_the_system_calls(engine: &'static str) {
    let case = Case::new(engine, "").set("QEMU_STRACE", "1");
    case.prints();
    let said = case.project.recorder().output();
    assert!(said.contains("exit_group(0)"), "{said}");
}

fn a_toolchain_directory_compiles(engine: &'static str) {
    let case = Case::new(engine, "");
    let sysroot = tool::rustc().parent().unwrap().parent().unwrap().to_owned();
    let cross = case.cross().toolchain(sysroot.to_str().unwrap());
    let built = cross.build(HOST).run().unwrap();
    assert_eq!(built.toolchain.sysroot(), Some(sysroot.as_path()));
    let version = tool::stdout(&Invocation::new(tool::rustc()).arg("--version"));
    let expected = version.split(' ').nth(1).unwrap();
    assert_eq!(built.toolchain.version.as_deref(), Some(expected));
    case.leftovers.are_none();
}

fn the_nix_store_is_mounted(engine: &'static str) {
    let case = Case::new(engine, "");
    let store = case.project.outer().join("store");
    let case = case.file("../store/hash-hello/text", "from the store");
    let text = store.join("hash-hello/text");
    let case = case.set("NIX_STORE_DIR", store.to_str().unwrap());
    let case = case.main(&format!("println!(\"{{}}\", include_str!({text:?}));"));
    assert_eq!(case.prints(), "from the store\n");
}

fn a_rustc_wrapper_in_the_workspaces_configuration_is_not_used(engine: &'static str) {
    let case = Case::new(engine, "").file("../wrapper", "#!/bin/sh\nexec \"$@\"\n");
    // The host has the wrapper, and the environment does not.
    let wrapper = case.project.outer().join("wrapper");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!(
        "[build]\nrustc-wrapper = {wrapper:?}\n[target.{HOST}]\nlinker = \"/no/such/ld\"\n"
    );
    let case = case.file(".cargo/config.toml", &config);
    let case = case.file("build.rs", "fn main() {}\n");
    assert_eq!(case.prints(), "hello from aarch64\n");
}

on_engines! { @ the_compiler_of_a_dockerfile_is_used docker podman }
on_engines! { @ a_dockerfile_may_copy_from_its_context docker podman }
on_engines! { @ a_configured_image_is_used_with_its_variables docker podman }
on_engines! { @ pre_build_runs_on_top_of_an_image docker podman }
on_engines! { @ container_options_are_passed_on docker podman }
on_engines! { @ build_options_are_passed_on docker podman }
on_engines! { @ the_ids_can_be_chosen docker podman }

/// A Dockerfile on the image of the recipe, whose C compiler identifies itself.
const DOCKERFILE: &str = "ARG CROSS_BASE_IMAGE\nFROM $CROSS_BASE_IMAGE\nARG WORD\n\
    RUN printf '#!/bin/sh\\nexec aarch64-linux-gnu-gcc -DWORD=%s \"$@\"\\n' $WORD > /usr/bin/my-gcc \
    && chmod 755 /usr/bin/my-gcc\n\
    ENV CC_aarch64_unknown_linux_gnu=my-gcc\n";

fn with_c(case: Case) -> Case {
    case.dependencies("[build-dependencies]\ncc = \"1.2\"\n")
        .file(
            "build.rs",
            "fn main() { cc::Build::new().file(\"src/word.c\").compile(\"word\"); }\n",
        )
        .file("src/word.c", "#define TEXT(it) #it\n#define OF(it) TEXT(it)\nconst char *word(void) { return OF(WORD); }\n")
        .file(
            "src/main.rs",
            "extern \"C\" { fn word() -> *const std::ffi::c_char; }\n\
             fn main() { println!(\"{}\", unsafe { std::ffi::CStr::from_ptr(word()) }.to_str().unwrap()); }\n",
        )
}

fn the_compiler_of_a_dockerfile_is_used(engine: &'static str) {
    let toml = format!(
        "[target.{TARGET}.dockerfile]\nfile = \"docker/my.Dockerfile\"\nbuild-args = {{ WORD = \"mine\" }}\n"
    );
    let case = with_c(Case::new(engine, &toml)).file("docker/my.Dockerfile", DOCKERFILE);
    assert_eq!(case.prints(), "mine\n");
    let plan = case.cross().build(TARGET).plan().unwrap();
    assert!(plan.environment.exists, "it is built once: {plan}");
    remove(&case, &plan.environment.location);
}

fn a_dockerfile_may_copy_from_its_context(engine: &'static str) {
    let toml = format!("[target.{TARGET}]\ndockerfile = \"Dockerfile\"\n");
    let dockerfile = "ARG CROSS_BASE_IMAGE\nFROM $CROSS_BASE_IMAGE\nCOPY docker/word /etc/word\n";
    let case = Case::new(engine, &toml)
        .file("Dockerfile", dockerfile)
        .file("docker/word", "first")
        .main("println!(\"{}\", std::fs::read_to_string(\"/etc/word\").unwrap());");
    assert_eq!(case.prints(), "first\n");
    let case = case.file("docker/word", "second");
    assert_eq!(case.prints(), "second\n", "what changed is copied again");
    let plan = case.cross().build(TARGET).plan().unwrap();
    remove(&case, &plan.environment.location);
}

/// Builds an image of the user on the image of the recipe, with its own name and variables.
fn users_image(case: &Case, tag: &str) -> String {
    let base = Project::new("base");
    let plan = base.cross().engine(case.engine).build(TARGET).plan();
    let plan = plan.unwrap();
    if !plan.environment.exists {
        plan.clone()
            .only_environment()
            .execute(&cross_core::Cancel::new())
            .unwrap();
    }
    let EnvironmentLocation::Image(base) = plan.environment.location else {
        panic!("{} has images", case.engine);
    };
    let image = format!("localhost/cross-test:{tag}-{}", std::process::id());
    let dockerfile = format!(
        "FROM {base}\nENV CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc\n\
         ENV WHOSE=mine\n"
    );
    let context = case.project.outer().join("image");
    fs::create_dir_all(&context).unwrap();
    fs::write(context.join("Dockerfile"), dockerfile).unwrap();
    let build = Invocation::new(case.engine).args(["build", "--tag", &image]);
    tool::stdout(
        &build
            .env("DOCKER_BUILDKIT", "0")
            .arg(context.to_str().unwrap()),
    );
    image
}

fn remove(case: &Case, location: &EnvironmentLocation) {
    if let EnvironmentLocation::Image(image) = location {
        tool::output(&Invocation::new(case.engine).args(["image", "rm", image]));
    }
}

fn a_configured_image_is_used_with_its_variables(engine: &'static str) {
    let case = Case::new(engine, "").main("println!(\"{}\", std::env::var(\"WHOSE\").unwrap());");
    let image = users_image(&case, "own");
    let toml = format!("[target.{TARGET}]\nimage = \"{image}\"\n");
    let case = case.file("Cross.toml", &toml);
    assert_eq!(case.prints(), "mine\n");
    remove(&case, &EnvironmentLocation::Image(image));
}

fn pre_build_runs_on_top_of_an_image(engine: &'static str) {
    let case = Case::new(engine, "")
        .main("println!(\"{}\", std::fs::read_to_string(\"/etc/made\").unwrap().trim());")
        .file("scripts/pre.sh", "#!/bin/sh\necho \"for $1\" > /etc/made\n");
    let image = users_image(&case, "pre-build");
    let toml = format!("[target.{TARGET}]\nimage = \"{image}\"\npre-build = \"scripts/pre.sh\"\n");
    let case = case.file("Cross.toml", &toml);
    assert_eq!(case.prints(), format!("for {TARGET}\n"));
    let plan = case.cross().build(TARGET).plan().unwrap();
    assert!(plan.environment.exists, "it is built once: {plan}");
    let other = case.file("scripts/pre.sh", "#!/bin/sh\necho other > /etc/made\n");
    assert_eq!(other.prints(), "other\n", "another script is another image");
    remove(&other, &plan.environment.location);
    let plan = other.cross().build(TARGET).plan().unwrap();
    remove(&other, &plan.environment.location);
    remove(&other, &EnvironmentLocation::Image(image));
}

fn container_options_are_passed_on(engine: &'static str) {
    let case = Case::new(engine, "").set("CROSS_CONTAINER_OPTS", "--hostname 'called-so'");
    let case =
        case.main("println!(\"{}\", std::fs::read_to_string(\"/etc/hostname\").unwrap().trim());");
    assert_eq!(case.prints(), "called-so\n");
}

fn build_options_are_passed_on(engine: &'static str) {
    let case = Case::new(engine, "")
        .set("CROSS_BUILD_OPTS", "--label told=yes")
        .file(
            "Dockerfile",
            "ARG CROSS_BASE_IMAGE\nFROM $CROSS_BASE_IMAGE\nENV B=1\n",
        )
        .file(
            "Cross.toml",
            &format!("[target.{TARGET}]\ndockerfile = \"Dockerfile\"\n"),
        );
    case.prints();
    let plan = case.cross().build(TARGET).plan().unwrap();
    let EnvironmentLocation::Image(image) = &plan.environment.location else {
        panic!("{engine} has images");
    };
    let label = "{{index .Config.Labels \"told\"}}";
    let ask = Invocation::new(engine).args(["image", "inspect", "--format", label, image]);
    assert_eq!(tool::stdout(&ask).trim(), "yes");
    remove(&case, &plan.environment.location);
}

fn the_ids_can_be_chosen(engine: &'static str) {
    let case = Case::new(engine, "")
        .set("CROSS_CONTAINER_UID", "1234")
        .set("CROSS_CONTAINER_GID", "4321")
        .set("CROSS_ROOTLESS_CONTAINER_ENGINE", "0");
    let plan = case.cross().build(TARGET).plan().unwrap();
    let shown = plan.to_string();
    assert!(shown.contains("--user '1234:4321'"), "{shown}");
}

/// Without Zig, the program would need the glibc of its environment, 2.34 or newer.
#[test]
fn zig_links_with_the_named_glibc() {
    let case = Case::new("sandbox", &format!("[target.{HOST}]\nzig = \"2.17\"\n"));
    let built = case.cross().build(HOST).run().unwrap();
    let program = Binary::read(&built.executables().next().unwrap().path).unwrap();
    assert!(program.runs_on("2.17".parse().unwrap()), "{program}");
    let reported = built.executables().map(|program| program.glibc);
    assert_eq!(reported.collect::<Vec<_>>(), [program.glibc]);
    assert_eq!(case.prints_for(HOST), "hello from x86_64\n");
}

/// A build script that links a library of the environment bypasses Zig: `getrandom` came with glibc
/// 2.25, and `arc4random` with 2.36.
const NEWER: &str = "use std::ffi::c_void;\n\
    extern \"C\" { fn arc4random() -> u32; fn getrandom(to: *mut c_void, n: usize, f: u32) -> isize; }\n\
    fn main() { let mut it = unsafe { arc4random() };\n\
    unsafe { getrandom((&raw mut it).cast(), 4, 0) };\n\
    println!(\"{it}\"); }\n";

#[test]
fn a_program_that_needs_a_newer_glibc_is_an_error() {
    let floor = format!("{HOST}.2.17");
    let case = Case::new("sandbox", "").file("src/main.rs", NEWER).file(
        "build.rs",
        "fn main() { for it in [\"libc.so.6\", \"ld-linux-x86-64.so.2\"] {\n\
         println!(\"cargo:rustc-link-arg=/usr/lib/x86_64-linux-gnu/{it}\"); } }\n",
    );
    let app = case
        .project
        .path()
        .join("target")
        .join(HOST)
        .join("debug/app");
    let refused = |error: cross_core::Error| {
        let said = error.to_string();
        assert_eq!(error.kind(), ErrorKind::GlibcFloor, "{said}");
        let start = format!(
            "`{}` needs glibc 2.36, but 2.17 was requested: ",
            app.display()
        );
        assert!(said.starts_with(&start), "{said}");
        assert!(said.contains("arc4random (2.36)"), "{said}");
        assert!(said.contains("getrandom (2.25)"), "{said}");
        assert!(error.help().unwrap().contains("build script"), "{said}");
        assert!(!app.exists(), "it is not published");
    };
    refused(case.cross().build(&floor).run().unwrap_err());
    refused(
        case.cross()
            .cargo(["build", "--target", &floor])
            .run()
            .unwrap_err(),
    );
    case.leftovers.are_none();

    let good = case
        .main("println!(\"hello\")")
        .file("build.rs", "fn main() {}\n");
    let done = good
        .cross()
        .cargo(["build", "--target", &floor])
        .run()
        .unwrap();
    assert_eq!(done.code, 0);
    let events = good.project.recorder().events();
    let told = events.into_iter().find_map(|event| match event.kind {
        EventKind::NeedsGlibc { path, glibc, .. } if path == app => Some(glibc),
        _ => None,
    });
    assert_eq!(told, Binary::read(&app).unwrap().glibc);
    assert!(told.is_some(), "std needs glibc");
}

#[test]
fn build_std_builds_the_standard_library() {
    let case = Case::new("sandbox", &format!("[target.{TARGET}]\nbuild-std = true\n"));
    assert_eq!(case.prints(), "hello from aarch64\n");
    let compiled = |package: &str| {
        let events = case.project.recorder().events();
        events.iter().any(
            |event| matches!(&event.kind, EventKind::Compiled { package: name, .. } if name == package),
        )
    };
    assert!(compiled("std") && compiled("core"));
}

/// A program that prints the kernel's architecture, exits with a code or by a signal, and has a
/// failing test.
const IN_A_MACHINE: &str = "fn main() {\n\
    println!(\"{}\", std::fs::read_to_string(\"/proc/version\").unwrap());\n\
    eprintln!(\"{:?} {:?}\", std::env::args().nth(1), std::env::var(\"GIVEN\"));\n\
    match std::env::args().nth(2).unwrap().as_str() {\n\
    \"abort\" => std::process::abort(), code => std::process::exit(code.parse().unwrap()) } }\n\
    #[test] fn passes() { std::os::unix::net::UnixListener::bind(std::env::temp_dir().join(\"it\")).unwrap(); }\n\
    #[test] fn writes() { std::fs::write(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/made/written\"), \"here\").unwrap(); }\n\
    #[test] fn fails() { assert!(std::process::Command::new(\"false\").status().unwrap().success()); }\n";

/// Makes its own environment and boots three times, which takes some seconds each.
#[test]
fn a_virtual_machine_runs_programs_and_tests() {
    let toml = format!(
        "[target.{TARGET}]\nrunner = \"qemu-system\"\n[build.env]\npassthrough = [\"GIVEN\"]\n\
         [build]\nwritable = [\"made\"]\n"
    );
    let case = Case::new("sandbox", &toml)
        .set("GIVEN", "it's\ngiven")
        .file("made/README", "")
        .file("src/main.rs", IN_A_MACHINE);

    let ran = |how: &str| case.cross().run(TARGET).args(["it's\nsaid", how]).run();
    let ended = ran("7").unwrap_err();
    let said = case.project.recorder().output();
    assert_eq!(ended.kind(), ErrorKind::ProgramFailed, "{ended}\n{said}");
    assert_eq!(ended.code(), Some(7), "{ended}\n{said}");
    assert!(said.contains("Debian"), "the kernel is Debian's: {said}");
    assert!(
        !said.contains("] Linux version"),
        "it boots in silence: {said}"
    );
    let words = r#"Some("it's\nsaid") Ok("it's\ngiven")"#;
    assert!(said.contains(words), "{said}");

    let killed = ran("abort").unwrap_err();
    assert_eq!(killed.kind(), ErrorKind::ProgramFailed, "{killed}");
    assert!(killed.to_string().contains("SIGABRT"), "{killed}");

    let failed = case.cross().test(TARGET).run().unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::TestFailed, "{failed}");
    let tests = failed.tests().unwrap();
    assert_eq!(
        (tests.passed, &tests.failures[..]),
        (2, &["fails".to_owned()][..])
    );
    let written = fs::read_to_string(case.project.path().join("made/written"));
    assert_eq!(written.unwrap(), "here");
    case.leftovers.are_none();
}

#[test]
fn an_image_or_a_dockerfile_needs_a_container_engine() {
    for key in ["image = \"debian:bookworm\"", "dockerfile = \"Dockerfile\""] {
        let case = Case::new("sandbox", &format!("[target.{TARGET}]\n{key}\n"))
            .file("Dockerfile", "FROM debian:bookworm\n");
        let error = case.cross().build(TARGET).plan().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EngineUnusable, "{error}");
        assert!(error.help().unwrap().contains("docker"), "{error}");
    }
}

/// Plans test the choice of `auto`; this test runs the chosen engine.
#[test]
fn auto_takes_a_container_engine_for_an_image() {
    let case = Case::new("docker", "");
    let image = users_image(&case, "auto");
    let case = case.file(
        "Cross.toml",
        &format!("[target.{TARGET}]\nimage = \"{image}\"\n"),
    );
    let cross = case.project.cross().env(real_env());
    let plan = cross.build(TARGET).plan().unwrap();
    assert_eq!(plan.engine.kind.name(), "docker", "{plan}");
    assert!(Path::new(&plan.engine.program).exists());
    remove(&case, &EnvironmentLocation::Image(image));
}

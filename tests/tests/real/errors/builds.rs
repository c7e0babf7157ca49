//! Cargo fails: what the code, the toolchain and the environment lack.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use cross_tests::{Project, tool};

use super::{Case, TARGET, rows};

rows! {
    code_that_does_not_compile => CargoFailed
        ["cargo build", "E0308", "mismatched types", "src/main.rs:2:22"] [] || {
            let broken = "fn main() {\n    let number: u8 = \"text\";\n}\n";
            let error = Case::new(Project::new("app").file("src/main.rs", broken)).error();
            assert!(error.compiler_diagnostics()[0].rendered.contains("--> src/main.rs:2:22"));
            error
        };
    a_build_script_that_only_knows_its_reason_itself => CargoFailed
        ["custom build command for `app"] [] || {
            let error = Case::build_script("panic!(\"the moon is in the wrong phase\");").error();
            assert!(error.cargo_output().contains("the moon is in the wrong phase"), "{error:?}");
            assert!(format!("{error:?}").contains("wrong phase"), "{error:?}");
            error
        };
    a_build_script_that_looks_above_its_package => CargoFailed
        ["custom build command"] ["build.rs` looks above its package", "env.volumes"] || {
            let script = "let package = std::path::Path::new(env!(\"CARGO_MANIFEST_DIR\"));\n\
                          std::fs::read_to_string(package.parent().unwrap().join(\"shared\")).unwrap();";
            let mut case = Case::build_script(script);
            case.project = case.project.file("../shared", "");
            case.error()
        };
    no_library_for_pkg_config => CargoFailed
        ["custom build command"] ["packages = [\"libssl-dev:arm64\"]", TARGET]
        || Case::shell("pkg-config --libs openssl").error();
    no_other_library_for_pkg_config => CargoFailed
        ["custom build command"] ["packages = [\"libdbus-1-dev:arm64\"]"]
        || Case::shell("pkg-config --cflags dbus-1").error();
    no_library_for_pkg_config_that_is_unknown => CargoFailed
        ["custom build command"] ["frobnicate.pc", "<package>:arm64"]
        || Case::shell("pkg-config --libs frobnicate").error();
    no_library_for_the_linker => CargoFailed
        ["linking with"] ["`sqlite3`", "packages = [\"libsqlite3-dev:arm64\"]"]
        || Case::build_script("println!(\"cargo:rustc-link-lib=sqlite3\");").error();
    no_static_library_for_rustc => CargoFailed
        ["native static library `usb-1.0`"] ["packages = [\"libusb-1.0-0-dev:arm64\"]"]
        || library("usb-1.0").error();
    no_header_for_gcc => CargoFailed
        ["custom build command"] ["openssl/ssl.h", "packages = [\"libssl-dev:arm64\"]"]
        || compiles_c("#include <openssl/ssl.h>").error();
    no_other_header_for_gcc => CargoFailed
        ["custom build command"] ["pcap/pcap.h", "packages = [\"libpcap-dev:arm64\"]"]
        || compiles_c("#include <pcap/pcap.h>").error();
    no_header_that_is_known => CargoFailed
        ["custom build command"] ["`frobnicate/all.h`", "<package>:arm64"]
        || compiles_c("#include <frobnicate/all.h>").error();
    no_library_in_an_image => CargoFailed
        ["custom build command"] ["pre-build", "libssl-dev:arm64"] || {
            let mut case = Case::shell("pkg-config --libs openssl");
            let other = Case::on("docker", Project::new("app"));
            let built = other.cross.build(TARGET).run().unwrap();
            let image = format!("[target.{TARGET}]\nimage = \"localhost/cross-core:x\"\n");
            let image = match built.environment.location {
                cross_core::engine::EnvironmentLocation::Image(name) =>
                    image.replace("localhost/cross-core:x", &name),
                other => panic!("{other:?}"),
            };
            case.project = case.project.cross_toml(&image);
            case.cross = case.project.cross().env(case.env.clone()).engine("docker");
            case.error()
        };
    no_protoc => CargoFailed
        ["custom build command"] ["packages = [\"protobuf-compiler:native\"]"]
        || Case::shell("protoc --version").error();
    no_nasm_in_a_makefile => CargoFailed
        ["custom build command"] ["packages = [\"nasm:native\"]"]
        || Case::shell("printf 'all:\\n\\tnasm -v\\n' >$OUT_DIR/Makefile; make -C $OUT_DIR").error();
    no_clang_for_the_build_script => CargoFailed
        ["custom build command"] ["packages = [\"clang:native\"]"]
        || Case::build_script(
            "std::process::Command::new(\"clang\").status().expect(\"failed to run clang\");"
        ).error();
    no_program_that_only_the_source_names => CargoFailed
        ["custom build command"] ["packages = [\"curl:native\"]", "network = \"host\""]
        || Case::build_script("std::process::Command::new(\"curl\").status().unwrap();").error();
    no_variable_that_the_code_needs => CargoFailed
        ["`APP_ID` not defined"] ["APP_ID (`src/main.rs`)", "passthrough = [\"APP_ID\"]"] || {
            let code = "fn main() { println!(env!(\"APP_ID\")); }\n";
            let case = Case::new(Project::new("app").file("src/main.rs", code));
            case.env(|env| env.set("APP_ID", "1")).error()
        };
    no_variable_that_a_build_script_unwraps => CargoFailed
        ["custom build command"] ["APP_ID (`build.rs`)", "passthrough = [\"APP_ID\"]"] || {
            let case = Case::build_script("std::env::var(\"APP_ID\").unwrap();");
            case.env(|env| env.set("APP_ID", "1")).error()
        };
    no_variable_that_a_build_script_only_names_when_it_fails => CargoFailed
        ["custom build command"] ["passthrough = [\"DATABASE_URL\"]"] || {
            let script = "panic!(\"set `{}_URL` to use query macros online\", \"DATABASE\");";
            Case::build_script(script).env(|env| env.set("DATABASE_URL", "x")).error()
        };
    no_program_that_is_known => CargoFailed
        ["custom build command"] ["`frobnicator`", "<package>:native"]
        || Case::shell("frobnicator --all").error();
    a_symbol_that_no_library_defines => CargoFailed
        ["linking with"] ["`nosuch_fn`", "cargo::rustc-link-lib"]
        || calls("nosuch_fn").error();
    a_symbol_of_a_library_that_is_not_linked => CargoFailed
        ["linking with"] ["rustc-link-lib=atomic"]
        || calls("__atomic_load_16").error();
    a_library_of_another_machine => CargoFailed
        ["linking with"] ["`libhere.a` is not for", "CC_aarch64_unknown_linux_gnu"]
        || Case::new(Project::new("app")
            .file("build.rs", "fn main() {\n\
                let out = std::env::var(\"OUT_DIR\").unwrap();\n\
                let made = std::process::Command::new(\"sh\").args([\"-c\", \"cd $0; echo 'int here;' >a.c; gcc -c a.c && ar rcs libhere.a a.o\", &out]).status();\n\
                assert!(made.unwrap().success());\n\
                println!(\"cargo::rustc-link-search={out}\");\n\
                println!(\"cargo::rustc-link-arg=-lhere\");\n\
            }\n")).error();
    no_program_that_downloads => CargoFailed
        ["custom build command"] ["packages = [\"wget:native\"]", "network = \"host\""]
        || Case::shell("wget https://example.com/x").error();
    no_module_of_perl => CargoFailed
        ["custom build command"] ["`JSON::XS`", "packages = [\"libjson-xs-perl:native\"]"]
        || Case::shell("perl -MJSON::XS -e 1").error();
    a_cmake_that_is_too_old => CargoFailed
        ["custom build command"] ["newer `suite`"]
        || Case::shell("cd $OUT_DIR; (echo 'cmake_minimum_required(VERSION 9.5)'; echo 'project(x C)') >CMakeLists.txt; cmake . >&2").error();
    a_toolchain_that_rust_toolchain_toml_names => Toolchain
        ["'1.11.0-x86_64-unknown-linux-gnu' is not installed"] ["rustup toolchain install 1.11.0"]
        || toolchain_file("[toolchain]\nchannel = \"1.11.0\"\n").error();
    a_rust_toolchain_toml_that_is_broken => Toolchain
        ["rust-toolchain.toml"] ["`[toolchain]`", "`channel`"]
        || toolchain_file("channel = [\n").error();
    a_rust_toolchain_toml_with_a_directory_that_is_gone => Toolchain
        ["/nowhere"] ["`path`"]
        || toolchain_file("[toolchain]\npath = \"/nowhere\"\n").error();
    no_linker => CargoFailed
        ["linker `nosuch-ld` not found"] ["`nosuch-ld`", "remove it"]
        || rustflags("-Clinker=nosuch-ld").error();
    no_mold => CargoFailed
        ["linker `mold` not found"] ["packages = [\"mold:native\"]"]
        || rustflags("-Clinker=mold").error();
    no_network_for_a_build_script => CargoFailed
        ["custom build command"] ["network = \"host\""]
        || Case::build_script("std::net::TcpStream::connect(\"example.com:80\").unwrap();").error();
    no_network_for_an_address => CargoFailed
        ["custom build command"] ["network = \"host\""]
        || Case::build_script("std::net::TcpStream::connect(\"192.0.2.1:80\").unwrap();").error();
    no_network_for_a_script => CargoFailed
        ["custom build command"] ["network = \"host\""]
        || Case::shell("perl -MIO::Socket::INET -e 'IO::Socket::INET->new(\"192.0.2.1:80\") or die $!'").error();
    a_source_that_is_read_only => CargoFailed
        ["custom build command"] ["writable = [\"src\"]"]
        || Case::build_script(
            "let path = concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/src/made.rs\");\n\
             if let Err(error) = std::fs::write(path, \"\") { panic!(\"{path}: {error}\"); }"
        ).error();
    an_edition_that_is_too_new => Manifest
        ["2099"] ["newer than the toolchain", "rustup update"]
        || manifest("edition = \"2099\"\n", "").error();
    a_rust_version_that_is_too_new => CargoFailed
        ["rustc 1.", "is not supported by the following package"] ["toolchain = \"host\""]
        || manifest("edition = \"2021\"\nrust-version = \"1.999\"\n", "").error();
    a_feature_of_nightly => CargoFailed
        ["E0554"] ["nightly"] || {
            let code = "#![feature(never_type)]\nfn main() {}\n";
            Case::new(Project::new("app").file("src/main.rs", code)).error()
        };
    two_packages_that_link_one_library => Fetch
        ["links"] ["only one package", "cargo tree --invert"] || {
            let beside = |name: &str| {
                format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\nlinks = \"z\"\n")
            };
            let case = manifest("edition = \"2021\"\n", "[dependencies]\na = { path = \"a\" }\nb = { path = \"b\" }\n");
            let mut case = case;
            for name in ["a", "b"] {
                case.project = case.project
                    .file(&format!("{name}/Cargo.toml"), &beside(name))
                    .file(&format!("{name}/build.rs"), "fn main() {}\n")
                    .file(&format!("{name}/src/lib.rs"), "");
            }
            case.project = case.project.without("Cargo.lock");
            case.error()
        };
    a_compiler_that_is_killed => Killed
        ["cargo build failed"] ["memory", "--jobs 1"]
        || {
            let case = Case::new(Project::new("app").file("kill.sh", "#!/bin/sh\nkill -9 $PPID\n"));
            let linker = case.project.path().join("kill.sh");
            fs::set_permissions(&linker, fs::Permissions::from_mode(0o755)).unwrap();
            case.env(|env| env.set("RUSTFLAGS", format!("-Clinker={}", linker.display()))).error()
        };
    a_build_script_that_is_killed => Killed
        ["cargo build failed"] ["memory", "--jobs 1"]
        || Case::build_script(
            "std::process::Command::new(\"sh\").args([\"-c\", \"kill -9 $PPID\"]).status().unwrap();"
        ).error();
    cargo_that_is_killed => Killed
        ["killed by signal 9"] ["memory"]
        || Case::build_script(
            "let status = std::fs::read_to_string(\"/proc/self/status\").unwrap();\n\
             let parent = status.lines().find_map(|line| line.strip_prefix(\"PPid:\")).unwrap();\n\
             let kill = format!(\"kill -9 {}\", parent.trim());\n\
             std::process::Command::new(\"sh\").args([\"-c\", &kill]).status().unwrap();\n\
             std::thread::park();"
        ).error();
    a_toolchain_without_std => Toolchain
        ["cargo build failed", "E0463"] ["has no `std`", TARGET, "`toolchain`"] || {
            let case = Case::new(Project::new("app"));
            let there = case.project.outer().join("toolchain");
            let sysroot = tool::stdout(&cross_engine::Invocation::new(tool::rustc())
                .args(["--print", "sysroot"]));
            let copy = cross_engine::Invocation::new("cp")
                .args(["-al", sysroot.trim(), there.to_str().unwrap()]);
            tool::stdout(&copy);
            let _ = std::fs::remove_dir_all(there.join("lib/rustlib").join(TARGET));
            let cross = case.cross.clone().toolchain(there);
            let error = super::failed(cross.build(TARGET).run());
            case.leftovers.are_none();
            error
        };
    a_lock_file_that_may_not_change => Fetch
        ["--locked"] ["cargo update", "Cargo.lock"] || {
            let case = Case::new(Project::new("app").without("Cargo.lock"));
            super::failed(case.cross.build(TARGET).locked(true).run())
        };
    a_git_server_that_is_not_there => Fetch
        ["https://127.0.0.1:9/missing.git"] ["cannot be reached", "cargo fetch"]
        || manifest(
            "edition = \"2021\"\n",
            "[dependencies]\nmissing = { git = \"https://127.0.0.1:9/missing.git\" }\n",
        ).error();
    a_registry_that_wants_a_token => Fetch
        ["credential-provider"] ["global-credential-providers", "cargo login"]
        || registry("401 Unauthorized", "").error();
    a_registry_that_refuses_the_token => Fetch
        ["got 403"] ["cargo login --registry"]
        || registry("403 Forbidden", "").error();
    a_registry_that_is_not_at_its_address => Fetch
        ["config.json not found"] ["`index` in `[registries.<name>]`"]
        || registry("404 Not Found", "").error();
    a_registry_that_fails => Fetch
        ["got 503"] ["nothing on this machine", "`replace-with`"]
        || registry("503 Service Unavailable", "").error();
    a_page_for_logins_instead_of_a_registry => Fetch
        ["expected value at line 1"] ["no index of a registry"]
        || registry("200 OK", "<html>Sign in</html>").error();
    a_lock_file_with_the_marks_of_a_merge => Fetch
        ["failed to parse lock file"] ["merge", "cargo update --workspace"]
        || Case::new(Project::new("app").file("Cargo.lock", "<<<<<<< HEAD\nversion = 4\n")).error();
}

/// A package with a dependency in a registry whose server answers every request so.
fn registry(status: &'static str, body: &'static str) -> Case {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close");
            // Cargo may have closed the connection.
            let _ = write!(stream, "{head}\r\n\r\n{body}");
        }
    });
    let mut case = manifest(
        "edition = \"2021\"\n",
        "[dependencies]\nmissing = { version = \"1\", registry = \"near\" }\n",
    );
    let config =
        format!("[registries.near]\nindex = \"sparse+http://{address}/\"\n[net]\nretry = 0\n");
    case.project = case
        .project
        .file(".cargo/config.toml", &config)
        .without("Cargo.lock");
    case
}

/// A library that links a static library.
fn library(name: &str) -> Case {
    let script = format!("fn main() {{ println!(\"cargo:rustc-link-lib=static={name}\"); }}\n");
    Case::new(
        Project::new("app")
            .file("build.rs", &script)
            .file("src/lib.rs", ""),
    )
}

/// A build script that compiles C code for the target.
fn compiles_c(code: &str) -> Case {
    let script = format!(
        "printf '%s\\n' '{code}' >$OUT_DIR/a.c && aarch64-linux-gnu-gcc -c $OUT_DIR/a.c -o $OUT_DIR/a.o"
    );
    Case::shell(&script)
}

/// A program that calls a function of C.
fn calls(function: &str) -> Case {
    let code =
        format!("extern \"C\" {{ fn {function}(); }}\nfn main() {{ unsafe {{ {function}() }} }}\n");
    Case::new(Project::new("app").file("src/main.rs", &code))
}

/// A project with this rust-toolchain.toml, which rustup reads.
fn toolchain_file(text: &str) -> Case {
    Case::new(Project::new("app").file("rust-toolchain.toml", text))
}

fn rustflags(flags: &str) -> Case {
    Case::new(Project::new("app")).env(|env| env.set("RUSTFLAGS", flags))
}

/// A package with these lines of `[package]`, and the other tables.
fn manifest(package: &str, tables: &str) -> Case {
    let text = format!("[package]\nname = \"app\"\nversion = \"0.1.0\"\n{package}{tables}");
    Case::new(Project::new("app").file("Cargo.toml", &text))
}

//! Wasmtime: its library from Python's package index, and a program that starts WebAssembly with
//! it.

use super::download::RecipeDownload;
use super::file::RecipeFile;
use super::wheel::{self, Wheel};
use crate::facts::debian_arch::DebianArch;

/// The proven release, and the SHA-256 of its wheel for each build architecture.
const WHEEL: Wheel = Wheel {
    name: "wasmtime",
    version: "50.0.1",
    hashes: [
        "cc14c3a17654e0394e0225b11813532ef0cd7bd1e222a0c5494cdedaabeddac4",
        "675484e525c028dc02762b777f1db4477ea70caa3fec6775426daff4d64edfb1",
    ],
    directory: "/opt/wasmtime",
};

/// The path of the program.
const PROGRAM: &str = "/usr/local/bin/wasmtime";

/// What is downloaded to install the library on a build machine.
pub(super) fn download(build: DebianArch) -> RecipeDownload {
    WHEEL.download("wasmtime", build)
}

/// The packages that install the library and run the program.
pub(super) fn packages() -> Vec<String> {
    ["python3", wheel::INSTALLER].map(str::to_owned).to_vec()
}

/// The commands that install the library.
pub(super) fn commands() -> Vec<String> {
    vec![WHEEL.install(), wheel::remove_installer()]
}

/// The program, and what its installation needs.
pub(super) fn files() -> Vec<RecipeFile> {
    vec![
        WHEEL.requirements(),
        RecipeFile::program(PROGRAM, COMMAND.replace("@VERSION@", WHEEL.version)),
    ]
}

/// `wasmtime run` with the options that a runner needs. Wasmtime's own program has the same ones,
/// so that either can be called.
///
/// A program that traps has crashed, so the exit code is 134: 128 and the number of SIGABRT, as a
/// shell reports it and as Wasmtime does.
const COMMAND: &str = r#"#!/usr/bin/python3 -I
# Wasmtime's command `run`, by its library. Made by cross-targets.
import sys

sys.path.insert(0, "/opt/wasmtime")

COMPONENT = b"\0asm\x0d\0\x01\0"
ENTRY = "wasi:cli/run@"


def options(words):
    """The directories and the program with its arguments."""
    if words == ["--version"]:
        sys.exit(print("wasmtime @VERSION@"))
    if words[:1] != ["run"]:
        sys.exit("error: this wasmtime has the command `run` only")
    directories, at = [], 1
    while at < len(words) and words[at].startswith("-"):
        name, is_one_word, value = words[at].partition("=")
        if name == "--":
            at += 1
            break
        if not is_one_word:
            at += 1
            value = words[at] if at < len(words) else ""
        if name == "--dir":
            host, _, guest = value.partition("::")
            directories.append((host, guest or host))
        elif (name, value) not in [("-S", "inherit-env=y"), ("-S", "inherit-network=y")]:
            sys.exit(f"error: this wasmtime does not know the option {name} {value}")
        at += 1
    if at >= len(words):
        sys.exit("error: no program is named")
    return directories, words[at:]


def system(directories, arguments):
    """What the program sees of the system."""
    from wasmtime import WasiConfig, _ffi

    wasi = WasiConfig()
    wasi.argv = arguments
    wasi.inherit_env()
    wasi.inherit_stdin()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    _ffi.wasi_config_inherit_network(wasi.ptr())
    for host, guest in directories:
        wasi.preopen_dir(host, guest)
    return wasi


def run(directories, arguments):
    """Starts the program, and returns its exit status."""
    import wasmtime
    from wasmtime import component

    with open(arguments[0], "rb") as file:
        binary = file.read()
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    store.set_wasi(system(directories, arguments))
    if not binary.startswith(COMPONENT):
        module = wasmtime.Module(engine, binary)
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        linker.instantiate(store, module).exports(store)["_start"](store)
        return 0
    program = component.Component(engine, binary)
    linker = component.Linker(engine)
    linker.add_wasip2()
    instance = linker.instantiate(store, program)
    for name in program.type.exports(engine):
        if name.startswith(ENTRY):
            outer = instance.get_export_index(store, name)
            start = instance.get_export_index(store, "run", outer)
            result = instance.get_func(store, start)(store)
            return int(getattr(result, "tag", result) == "err")
    sys.exit(f"error: {arguments[0]} exports no {ENTRY}, which starts it")


def main():
    directories, arguments = options(sys.argv[1:])
    from wasmtime import ExitTrap, Trap, WasmtimeError

    try:
        return run(directories, arguments)
    except ExitTrap as end:
        return end.code
    except Trap as trap:
        print(trap, file=sys.stderr)
        return 134
    except (OSError, WasmtimeError) as error:
        print(f"error: {arguments[0]}: {error}", file=sys.stderr)
        # The library says so of a component that traps.
        return 134 if "wasm trap: " in str(error) else 126


sys.exit(main())
"#;

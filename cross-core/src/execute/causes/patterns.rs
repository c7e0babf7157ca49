//! The words of programs about what they miss.

use cross_targets::Recipe;

use super::Cause;
use super::packages;

/// A reading of one line. `Some` if the line is of its kind.
type Pattern = fn(&str) -> Option<Cause>;

const PATTERNS: [Pattern; 19] = [
    libraries_only,
    apple,
    memory,
    foreign,
    symbol,
    outdated,
    glibc,
    module,
    subcommand,
    partial_clone,
    rust,
    of_linker,
    of_pkg_config,
    missing_library,
    header,
    clang,
    dsymutil,
    tool,
    known_tool,
];

/// Returns the cause that `line` tells.
pub(super) fn find(line: &str) -> Option<Cause> {
    // A line of source code, which a diagnostic quotes.
    let number = line
        .trim_start()
        .trim_start_matches(|c: char| c.is_ascii_digit());
    if number.len() < line.trim_start().len() && number.starts_with(" | ") {
        return None;
    }
    PATTERNS.iter().find_map(|pattern| pattern(line))
}

/// Returns `text` if it can be the name of a library, a program or a header.
pub(super) fn name(text: &str) -> Option<&str> {
    let is_harmless = |c: char| c.is_ascii_alphanumeric() || "+-._/".contains(c);
    let is_name = !text.is_empty()
        && text.len() <= 64
        && text.chars().all(is_harmless)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(text)
}

/// Returns the name between `before` and `after`.
fn between<'a>(line: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(before)?;
    name(rest.split_once(after)?.0)
}

/// Returns the name that follows `before`.
fn after<'a>(line: &'a str, before: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(before)?;
    let is_end = |c: char| c.is_whitespace() || "\"'`:;,()".contains(c);
    name(rest.split(is_end).next()?)
}

/// Returns the program's name in a path.
fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn subcommand(line: &str) -> Option<Cause> {
    let name = between(line, "error: no such command: `", "`")?;
    Some(Cause::Subcommand(name.to_owned()))
}

/// Git of any version, which names an object or the remote that has it.
fn partial_clone(line: &str) -> Option<Cause> {
    let names_remote = line.contains(" from promisor remote");
    let object = line.split_once("fatal: unable to read ");
    let is_object = |(_, rest): (&str, &str)| {
        let id = rest.split(|c: char| !c.is_ascii_hexdigit()).next();
        id.is_some_and(|id| id.len() >= 40)
    };
    (names_remote || object.is_some_and(is_object)).then_some(Cause::PartialClone)
}

/// What stands in for a linker is named by those that it fails.
fn libraries_only(line: &str) -> Option<Cause> {
    let is_started = line.contains(Recipe::NO_LINKER);
    is_started.then_some(Cause::LibrariesOnly)
}

fn memory(line: &str) -> Option<Cause> {
    if line.contains("Too many open files") {
        return Some(Cause::OpenFiles);
    }
    const WORDS: [&str; 9] = [
        "(signal: 9, SIGKILL: kill)",
        "terminated with signal 9",
        "Killed signal terminated program",
        "LLVM ERROR: out of memory",
        "Cannot allocate memory",
        "(os error 12)",
        "virtual memory exhausted",
        "std::bad_alloc",
        "out of memory allocating",
    ];
    let failed = |line: &str| between(line, "memory allocation of ", " bytes failed").is_some();
    (WORDS.iter().any(|words| line.contains(words)) || failed(line)).then_some(Cause::Memory)
}

/// The words of cargo and rustc about the toolchain and the dependencies.
fn rust(line: &str) -> Option<Cause> {
    const OLD: [&str; 7] = [
        "feature `edition20",
        "this version of Cargo is older than the `20",
        "is not supported by the following package",
        "but this version of Cargo does not understand this lock file",
        "requires `-Znext-lockfile-bump`",
        "failed to parse the `edition` key",
        "while the currently active rustc version is",
    ];
    const NIGHTLY: [&str; 3] = [
        "may not be used on the stable release channel",
        "is only accepted on the nightly compiler",
        "can only be used on the nightly channel",
    ];
    let has = |words: &[&str]| words.iter().any(|words| line.contains(words));
    if has(&["target may not support the standard library"]) {
        return Some(Cause::NeverStd);
    }
    let lacks = |name| line.contains(&format!("can't find crate for `{name}`"));
    if ["std", "core"].into_iter().any(lacks) {
        return Some(Cause::NoStd);
    }
    if lacks("test") {
        return Some(Cause::NoHarness);
    }
    if line.contains("failed to spawn thread to run test") {
        return Some(Cause::NoThreads);
    }
    if has(&OLD) {
        return Some(Cause::Old);
    }
    if has(&NIGHTLY) {
        return Some(Cause::Nightly);
    }
    let links = between(line, "links to the native library `", "`, but it conflicts")
        .or_else(|| after(line, "multiple packages link to native library `"));
    links.map(|library| Cause::Links(library.to_owned()))
}

/// The linker that an argument of a compiler driver names, in the command that rustc quotes. The
/// last one counts: rustc's own comes first.
pub(super) fn named_linker(line: &str) -> Option<&str> {
    const FLAG: &str = "-fuse-ld=";
    after(&line[line.rfind(FLAG)?..], FLAG)
}

fn of_linker(line: &str) -> Option<Cause> {
    const WORDS: [(&str, &str); 4] = [
        ("linker `", "` not found"),
        ("invalid linker name in argument '-fuse-ld=", "'"),
        ("invalid linker name in '-fuse-ld=", "'"),
        ("fatal error: cannot find '", "'"),
    ];
    let path = WORDS.iter().find_map(|(before, after)| {
        let (_, rest) = line.split_once(before)?;
        Some(rest.split_once(after)?.0)
    });
    let linker = name(file_name(path?))?;
    Some(Cause::Linker(linker.to_owned()))
}

/// The words of pkg-config, of pkgconf, and of the crates that call them.
fn of_pkg_config(line: &str) -> Option<Cause> {
    let library = between(
        line,
        "Package ",
        " was not found in the pkg-config search path",
    )
    .or_else(|| between(line, "No package '", "' found"))
    .or_else(|| match line.contains("not found") {
        true => between(line, "Package '", "', required by")
            .or_else(|| between(line, "Package '", "' not found"))
            .or_else(|| between(line, "Package \"", "\" not found"))
            .or_else(|| between(line, "Dependency \"", "\" not found"))
            .or_else(|| between(line, "The system library `", "` required by crate")),
        false => None,
    });
    let openssl = || {
        line.contains("Could not find directory of OpenSSL installation")
            .then_some("openssl")
    };
    library
        .or_else(openssl)
        .map(|library| Cause::Library(library.to_owned()))
}

/// The words of linkers, of rustc and of CMake.
fn missing_library(line: &str) -> Option<Cause> {
    let library = after(line, "cannot find -l")
        .or_else(|| after(line, "unable to find library -l"))
        .or_else(|| after(line, "library not found for -l"))
        .or_else(|| after(line, "mold: fatal: library not found: "))
        .or_else(|| after(line, "could not find native static library `"))
        .or_else(|| after(line, "could not find native library `"))
        .or_else(|| between(line, "library '", "' not found"))
        .or_else(|| match line.contains("(missing: ") {
            true => after(line, "Could NOT find "),
            false => None,
        });
    library.map(|library| Cause::Library(library.to_owned()))
}

/// The words of linkers about what only an SDK of Apple's has, and of the program that takes a
/// linker's place.
fn apple(line: &str) -> Option<Cause> {
    let framework = between(line, "unable to find framework '", "'")
        .or_else(|| after(line, "framework not found for -framework "))
        .or_else(|| between(line, "framework '", "' not found"));
    match framework {
        Some(name) => Some(Cause::Framework(name.to_owned())),
        None => line
            .contains("need an SDK of Apple's")
            .then_some(Cause::Sdk),
    }
}

/// The words of GCC and clang.
fn header(line: &str) -> Option<Cause> {
    let path = between(line, "fatal error: ", ": No such file or directory")
        .or_else(|| between(line, "fatal error: '", "' file not found"))
        .or_else(|| between(line, "error: '", "' file not found"));
    let is_header = |path: &&str| {
        let (_, ending) = path.rsplit_once('.').unwrap_or((path, ""));
        ["h", "hh", "hpp", "hxx"].contains(&ending)
    };
    let path = path.filter(is_header);
    path.map(|path| Cause::Header(path.to_owned()))
}

/// The words of the crates that load libclang.
fn clang(line: &str) -> Option<Cause> {
    line.contains("Unable to find libclang")
        .then(|| Cause::Tool("libclang".to_owned()))
}

/// The words of shells, make, env, cc, cmake, prost, rav1e, pkg-config and pyo3 about a program.
fn tool(line: &str) -> Option<Cause> {
    let named = between(line, "is `", "` not installed?")
        .or_else(|| between(line, "s `", "` installed?"))
        .or_else(|| between(line, "failed to find tool \"", "\""))
        .or_else(|| between(line, "Could not find `", "`"))
        .or_else(|| {
            between(
                line,
                "unable to find a build program corresponding to \"",
                "\"",
            )
        })
        .or_else(|| between(line, "Make sure you have ", " installed"))
        .or_else(|| between(line, "The ", " command could not be found"))
        .or_else(|| {
            line.contains("no Python 3.x interpreter found")
                .then_some("python3")
        })
        .or_else(|| of_shell(line));
    let tool = file_name(named?);
    // CMake calls Ninja by its title.
    let tool = match packages::of_tool(tool) {
        Some(_) => tool.to_owned(),
        None => tool.to_lowercase(),
    };
    Some(Cause::Tool(tool))
}

/// `sh: 1: nasm: not found`, `bash: line 1: nasm: command not found`, `make: nasm: No such file or
/// directory`, `env: 'nasm': No such file or directory`.
fn of_shell(line: &str) -> Option<&str> {
    const ENDS: [&str; 4] = [
        ": not found",
        ": command not found",
        ": Command not found",
        ": No such file or directory",
    ];
    let line = line.trim();
    let (end, said) = ENDS
        .iter()
        .find_map(|end| Some((end, line.strip_suffix(end)?)))?;
    let (before, named) = said.rsplit_once(": ")?;
    let named = named.trim_matches(|c| "'\"`‘’".contains(c));
    let speaker = before.split(':').next().unwrap_or(before);
    let speaker = file_name(speaker.trim());
    let speaker = speaker.split('[').next().unwrap_or(speaker);
    let says = |names: &[&str]| names.contains(&speaker);
    let is_of_shell = match *end {
        ": No such file or directory" => says(&["make", "env", "gmake"]) && !named.contains('/'),
        // A script, too, has its shell's words, with the number of the line.
        _ => {
            says(&["sh", "bash", "dash", "make", "gmake", "env"])
                || before.rsplit(": ").next().is_some_and(is_line_number)
                // The lifeline's own words about the command of a run.
                || speaker == "cross" && before.ends_with(": exec")
        }
    };
    is_of_shell.then_some(named).and_then(name)
}

fn is_line_number(text: &str) -> bool {
    let number = text.strip_prefix("line ").unwrap_or(text);
    !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
}

/// The words of rustc about what splits the debug information of programs for Apple's systems.
fn dsymutil(line: &str) -> Option<Cause> {
    let name = "dsymutil";
    let is_missing = line.contains(&format!("unable to run `{name}`"));
    is_missing.then(|| Cause::Tool(name.to_owned()))
}

/// The words of Perl and Python about a module. Debian's `perl-base` lacks many of Perl's own ones.
fn module(line: &str) -> Option<Cause> {
    let perl = || {
        let path = between(line, "Can't locate ", " in @INC")?;
        let module = path.strip_suffix(".pm")?.replace('/', "::");
        let known = [
            "FindBin",
            "IPC::Cmd",
            "File::Compare",
            "File::Copy",
            "Time::Piece",
        ];
        Some(match known.contains(&module.as_str()) {
            true => Cause::Tool("perl".to_owned()),
            false => Cause::PerlModule(module),
        })
    };
    let python = between(line, "No module named '", "'");
    let python = python.map(|module| Cause::PythonModule(module.to_owned()));
    python.or_else(perl)
}

/// The words of linkers about a symbol: binutils, lld and mold, link.exe.
fn symbol(line: &str) -> Option<Cause> {
    const WORDS: [(&str, &[char]); 3] = [
        ("undefined reference to `", &['\'', '(']),
        ("undefined symbol: ", &['(']),
        ("unresolved external symbol ", &[' ', '(']),
    ];
    let symbol = WORDS.iter().find_map(|(before, ends)| {
        let (_, rest) = line.split_once(before)?;
        rest.split(*ends).next()
    })?;
    let is_harmless = |c: char| c.is_ascii_alphanumeric() || "_:@.~ ".contains(c);
    let is_name = !symbol.is_empty() && symbol.len() <= 64 && symbol.chars().all(is_harmless);
    is_name.then(|| Cause::Symbol(symbol.to_owned()))
}

/// The words of linkers about a file for another machine.
fn foreign(line: &str) -> Option<Cause> {
    let is_missing = line.contains("cannot find") || line.contains("No such file");
    if is_missing && line.contains("rsbegin.o") {
        return Some(Cause::NoStartFiles);
    }
    if let Some((_, rest)) = line.split_once("skipping incompatible ") {
        let (file, library) = rest.split_once(" when searching for -l")?;
        let (file, library) = (name(file_name(file))?, name(library.trim())?);
        return Some(Cause::PassedOver(library.to_owned(), file.to_owned()));
    }
    const WORDS: [&str; 4] = [
        ": file in wrong format",
        ": Relocations in generic ELF (EM: ",
        " is incompatible with ",
        ": incompatible file type: ",
    ];
    let (before, _) = WORDS.iter().find_map(|words| line.split_once(words))?;
    let before = before
        .strip_suffix(": error adding symbols")
        .unwrap_or(before);
    let file = before.rsplit([' ', ':']).next()?;
    let file = file.split('(').next().unwrap_or(file);
    let is_object = |file: &&str| {
        [".a", ".o", ".so", ".rlib", ".obj", ".lib"]
            .iter()
            .any(|end| file.ends_with(end))
    };
    let file = Some(file_name(file)).filter(is_object).and_then(name)?;
    Some(Cause::Foreign(file.to_owned()))
}

/// The words of CMake, Meson and pkg-config about a version.
fn outdated(line: &str) -> Option<Cause> {
    if line.contains("CMake ") && line.contains(" or higher is required") {
        return Some(Cause::Outdated("cmake".to_owned()));
    }
    if line.contains("PKG_CONFIG_ALLOW_CROSS")
        || line.contains("not been configured to support cross-compilation")
    {
        return Some(Cause::PkgConfigRefuses);
    }
    let library = match line.contains("required version is") {
        true => between(line, "Package '", "' has version"),
        false => None,
    };
    let requested = || {
        let (before, _) = line.split_once("' but version of ")?;
        let (_, wanted) = before.rsplit_once("Requested '")?;
        name(wanted.split(' ').next()?)
    };
    let library = library.or_else(requested)?;
    Some(Cause::Outdated(library.to_owned()))
}

/// The words of the loader about glibc: ``version `GLIBC_2.38' not found``.
fn glibc(line: &str) -> Option<Cause> {
    let version = between(line, "version `GLIBC_", "' not found")?;
    Some(Cause::Glibc(version.to_owned()))
}

/// A program of the table beside the system's words that a file does not exist, as in a panic.
fn known_tool(line: &str) -> Option<Cause> {
    let is_missing = line.contains("(os error 2)") || line.contains("kind: NotFound");
    if !is_missing {
        return None;
    }
    let is_end = |c: char| c.is_whitespace() || "\"'`:;,()".contains(c);
    let tool = line.split(is_end).find(|word| {
        packages::of_tool(word).is_some()
            && ![
                "bindgen", "dot", "file", "gettext", "ip", "openssl", "patch",
            ]
            .contains(word)
    });
    tool.map(|tool| Cause::Tool(tool.to_owned()))
}

//! The table of keys, with everything that a configuration file can set. A new key is an entry here
//! and a field in `KeyValues`.

use crate::keys::key::{Alias, Group, Key, Level, Shorthand};
use crate::keys::variable_format::VariableFormat;
use crate::values::field::overlay;
use crate::values::value_kind::ValueKind;
use crate::variables::*;

const BUILD: &[Level] = &[Level::Build];
const TARGET: &[Level] = &[Level::Target];
const BOTH: &[Level] = &[Level::Build, Level::Target];

/// Columns that are derived from the field, and defaults of the others.
macro_rules! key {
    ($name:literal, $field:ident) => {
        Key {
            name: $name,
            levels: BOTH,
            build_variables: &[],
            target_suffix: None,
            variable_format: VariableFormat::Text,
            accumulates: false,
            values: &[],
            default: "",
            meaning: "",
            example: "",
            field: |values| &values.$field,
            field_mut: |values| &mut values.$field,
            overlay: |below, above, merge| overlay(&mut below.$field, &above.$field, merge),
        }
    };
}

/// All keys, in the order of explanations.
pub(crate) static KEYS: &[Key] = &[
    Key {
        levels: BUILD,
        build_variables: &[CROSS_BUILD_TARGET, CARGO_BUILD_TARGET],
        default: "the host's triple",
        meaning: "the target to build for if none is requested",
        example: "[build]\ndefault-target = \"aarch64-unknown-linux-gnu\"\n",
        ..key!("default-target", default_target)
    },
    Key {
        levels: BUILD,
        build_variables: &[CROSS_BUILD_TARGETS],
        variable_format: VariableFormat::Words,
        default: "none",
        meaning: "the targets that the project releases for",
        example: "[build]\ntargets = [\"aarch64-unknown-linux-gnu\", \"s390x-unknown-linux-gnu\"]\n",
        ..key!("targets", targets)
    },
    Key {
        levels: BUILD,
        build_variables: &[CROSS_CONTAINER_ENGINE],
        default: "`auto`",
        meaning: "the engine that runs commands: `auto`, the name of an engine (`sandbox`, `docker`, `podman`, `host`), or the path of a container command. `auto` takes the first of sandbox, docker and podman that works here and can do what is configured",
        example: "[build]\nengine = \"podman\"\n",
        ..key!("engine", engine)
    },
    Key {
        build_variables: &[CROSS_BUILD_TOOLCHAIN],
        target_suffix: Some(TARGET_TOOLCHAIN),
        default: "`host`",
        meaning: "the Rust toolchain: `host`, `image`, or the path of a toolchain directory",
        example: "[build]\ntoolchain = \"image\"\n",
        ..key!("toolchain", toolchain)
    },
    Key {
        build_variables: &[CROSS_BUILD_NETWORK],
        target_suffix: Some(TARGET_NETWORK),
        values: &["none", "host", "default"],
        default: "`none`, except that `Cross::exec` and `Cross::shell` have the engine's default",
        meaning: "the network access of environments: `none` is a loopback of its own, `host` is the network of the host, `default` is the engine's default",
        example: "[build]\nnetwork = \"host\"\n",
        ..key!("network", network)
    },
    Key {
        build_variables: &[CROSS_BUILD_MEMORY],
        target_suffix: Some(TARGET_MEMORY),
        default: "no limit",
        meaning: "the memory, with swap, that all processes of a container may use together: a number of bytes, or a number with a unit in powers of 1024 (`k`, `m`, `g`, `t`, or `KiB` to `TiB`, in any case); at least 6 MiB. Images are built without it. The engines docker and podman obey it, and `auto` takes one of them; the others, and a rootless engine without the right to limit memory, refuse it",
        example: "[build]\nmemory = \"4g\"\n",
        ..key!("memory", memory)
    },
    Key {
        build_variables: &[CROSS_BUILD_SUITE],
        target_suffix: Some(TARGET_SUITE),
        default: "that of the target's recipe",
        meaning: "the Debian suite of the recipe",
        example: "[target.s390x-unknown-linux-gnu]\nsuite = \"trixie\"\n",
        ..key!("suite", suite)
    },
    Key {
        build_variables: &[CROSS_BUILD_SNAPSHOT],
        target_suffix: Some(TARGET_SNAPSHOT),
        default: "none",
        meaning: "the URL of a mirror that keeps old packages, for locked packages that the mirror no longer has; `{date}` in it is the day after the release that was locked",
        example: "[build]\nsnapshot = \"http://snapshot.debian.org/archive/debian/{date}\"\n",
        ..key!("snapshot", snapshot)
    },
    Key {
        build_variables: &[CROSS_BUILD_PACKAGES],
        target_suffix: Some(TARGET_PACKAGES),
        variable_format: VariableFormat::Words,
        default: "none",
        meaning: "additional Debian packages for the recipe: for the target's architecture, or with `:native` for the build machine; `[target]` adds to `[build]`",
        example: "[build]\npackages = [\"libssl-dev\", \"libclang-dev:native\"]\n",
        ..key!("packages", packages)
    },
    Key {
        build_variables: &[CROSS_BUILD_STD],
        target_suffix: Some(TARGET_BUILD_STD),
        variable_format: VariableFormat::FlagOrCommas,
        default: "`false`",
        meaning: "whether to build the standard library from source (`true`: those of its crates that the target has), or which of its crates; requires a nightly toolchain",
        example: "[target.aarch64-unknown-linux-gnu]\nbuild-std = [\"core\", \"alloc\"]\n",
        ..key!("build-std", build_std)
    },
    Key {
        build_variables: &[CROSS_BUILD_ZIG],
        target_suffix: Some(TARGET_ZIG),
        variable_format: VariableFormat::Flag,
        default: "`false`",
        meaning: "whether to use Zig as C compiler and linker",
        example: "[build.zig]\nenable = true\n",
        ..key!("zig.enable", zig_enable)
    },
    Key {
        build_variables: &[CROSS_BUILD_ZIG_VERSION],
        target_suffix: Some(TARGET_ZIG_VERSION),
        default: "2.28, or the processor's first version",
        meaning: "the minimum glibc version: 2.17 or later, or the first that the processor has (2.36 for loongarch64), but not for powerpc64 and sparc64, for which Zig links nothing",
        example: "[build.zig]\nenable = true\nversion = \"2.17\"\n",
        ..key!("zig.version", zig_version)
    },
    Key {
        build_variables: &[CROSS_BUILD_ZIG_IMAGE],
        target_suffix: Some(TARGET_ZIG_IMAGE),
        default: "none: the recipe includes Zig",
        meaning: "an image that contains Zig",
        example: "[build.zig]\nenable = true\nimage.name = \"my/zig:1\"\n",
        ..key!("zig.image.name", zig_image)
    },
    Key {
        build_variables: &[CROSS_BUILD_ZIG_IMAGE_TOOLCHAIN],
        target_suffix: Some(TARGET_ZIG_IMAGE_TOOLCHAIN),
        variable_format: VariableFormat::Commas,
        default: "`linux/amd64`",
        meaning: "the platforms of the Zig image, as for `image.toolchain`",
        example: "[build.zig]\nenable = true\nimage.name = \"my/zig:1\"\nimage.toolchain = [\"linux/arm64\"]\n",
        ..key!("zig.image.toolchain", zig_image_toolchain)
    },
    Key {
        build_variables: &[CROSS_BUILD_PRE_BUILD],
        target_suffix: Some(TARGET_PRE_BUILD),
        variable_format: VariableFormat::Lines,
        default: "none",
        meaning: "preparation of the environment: the path of a script, a command, or a list of commands",
        example: "[target.aarch64-unknown-linux-gnu]\npre-build = [\n    \"apt-get update\",\n    \"apt-get install --assume-yes libssl-dev:$CROSS_DEB_ARCH\",\n]\n",
        ..key!("pre-build", pre_build)
    },
    Key {
        build_variables: &[CROSS_BUILD_DOCKERFILE],
        target_suffix: Some(TARGET_DOCKERFILE),
        default: "none",
        meaning: "a Dockerfile that builds the image of the environment",
        example: "[build.dockerfile]\nfile = \"ci/Dockerfile\"\n",
        ..key!("dockerfile.file", dockerfile)
    },
    Key {
        build_variables: &[CROSS_BUILD_DOCKERFILE_CONTEXT],
        target_suffix: Some(TARGET_DOCKERFILE_CONTEXT),
        default: "the workspace root",
        meaning: "the build context of the Dockerfile",
        example: "[build.dockerfile]\nfile = \"ci/Dockerfile\"\ncontext = \"ci\"\n",
        ..key!("dockerfile.context", dockerfile_context)
    },
    Key {
        build_variables: &[CROSS_BUILD_DOCKERFILE_BUILD_ARGS],
        target_suffix: Some(TARGET_DOCKERFILE_BUILD_ARGS),
        variable_format: VariableFormat::Pairs,
        default: "none",
        meaning: "build arguments of the Dockerfile; `[target]` adds to `[build]`",
        example: "[build.dockerfile]\nfile = \"ci/Dockerfile\"\nbuild-args = { OPENSSL = \"3\" }\n",
        ..key!("dockerfile.build-args", build_args)
    },
    Key {
        build_variables: &[CROSS_BUILD_ENV_PASSTHROUGH],
        target_suffix: Some(TARGET_ENV_PASSTHROUGH),
        variable_format: VariableFormat::Words,
        accumulates: true,
        default: "none",
        meaning: "variables that are passed to the environment, `NAME` or `NAME=value`; accumulated over levels and sources",
        example: "[build.env]\npassthrough = [\"RUST_LOG\", \"LANG=C.UTF-8\"]\n",
        ..key!("env.passthrough", passthrough)
    },
    Key {
        build_variables: &[CROSS_BUILD_ENV_VOLUMES],
        target_suffix: Some(TARGET_ENV_VOLUMES),
        variable_format: VariableFormat::Words,
        default: "none",
        meaning: "directories to mount at their own paths, named by variables: `NAME` or `NAME=/path`",
        example: "[build.env]\nvolumes = [\"FIXTURES=/srv/fixtures\"]\n",
        ..key!("env.volumes", volumes)
    },
    Key {
        levels: TARGET,
        target_suffix: Some(TARGET_IMAGE),
        default: "none: the target's recipe, or else its published image",
        meaning: "the image of the environment, or `:tag`, `@digest` or `-variant` of the published image",
        example: "[target.aarch64-unknown-linux-gnu.image]\nname = \"my/image:1\"\n",
        ..key!("image.name", image)
    },
    Key {
        levels: TARGET,
        target_suffix: Some(TARGET_IMAGE_TOOLCHAIN),
        variable_format: VariableFormat::Commas,
        default: "`linux/amd64`",
        meaning: "the platforms of the image: `linux/arm64`, `linux/arm64=<triple>` or a triple",
        example: "[target.aarch64-unknown-linux-gnu.image]\nname = \"my/image:1\"\ntoolchain = [\"linux/arm64/v8=aarch64-unknown-linux-gnu\"]\n",
        ..key!("image.toolchain", image_toolchain)
    },
    Key {
        levels: TARGET,
        target_suffix: Some(TARGET_SDK),
        default: "for Android, `ANDROID_NDK_HOME` or else `ANDROID_NDK_ROOT`; for `aarch64-`, `i686-` and `x86_64-pc-windows-msvc`, `XWIN_CACHE_DIR` if it has libraries for the target; for Apple's systems, `SDKROOT` if it is an SDK for the target; otherwise none, which uses the published image, or builds what needs no SDK",
        meaning: "the directory of the SDK that completes the recipe: the Android NDK, Microsoft's headers and libraries as `xwin` writes them, an SDK of Apple's such as `MacOSX.sdk`, or a root file system of Solaris, illumos or DragonFly",
        example: "[target.aarch64-linux-android]\nsdk = \"/opt/android-ndk-r27c\"\n",
        ..key!("sdk", sdk)
    },
    Key {
        build_variables: &[CROSS_BUILD_DEPLOYMENT_TARGET],
        target_suffix: Some(TARGET_DEPLOYMENT_TARGET),
        default: "the variable that Apple's own tools read (`MACOSX_DEPLOYMENT_TARGET`, `IPHONEOS_DEPLOYMENT_TARGET` and so on), else Rust's default for the target",
        meaning: "the oldest version of Apple's system that programs have to run on; compilers and linkers are told it, and an artifact that needs a newer one is an error; under `[build]` it is for each of the systems, whose versions before 26 differ",
        example: "[target.aarch64-apple-darwin]\ndeployment-target = \"12.0\"\n",
        ..key!("deployment-target", deployment_target)
    },
    Key {
        levels: TARGET,
        target_suffix: Some(TARGET_RUNNER),
        default: "the target's default runner",
        meaning: "the runner of the target's programs: `native`, `qemu-user`, `qemu-system` (a virtual machine with a Debian kernel, 1 GiB of memory and up to 4 processors), `wasmtime` (for WASI), `wasm-bindgen` (for tests by wasm-bindgen-test, and the default where `Cargo.lock` names that crate), or a command; empty for the default",
        example: "[target.aarch64-unknown-linux-gnu]\nrunner = \"qemu-user\"\n",
        ..key!("runner", runner)
    },
    Key {
        build_variables: &[CROSS_BUILD_SERIAL_TESTS],
        target_suffix: Some(TARGET_SERIAL_TESTS),
        variable_format: VariableFormat::Flag,
        default: "`false`",
        meaning: "whether to run test binaries one at a time, like cargo, instead of in parallel; for tests that share a port, a file or a database",
        example: "[build]\nserial-tests = true\n",
        ..key!("serial-tests", serial_tests)
    },
    Key {
        build_variables: &[CROSS_BUILD_REPRODUCIBLE],
        target_suffix: Some(TARGET_REPRODUCIBLE),
        variable_format: VariableFormat::Flag,
        default: "`false`",
        meaning: "whether the same sources, lock and toolchain give the same bytes in any directory, for any user and on any engine: what compiles sees the project, the crates and the toolchain at fixed paths, and a fixed time, locale and user name",
        example: "[build]\nreproducible = true\n",
        ..key!("reproducible", reproducible)
    },
    Key {
        build_variables: &[CROSS_BUILD_WRITABLE],
        target_suffix: Some(TARGET_WRITABLE),
        variable_format: VariableFormat::Lines,
        accumulates: true,
        default: "none: the sources are read only",
        meaning: "directories of the workspace that what runs in the environment may write; they have to exist, and none may be the workspace root, `.git` or `.cargo`; accumulated over levels and sources",
        example: "[build]\nwritable = [\"schema/generated\"]\n",
        ..key!("writable", writable)
    },
];

/// All tables of keys, with their shorthands.
pub(crate) static GROUPS: &[Group] = &[
    Group {
        name: "zig",
        shorthands: &[
            Shorthand {
                kind: ValueKind::Boolean,
                key: "zig.enable",
                also_enables: None,
            },
            Shorthand {
                kind: ValueKind::String,
                key: "zig.version",
                also_enables: Some("zig.enable"),
            },
        ],
        primary_key: None,
        meaning: "whether to use Zig as C compiler and linker, or the minimum glibc version",
        example: "[target.aarch64-unknown-linux-gnu]\nzig = \"2.17\"\n",
    },
    Group {
        name: "zig.image",
        shorthands: &[Shorthand {
            kind: ValueKind::String,
            key: "zig.image.name",
            also_enables: None,
        }],
        primary_key: Some("zig.image.name"),
        meaning: "an image that contains Zig",
        example: "[build.zig]\nenable = true\nimage = \"my/zig:1\"\n",
    },
    Group {
        name: "dockerfile",
        shorthands: &[Shorthand {
            kind: ValueKind::String,
            key: "dockerfile.file",
            also_enables: None,
        }],
        primary_key: None,
        meaning: "a Dockerfile that builds the image of the environment",
        example: "[build]\ndockerfile = \"ci/Dockerfile\"\n",
    },
    Group {
        name: "env",
        shorthands: &[],
        primary_key: None,
        meaning: "variables and directories that are passed to the environment",
        example: "",
    },
    Group {
        name: "image",
        shorthands: &[Shorthand {
            kind: ValueKind::String,
            key: "image.name",
            also_enables: None,
        }],
        primary_key: Some("image.name"),
        meaning: "the image of the environment",
        example: "[target.aarch64-unknown-linux-gnu]\nimage = \"my/image:1\"\n",
    },
];

/// All deprecated names.
pub(crate) static ALIASES: &[Alias] = &[Alias {
    name: "xargo",
    build_variable: CROSS_BUILD_XARGO,
    target_suffix: TARGET_XARGO,
    key: "build-std",
}];

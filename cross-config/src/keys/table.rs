//! The table of keys: everything that a configuration file can say. A new key is an entry here and a
//! field in `Values`.

use crate::keys::key::{Alias, Group, Key, Level, Short};
use crate::keys::variable_format::Form;
use crate::values::field::cover;
use crate::values::value_kind::Kind;
use crate::variables::*;

const BUILD: &[Level] = &[Level::Build];
const TARGET: &[Level] = &[Level::Target];
const BOTH: &[Level] = &[Level::Build, Level::Target];

/// The columns that follow from the field's type, and the usual values of those that have one.
macro_rules! key {
    ($name:literal, $field:ident) => {
        Key {
            name: $name,
            levels: BOTH,
            build_variables: &[],
            target_suffix: None,
            form: Form::Text,
            sums: false,
            values: &[],
            default: "",
            meaning: "",
            example: "",
            field: |values| &values.$field,
            field_mut: |values| &mut values.$field,
            cover: |below, above, join| cover(&mut below.$field, &above.$field, join),
        }
    };
}

/// Every key, in the order in which they are explained.
pub(crate) static KEYS: &[Key] = &[
    Key {
        levels: BUILD,
        build_variables: &[CROSS_BUILD_TARGET, CARGO_BUILD_TARGET],
        default: "the host's triple",
        meaning: "the target to build for when none is asked for",
        example: "[build]\ndefault-target = \"aarch64-unknown-linux-gnu\"\n",
        ..key!("default-target", default_target)
    },
    Key {
        levels: BUILD,
        build_variables: &[CROSS_BUILD_TARGETS],
        form: Form::Words,
        default: "none",
        meaning: "the targets the project releases for",
        example: "[build]\ntargets = [\"aarch64-unknown-linux-gnu\", \"s390x-unknown-linux-gnu\"]\n",
        ..key!("targets", targets)
    },
    Key {
        levels: BUILD,
        build_variables: &[CROSS_CONTAINER_ENGINE],
        default: "`auto`",
        meaning: "where it runs: `auto`, an engine's name (`sandbox`, `docker`, `podman`, `host`), or the path of a container command",
        example: "[build]\nengine = \"podman\"\n",
        ..key!("engine", engine)
    },
    Key {
        build_variables: &[CROSS_BUILD_TOOLCHAIN],
        target_suffix: Some(TARGET_TOOLCHAIN),
        default: "`host`",
        meaning: "which Rust compiles: `host`, `image`, or the path of a toolchain's directory",
        example: "[build]\ntoolchain = \"image\"\n",
        ..key!("toolchain", toolchain)
    },
    Key {
        build_variables: &[CROSS_BUILD_NETWORK],
        target_suffix: Some(TARGET_NETWORK),
        values: &["none", "host", "default"],
        default: "none for what compiles, the engine's own for what runs programs",
        meaning: "the network that environments have",
        example: "[build]\nnetwork = \"none\"\n",
        ..key!("network", network)
    },
    Key {
        build_variables: &[CROSS_BUILD_SUITE],
        target_suffix: Some(TARGET_SUITE),
        default: "the one of the target's recipe",
        meaning: "the distribution's suite that a recipe is made of",
        example: "[target.s390x-unknown-linux-gnu]\nsuite = \"trixie\"\n",
        ..key!("suite", suite)
    },
    Key {
        build_variables: &[CROSS_BUILD_PACKAGES],
        target_suffix: Some(TARGET_PACKAGES),
        form: Form::Words,
        default: "none",
        meaning: "more Debian packages for a recipe, for the target's architecture, or with `:native` for the machine that builds; `[target]` adds to `[build]`",
        example: "[build]\npackages = [\"libssl-dev\", \"libclang-dev:native\"]\n",
        ..key!("packages", packages)
    },
    Key {
        build_variables: &[CROSS_BUILD_STD],
        target_suffix: Some(TARGET_BUILD_STD),
        form: Form::FlagOrCommas,
        default: "`false`",
        meaning: "whether the standard library is built from source, or which crates of it; needs a nightly toolchain",
        example: "[target.aarch64-unknown-linux-gnu]\nbuild-std = [\"core\", \"alloc\"]\n",
        ..key!("build-std", build_std)
    },
    Key {
        build_variables: &[CROSS_BUILD_ZIG],
        target_suffix: Some(TARGET_ZIG),
        form: Form::Flag,
        default: "`false`",
        meaning: "whether zig is the C compiler and linker",
        example: "[build.zig]\nenable = true\n",
        ..key!("zig.enable", zig_enable)
    },
    Key {
        build_variables: &[CROSS_BUILD_ZIG_VERSION],
        target_suffix: Some(TARGET_ZIG_VERSION),
        default: "the one that zig takes",
        meaning: "the oldest glibc to run on",
        example: "[build.zig]\nenable = true\nversion = \"2.17\"\n",
        ..key!("zig.version", zig_version)
    },
    Key {
        build_variables: &[CROSS_BUILD_ZIG_IMAGE],
        target_suffix: Some(TARGET_ZIG_IMAGE),
        default: "none: zig is a part of the recipe",
        meaning: "an image that has zig",
        example: "[build.zig]\nenable = true\nimage.name = \"my/zig:1\"\n",
        ..key!("zig.image.name", zig_image)
    },
    Key {
        build_variables: &[CROSS_BUILD_ZIG_IMAGE_TOOLCHAIN],
        target_suffix: Some(TARGET_ZIG_IMAGE_TOOLCHAIN),
        form: Form::Commas,
        default: "`linux/amd64`",
        meaning: "the platforms that the image with zig runs on, as for `image.toolchain`",
        example: "[build.zig]\nenable = true\nimage.name = \"my/zig:1\"\nimage.toolchain = [\"linux/arm64\"]\n",
        ..key!("zig.image.toolchain", zig_image_toolchain)
    },
    Key {
        build_variables: &[CROSS_BUILD_PRE_BUILD],
        target_suffix: Some(TARGET_PRE_BUILD),
        form: Form::Lines,
        default: "nothing",
        meaning: "what is done to the environment first: a script's path, a command, or commands",
        example: "[target.aarch64-unknown-linux-gnu]\npre-build = [\n    \"apt-get update\",\n    \"apt-get install --assume-yes libssl-dev:$CROSS_DEB_ARCH\",\n]\n",
        ..key!("pre-build", pre_build)
    },
    Key {
        build_variables: &[CROSS_BUILD_DOCKERFILE],
        target_suffix: Some(TARGET_DOCKERFILE),
        default: "none",
        meaning: "a Dockerfile whose image is the environment",
        example: "[build.dockerfile]\nfile = \"ci/Dockerfile\"\n",
        ..key!("dockerfile.file", dockerfile)
    },
    Key {
        build_variables: &[CROSS_BUILD_DOCKERFILE_CONTEXT],
        target_suffix: Some(TARGET_DOCKERFILE_CONTEXT),
        default: "the workspace root",
        meaning: "the directory that the Dockerfile copies from",
        example: "[build.dockerfile]\nfile = \"ci/Dockerfile\"\ncontext = \"ci\"\n",
        ..key!("dockerfile.context", dockerfile_context)
    },
    Key {
        build_variables: &[CROSS_BUILD_DOCKERFILE_BUILD_ARGS],
        target_suffix: Some(TARGET_DOCKERFILE_BUILD_ARGS),
        form: Form::Pairs,
        default: "none",
        meaning: "build arguments of the Dockerfile; `[target]` adds to `[build]`",
        example: "[build.dockerfile]\nfile = \"ci/Dockerfile\"\nbuild-args = { OPENSSL = \"3\" }\n",
        ..key!("dockerfile.build-args", build_args)
    },
    Key {
        build_variables: &[CROSS_BUILD_ENV_PASSTHROUGH],
        target_suffix: Some(TARGET_ENV_PASSTHROUGH),
        form: Form::Words,
        sums: true,
        default: "none",
        meaning: "variables that reach the environment, `NAME` or `NAME=value`; added up over levels and sources",
        example: "[build.env]\npassthrough = [\"RUST_LOG\", \"LANG=C.UTF-8\"]\n",
        ..key!("env.passthrough", passthrough)
    },
    Key {
        build_variables: &[CROSS_BUILD_ENV_VOLUMES],
        target_suffix: Some(TARGET_ENV_VOLUMES),
        form: Form::Words,
        default: "none",
        meaning: "directories mounted at their own paths, by variables: `NAME` or `NAME=/path`",
        example: "[build.env]\nvolumes = [\"FIXTURES=/srv/fixtures\"]\n",
        ..key!("env.volumes", volumes)
    },
    Key {
        levels: TARGET,
        target_suffix: Some(TARGET_IMAGE),
        default: "none: the target's recipe, else its published image",
        meaning: "the image that is the environment, or `:tag`, `@digest` or `-variant` of the published one",
        example: "[target.aarch64-unknown-linux-gnu.image]\nname = \"my/image:1\"\n",
        ..key!("image.name", image)
    },
    Key {
        levels: TARGET,
        target_suffix: Some(TARGET_IMAGE_TOOLCHAIN),
        form: Form::Commas,
        default: "`linux/amd64`",
        meaning: "the platforms that the image runs on: `linux/arm64`, `linux/arm64=<triple>` or a triple",
        example: "[target.aarch64-unknown-linux-gnu.image]\nname = \"my/image:1\"\ntoolchain = [\"linux/arm64/v8=aarch64-unknown-linux-gnu\"]\n",
        ..key!("image.toolchain", image_toolchain)
    },
    Key {
        levels: TARGET,
        target_suffix: Some(TARGET_SDK),
        default: "for Android `ANDROID_NDK_HOME`, then `ANDROID_NDK_ROOT`; else none: the published image",
        meaning: "the directory of Android's NDK, or of Solaris', illumos' or DragonFly's root file system: made into a recipe",
        example: "[target.aarch64-linux-android]\nsdk = \"/opt/android-ndk-r27c\"\n",
        ..key!("sdk", sdk)
    },
    Key {
        levels: TARGET,
        target_suffix: Some(TARGET_RUNNER),
        default: "the target's usual one",
        meaning: "what runs the target's programs: `native`, `qemu-user`, `qemu-system` (a machine of their own with Debian's kernel, 1 GiB of memory and up to 4 processors), or a command; empty for the default",
        example: "[target.aarch64-unknown-linux-gnu]\nrunner = \"qemu-user\"\n",
        ..key!("runner", runner)
    },
    Key {
        build_variables: &[CROSS_BUILD_SERIAL_TESTS],
        target_suffix: Some(TARGET_SERIAL_TESTS),
        form: Form::Flag,
        default: "`false`",
        meaning: "whether test binaries run one after the other, as by cargo, and not side by side: for tests that share a port, a file or a database",
        example: "[build]\nserial-tests = true\n",
        ..key!("serial-tests", serial_tests)
    },
];

/// Every table that holds keys, and what may be written in its place.
pub(crate) static GROUPS: &[Group] = &[
    Group {
        name: "zig",
        shorts: &[
            Short {
                kind: Kind::Boolean,
                key: "zig.enable",
                on: None,
            },
            Short {
                kind: Kind::String,
                key: "zig.version",
                on: Some("zig.enable"),
            },
        ],
        head: None,
        meaning: "zig as the C compiler and linker: whether, or the oldest glibc to run on",
        example: "[target.aarch64-unknown-linux-gnu]\nzig = \"2.17\"\n",
    },
    Group {
        name: "zig.image",
        shorts: &[Short {
            kind: Kind::String,
            key: "zig.image.name",
            on: None,
        }],
        head: Some("zig.image.name"),
        meaning: "an image that has zig",
        example: "[build.zig]\nenable = true\nimage = \"my/zig:1\"\n",
    },
    Group {
        name: "dockerfile",
        shorts: &[Short {
            kind: Kind::String,
            key: "dockerfile.file",
            on: None,
        }],
        head: None,
        meaning: "a Dockerfile whose image is the environment",
        example: "[build]\ndockerfile = \"ci/Dockerfile\"\n",
    },
    Group {
        name: "env",
        shorts: &[],
        head: None,
        meaning: "what passes into the environment",
        example: "",
    },
    Group {
        name: "image",
        shorts: &[Short {
            kind: Kind::String,
            key: "image.name",
            on: None,
        }],
        head: Some("image.name"),
        meaning: "the image that is the environment",
        example: "[target.aarch64-unknown-linux-gnu]\nimage = \"my/image:1\"\n",
    },
];

/// Every old name.
pub(crate) static ALIASES: &[Alias] = &[Alias {
    name: "xargo",
    build_variable: CROSS_BUILD_XARGO,
    target_suffix: TARGET_XARGO,
    key: "build-std",
}];

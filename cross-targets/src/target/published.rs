//! Images that the `cross` project publishes, and the values it passes to builds on top of them.

use crate::facts::target_facts::{Libc, TargetFacts};

/// The triples that `cross` publishes an image for, in order.
const PUBLISHED: [&str; 55] = [
    "aarch64-linux-android",
    "aarch64-unknown-linux-gnu",
    "aarch64-unknown-linux-musl",
    "arm-linux-androideabi",
    "arm-unknown-linux-gnueabi",
    "arm-unknown-linux-gnueabihf",
    "arm-unknown-linux-musleabi",
    "arm-unknown-linux-musleabihf",
    "armv5te-unknown-linux-gnueabi",
    "armv5te-unknown-linux-musleabi",
    "armv7-linux-androideabi",
    "armv7-unknown-linux-gnueabi",
    "armv7-unknown-linux-gnueabihf",
    "armv7-unknown-linux-musleabi",
    "armv7-unknown-linux-musleabihf",
    "i586-unknown-linux-gnu",
    "i586-unknown-linux-musl",
    "i686-linux-android",
    "i686-pc-windows-gnu",
    "i686-unknown-freebsd",
    "i686-unknown-linux-gnu",
    "i686-unknown-linux-musl",
    "loongarch64-unknown-linux-gnu",
    "loongarch64-unknown-linux-musl",
    "mips-unknown-linux-gnu",
    "mips64-unknown-linux-gnuabi64",
    "mips64el-unknown-linux-gnuabi64",
    "mipsel-unknown-linux-gnu",
    "powerpc-unknown-linux-gnu",
    "powerpc64-unknown-linux-gnu",
    "powerpc64le-unknown-linux-gnu",
    "riscv64gc-unknown-linux-gnu",
    "riscv64gc-unknown-linux-musl",
    "s390x-unknown-linux-gnu",
    "sparc64-unknown-linux-gnu",
    "sparcv9-sun-solaris",
    "thumbv6m-none-eabi",
    "thumbv7em-none-eabi",
    "thumbv7em-none-eabihf",
    "thumbv7m-none-eabi",
    "thumbv7neon-linux-androideabi",
    "thumbv7neon-unknown-linux-gnueabihf",
    "thumbv8m.base-none-eabi",
    "thumbv8m.main-none-eabi",
    "thumbv8m.main-none-eabihf",
    "wasm32-unknown-emscripten",
    "x86_64-linux-android",
    "x86_64-pc-solaris",
    "x86_64-pc-windows-gnu",
    "x86_64-unknown-dragonfly",
    "x86_64-unknown-freebsd",
    "x86_64-unknown-illumos",
    "x86_64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "x86_64-unknown-netbsd",
];

/// The last component of the image name, which is the triple.
pub(crate) fn image(facts: &TargetFacts) -> Option<&'static str> {
    PUBLISHED
        .binary_search(&facts.triple)
        .is_ok()
        .then_some(facts.triple)
}

/// Whether `cross` runs the image with a custom seccomp profile. The C library of 32-bit Android
/// makes system calls that the default profile blocks.
pub(crate) fn needs_seccomp_profile(facts: &TargetFacts) -> bool {
    facts.os == "android" && facts.pointer_width == 32
}

/// The value of the build argument `CROSS_DEB_ARCH`. It follows Debian's architecture names;
/// targets that are not Debian ports have invented names.
pub(crate) fn deb_arch_argument(facts: &TargetFacts) -> Option<&'static str> {
    match (facts.os, facts.libc) {
        ("linux", Libc::Glibc) => glibc(facts),
        ("linux", Libc::Musl) => musl(facts.triple),
        ("none", _) => bare_metal(facts.triple),
        _ => other(facts.triple),
    }
}

fn glibc(facts: &TargetFacts) -> Option<&'static str> {
    match facts.triple {
        "armv5te-unknown-linux-gnueabi"
        | "loongarch64-unknown-linux-gnu"
        | "riscv64a23-unknown-linux-gnu"
        | "x86_64-unknown-linux-gnuasan"
        | "x86_64-unknown-linux-gnux32" => None,
        "arm-unknown-linux-gnueabihf" => Some("armhf"),
        _ => facts.debian_arch,
    }
}

fn musl(triple: &str) -> Option<&'static str> {
    Some(match triple {
        "aarch64-unknown-linux-musl" => "musl-linux-arm64",
        "arm-unknown-linux-musleabi" | "armv7-unknown-linux-musleabi" => "musl-linux-arm",
        "arm-unknown-linux-musleabihf" | "armv7-unknown-linux-musleabihf" => "musl-linux-armhf",
        "i586-unknown-linux-musl" | "i686-unknown-linux-musl" => "musl-linux-i386",
        "mips-unknown-linux-musl" => "musl-linux-mips",
        "mips64-unknown-linux-muslabi64" => "musl-linux-mips64",
        "mips64el-unknown-linux-muslabi64" => "musl-linux-mips64el",
        "mipsel-unknown-linux-musl" => "musl-linux-mipsel",
        "x86_64-unknown-linux-musl" => "musl-linux-amd64",
        _ => return None,
    })
}

/// `cross` does not know ARMv8-M.
fn bare_metal(triple: &str) -> Option<&'static str> {
    match triple {
        "thumbv6m-none-eabi" | "thumbv7em-none-eabi" | "thumbv7m-none-eabi" => Some("arm"),
        "thumbv7em-none-eabihf" => Some("armhf"),
        _ => None,
    }
}

fn other(triple: &str) -> Option<&'static str> {
    Some(match triple {
        "i686-unknown-freebsd" => "freebsd-i386",
        "sparcv9-sun-solaris" => "solaris-sparc",
        "x86_64-apple-darwin" => "darwin-amd64",
        "x86_64-pc-solaris" => "solaris-amd64",
        "x86_64-unknown-dragonfly" => "dragonflybsd-amd64",
        "x86_64-unknown-freebsd" => "freebsd-amd64",
        "x86_64-unknown-netbsd" => "netbsd-amd64",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::target::Target;

    fn target(text: &str) -> Target {
        Target::parse(text).unwrap()
    }

    #[test]
    fn an_image_is_named_by_its_triple() {
        let published =
            Target::all().filter_map(|target| Some((target, target.published_image()?)));
        let mut count = 0;
        for (target, image) in published {
            assert_eq!(image, target.triple());
            count += 1;
        }
        // Targets with a glibc version have no image.
        assert_eq!(count, super::PUBLISHED.len(), "every image is for a target");
        for none in [
            "mips-unknown-linux-musl",
            "mips64el-unknown-linux-muslabi64",
            "x86_64-unknown-linux-gnu.2.17",
        ] {
            assert_eq!(target(none).published_image(), None, "{none}");
        }
    }

    #[test]
    fn only_32_bit_android_needs_a_profile() {
        let need: Vec<_> = Target::all()
            .filter(|target| target.needs_seccomp_profile())
            .map(Target::triple)
            .collect();
        assert_eq!(
            need,
            [
                "arm-linux-androideabi",
                "armv7-linux-androideabi",
                "i686-linux-android",
                "thumbv7neon-linux-androideabi",
            ]
        );
    }

    #[test]
    fn the_build_argument_is_what_cross_passes() {
        for (triple, argument) in [
            ("aarch64-unknown-linux-gnu", Some("arm64")),
            ("aarch64-unknown-linux-musl", Some("musl-linux-arm64")),
            ("x86_64-unknown-linux-gnu", Some("amd64")),
            ("x86_64-unknown-linux-gnu.2.17", Some("amd64")),
            ("arm-unknown-linux-gnueabi", Some("armel")),
            ("armv7-unknown-linux-gnueabi", Some("armel")),
            ("arm-unknown-linux-gnueabihf", Some("armhf")),
            ("thumbv7neon-unknown-linux-gnueabihf", Some("armhf")),
            ("i586-unknown-linux-gnu", Some("i386")),
            ("mips64el-unknown-linux-gnuabi64", Some("mips64el")),
            ("powerpc-unknown-linux-gnu", Some("powerpc")),
            ("powerpc64-unknown-linux-gnu", Some("ppc64")),
            ("powerpc64le-unknown-linux-gnu", Some("ppc64el")),
            ("sparc64-unknown-linux-gnu", Some("sparc64")),
            ("armv7-unknown-linux-musleabihf", Some("musl-linux-armhf")),
            ("mipsel-unknown-linux-musl", Some("musl-linux-mipsel")),
            ("i686-unknown-freebsd", Some("freebsd-i386")),
            ("x86_64-unknown-dragonfly", Some("dragonflybsd-amd64")),
            ("sparcv9-sun-solaris", Some("solaris-sparc")),
            ("thumbv7em-none-eabihf", Some("armhf")),
            ("thumbv6m-none-eabi", Some("arm")),
            ("thumbv8m.main-none-eabi", None),
            ("armv5te-unknown-linux-gnueabi", None),
            ("armv5te-unknown-linux-musleabi", None),
            ("loongarch64-unknown-linux-gnu", None),
            ("x86_64-unknown-illumos", None),
            ("aarch64-linux-android", None),
            ("x86_64-pc-windows-gnu", None),
            ("wasm32-unknown-emscripten", None),
            ("i686-unknown-linux-musl", Some("musl-linux-i386")),
            ("x86_64-apple-darwin", Some("darwin-amd64")),
            ("aarch64-apple-darwin", None),
            ("x86_64-unknown-linux-gnux32", None),
        ] {
            assert_eq!(target(triple).deb_arch_argument(), argument, "{triple}");
        }
    }
}

//! The Debian packages of libraries, headers and programs that builds often miss.

/// A package, and what it has.
struct Package {
    name: &'static str,
    /// The names of its libraries for pkg-config and the linker.
    libraries: &'static [&'static str],
    /// The beginnings of the paths of its headers.
    headers: &'static [&'static str],
}

macro_rules! packages {
    ($($name:literal: $libraries:tt $headers:tt)*) => {
        &[$(Package { name: $name, libraries: &$libraries, headers: &$headers }),*]
    };
}

#[rustfmt::skip]
const LIBRARIES: &[Package] = packages! {
    "libacl1-dev": ["acl", "libacl"] ["sys/acl.h"]
    "libarchive-dev": ["archive", "libarchive"] ["archive.h", "archive_entry.h"]
    "libasound2-dev": ["alsa", "asound"] ["alsa/"]
    "libatk1.0-dev": ["atk", "atk-1.0"] ["atk/"]
    "libavcodec-dev": ["avcodec", "libavcodec"] ["libavcodec/"]
    "libavformat-dev": ["avformat", "libavformat"] ["libavformat/"]
    "libavutil-dev": ["avutil", "libavutil"] ["libavutil/"]
    "libblkid-dev": ["blkid"] ["blkid/"]
    "libbluetooth-dev": ["bluetooth", "bluez"] ["bluetooth/"]
    "libbpf-dev": ["bpf", "libbpf"] ["bpf/"]
    "libbz2-dev": ["bz2", "bzip2"] ["bzlib.h"]
    "libcairo2-dev": ["cairo", "cairo-gobject"] ["cairo.h", "cairo/"]
    "libcap-dev": ["cap", "libcap"] ["sys/capability.h"]
    "libcurl4-openssl-dev": ["curl", "libcurl"] ["curl/"]
    "libdbus-1-dev": ["dbus-1"] ["dbus/"]
    "libdevmapper-dev": ["devmapper"] ["libdevmapper.h"]
    "libdrm-dev": ["drm", "libdrm"] ["libdrm/", "drm.h", "xf86drm.h"]
    "libegl-dev": ["EGL", "egl"] ["EGL/"]
    "libelf-dev": ["elf", "libelf"] ["libelf.h", "gelf.h"]
    "libevent-dev": ["event", "libevent"] ["event2/"]
    "libexpat1-dev": ["expat"] ["expat.h"]
    "libffi-dev": ["ffi", "libffi"] ["ffi.h"]
    "libfontconfig-dev": ["fontconfig"] ["fontconfig/"]
    "libfreetype-dev": ["freetype", "freetype2"] ["ft2build.h", "freetype2/"]
    "libfuse-dev": ["fuse"] ["fuse.h", "fuse/"]
    "libfuse3-dev": ["fuse3"] ["fuse3/"]
    "libgbm-dev": ["gbm"] ["gbm.h"]
    "libgdk-pixbuf-2.0-dev": ["gdk-pixbuf-2.0", "gdk_pixbuf-2.0"] ["gdk-pixbuf/"]
    "libgit2-dev": ["git2", "libgit2"] ["git2.h", "git2/"]
    "libgl-dev": ["GL", "gl"] ["GL/"]
    "libglib2.0-dev": ["glib-2.0", "gobject-2.0", "gio-2.0", "gmodule-2.0"] ["glib.h", "gio/"]
    "libgmp-dev": ["gmp"] ["gmp.h"]
    "libgpg-error-dev": ["gpg-error"] ["gpg-error.h"]
    "libgpgme-dev": ["gpgme"] ["gpgme.h"]
    "libgstreamer1.0-dev": ["gstreamer-1.0", "gstreamer-base-1.0"] ["gst/"]
    "libgtk-3-dev": ["gtk-3", "gtk+-3.0", "gdk-3", "gdk-3.0"] ["gtk/", "gdk/"]
    "libgtk-4-dev": ["gtk-4", "gtk4"] []
    "libhdf5-dev": ["hdf5"] ["hdf5.h"]
    "libibverbs-dev": ["ibverbs", "libibverbs"] ["infiniband/"]
    "libinput-dev": ["input", "libinput"] ["libinput.h"]
    "libjack-jackd2-dev": ["jack"] ["jack/"]
    "libjpeg-dev": ["jpeg", "libjpeg"] ["jpeglib.h"]
    "libkrb5-dev": ["krb5", "gssapi_krb5", "krb5-gssapi"] ["krb5.h", "gssapi/", "gssapi.h"]
    "libldap-dev": ["ldap", "lber"] ["ldap.h"]
    "liblz4-dev": ["lz4", "liblz4"] ["lz4.h"]
    "liblzma-dev": ["lzma", "liblzma"] ["lzma.h"]
    "libmagic-dev": ["magic", "libmagic"] ["magic.h"]
    "libmariadb-dev": ["mysqlclient", "mariadb", "libmariadb"] ["mysql.h", "mysql/", "mariadb/"]
    "libmnl-dev": ["mnl", "libmnl"] ["libmnl/"]
    "libmount-dev": ["mount"] ["libmount/"]
    "libncurses-dev": ["ncurses", "ncursesw", "tinfo", "curses"] ["ncurses.h", "curses.h", "term.h"]
    "libnftnl-dev": ["nftnl", "libnftnl"] ["libnftnl/"]
    "libnl-3-dev": ["nl-3", "libnl-3.0"] ["netlink/"]
    "libopus-dev": ["opus"] ["opus/"]
    "libpam0g-dev": ["pam"] ["security/pam_"]
    "libpango1.0-dev": ["pango", "pango-1.0", "pangocairo"] ["pango/"]
    "libpcap-dev": ["pcap", "libpcap"] ["pcap.h", "pcap/"]
    "libpcre2-dev": ["pcre2-8", "libpcre2-8"] ["pcre2.h"]
    "libpcsclite-dev": ["pcsclite", "libpcsclite"] ["winscard.h", "PCSC/"]
    "libpng-dev": ["png", "png16", "libpng", "libpng16"] ["png.h"]
    "libpq-dev": ["pq", "libpq"] ["libpq-fe.h", "postgresql/"]
    "libpulse-dev": ["pulse", "libpulse"] ["pulse/"]
    "librdkafka-dev": ["rdkafka"] ["librdkafka/"]
    "libreadline-dev": ["readline"] ["readline/"]
    "libsasl2-dev": ["sasl2", "libsasl2"] ["sasl/"]
    "libsdl2-dev": ["SDL2", "sdl2"] ["SDL2/"]
    "libseat-dev": ["seat", "libseat"] ["libseat.h"]
    "libseccomp-dev": ["seccomp", "libseccomp"] ["seccomp.h"]
    "libselinux1-dev": ["selinux", "libselinux"] ["selinux/"]
    "libsnappy-dev": ["snappy"] ["snappy-c.h", "snappy.h"]
    "libsodium-dev": ["sodium", "libsodium"] ["sodium.h"]
    "libsoup-3.0-dev": ["soup-3.0", "libsoup-3.0"] []
    "libsqlite3-dev": ["sqlite3"] ["sqlite3.h"]
    "libssh2-1-dev": ["ssh2", "libssh2"] ["libssh2.h"]
    "libssl-dev": ["openssl", "ssl", "crypto", "libssl", "libcrypto"] ["openssl/"]
    "libsystemd-dev": ["systemd", "libsystemd"] ["systemd/"]
    "libtiff-dev": ["tiff", "libtiff-4"] ["tiff.h", "tiffio.h"]
    "libtss2-dev": ["tss2-sys", "tss2-esys"] ["tss2/"]
    "libudev-dev": ["udev", "libudev"] ["libudev.h"]
    "libusb-1.0-0-dev": ["usb-1.0", "libusb-1.0"] ["libusb.h", "libusb-1.0/"]
    "libuv1-dev": ["uv", "libuv"] ["uv.h"]
    "libv4l-dev": ["v4l2", "libv4l2"] ["libv4l2.h"]
    "libvorbis-dev": ["vorbis", "vorbisenc"] ["vorbis/"]
    "libvulkan-dev": ["vulkan"] ["vulkan/"]
    "libwayland-dev": ["wayland-client", "wayland-server", "wayland-cursor", "wayland-egl"] ["wayland-"]
    "libwebkit2gtk-4.1-dev": ["webkit2gtk-4.1", "javascriptcoregtk-4.1"] ["webkit2/"]
    "libx11-dev": ["X11", "x11", "x11-xcb"] ["X11/Xlib.h", "X11/Xutil.h"]
    "libxcb1-dev": ["xcb"] ["xcb/"]
    "libxcursor-dev": ["Xcursor", "xcursor"] ["X11/Xcursor/"]
    "libxi-dev": ["Xi", "xi"] ["X11/extensions/XInput"]
    "libxkbcommon-dev": ["xkbcommon"] ["xkbcommon/"]
    "libxml2-dev": ["xml2", "libxml-2.0"] ["libxml/", "libxml2/"]
    "libxrandr-dev": ["Xrandr", "xrandr"] ["X11/extensions/Xrandr"]
    "libxslt1-dev": ["xslt", "libxslt"] ["libxslt/"]
    "libyaml-dev": ["yaml", "yaml-0.1"] ["yaml.h"]
    "libzmq3-dev": ["zmq", "libzmq"] ["zmq.h"]
    "libzstd-dev": ["zstd", "libzstd"] ["zstd.h"]
    "linux-libc-dev": [] ["linux/"]
    "nettle-dev": ["nettle", "hogweed"] ["nettle/"]
    "uuid-dev": ["uuid"] ["uuid/"]
    "zlib1g-dev": ["z", "zlib"] ["zlib.h", "zconf.h"]
};

/// Programs and the packages that have them, if the package has another name.
#[rustfmt::skip]
const TOOLS: &[(&str, &str)] = &[
    ("aclocal", "automake"), ("ar", "binutils"), ("autoreconf", "autoconf"), ("c++", "g++"),
    ("capnp", "capnproto"), ("cc", "gcc"), ("clang++", "clang"), ("cython", "cython3"),
    ("flatc", "flatbuffers-compiler"), ("g++", "g++"), ("glslangValidator", "glslang-tools"),
    ("glslc", "glslc"), ("go", "golang-go"), ("java", "default-jdk-headless"),
    ("javac", "default-jdk-headless"), ("ld.lld", "lld"), ("libclang", "libclang-dev"),
    ("libtoolize", "libtool"), ("llvm-config", "llvm"), ("makeinfo", "texinfo"),
    ("msgfmt", "gettext"), ("ninja", "ninja-build"), ("node", "nodejs"),
    ("pip3", "python3-pip"), ("pkgconf", "pkgconf"), ("protoc", "protobuf-compiler"),
    ("python", "python-is-python3"), ("ssh", "openssh-client"), ("tclsh", "tcl"),
    ("wayland-scanner", "libwayland-bin"), ("xz", "xz-utils"), ("yarn", "yarnpkg"),
];

/// Programs whose packages have their names.
#[rustfmt::skip]
const OF_SAME_NAME: &[&str] = &[
    "autoconf", "automake", "bc", "binutils", "bison", "bzip2", "clang", "cmake", "curl", "doxygen",
    "file", "flex", "gawk", "gcc", "git", "gperf", "help2man", "jq", "libtool", "lld", "llvm", "m4",
    "make", "meson", "mold", "nasm", "npm", "openssl", "patch", "perl", "pkg-config", "python3",
    "rsync", "ruby", "swig", "unzip", "wget", "xxd", "yasm", "zip",
];

/// Linkers, in the words of `-fuse-ld` and of rustc, and the packages that have them.
const LINKERS: &[(&str, &str)] = &[
    ("clang", "clang"),
    ("gold", "binutils"),
    ("ld.lld", "lld"),
    ("ld.mold", "mold"),
    ("lld", "lld"),
    ("mold", "mold"),
];

/// Returns the package with the library that pkg-config or the linker calls `name`.
pub(super) fn of_library(name: &str) -> Option<&'static str> {
    let exact = |package: &&Package| package.libraries.contains(&name);
    let in_any_case = |package: &&Package| {
        let mut known = package.libraries.iter();
        known.any(|known| known.eq_ignore_ascii_case(name))
    };
    let mut all = LIBRARIES.iter();
    let package = all.find(exact);
    let package = package.or_else(|| LIBRARIES.iter().find(in_any_case));
    package.map(|package| package.name)
}

/// Returns the package with the header that C calls `path`.
pub(super) fn of_header(path: &str) -> Option<&'static str> {
    let has = |package: &&Package| package.headers.iter().any(|start| path.starts_with(start));
    LIBRARIES.iter().find(has).map(|package| package.name)
}

/// Returns the package with the program `name`.
pub(super) fn of_tool(name: &str) -> Option<&'static str> {
    let same = OF_SAME_NAME.iter().find(|known| **known == name).copied();
    let other = || TOOLS.iter().find(|(tool, _)| *tool == name);
    same.or_else(|| other().map(|(_, package)| *package))
}

/// Returns the package with the linker `name`.
pub(super) fn of_linker(name: &str) -> Option<&'static str> {
    let mut known = LINKERS.iter();
    known
        .find(|(linker, _)| *linker == name)
        .map(|(_, package)| *package)
}

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
    "freetds-dev": ["sybdb"] ["sybdb.h"]
    "libacl1-dev": ["acl", "libacl"] ["sys/acl.h"]
    "libadwaita-1-dev": ["adwaita-1", "libadwaita-1"] ["adwaita.h"]
    "libaio-dev": ["aio"] ["libaio.h"]
    "libaom-dev": ["aom"] ["aom/"]
    "libarchive-dev": ["archive", "libarchive"] ["archive.h", "archive_entry.h"]
    "libasound2-dev": ["alsa", "asound"] ["alsa/"]
    "libatk1.0-dev": ["atk", "atk-1.0"] ["atk/"]
    "libattr1-dev": ["attr", "libattr"] ["attr/"]
    "libaudit-dev": ["audit"] ["libaudit.h"]
    "libavahi-client-dev": ["avahi-client", "avahi-common"] ["avahi-client/", "avahi-common/"]
    "libavcodec-dev": ["avcodec", "libavcodec"] ["libavcodec/"]
    "libavdevice-dev": ["avdevice", "libavdevice"] ["libavdevice/"]
    "libavfilter-dev": ["avfilter", "libavfilter"] ["libavfilter/"]
    "libavformat-dev": ["avformat", "libavformat"] ["libavformat/"]
    "libavutil-dev": ["avutil", "libavutil"] ["libavutil/"]
    "libayatana-appindicator3-dev": ["ayatana-appindicator3-0.1", "ayatana-appindicator3"] ["libayatana-appindicator/"]
    "libblkid-dev": ["blkid"] ["blkid/"]
    "libbluetooth-dev": ["bluetooth", "bluez"] ["bluetooth/"]
    "libbpf-dev": ["bpf", "libbpf"] ["bpf/"]
    "libbsd-dev": ["bsd", "libbsd"] ["bsd/"]
    "libbz2-dev": ["bz2", "bzip2"] ["bzlib.h"]
    "libc-ares-dev": ["cares", "libcares"] ["ares.h"]
    "libcairo2-dev": ["cairo", "cairo-gobject"] ["cairo.h", "cairo/"]
    "libcap-dev": ["cap", "libcap"] ["sys/capability.h"]
    "libcap-ng-dev": ["cap-ng", "libcap-ng"] ["cap-ng.h"]
    "libcryptsetup-dev": ["cryptsetup", "libcryptsetup"] ["libcryptsetup.h"]
    "libcups2-dev": ["cups"] ["cups/"]
    "libcurl4-openssl-dev": ["curl", "libcurl"] ["curl/"]
    "libdav1d-dev": ["dav1d"] ["dav1d/"]
    "libdbus-1-dev": ["dbus-1"] ["dbus/"]
    "libdevmapper-dev": ["devmapper"] ["libdevmapper.h"]
    "libdrm-dev": ["drm", "libdrm"] ["libdrm/", "drm.h", "xf86drm.h"]
    "libdw-dev": ["dw", "libdw"] ["elfutils/"]
    "libedit-dev": ["edit", "libedit"] ["histedit.h", "editline/"]
    "libegl-dev": ["EGL", "egl"] ["EGL/"]
    "libelf-dev": ["elf", "libelf"] ["libelf.h", "gelf.h"]
    "libev-dev": ["ev"] ["ev.h"]
    "libevent-dev": ["event", "libevent"] ["event2/"]
    "libexpat1-dev": ["expat"] ["expat.h"]
    "libffi-dev": ["ffi", "libffi"] ["ffi.h"]
    "libfftw3-dev": ["fftw3", "fftw3f"] ["fftw3.h"]
    "libflac-dev": ["FLAC", "flac"] ["FLAC/"]
    "libfontconfig-dev": ["fontconfig"] ["fontconfig/"]
    "libfreetype-dev": ["freetype", "freetype2"] ["ft2build.h", "freetype2/"]
    "libftdi1-dev": ["ftdi1", "libftdi1"] ["libftdi1/"]
    "libfuse-dev": ["fuse"] ["fuse.h", "fuse/"]
    "libfuse3-dev": ["fuse3"] ["fuse3/"]
    "libgbm-dev": ["gbm"] ["gbm.h"]
    "libgcrypt20-dev": ["gcrypt", "libgcrypt"] ["gcrypt.h"]
    "libgdal-dev": ["gdal"] ["gdal.h", "gdal/"]
    "libgdk-pixbuf-2.0-dev": ["gdk-pixbuf-2.0", "gdk_pixbuf-2.0"] ["gdk-pixbuf/"]
    "libgeos-dev": ["geos", "geos_c"] ["geos_c.h"]
    "libgit2-dev": ["git2", "libgit2"] ["git2.h", "git2/"]
    "libgl-dev": ["GL", "gl"] ["GL/"]
    "libglfw3-dev": ["glfw", "glfw3"] ["GLFW/"]
    "libglib2.0-dev": ["glib-2.0", "gobject-2.0", "gio-2.0", "gmodule-2.0"] ["glib.h", "gio/"]
    "libgmp-dev": ["gmp"] ["gmp.h"]
    "libgnutls28-dev": ["gnutls"] ["gnutls/"]
    "libgpg-error-dev": ["gpg-error"] ["gpg-error.h"]
    "libgpgme-dev": ["gpgme"] ["gpgme.h"]
    "libgpiod-dev": ["gpiod", "libgpiod"] ["gpiod.h"]
    "libgraphene-1.0-dev": ["graphene-1.0", "graphene-gobject-1.0"] ["graphene.h"]
    "libgsl-dev": ["gsl", "gslcblas"] ["gsl/"]
    "libgstreamer1.0-dev": ["gstreamer-1.0", "gstreamer-base-1.0"] ["gst/"]
    "libgtk-3-dev": ["gtk-3", "gtk+-3.0", "gdk-3", "gdk-3.0"] ["gtk/", "gdk/"]
    "libgtk-4-dev": ["gtk-4", "gtk4"] []
    "libharfbuzz-dev": ["harfbuzz"] ["hb.h"]
    "libhdf5-dev": ["hdf5"] ["hdf5.h"]
    "libheif-dev": ["heif", "libheif"] ["libheif/"]
    "libhidapi-dev": ["hidapi-libusb", "hidapi-hidraw"] ["hidapi/"]
    "libhwloc-dev": ["hwloc"] ["hwloc.h"]
    "libi2c-dev": ["i2c"] ["i2c/"]
    "libibverbs-dev": ["ibverbs", "libibverbs"] ["infiniband/"]
    "libiio-dev": ["iio", "libiio"] ["iio.h"]
    "libinput-dev": ["input", "libinput"] ["libinput.h"]
    "libip4tc-dev": ["ip4tc", "libip4tc"] ["libiptc/"]
    "libjack-jackd2-dev": ["jack"] ["jack/"]
    "libjpeg-dev": ["jpeg", "libjpeg"] ["jpeglib.h"]
    "libkmod-dev": ["kmod", "libkmod"] ["libkmod.h"]
    "libkrb5-dev": ["krb5", "gssapi_krb5", "krb5-gssapi"] ["krb5.h", "gssapi/", "gssapi.h"]
    "liblapack-dev": ["lapack"] ["lapack.h"]
    "libldap-dev": ["ldap", "lber"] ["ldap.h"]
    "libleptonica-dev": ["lept"] ["leptonica/"]
    "liblmdb-dev": ["lmdb"] ["lmdb.h"]
    "liblua5.4-dev": ["lua5.4", "lua-5.4", "lua54"] ["lua.h", "lua5.4/"]
    "libluajit-5.1-dev": ["luajit", "luajit-5.1"] ["luajit.h", "luajit-2.1/"]
    "liblz4-dev": ["lz4", "liblz4"] ["lz4.h"]
    "liblzma-dev": ["lzma", "liblzma"] ["lzma.h"]
    "libmagic-dev": ["magic", "libmagic"] ["magic.h"]
    "libmariadb-dev": ["mysqlclient", "mariadb", "libmariadb"] ["mysql.h", "mysql/", "mariadb/"]
    "libmbedtls-dev": ["mbedtls", "mbedcrypto", "mbedx509"] ["mbedtls/"]
    "libmnl-dev": ["mnl", "libmnl"] ["libmnl/"]
    "libmodbus-dev": ["modbus", "libmodbus"] ["modbus/", "modbus.h"]
    "libmosquitto-dev": ["mosquitto", "libmosquitto"] ["mosquitto.h"]
    "libmount-dev": ["mount"] ["libmount/"]
    "libmp3lame-dev": ["mp3lame", "lame"] ["lame/"]
    "libmpv-dev": ["mpv"] ["mpv/"]
    "libncurses-dev": ["ncurses", "ncursesw", "tinfo", "curses"] ["ncurses.h", "curses.h", "term.h"]
    "libnetfilter-queue-dev": ["netfilter_queue", "libnetfilter_queue"] ["libnetfilter_queue/"]
    "libnftnl-dev": ["nftnl", "libnftnl"] ["libnftnl/"]
    "libnghttp2-dev": ["nghttp2", "libnghttp2"] ["nghttp2/"]
    "libnl-3-dev": ["nl-3", "libnl-3.0"] ["netlink/"]
    "libnotify-dev": ["notify", "libnotify"] ["libnotify/"]
    "libnss3-dev": ["nss", "nss3"] ["nss/", "nss.h"]
    "libnuma-dev": ["numa"] ["numa.h", "numaif.h"]
    "libonig-dev": ["onig", "oniguruma"] ["oniguruma.h"]
    "libopenal-dev": ["openal"] ["AL/"]
    "libopenblas-dev": ["openblas", "cblas", "blas"] ["cblas.h", "openblas/"]
    "libopencv-dev": ["opencv4", "opencv_core"] ["opencv2/", "opencv4/"]
    "libopus-dev": ["opus"] ["opus/"]
    "libpam0g-dev": ["pam"] ["security/pam_"]
    "libpango1.0-dev": ["pango", "pango-1.0", "pangocairo"] ["pango/"]
    "libpcap-dev": ["pcap", "libpcap"] ["pcap.h", "pcap/"]
    "libpci-dev": ["pci", "libpci"] ["pci/"]
    "libpcre2-dev": ["pcre2-8", "libpcre2-8"] ["pcre2.h"]
    "libpcre3-dev": ["pcre", "libpcre"] ["pcre.h"]
    "libpcsclite-dev": ["pcsclite", "libpcsclite"] ["winscard.h", "PCSC/"]
    "libpipewire-0.3-dev": ["pipewire-0.3", "libpipewire-0.3"] ["pipewire/"]
    "libpng-dev": ["png", "png16", "libpng", "libpng16"] ["png.h"]
    "libpq-dev": ["pq", "libpq"] ["libpq-fe.h", "postgresql/"]
    "libproj-dev": ["proj"] ["proj.h"]
    "libprotobuf-dev": ["protobuf", "protobuf-lite"] ["google/protobuf/"]
    "libpulse-dev": ["pulse", "libpulse"] ["pulse/"]
    "librdkafka-dev": ["rdkafka"] ["librdkafka/"]
    "libreadline-dev": ["readline"] ["readline/"]
    "librocksdb-dev": ["rocksdb"] ["rocksdb/"]
    "librsvg2-dev": ["librsvg-2.0", "rsvg-2"] ["librsvg/"]
    "libsamplerate0-dev": ["samplerate"] ["samplerate.h"]
    "libsasl2-dev": ["sasl2", "libsasl2"] ["sasl/"]
    "libsdl2-dev": ["SDL2", "sdl2"] ["SDL2/"]
    "libsdl2-image-dev": ["SDL2_image"] []
    "libsdl2-mixer-dev": ["SDL2_mixer"] []
    "libsdl2-ttf-dev": ["SDL2_ttf"] []
    "libseat-dev": ["seat", "libseat"] ["libseat.h"]
    "libseccomp-dev": ["seccomp", "libseccomp"] ["seccomp.h"]
    "libsecret-1-dev": ["secret-1", "libsecret-1"] ["libsecret/"]
    "libselinux1-dev": ["selinux", "libselinux"] ["selinux/"]
    "libsensors-dev": ["sensors"] ["sensors/"]
    "libsnappy-dev": ["snappy"] ["snappy-c.h", "snappy.h"]
    "libsndfile1-dev": ["sndfile"] ["sndfile.h"]
    "libsodium-dev": ["sodium", "libsodium"] ["sodium.h"]
    "libsoup-3.0-dev": ["soup-3.0", "libsoup-3.0"] []
    "libsoup2.4-dev": ["soup-2.4", "libsoup-2.4"] []
    "libspa-0.2-dev": ["libspa-0.2"] ["spa/"]
    "libspeechd-dev": ["speechd", "speech-dispatcher"] ["speech-dispatcher/"]
    "libsqlite3-dev": ["sqlite3"] ["sqlite3.h"]
    "libssh-dev": ["ssh", "libssh"] ["libssh/"]
    "libssh2-1-dev": ["ssh2", "libssh2"] ["libssh2.h"]
    "libssl-dev": ["openssl", "ssl", "crypto", "libssl", "libcrypto"] ["openssl/"]
    "libswresample-dev": ["swresample", "libswresample"] ["libswresample/"]
    "libswscale-dev": ["swscale", "libswscale"] ["libswscale/"]
    "libsystemd-dev": ["systemd", "libsystemd"] ["systemd/"]
    "libtesseract-dev": ["tesseract"] ["tesseract/"]
    "libtiff-dev": ["tiff", "libtiff-4"] ["tiff.h", "tiffio.h"]
    "libtirpc-dev": ["tirpc", "libtirpc"] ["tirpc/", "rpc/"]
    "libtss2-dev": ["tss2-sys", "tss2-esys"] ["tss2/"]
    "libudev-dev": ["udev", "libudev"] ["libudev.h"]
    "libunwind-dev": ["unwind", "libunwind"] ["libunwind.h"]
    "liburing-dev": ["uring", "liburing"] ["liburing.h"]
    "libusb-1.0-0-dev": ["usb-1.0", "libusb-1.0"] ["libusb.h", "libusb-1.0/"]
    "libuv1-dev": ["uv", "libuv"] ["uv.h"]
    "libv4l-dev": ["v4l2", "libv4l2"] ["libv4l2.h"]
    "libva-dev": ["va", "libva"] ["va/"]
    "libvorbis-dev": ["vorbis", "vorbisenc"] ["vorbis/"]
    "libvpx-dev": ["vpx"] ["vpx/"]
    "libvulkan-dev": ["vulkan"] ["vulkan/"]
    "libwayland-dev": ["wayland-client", "wayland-server", "wayland-cursor", "wayland-egl"] ["wayland-"]
    "libwebkit2gtk-4.1-dev": ["webkit2gtk-4.1", "javascriptcoregtk-4.1"] ["webkit2/"]
    "libwebp-dev": ["webp", "libwebp"] ["webp/"]
    "libx11-dev": ["X11", "x11", "x11-xcb"] ["X11/Xlib.h", "X11/Xutil.h"]
    "libx264-dev": ["x264"] ["x264.h"]
    "libxcb-render0-dev": ["xcb-render"] ["xcb/render.h"]
    "libxcb-shape0-dev": ["xcb-shape"] ["xcb/shape.h"]
    "libxcb-xfixes0-dev": ["xcb-xfixes"] ["xcb/xfixes.h"]
    "libxcb1-dev": ["xcb"] ["xcb/"]
    "libxcursor-dev": ["Xcursor", "xcursor"] ["X11/Xcursor/"]
    "libxdo-dev": ["xdo"] ["xdo.h"]
    "libxext-dev": ["Xext", "xext"] ["X11/extensions/"]
    "libxfixes-dev": ["Xfixes", "xfixes"] ["X11/extensions/Xfixes"]
    "libxft-dev": ["Xft", "xft"] ["X11/Xft/"]
    "libxi-dev": ["Xi", "xi"] ["X11/extensions/XInput"]
    "libxinerama-dev": ["Xinerama", "xinerama"] ["X11/extensions/Xinerama"]
    "libxkbcommon-dev": ["xkbcommon"] ["xkbcommon/"]
    "libxml2-dev": ["xml2", "libxml-2.0"] ["libxml/", "libxml2/"]
    "libxrandr-dev": ["Xrandr", "xrandr"] ["X11/extensions/Xrandr"]
    "libxrender-dev": ["Xrender", "xrender"] ["X11/extensions/Xrender"]
    "libxslt1-dev": ["xslt", "libxslt"] ["libxslt/"]
    "libxss-dev": ["Xss", "xscrnsaver"] ["X11/extensions/scrnsaver"]
    "libxtst-dev": ["Xtst", "xtst"] ["X11/extensions/XTest"]
    "libyaml-dev": ["yaml", "yaml-0.1"] ["yaml.h"]
    "libzmq3-dev": ["zmq", "libzmq"] ["zmq.h"]
    "libzstd-dev": ["zstd", "libzstd"] ["zstd.h"]
    "linux-libc-dev": [] ["linux/"]
    "nettle-dev": ["nettle", "hogweed"] ["nettle/"]
    "portaudio19-dev": ["portaudio", "portaudio-2.0"] ["portaudio.h"]
    "python3-dev": ["python3", "python3-embed"] ["Python.h", "python3"]
    "ruby-dev": ["ruby"] ["ruby.h", "ruby/"]
    "unixodbc-dev": ["odbc"] ["sql.h", "sqlext.h"]
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
    ("dsymutil", "llvm"), ("libtoolize", "libtool"), ("llvm-config", "llvm"), ("makeinfo", "texinfo"),
    ("msgfmt", "gettext"), ("ninja", "ninja-build"), ("node", "nodejs"),
    ("pip", "python3-pip"), ("pip3", "python3-pip"), ("pkgconf", "pkgconf"), ("protoc", "protobuf-compiler"),
    ("python", "python-is-python3"), ("ssh", "openssh-client"), ("tclsh", "tcl"),
    ("aria2c", "aria2"), ("bindgen", "bindgen"), ("clang-format", "clang-format"),
    ("dot", "graphviz"), ("ffmpeg", "ffmpeg"), ("hg", "mercurial"), ("ifconfig", "net-tools"),
    ("ip", "iproute2"), ("locale-gen", "locales"), ("nc", "netcat-openbsd"),
    ("objcopy", "binutils"), ("php", "php-cli"), ("ping", "iputils-ping"), ("ps", "procps"),
    ("psql", "postgresql-client"), ("qmake", "qt5-qmake"), ("redis-server", "redis-server"),
    ("sass", "sassc"), ("svn", "subversion"), ("tcc", "tcc"), ("thrift", "thrift-compiler"),
    ("valac", "valac"),
    ("wayland-scanner", "libwayland-bin"), ("xz", "xz-utils"), ("yarn", "yarnpkg"),
];

/// Programs whose packages have their names.
#[rustfmt::skip]
const OF_SAME_NAME: &[&str] = &[
    "autoconf", "automake", "bc", "binutils", "bison", "bzip2", "clang", "cmake", "curl", "doxygen",
    "file", "flex", "gawk", "gcc", "git", "gperf", "help2man", "jq", "libtool", "lld", "llvm", "m4",
    "make", "meson", "mold", "nasm", "npm", "openssl", "patch", "perl", "pkg-config", "python3",
    "re2c", "rsync", "ruby", "scons", "strace", "sudo", "swig", "unzip", "wget", "xxd", "yasm", "zip",
    "ragel", "tcpdump", "lsof", "gdb", "valgrind", "gettext", "intltool", "pandoc", "sqlite3", "busybox",
];

/// The beginnings of symbols, and the libraries that define them. `c` stands for a newer glibc.
#[rustfmt::skip]
const SYMBOLS: &[(&str, &str)] = &[
    ("__atomic_", "atomic"), ("__isoc23_", "c"), ("__libc_single_threaded", "c"),
    ("__cxa_", "stdc++"), ("__gxx_personality", "stdc++"), ("_ZNSt", "stdc++"), ("_ZNKSt", "stdc++"),
    ("_ZSt", "stdc++"), ("_Znw", "stdc++"), ("_Zna", "stdc++"), ("_Zdl", "stdc++"),
    ("_Zda", "stdc++"), ("std::", "stdc++"), ("operator new", "stdc++"),
    ("operator delete", "stdc++"), ("vtable for __cxxabiv1", "stdc++"),
    ("SSL_", "ssl"), ("EVP_", "crypto"), ("OPENSSL_", "crypto"), ("X509_", "crypto"),
    ("deflate", "z"), ("inflate", "z"), ("sqlite3_", "sqlite3"), ("curl_easy_", "curl"),
    ("udev_", "udev"), ("libusb_", "usb-1.0"), ("ZSTD_", "zstd"), ("LZ4_", "lz4"),
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
    let matching = |package: &Package| {
        let matching = package
            .headers
            .iter()
            .filter(|start| path.starts_with(**start));
        matching.map(|start| start.len()).max()
    };
    let packages = LIBRARIES.iter();
    let matches = packages.filter_map(|package| Some((matching(package)?, package.name)));
    let most_specific = matches.max_by_key(|(length, _)| *length);
    most_specific.map(|(_, name)| name)
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

/// Returns the library that defines `symbol`, as the linker calls it.
pub(super) fn of_symbol(symbol: &str) -> Option<&'static str> {
    let mut known = SYMBOLS.iter();
    known
        .find(|(start, _)| symbol.starts_with(start))
        .map(|(_, library)| *library)
}

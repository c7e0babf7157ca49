//! Attacks by way of a network: nothing that compiles has one, in any step, and what is run has
//! only a loopback of its own.
//!
//! The test listens on the machine's own loopback. A connection from inside is a way out.

use std::io::Read as _;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

use crate::attacker::{Attack, TARGET};
use crate::report::Said;
use crate::seat::{Seat, Shared, on_seats};

on_seats! {
    a_build_script_has_no_network: sandbox_as_root sandbox_as_user docker podman nested remote;
    a_proc_macro_has_no_network: sandbox_as_root sandbox_as_user docker podman nested remote;
    a_doctests_macro_has_no_network: sandbox_as_root sandbox_as_user docker podman nested remote;
    a_test_has_no_network: sandbox_as_root sandbox_as_user docker podman nested remote;
    a_program_has_no_network;
    a_test_has_a_loopback_of_its_own: sandbox_as_root docker;
    the_front_doors_test_has_no_network: sandbox_as_user podman;
    network_host_gives_tests_the_hosts: sandbox_as_root podman;
    a_failure_for_want_of_a_network_is_told: sandbox_as_user docker;
}

/// Somebody on the host who can be called in four ways.
struct Phone {
    tcp: TcpListener,
    tcp6: TcpListener,
    udp: UdpSocket,
    named: UnixListener,
    name: String,
}

impl Phone {
    fn new() -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let name = format!("cross-boundary-{}", tcp.local_addr().unwrap().port());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let phone = Phone {
            tcp,
            tcp6: TcpListener::bind("[::1]:0").unwrap(),
            udp: UdpSocket::bind("127.0.0.1:0").unwrap(),
            named: UnixListener::bind_addr(&address).unwrap(),
            name,
        };
        phone.tcp.set_nonblocking(true).unwrap();
        phone.tcp6.set_nonblocking(true).unwrap();
        phone.udp.set_nonblocking(true).unwrap();
        phone.named.set_nonblocking(true).unwrap();
        phone
    }

    /// Rust that calls it, and tells of it with `side` before each key.
    fn call(&self, side: &str) -> String {
        let port = |address: std::net::SocketAddr| address.port();
        format!(
            r##"
    tried("{side}.tcp", std::net::TcpStream::connect("127.0.0.1:{tcp}").and_then(|mut call| call.write_all(b"{side}\n")));
    tried("{side}.tcp6", std::net::TcpStream::connect("[::1]:{tcp6}").and_then(|mut call| call.write_all(b"{side}\n")));
    let udp = std::net::UdpSocket::bind("127.0.0.1:0");
    tried("{side}.udp", udp.and_then(|udp| udp.send_to(b"{side}", "127.0.0.1:{udp}")));
    let address: Vec<u8> = [1_u16.to_ne_bytes().as_ref(), b"\0{name}"].concat();
    tried("{side}.named", call(41, [1, 1, 0, 0, 0, 0]).and_then(|socket| {{
        call(42, [socket, address.as_ptr() as i64, address.len() as i64, 0, 0, 0])
    }}));
    tell("{side}.routes", fs::read_to_string("/proc/net/route").unwrap_or_default().lines().skip(1).count());
    tell("{side}", "called");
"##,
            tcp = port(self.tcp.local_addr().unwrap()),
            tcp6 = port(self.tcp6.local_addr().unwrap()),
            udp = port(self.udp.local_addr().unwrap()),
            name = self.name,
        )
    }

    /// How it was called, in all ways.
    fn calls(&self) -> Vec<String> {
        let mut calls = Vec::new();
        for listener in [&self.tcp, &self.tcp6] {
            while let Ok((mut call, _)) = listener.accept() {
                let mut said = String::new();
                let _ = call.read_to_string(&mut said);
                calls.push(format!("tcp from {said}"));
            }
        }
        let mut said = [0; 64];
        while let Ok(count) = self.udp.recv(&mut said) {
            let from = String::from_utf8_lossy(&said[..count]).into_owned();
            calls.push(format!("udp from {from}"));
        }
        while self.named.accept().is_ok() {
            calls.push("unix".to_owned());
        }
        calls
    }
}

/// What comes of a crate all of whose parts call, in `verb`; `calls` is told as who called.
fn called(seat: Seat, verb: &'static str) -> &'static Said {
    static TESTED: Shared = Shared::new();
    static RAN: Shared = Shared::new();
    let shared = if verb == "test" { &TESTED } else { &RAN };
    shared.of(seat, || {
        let phone = Phone::new();
        // It is always dirty, and runs again in whatever cargo runs.
        let again = format!(
            "{}\n    let count = target_dir().join(\"count\");\n    \
             let before = fs::read_to_string(&count).map_or(0, |count| count.len());\n    \
             fs::write(count, \"x\".repeat(before + 1)).unwrap();\n    \
             println!(\"cargo:rerun-if-changed=/nowhere\");",
            phone.call("script")
        );
        let macros = ["expanded", "documented"].map(|name| {
            format!(
                "#[proc_macro]\npub fn {name}(_: proc_macro::TokenStream) -> proc_macro::TokenStream {{\n\
                 {}\n    proc_macro::TokenStream::new()\n}}\n",
                phone.call(name)
            )
        });
        let attack = Attack::on(seat)
            .file(
                "Cargo.toml",
                "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
                 [dependencies]\nmacros = { path = \"macros\" }\n[workspace]\nmembers = [\"macros\"]\n",
            )
            .file(
                "Cargo.lock",
                "version = 3\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n\
                 dependencies = [\n \"macros\",\n]\n\n[[package]]\nname = \"macros\"\nversion = \"0.1.0\"\n",
            )
            .file(
                "macros/Cargo.toml",
                "[package]\nname = \"macros\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
                 [lib]\nproc-macro = true\ntest = false\ndoctest = false\n",
            )
            .hostile("macros/src/lib.rs", &macros.concat())
            .file(
                "src/lib.rs",
                "//! ```\n//! macros::documented!();\n//! ```\nmacros::expanded!();\n",
            )
            .build_script(&again)
            .program_and_test(&phone.call("program"));
        let mut said = attack.run(verb);
        said.succeeded();
        said.told.insert("calls".to_owned(), phone.calls());
        said
    })
}

/// That `side` tried in `verb`, reached nobody here, and could have reached nobody else.
#[track_caller]
fn was_alone(seat: Seat, verb: &'static str, side: &str) {
    let said = called(seat, verb);
    let routes = said.all_told(&format!("{side}.routes"));
    assert!(
        routes.iter().all(|count| count == "0"),
        "{side} has {routes:?} routes"
    );
    let named = said.all_told(&format!("{side}.named"));
    assert!(
        named.iter().all(|call| call.starts_with("refused")),
        "{side}: {named:?}"
    );
    let calls = said.all_told("calls").iter();
    let calls: Vec<_> = calls.filter(|call| call.contains(side)).collect();
    assert!(calls.is_empty(), "{calls:?}");
}

/// In a step that does nothing but compile, and in the one that runs tests or the program.
fn a_build_script_has_no_network(seat: Seat) {
    for verb in ["test", "run"] {
        let times = called(seat, verb).all_told("script").len();
        assert!(times > 1, "{times}: it ran in the second step, too");
        was_alone(seat, verb, "script");
    }
}

fn a_proc_macro_has_no_network(seat: Seat) {
    was_alone(seat, "test", "expanded");
    was_alone(seat, "run", "expanded");
}

/// It is compiled by rustdoc, in the step that runs tests.
fn a_doctests_macro_has_no_network(seat: Seat) {
    was_alone(seat, "test", "documented");
}

fn a_test_has_no_network(seat: Seat) {
    was_alone(seat, "test", "program");
}

fn a_program_has_no_network(seat: Seat) {
    was_alone(seat, "run", "program");
}

/// Most tests of servers need no more.
fn a_test_has_a_loopback_of_its_own(seat: Seat) {
    let attack = Attack::on(seat).program_and_test(
        r##"
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let call = std::thread::spawn(move || std::net::TcpStream::connect(address).unwrap().write_all(b"x"));
    listener.accept().unwrap().0.read_exact(&mut [0]).unwrap();
    call.join().unwrap().unwrap();
    let interfaces = fs::read_to_string("/proc/net/dev").unwrap();
    let names: Vec<_> = interfaces.lines().skip(2).map(|line| line.split(':').next().unwrap().trim()).collect();
    tell("interfaces", names.join(" "));
"##,
    );
    let said = attack.run("test");
    let interfaces = said.succeeded().told("interfaces").split(' ');
    // Kernels have tunnels in every namespace, which lead nowhere.
    let real = interfaces.filter(|name| name.starts_with("eth") || name.starts_with("en"));
    assert_eq!(real.count(), 0, "{:?}", said.told);
}

fn the_front_doors_test_has_no_network(seat: Seat) {
    let phone = Phone::new();
    let attack = Attack::on(seat)
        .build_script(&phone.call("script"))
        .program_and_test(&phone.call("program"));
    let target = format!("--target={TARGET}");
    let said = attack.front_door(&["test", &target]);
    said.succeeded();
    for side in ["script", "program"] {
        let routes = said.all_told(&format!("{side}.routes"));
        assert!(
            routes.iter().all(|count| count == "0"),
            "{side} has {routes:?} routes"
        );
    }
    let calls = phone.calls();
    assert!(calls.is_empty(), "{calls:?}");
}

fn network_host_gives_tests_the_hosts(seat: Seat) {
    let phone = Phone::new();
    let attack = Attack::on(seat)
        .file("Cross.toml", "[build]\nnetwork = \"host\"\n")
        .program_and_test(&phone.call("program"));
    attack.run("test").succeeded().told("program");
    let calls = phone.calls();
    assert!(
        calls
            .iter()
            .any(|call| call.starts_with("tcp from program")),
        "{calls:?}"
    );
}

/// By what it looks like: nobody is called.
fn a_failure_for_want_of_a_network_is_told(seat: Seat) {
    let attack = Attack::on(seat).program_and_test(
        "    tell(\"called\", 1);\n    panic!(\"cannot connect: {}\", io::Error::from_raw_os_error(101));",
    );
    let said = attack.run("test");
    said.told("called");
    let error = said.failed();
    assert!(error.contains("network"), "{error}");
}

//! No network for anything that compiles, in whatever step it does; and for what runs, only a loopback of its own.
//!
//! What is called is this process, on the machine's own loopback: a call that comes in is a way out.

use std::io::Read as _;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

use crate::attacker::{Attack, Seat, TARGET, on_seats};
use crate::report::Said;

on_seats! {
    a_build_script_has_no_network
    a_build_script_in_the_step_that_tests_has_no_network
    a_doctests_macro_has_no_network
    a_proc_macro_has_no_network
    a_test_and_a_program_have_no_network
    a_test_has_a_loopback_of_its_own
    the_front_doors_test_has_no_network
    network_host_gives_tests_the_hosts
    a_failure_for_want_of_a_network_is_told
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

    /// That nobody called, though `said` has it that `sides` tried, nor could have called anybody else.
    #[track_caller]
    fn was_not_called(&self, said: &Said, sides: &[&str]) {
        for side in sides {
            let routes = said.all_told(&format!("{side}.routes"));
            assert!(
                routes.iter().all(|count| count == "0"),
                "{side} has {routes:?} routes"
            );
        }
        let calls = self.calls();
        assert!(calls.is_empty(), "{calls:?}");
    }
}

fn a_build_script_has_no_network(seat: Seat) {
    let phone = Phone::new();
    let said = Attack::on(seat)
        .build_script(&phone.call("script"))
        .run("build");
    phone.was_not_called(said.succeeded(), &["script"]);
}

/// It is always dirty, and runs again in whatever cargo runs.
fn a_build_script_in_the_step_that_tests_has_no_network(seat: Seat) {
    let phone = Phone::new();
    for verb in ["test", "run"] {
        let again = format!(
            "{}\n    println!(\"cargo:rerun-if-changed=/nowhere\");\n    \
             let count = fs::read_to_string(target_dir().join(\"count\")).map_or(0, |count| count.len());\n    \
             fs::write(target_dir().join(\"count\"), \"x\".repeat(count + 1)).unwrap();\n    \
             tell(\"count\", count + 1);",
            phone.call("script")
        );
        let said = Attack::on(seat).build_script(&again).run(verb);
        said.succeeded();
        let count: u32 = said.told("count").parse().unwrap();
        assert!(count > 1, "it ran in the second step, too");
        phone.was_not_called(&said, &["script"]);
    }
}

/// A library whose macro calls when it is expanded, in `expanded` of the crate `app`.
fn with_macro(seat: Seat, phone: &Phone) -> Attack {
    Attack::on(seat)
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
             [lib]\nproc-macro = true\ndoctest = false\n",
        )
        .hostile(
            "macros/src/lib.rs",
            &format!(
                "#[proc_macro]\npub fn calls(_: proc_macro::TokenStream) -> proc_macro::TokenStream {{\n\
                 {}\n    proc_macro::TokenStream::new()\n}}\n",
                phone.call("macro")
            ),
        )
}

fn a_proc_macro_has_no_network(seat: Seat) {
    let phone = Phone::new();
    let attack = with_macro(seat, &phone).file("src/main.rs", "macros::calls!();\nfn main() {}\n");
    phone.was_not_called(attack.run("build").succeeded(), &["macro"]);
}

/// It is compiled by rustdoc, in the step that runs tests.
fn a_doctests_macro_has_no_network(seat: Seat) {
    let phone = Phone::new();
    let attack =
        with_macro(seat, &phone).file("src/lib.rs", "//! ```\n//! macros::calls!();\n//! ```\n");
    phone.was_not_called(attack.run("test").succeeded(), &["macro"]);
}

fn a_test_and_a_program_have_no_network(seat: Seat) {
    let phone = Phone::new();
    let attack = Attack::on(seat).program_and_test(&phone.call("program"));
    for verb in ["test", "run"] {
        phone.was_not_called(attack.run(verb).succeeded(), &["program"]);
    }
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
    phone.was_not_called(said.succeeded(), &["script", "program"]);
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

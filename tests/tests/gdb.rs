//! Programs that wait for gdb, on the real emulator, with a small debugger.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use cross_core::{Cross, ErrorKind, events::EventKind};
use cross_tests::{Leftovers, Project, engines, on_engines};

const TARGET: &str = "aarch64-unknown-linux-gnu";
const HOST: &str = "x86_64-unknown-linux-gnu";

/// A debugger that speaks the part of gdb's remote protocol that lets a program run.
struct Debugger(TcpStream);

impl Debugger {
    /// Attaches to the program that waits on `port`, and retries for ten seconds.
    fn attach(port: u16) -> Self {
        let address = (Ipv4Addr::LOCALHOST, port);
        for _ in 0..200 {
            if let Ok(stream) = TcpStream::connect(address) {
                let limit = Some(Duration::from_secs(60));
                stream.set_read_timeout(limit).unwrap();
                return Debugger(stream);
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("no program waits on port {port}");
    }

    /// Sends `command` and returns the first packet of the answer, without its frame.
    fn request(&mut self, command: &str) -> String {
        let sum = command.bytes().fold(0_u8, u8::wrapping_add);
        write!(self.0, "${command}#{sum:02x}").unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"#") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            answer.extend(byte);
        }
        let mut sum = [0; 2];
        self.0.read_exact(&mut sum).unwrap();
        self.0.write_all(b"+").unwrap();
        let answer = String::from_utf8_lossy(&answer);
        let (_, packet) = answer.trim_end_matches('#').rsplit_once('$').unwrap();
        packet.to_owned()
    }

    /// Lets the program run from its first instruction to its end, and returns the last packet.
    fn run_to_end(mut self) -> String {
        let stopped = self.request("?");
        let is_trap = stopped.starts_with("T05") || stopped.starts_with("S05");
        assert!(is_trap, "it waits at its first instruction: {stopped}");
        self.request("c")
    }
}

/// Returns `cross` with a receiver of its waiting programs.
fn with_receiver(cross: Cross) -> (Cross, Receiver<(u16, PathBuf, String)>) {
    let (sender, receiver) = channel();
    let cross = cross.try_on_event(move |event| {
        if let EventKind::WaitsForDebugger {
            port,
            program,
            command,
            ..
        } = &event.kind
        {
            let told = (*port, program.clone(), command.clone());
            sender.send(told).unwrap();
        }
        ControlFlow::Continue(())
    });
    (cross, receiver)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

on_engines! { a_program_waits_for_the_debugger }

fn a_program_waits_for_the_debugger(engine: &str) {
    let project = Project::new("app");
    let leftovers = Leftovers::of(&project);
    let (cross, waits) = with_receiver(project.cross().env(leftovers.env()).engine(engine));
    let port = free_port();
    let request = cross.run(TARGET).gdb(port).capture(true);
    let run = thread::spawn(move || request.run());

    let (told, program, command) = waits.recv_timeout(Duration::from_secs(300)).unwrap();
    assert_eq!(told, port);
    assert!(program.exists(), "it is on the host: {}", program.display());
    let attach = format!("target remote :{port}' '{}'", program.display());
    assert!(command.ends_with(&attach), "{command}");
    assert_eq!(Debugger::attach(port).run_to_end(), "W00");
    let ran = run.join().unwrap().unwrap();
    assert_eq!(ran.stdout.as_deref(), Some("hello from aarch64\n"));
    leftovers.are_none();
}

#[test]
fn test_binaries_wait_one_after_the_other() {
    engines::need("sandbox");
    let test = "#[test]\nfn passes() {}\n";
    let project = Project::new("app").file("tests/other.rs", test);
    let leftovers = Leftovers::of(&project);
    let (cross, waits) = with_receiver(project.cross().env(leftovers.env()).engine("sandbox"));
    let port = free_port();
    let request = cross.test(TARGET).gdb(port);
    let run = thread::spawn(move || request.run());
    for name in ["app-", "other-"] {
        let (_, program, _) = waits.recv_timeout(Duration::from_secs(300)).unwrap();
        let file = program.file_name().unwrap().to_string_lossy();
        assert!(file.starts_with(name), "{file}");
        assert_eq!(Debugger::attach(port).run_to_end(), "W00");
    }
    let tests = run.join().unwrap().unwrap().tests.unwrap();
    assert_eq!((tests.passed, tests.failed), (2, 0));
    leftovers.are_none();
}

/// A request is refused if no debugger could attach.
#[test]
fn waiting_for_gdb_is_refused_where_it_is_impossible() {
    engines::need("sandbox");
    let project = Project::new("app");
    let cross = project.cross().engine("sandbox");
    let error = cross.run(HOST).gdb(free_port()).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Debugger, "{error}");
    assert!(error.help().unwrap().contains("gdbserver"), "{error}");

    let project = project.cross_toml(&format!("[target.{TARGET}]\nrunner = \"env A=1 x\"\n"));
    let cross = project.cross().engine("sandbox");
    let error = cross.test(TARGET).gdb(1).plan().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Debugger, "{error}");
    let said = error.to_string();
    assert!(
        said.contains("env A=1 x") && said.contains("Cross.toml"),
        "{said}"
    );
}

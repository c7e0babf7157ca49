//! A daemon by way of ssh.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};

use cross_core::{Env, ErrorKind};
use cross_engine::{Invocation, process};
use cross_tests::{Project, ambient, real_env, tool, wait_until};

use crate::{Case, SOON, TARGET, daemon};

/// An ssh server on the loopback interface, whose `docker` is that of the suite's daemon.
struct Server {
    dir: tempfile::TempDir,
    port: u16,
    process: Child,
}

impl Server {
    /// Starts one that knows the key of [`env`](Server::env), or asks for a password.
    fn start(knows_the_key: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let at = |name: &str| dir.path().join(name).display().to_string();
        for key in ["host", "client"] {
            let keygen = Invocation::new("ssh-keygen").args([
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-f",
                &at(key),
            ]);
            assert!(tool::output(&keygen).exit.success());
        }
        let authorized = match knows_the_key {
            true => at("client.pub"),
            false => at("nobody"),
        };
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {authorized}\n\
             PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nSetEnv DOCKER_HOST={}\n",
            at("host"),
            daemon().address
        );
        fs::write(at("sshd"), config).unwrap();
        let public = fs::read_to_string(at("host.pub")).unwrap();
        fs::write(at("known"), format!("[127.0.0.1]:{port} {public}")).unwrap();
        let client = format!(
            "#!/bin/sh\nexec {} -o UserKnownHostsFile={} -o IdentityFile={} -o IdentitiesOnly=yes -o BatchMode=yes \"$@\"\n",
            tool::on_path("ssh").display(),
            at("known"),
            at("client")
        );
        fs::create_dir(at("bin")).unwrap();
        fs::write(at("bin/ssh"), client).unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(at("bin/ssh"), executable).unwrap();
        // The directory that the server changes to after it began; a package makes it otherwise.
        fs::create_dir_all("/run/sshd").unwrap();
        let sshd = Invocation::new("/usr/sbin/sshd").args(["-D", "-e", "-f", &at("sshd")]);
        let mut process = process::command(&sshd, &ambient::variables().collect())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("this suite needs openssh-server (`cargo xtask setup --test-user`)");
        let errors = BufReader::new(process.stderr.take().unwrap());
        std::thread::spawn(move || errors.lines().for_each(drop));
        wait_until(SOON, "the server listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Server { dir, port, process }
    }

    fn env(&self) -> Env {
        let bin = self.dir.path().join("bin");
        let path = ambient::variables()
            .find(|(name, _)| name == "PATH")
            .unwrap()
            .1;
        let path = format!("{}:{}", bin.display(), Path::new(&path).display());
        real_env()
            .set("PATH", path)
            .set("DOCKER_HOST", format!("ssh://root@127.0.0.1:{}", self.port))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_daemon_is_reached_by_ssh() {
    let server = Server::start(true);
    let case = Case::new(Project::new("app"));
    let plan = case.with(server.env()).build(TARGET).plan().unwrap();
    assert!(
        plan.to_string().contains("does not see the caller's files"),
        "{plan}"
    );
    let outcome = plan.execute(&cross_core::Cancel::new()).unwrap();
    assert!(outcome.executables().next().unwrap().path.exists());
}

#[test]
fn a_daemon_is_reached_by_a_context() {
    let config = tempfile::tempdir().unwrap();
    let case = Case::new(Project::new("app"));
    let create = Invocation::new("docker")
        .args(["context", "create", "far", "--docker"])
        .arg(format!("host={}", case.address))
        .env("DOCKER_CONFIG", config.path().to_str().unwrap());
    assert!(tool::output(&create).exit.success());
    let env = real_env()
        .set("DOCKER_CONFIG", config.path())
        .set("DOCKER_CONTEXT", "far");
    let outcome = case.with(env).build(TARGET).run().unwrap();
    assert!(outcome.executables().next().unwrap().path.exists());
}

#[test]
fn an_ssh_host_that_asks_for_a_password_is_told_with_the_remedy() {
    let server = Server::start(false);
    let project = Project::new("app");
    let cross = project.cross().env(server.env()).engine("docker");
    let error = cross.build(TARGET).plan().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EngineUnusable, "{error}");
    assert!(error.to_string().contains("asks for a password"), "{error}");
    assert!(
        error.help().unwrap().contains("add your key"),
        "{:?}",
        error.help()
    );
}

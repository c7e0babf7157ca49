//! A stand-in for docker, podman, bubblewrap, cargo and others, depending on its name. It records
//! the call, then does what the first matching rule says.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a tool of the tests: it is a process of its own and fails by panicking"
)]

use std::env;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use cross_tests::fake::{Answer, Call, RECORD, RULES, Rule, home_of};
use cross_tests::tool;

fn main() -> ExitCode {
    let me = called_as();
    let home = home_of(&me)
        .expect("a fake belongs to a machine")
        .to_owned();
    let program = me.file_name().unwrap().to_str().unwrap().to_owned();
    let args: Vec<String> = env::args().skip(1).collect();
    let mut call = Call {
        env: env::vars_os()
            .map(|(name, _)| name.to_string_lossy().into_owned())
            .collect(),
        stdin: stdin_is(),
        pid: std::process::id(),
        program,
        args,
    };
    call.env.sort();
    record(&home, &call);
    match answer(&home, &call) {
        Answer::Say {
            stdout,
            stderr,
            code,
        } => {
            io::stdout().write_all(stdout.as_bytes()).unwrap();
            io::stderr().write_all(stderr.as_bytes()).unwrap();
            ExitCode::from(code)
        }
        Answer::Hang { stdout } => {
            io::stdout().write_all(stdout.as_bytes()).unwrap();
            io::stdout().flush().unwrap();
            io::stdin().read_to_end(&mut Vec::new()).unwrap();
            call.stdin = "closed".to_owned();
            record(&home, &call);
            ExitCode::from(143)
        }
        Answer::Sleep(seconds) => {
            std::thread::sleep(std::time::Duration::from_secs(seconds));
            ExitCode::SUCCESS
        }
        Answer::Become(real) => {
            let error = Command::new(&real).args(&call.args).exec();
            panic!("{}: {error}", real.display());
        }
        Answer::RunHere => run_here(&call.args),
    }
}

/// Returns the path that this program was started by, without following links.
fn called_as() -> PathBuf {
    let name = PathBuf::from(env::args_os().next().unwrap());
    if name.components().count() > 1 {
        return name;
    }
    env::split_paths(&env::var_os("PATH").unwrap())
        .map(|dir| dir.join(&name))
        .find(|path| path.exists())
        .unwrap()
}

fn stdin_is() -> String {
    match fs::read_link("/proc/self/fd/0") {
        Ok(path) if path == Path::new("/dev/null") => "null",
        Ok(path) if path.to_string_lossy().starts_with("pipe:") => "pipe",
        _ => "other",
    }
    .to_owned()
}

/// Records a call in one write, so that the lines of concurrent calls stay whole.
fn record(home: &Path, call: &Call) {
    let line = serde_json::to_string(call).unwrap() + "\n";
    let mut file = File::options()
        .append(true)
        .create(true)
        .open(home.join(RECORD))
        .unwrap();
    file.write_all(line.as_bytes()).unwrap();
}

fn answer(home: &Path, call: &Call) -> Answer {
    let rules: Vec<Rule> = serde_json::from_slice(&fs::read(home.join(RULES)).unwrap()).unwrap();
    let meant = rules
        .into_iter()
        .find(|rule| rule.is_for(&call.program, &call.args));
    match meant {
        Some(rule) => rule.answer,
        None => Answer::fails(99, &format!("no rule for: {}\n", call.line())),
    }
}

/// Executes the command of a container CLI's `run` or of a bubblewrap call, in a process namespace
/// and with the requested directory and variables. The mounts are at the host's paths anyway.
fn run_here(args: &[String]) -> ExitCode {
    let after = |word: &str| args.iter().position(|arg| arg == word);
    let (command, dir) = match after("--") {
        Some(end) => (&args[end + 1..], "--chdir"),
        // The command of a container starts with the lifeline's shell, after the image.
        None => (&args[after("sh").unwrap()..], "--workdir"),
    };
    let namespace = tool::as_first_process();
    let mut run = Command::new(namespace[0]);
    run.args(&namespace[1..])
        .args(command)
        .current_dir(&args[after(dir).unwrap() + 1]);
    for pair in args.windows(2).filter(|pair| pair[0] == "--env") {
        if let Some((name, value)) = pair[1].split_once('=') {
            run.env(name, value);
        }
    }
    panic!("{}: {}", namespace[0], run.exec());
}

//! The commands of an environment build, the recipe's and the user's: how they run as root in the root
//! file system, and their progress.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::environment::contents::{RECORD, RECORD_FUNCTION};
use crate::image::failure::RUNS;
use crate::process::TailLines;
use crate::process::host::{Host, PROXY_VARIABLES};
use crate::process::script::{self, joined};
use crate::process::shell_text::quoted;

/// The path of the host's certificates for the commands. No environment keeps the file.
pub(crate) const CERTIFICATES: &str = "/run/cross-core/certificates.pem";

/// The variable that has the path of the host's certificates for mmdebstrap's hook.
pub(crate) const CERTIFICATES_VARIABLE: &str = "CROSS_CERTIFICATES";

/// The certificate bundles of distributions: Debian and its derivatives, Fedora, openSUSE, and the
/// BSDs and macOS.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

const RUN_COMMANDS: &str = include_str!("commands/run_commands.sh");

/// The words that run `commands` with the variables `env` inside a root file system, and record
/// what is installed then.
pub(crate) fn words(commands: &[String], env: &BTreeMap<String, String>) -> Vec<String> {
    words_recording(RECORD, commands, env)
}

/// The words that record what is installed in the file `record`.
fn words_recording(
    record: &str,
    commands: &[String],
    env: &BTreeMap<String, String>,
) -> Vec<String> {
    let variables = env.iter().map(|(name, value)| format!("{name}={value}"));
    let record = format!("cross_record={record}");
    let mut words = vec!["env".to_owned()];
    words.extend(["DEBIAN_FRONTEND=noninteractive", "HOME=/root"].map(str::to_owned));
    words.extend(variables);
    words.extend(script::words(joined([
        RECORD_FUNCTION,
        &record,
        RUN_COMMANDS,
    ])));
    words.extend(commands.iter().cloned());
    words
}

/// The hook of mmdebstrap that runs the commands. `$1` is the root file system. mmdebstrap has
/// mounted what programs need, and prevents packages from starting daemons.
pub(crate) fn hook(commands: &[String], env: &BTreeMap<String, String>) -> String {
    let words: Vec<_> = words(commands, env)
        .iter()
        .map(|word| quoted(word).into_owned())
        .collect();
    format!(
        r#"root=$1; set --
mkdir -p "$root/run/cross-core"
[ -z "${CERTIFICATES_VARIABLE}" ] || cp "${CERTIFICATES_VARIABLE}" "$root{CERTIFICATES}"
for name in {}; do
  eval "value=\${{$name-}}"
  [ -z "$value" ] || set -- "$@" "$name=$value"
done
chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@" {} </dev/null
status=$?
rm -rf "$root/run/cross-core"
exit $status"#,
        PROXY_VARIABLES.join(" "),
        words.join(" "),
    )
}

/// The host's certificate bundle.
pub(crate) fn certificates(host: &Host) -> Option<PathBuf> {
    let configured = host.variable("SSL_CERT_FILE").map(Path::new);
    configured
        .into_iter()
        .chain(BUNDLES.map(Path::new))
        .find(|path| path.is_file())
        .map(Path::to_owned)
}

/// The progress of the commands, as reported in the output of the program that runs them.
#[derive(Debug)]
pub(crate) struct CommandProgress<'a> {
    commands: &'a [String],
    current: Option<String>,
    /// Whether the current one is among the commands of `pre-build`, whose script names each.
    is_users: bool,
    output: TailLines,
    status: Option<i32>,
}

/// A command that failed.
#[derive(Debug)]
pub(crate) struct FailedCommand<'a> {
    /// Its first line.
    pub(crate) name: &'a str,
    pub(crate) status: i32,
    /// Its last lines of output.
    pub(crate) output: &'a TailLines,
    /// Whether the user wrote it, and not the recipe of the environment.
    pub(crate) is_users: bool,
}

/// The number of lines of a failed command that are in the message.
const OUTPUT_LINES: usize = 10;

impl<'a> CommandProgress<'a> {
    pub(crate) fn new(commands: &'a [String]) -> Self {
        CommandProgress {
            commands,
            current: None,
            is_users: false,
            output: TailLines::new(OUTPUT_LINES),
            status: None,
        }
    }

    /// Parses a line of output. Returns the stage that begins with it, if one does.
    pub(crate) fn parse(&mut self, line: &str) -> Option<String> {
        if let Some((_, words)) = line.split_once("cross-core: commands ") {
            let mut numbers = words.split(' ').map(str::parse::<usize>);
            if let (Some(Ok(first)), Some(Ok(last)), None) =
                (numbers.next(), numbers.next(), numbers.next())
            {
                return self.begin(first, last);
            }
        }
        if let Some((_, command)) = line.split_once(RUNS).filter(|_| self.current.is_some()) {
            self.output.clear();
            self.current = Some(command.to_owned());
            self.is_users = true;
            return Some(format!("running: {command}"));
        }
        let status = line.split_once("cross-core: status ");
        if let Some(status) = status.and_then(|(_, word)| word.parse().ok()) {
            self.status = Some(status);
        } else if self.current.is_some() && self.status.is_none() {
            self.output.push(line);
        }
        None
    }

    fn begin(&mut self, first: usize, last: usize) -> Option<String> {
        let entries = self.commands.get(first.checked_sub(1)?..last)?;
        let text = entries.join("\n");
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let name = match (lines.next()?, lines.next()) {
            (only, None) => only.to_owned(),
            (first, Some(_)) => format!("{first} …"),
        };
        self.output.clear();
        self.current = Some(name.clone());
        self.is_users = false;
        Some(format!("command {last} of {}: {name}", self.commands.len()))
    }

    /// The command that failed.
    pub(crate) fn failure(&self) -> Option<FailedCommand<'_>> {
        Some(FailedCommand {
            name: self.current.as_deref()?,
            status: self.status?,
            output: &self.output,
            is_users: self.is_users,
        })
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::process::cancel::Cancel;
    use crate::process::invocation::{Invocation, Variables};
    use crate::process::{self, Output, executable};

    /// Runs commands as in an environment, with dummy programs in place of those that need one.
    fn run(commands: &[&str]) -> (Output, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let path = format!("{}:/usr/bin:/bin", dir.path().display());
        for name in ["apt-get", "dpkg-query", "rm"] {
            executable::create(&dir.path().join(name), "#!/bin/sh\n");
        }
        let commands: Vec<_> = commands.iter().map(|text| (*text).to_owned()).collect();
        let env = BTreeMap::from([("CROSS_TARGET".to_owned(), "a b".to_owned())]);
        let record = dir.path().join("installed");
        let words = words_recording(record.to_str().unwrap(), &commands, &env);
        let run = Invocation::new(&words[0]).args(words[1..].iter().cloned());
        let caller = Variables::from([("PATH".into(), path.into())]);
        let output = process::output(&run, &caller, &Cancel::new()).unwrap();
        let mut progress = CommandProgress::new(&commands);
        let mut reports: Vec<_> = output
            .stdout
            .lines()
            .filter_map(|line| progress.parse(line))
            .collect();
        if let Some(failed) = progress.failure() {
            let whose = if failed.is_users { "user's " } else { "" };
            reports.push(format!(
                "{whose}{}: {}: {}",
                failed.name,
                failed.status,
                failed.output.text().replace('\n', "|")
            ));
        }
        (output, reports)
    }

    #[test]
    fn commands_share_a_shell_and_its_variables() {
        let (output, progress) = run(&[
            "cd /usr; x=1",
            "export y=2",
            "echo $PWD $x $y $CROSS_TARGET $#",
        ]);
        assert!(output.exit.success(), "{output:?}");
        assert!(
            output.stdout.contains("/usr 1 2 a b 0\n"),
            "{}",
            output.stdout
        );
        assert_eq!(progress[1], "command 2 of 3: export y=2");
    }

    #[test]
    fn the_first_failure_is_the_last_command_and_is_named() {
        let (output, progress) = run(&["echo one", "echo two; (exit 7)\necho three", "echo four"]);
        assert_eq!(output.exit.code, Some(7));
        assert!(!output.stdout.contains("three") && !output.stdout.contains("four\n"));
        assert_eq!(progress.last().unwrap(), "echo two; (exit 7) …: 7: two");
    }

    #[test]
    fn a_script_names_the_command_that_fails() {
        let script = "echo one\nprintf '%s: runs %s\\n' cross-core 'false it is'\necho two\nfalse";
        let (_, progress) = run(&[script]);
        assert_eq!(progress[1], "running: false it is");
        assert_eq!(progress.last().unwrap(), "user's false it is: 1: two");
    }

    #[test]
    fn the_lines_of_a_script_may_be_entries() {
        let script = [
            "if true; then",
            "  echo a \\",
            "    b",
            "fi",
            "echo c",
            "cat <<END",
            "text $((1 + 1))",
            "END",
        ];
        let (output, progress) = run(&script);
        assert!(output.exit.success(), "{output:?}");
        for line in ["a b", "c", "text 2"] {
            assert!(
                output.stdout.lines().any(|printed| printed == line),
                "{line} in {}",
                output.stdout
            );
        }
        assert_eq!(progress[0], "command 4 of 8: if true; then …");
        assert_eq!(progress[1], "command 5 of 8: echo c");
    }

    #[test]
    fn a_here_document_inside_of_a_word_ends_with_its_command() {
        let file = "printf %s 'cat <<END\ntext\nEND\n' >/dev/null";
        let (output, progress) = run(&[file, "echo $((1 << 2))", "cat <<A", "b", "A", "echo c"]);
        assert!(output.exit.success(), "{output:?}");
        let of = |n: usize, text: &str| format!("command {n} of 6: {text}");
        let expected = [
            of(1, "printf %s 'cat <<END …"),
            of(2, "echo $((1 << 2))"),
            of(5, "cat <<A …"),
            of(6, "echo c"),
        ];
        assert_eq!(progress[..4], expected);
    }

    #[test]
    fn what_is_no_command_is_an_error_with_its_own_words() {
        let (output, progress) = run(&["echo ok", "if true; then"]);
        assert!(!output.exit.success());
        assert!(
            progress.last().unwrap().starts_with("if true; then: "),
            "{progress:?}"
        );
        assert!(!output.stderr.is_empty());
    }
}

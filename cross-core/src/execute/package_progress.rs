//! What the tools that make an environment print, as progress in our own words.

use crate::request::event::EventKind;

/// The most packages that are counted.
const MOST: u64 = 100_000;

/// The beginnings of mmdebstrap's lines, and of those a word in them, with the phase that begins.
const PHASES: [(&str, &str, &str); 10] = [
    ("I: running apt-get update", "", "reading the package lists"),
    ("I: running --", "$CROSS_DERIVE", "choosing packages"),
    (
        "I: running --",
        "$CROSS_COMMANDS",
        "running the commands of the configuration",
    ),
    ("I: running --", "", "preparing the root file system"),
    ("I: downloading packages", "", "downloading packages"),
    ("I: extracting archives", "", "unpacking packages"),
    (
        "I: installing essential",
        "",
        "installing essential packages",
    ),
    ("I: installing", "", "installing the other packages"),
    (
        "Removing ",
        " ...",
        "removing packages that only the commands need",
    ),
    (
        "Purging configuration files ",
        "",
        "removing packages that only the commands need",
    ),
];

/// What is in long commands of our recipes, and what these do.
const COMMANDS: [(&str, &str); 4] = [
    (
        "/make-parts.sh &&",
        "compiling the libraries that Zig has as source",
    ),
    (
        " --require-hashes --target=",
        "installing a program with pip",
    ),
    ("' && printf %s ", "writing a file"),
    ("cd /opt/zig/", "removing what no target needs"),
];
/// The most characters of a command that are shown.
const COMMAND: usize = 60;

/// Reads the lines of mmdebstrap and apt.
#[derive(Debug, Default)]
pub(crate) struct PackageProgress {
    /// How many packages apt installs, once it has said so.
    of: u64,
    unpacked: u64,
    configured: u64,
}

impl PackageProgress {
    /// The event for a line of output.
    pub(crate) fn read(&mut self, line: &str) -> EventKind {
        if let Some(of) = newly_installed(line) {
            *self = PackageProgress {
                of,
                ..PackageProgress::default()
            };
            return self.event();
        }
        let counter = match line {
            _ if self.of == 0 => None,
            _ if line.starts_with("Unpacking ") => Some(&mut self.unpacked),
            _ if line.starts_with("Setting up ") => Some(&mut self.configured),
            _ => None,
        };
        if let Some(counter) = counter {
            *counter = self.of.min(*counter + 1);
            return self.event();
        }
        let phase = PHASES
            .iter()
            .find(|(start, word, _)| line.starts_with(start) && line.contains(word));
        EventKind::EnvironmentProgress {
            message: phase.map_or(line, |(_, _, phase)| phase).to_owned(),
        }
    }

    /// What is shown of a stage. If a command begins with it, that may be a whole file.
    pub(crate) fn stage(text: &str) -> String {
        let Some((number, command)) = text.split_once(": ") else {
            return text.to_owned();
        };
        let own = COMMANDS.iter().find(|(word, _)| command.contains(word));
        match own {
            Some((_, words)) if number.starts_with("command ") => format!("{number}: {words}"),
            _ if command.chars().count() > COMMAND => {
                let beginning: String = command.chars().take(COMMAND).collect();
                format!("{number}: {} …", beginning.trim_end())
            }
            _ => text.to_owned(),
        }
    }

    /// A package is unpacked first and set up after all others are unpacked: each is half of it.
    fn event(&self) -> EventKind {
        EventKind::PackagesInstalled {
            done: (self.unpacked + self.configured) / 2,
            of: self.of,
        }
    }
}

/// The number of packages in apt's summary: `1 upgraded, 30 newly installed, 0 to remove and …`.
fn newly_installed(line: &str) -> Option<u64> {
    let (upgraded, rest) = line.split_once(" upgraded, ")?;
    let (installed, _) = rest.split_once(" newly installed, ")?;
    let (upgraded, installed): (u64, u64) = (upgraded.parse().ok()?, installed.parse().ok()?);
    let all = upgraded.saturating_add(installed).min(MOST);
    (all > 0).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(progress: &mut PackageProgress, line: &str) -> String {
        match progress.read(line) {
            EventKind::PackagesInstalled { done, of } => format!("{done} of {of}"),
            EventKind::EnvironmentProgress { message } => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn packages_are_counted_by_what_apt_says() {
        let mut progress = PackageProgress::default();
        for (line, shown) in [
            ("Setting up a stage", "Setting up a stage"),
            (
                "1 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.",
                "0 of 3",
            ),
            (
                "Get:1 http://a.invalid bookworm/main",
                "Get:1 http://a.invalid bookworm/main",
            ),
            ("Unpacking gcc (1) ...", "0 of 3"),
            ("Unpacking libc6-dev (1) ...", "1 of 3"),
            ("Unpacking make (1) ...", "1 of 3"),
            ("Setting up gcc (1) ...", "2 of 3"),
            ("Setting up make (1) ...", "2 of 3"),
            ("Setting up libc6-dev (1) ...", "3 of 3"),
            ("Setting up nothing", "3 of 3"),
        ] {
            assert_eq!(read(&mut progress, line), shown);
        }
    }

    #[test]
    fn a_command_is_shown_in_few_words() {
        for (stage, shown) in [
            ("extracting", "extracting"),
            (
                "command 9 of 9: sh /opt/zig/make-parts.sh && rm /opt/zig/make-parts.sh",
                "command 9 of 9: compiling the libraries that Zig has as source",
            ),
            (
                "command 1 of 9: mkdir -p '/opt/zig' && printf %s '# Compiles …",
                "command 1 of 9: writing a file",
            ),
            (
                "command 2 of 2: apt-get install b",
                "command 2 of 2: apt-get install b",
            ),
        ] {
            assert_eq!(PackageProgress::stage(stage), shown);
        }
        let long = PackageProgress::stage(&format!("running: {}", "é".repeat(100)));
        assert_eq!(long, format!("running: {} …", "é".repeat(COMMAND)));
    }

    #[test]
    fn what_is_removed_is_one_phase() {
        let mut progress = PackageProgress::default();
        for line in [
            "Removing python3-pip (23.0.1) ...",
            "Purging configuration files for readline-common (8.2-1.3) ...",
        ] {
            assert!(read(&mut progress, line).starts_with("removing packages "));
        }
    }

    #[test]
    fn phases_are_in_our_words_and_no_number_is_too_large() {
        let mut progress = PackageProgress::default();
        let copy = "I: running --setup-hook in shell: sh -c 'cp -a -- /c/root/. \"$1/\"' exec /c/t";
        assert_eq!(read(&mut progress, copy), "preparing the root file system");
        let derive =
            "I: running --customize-hook in shell: sh -c 'eval \"$CROSS_DERIVE\"' exec /c/t";
        assert_eq!(read(&mut progress, derive), "choosing packages");
        let large = format!("0 upgraded, {} newly installed, 0 to remove", u64::MAX);
        assert_eq!(read(&mut progress, &large), format!("0 of {MOST}"));
        let none = "0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.";
        assert_eq!(read(&mut progress, none), none);
    }
}

//! Shell text for people: words, and files as here-documents.

use std::borrow::Cow;
use std::path::Path;

/// The commands of a POSIX shell that write `text` to the file at `path`, and create its directory.
pub fn here_document(path: &Path, text: &str, executable: bool) -> String {
    let file = word(path);
    let dir = path.parent().map(word).unwrap_or_default();
    let write = match text.strip_suffix('\n') {
        Some(_) => {
            let mut end = "END".to_owned();
            while text.lines().any(|line| line == end) {
                end.push('_');
            }
            format!("cat >{file} <<'{end}'\n{text}{end}\n")
        }
        None => format!("printf %s {} >{file}\n", quoted(text)),
    };
    let mode = match executable {
        true => format!("chmod 755 {file}\n"),
        false => String::new(),
    };
    format!("mkdir -p {dir}\n{write}{mode}")
}

/// Quotes a word for a POSIX shell if necessary.
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    shell_escape::unix::escape(Cow::Borrowed(word))
}

/// A path as a word of a POSIX shell.
pub fn word(path: &Path) -> String {
    quoted(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::process::cancel::Cancel;
    use crate::process::invocation::{Invocation, Variables};
    use crate::process::output;

    #[test]
    fn a_file_is_written_byte_for_byte() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("plain", "#!/bin/sh\necho \"$HOME\" `id` \\\n"),
            ("it's here", "a\nEND\nEND_\n"),
            ("no end", "no line ending '"),
            ("empty", ""),
            ("blank", "\n\n"),
        ] {
            let path = dir.path().join("a dir").join(name);
            let script = here_document(&path, text, name == "plain");
            let caller = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
            let run = Invocation::new("sh").args(["-euc", &script]);
            let ran = output(&run, &caller, &Cancel::new()).unwrap();
            assert!(ran.exit.success(), "{script}: {}", ran.stderr);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{script}");
        }
    }
}

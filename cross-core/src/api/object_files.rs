//! Strips programs and converts object files by the target's own tools.
//!
//! What a tool reads and writes is in a directory of its own below the target directory, so that
//! the files may be anywhere, and what a tool left is read like anything that a run left.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use cross_engine::Cancel;
use cross_engine::process::untrusted::Dir;

use crate::execute::publish;
use crate::facts::binutils::{FUNCTIONS, ObjectTool};
use crate::facts::probe;
use crate::host::files;
use crate::model::error::{Error, ErrorKind, IoContext as _, MapEngineError as _, Result};
use crate::model::step::Verb;
use crate::request::cross::Cross;
use crate::request::request::Request;

/// Strips `input` to `output`. `$1` is what is stripped, and `$2` the name of the file for debug
/// information, if one is wanted.
const STRIP: &str = r#"if [ -n "$2" ]; then
  mkdir debug
  start --only-keep-debug input "debug/$2"
fi
case $1 in
--strip-debug) strip_archive input output;;
*) start "$1" input output;;
esac
if [ -n "$2" ]; then
  cd debug
  start --add-gnu-debuglink="$2" ../output
fi"#;

/// Converts `input` to `output`. The arguments are the tool's options.
const CONVERT: &str = r#"start "$@" input output"#;

/// What a script begins with. The directory and the words of the tool come before its own arguments.
const BEGIN: &str = r#"cd "$1"; tool=$2 libraries=$3; shift 3"#;

impl Cross {
    /// Requests that symbols and debug information are removed from `program`, a program or library
    /// for `target`, by the target's own tools.
    ///
    /// ```no_run
    /// use cross_core::Cross;
    ///
    /// let cross = Cross::discover()?;
    /// let target = "aarch64-unknown-linux-gnu";
    /// for program in cross.build(target).release(true).run()?.executables() {
    ///     let debug = program.path.with_extension("debug");
    ///     cross.strip(target, &program.path).debug_file(debug).run()?;
    /// }
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    ///
    /// Of a static library or an object file, only debug information is removed, because its
    /// symbols are what others link.
    pub fn strip(&self, target: impl Into<String>, program: impl AsRef<Path>) -> StripRequest {
        StripRequest {
            cross: self.clone(),
            target: target.into(),
            program: self.dir().join(program),
            output: None,
            debug_file: None,
        }
    }

    /// Requests that `objcopy` converts the file `from`, which is for `target`, to the file `to`.
    /// `options` are those of the target's objcopy.
    ///
    /// ```no_run
    /// # let cross = cross_core::Cross::discover()?;
    /// let target = "thumbv7em-none-eabihf";
    /// let firmware = "target/thumbv7em-none-eabihf/release/firmware";
    /// cross.objcopy(target, ["-O", "binary"], firmware, "firmware.bin").run()?;
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    pub fn objcopy<I>(
        &self,
        target: impl Into<String>,
        options: I,
        from: impl AsRef<Path>,
        to: impl AsRef<Path>,
    ) -> ObjcopyRequest
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        ObjcopyRequest {
            cross: self.clone(),
            target: target.into(),
            options: options.into_iter().map(Into::into).collect(),
            from: self.dir().join(from),
            to: self.dir().join(to),
        }
    }
}

/// A request to strip a program, made by [`Cross::strip`]. Nothing is read or run before
/// [`run`](StripRequest::run).
#[must_use = "a request does nothing until it is run"]
#[derive(Clone, Debug)]
pub struct StripRequest {
    cross: Cross,
    target: String,
    program: PathBuf,
    output: Option<PathBuf>,
    debug_file: Option<PathBuf>,
}

impl StripRequest {
    /// Sets the file of the stripped program. A relative path is relative to the directory of the
    /// [`Cross`].
    ///
    /// # Default value
    ///
    /// The program itself, which is replaced.
    pub fn output(mut self, path: impl AsRef<Path>) -> Self {
        self.output = Some(self.cross.dir().join(path));
        self
    }

    /// Keeps the debug information in this file, which the stripped program names (by a GNU debug
    /// link), so that debuggers find it beside the program. A relative path is relative to the
    /// directory of the [`Cross`].
    ///
    /// # Default value
    ///
    /// It is not kept.
    pub fn debug_file(mut self, path: impl AsRef<Path>) -> Self {
        self.debug_file = Some(self.cross.dir().join(path));
        self
    }

    /// Strips the program, and returns the paths of the program and of its debug information.
    ///
    /// # Errors
    ///
    /// The errors of [`Request::run`](crate::Request::run);
    /// [`ErrorKind::UnsupportedTarget`](crate::ErrorKind::UnsupportedTarget) for Apple's systems on
    /// ARM's processors, whose programs are signed when they are linked; and
    /// [`ErrorKind::ProgramFailed`](crate::ErrorKind::ProgramFailed) if the tool refuses the file.
    pub fn run(&self) -> Result<Stripped> {
        self.run_until(&Cancel::new())
    }

    /// [`run`](StripRequest::run), stopped by `cancel`.
    ///
    /// # Errors
    ///
    /// As for [`run`](StripRequest::run).
    pub fn run_until(&self, cancel: &Cancel) -> Result<Stripped> {
        let is_linked_by_others = self.program.extension().is_some_and(|end| {
            ["a", "lib", "o", "obj", "rlib"]
                .iter()
                .any(|other| end == *other)
        });
        let level = match is_linked_by_others {
            true => "--strip-debug",
            false => "--strip-all",
        };
        let debug_name = self.debug_file.as_deref().map(file_name).transpose()?;
        let work = Work::begin(&self.cross, &self.target, &self.program, cancel)?;
        let words = [level, debug_name.unwrap_or_default()].map(str::to_owned);
        work.run(STRIP, &words, cancel)?;
        // The program names the file, which therefore has to be there first.
        if let (Some(path), Some(name)) = (&self.debug_file, debug_name) {
            work.publish(&Path::new("debug").join(name), path, cancel)?;
        }
        let program = self.output.clone().unwrap_or_else(|| self.program.clone());
        work.publish(Path::new("output"), &program, cancel)?;
        Ok(Stripped {
            program,
            debug_file: self.debug_file.clone(),
        })
    }
}

/// A stripped program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stripped {
    /// The program without symbols and debug information.
    pub program: PathBuf,
    /// The file with its debug information, if [`StripRequest::debug_file`] keeps it.
    pub debug_file: Option<PathBuf>,
}

/// A request to convert an object file, made by [`Cross::objcopy`]. Nothing is read or run before
/// [`run`](ObjcopyRequest::run).
#[must_use = "a request does nothing until it is run"]
#[derive(Clone, Debug)]
pub struct ObjcopyRequest {
    cross: Cross,
    target: String,
    options: Vec<String>,
    from: PathBuf,
    to: PathBuf,
}

impl ObjcopyRequest {
    /// Converts the file.
    ///
    /// # Errors
    ///
    /// As for [`StripRequest::run`].
    pub fn run(&self) -> Result<()> {
        self.run_until(&Cancel::new())
    }

    /// [`run`](ObjcopyRequest::run), stopped by `cancel`.
    ///
    /// # Errors
    ///
    /// As for [`StripRequest::run`].
    pub fn run_until(&self, cancel: &Cancel) -> Result<()> {
        let work = Work::begin(&self.cross, &self.target, &self.from, cancel)?;
        work.run(CONVERT, &self.options, cancel)?;
        work.publish(Path::new("output"), &self.to, cancel)
    }
}

/// The directory in which a tool works, and the tool.
struct Work {
    cross: Cross,
    target: String,
    tool: ObjectTool,
    dir: tempfile::TempDir,
}

/// The remedy for a tool that fails.
const TOOL_HELP: &str = "its words are in `Error::program_output`; a file has to be an object file or a program of this target";

impl Work {
    /// Copies `input` to where the tool of `target` sees it.
    fn begin(cross: &Cross, target: &str, input: &Path, cancel: &Cancel) -> Result<Self> {
        let file = files::open_program(input)?;
        let request = Request::new(cross.clone(), Verb::Exec, target.to_owned());
        let facts = probe::probe(&request, cancel)?;
        if let Some(remote) = &facts.remote {
            return Err(remote.refuse("tools for files of this machine"));
        }
        let tool = facts.tool_for_object_files()?;
        let target_dir = &facts.inputs.target_dir;
        fs::create_dir_all(target_dir).on("create directory", target_dir)?;
        let dir = tempfile::Builder::new()
            .prefix("object-file-")
            .tempdir_in(target_dir)
            .on("create a directory in", target_dir)?;
        let here = Dir::open(dir.path()).map_engine_error()?;
        here.publish(&file, "input", cancel).map_engine_error()?;
        Ok(Work {
            cross: cross.clone(),
            target: target.to_owned(),
            tool,
            dir,
        })
    }

    fn run(&self, script: &str, words: &[String], cancel: &Cancel) -> Result<()> {
        let dir = self.dir.path().as_os_str();
        let script = [BEGIN, FUNCTIONS, script].join("\n");
        let command = ["sh", "-euc", &script, "sh"].map(OsStr::new);
        let tool = self.tool.words();
        let words = tool.iter().chain(words).map(OsStr::new);
        let command = command.into_iter().chain([dir]).chain(words);
        let request = self.cross.exec(self.target.clone(), command);
        match request.run_until(cancel) {
            Ok(_) => Ok(()),
            // The shell around the tool is not the caller's.
            Err(error) if error.kind() == ErrorKind::ProgramFailed => {
                let how = error.code().map(|code| format!(" with exit status {code}"));
                let message = format!(
                    "`{}` for {} failed{}",
                    self.tool.program,
                    self.target,
                    how.unwrap_or_default()
                );
                Err(error.with_message(message).with_help(TOOL_HELP))
            }
            Err(error) => Err(error),
        }
    }

    /// Copies the file `name` that the tool has written to `path`.
    fn publish(&self, name: &Path, path: &Path, cancel: &Cancel) -> Result<()> {
        let here = Dir::open(self.dir.path()).map_engine_error()?;
        let file = here.file(name).map_engine_error()?;
        let to = publish::destination(path.parent().unwrap_or(Path::new("/")))?;
        to.publish(&file, file_name(path)?, cancel)
            .map_engine_error()?;
        Ok(())
    }
}

/// The name of the file at `path`.
fn file_name(path: &Path) -> Result<&str> {
    path.file_name().and_then(OsStr::to_str).ok_or_else(|| {
        let message = format!("{path:?} names no file that can be passed to an engine");
        let help = "name a file by a path of UTF-8";
        Error::new(ErrorKind::Path, message).with_help(help)
    })
}

//! The paths in a command's arguments: what a run reads is mounted, and what it writes is written
//! in the target directory and copied from there.

use std::path::{Path, PathBuf};

use cross_engine::{Access, Mount};

use crate::cargo::config;
use crate::cargo::path_flags::{self, NamedPath, PathUse};
use crate::cargo::rustc_paths::{self, FlagUse};
use crate::facts::facts::Facts;
use crate::facts::run_inputs::kept_file;
use crate::facts::seen_places::{shows_more, written_and_real};
use crate::host::places::{normal, real_path};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::hash::short_hash;
use crate::model::step::{Action, Prepared, Step};
use crate::plan::nextest;

/// What the paths of a command need besides the command itself.
#[derive(Debug, Default)]
pub(crate) struct CommandPaths {
    pub(crate) mounts: Vec<Mount>,
    /// What has to exist before the command starts.
    prepared: Vec<Prepared>,
    /// The steps that copy what it wrote.
    deliveries: Vec<Step>,
}

impl CommandPaths {
    /// Resolves the paths in `args`, the arguments of the subcommand `name`, from the directory
    /// `dir`, and writes them as the run sees them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CargoFailed`] for a directory that a run cannot write, and for a lock file that
    /// does not exist.
    pub(crate) fn resolve(
        args: &mut [String],
        name: &str,
        dir: &Path,
        facts: &Facts,
    ) -> Result<Self> {
        let mut paths = CommandPaths::default();
        if facts.env_spec.host_toolset().is_some() {
            return Ok(paths);
        }
        for (n, named) in path_flags::find(args, name).into_iter().enumerate() {
            let path = normal(&dir.join(&named.written));
            let inside = paths.inside(&named, n, path, facts)?;
            if let Some(inside) = inside {
                named.replace(args, &inside);
            }
        }
        if ["rustc", "rustdoc"].contains(&name) {
            paths.compiler_flags(args, facts)?;
        }
        if name == "nextest" {
            paths.reports(facts);
        }
        Ok(paths)
    }

    /// Resolves the paths in the compiler's flags, after `--`.
    fn compiler_flags(&mut self, args: &mut [String], facts: &Facts) -> Result<()> {
        let Some(separator) = args.iter().position(|arg| arg == "--") else {
            return Ok(());
        };
        let flags = &mut args[separator + 1..];
        for found in rustc_paths::find(flags).iter().rev() {
            let path = normal(&facts.workspace.root.join(found.written(flags)));
            match found.flag_use {
                FlagUse::Read if shows_more(&path, &facts.inputs.mounts) => {
                    self.mounts.extend(written_and_real(Mount::read(&path)));
                }
                FlagUse::Read | FlagUse::WrittenByPrograms => {}
                _ if is_writable(&path, facts) => {}
                FlagUse::Written => {
                    // The command stays the same, so that cargo finds fresh what it made.
                    let key = short_hash(&path.display().to_string(), 12);
                    let dir = facts.inputs.target_dir.join("outputs").join(key);
                    let file = dir.join(path.file_name().unwrap_or_default());
                    self.prepared.push(Prepared::Directory(dir));
                    let purpose = format!("copy what `{}` names", found.flag(flags));
                    found.replace(flags, &file);
                    let action = Action::Deliver {
                        from: file,
                        to: path,
                    };
                    self.deliveries.push(Step::new(purpose, action));
                }
                _ => return Err(unwritable(&found.flag(flags), &path)),
            }
        }
        Ok(())
    }

    /// Returns the path that the command is given in place of `path`; `None` for what is no path.
    fn inside(
        &mut self,
        named: &NamedPath,
        n: usize,
        path: PathBuf,
        facts: &Facts,
    ) -> Result<Option<PathBuf>> {
        let outputs = facts.inputs.target_dir.join(format!("outputs/{n}"));
        match named.path_use {
            PathUse::Setting if !path.is_file() => return Ok(None),
            PathUse::Setting => self.configuration(&path, facts)?,
            PathUse::Read if !path.exists() => {
                return match named.flag {
                    "--lockfile-path" => Err(no_lock_file(&path)),
                    _ => Ok(Some(path)),
                };
            }
            PathUse::Read => self.mounts.extend(written_and_real(Mount::read(&path))),
            _ if is_writable(&path, facts) => {}
            PathUse::WrittenDirectory => {
                let flag = format!("{} {}", named.flag, named.written);
                return Err(unwritable(&flag, &path));
            }
            PathUse::Artifacts => {
                self.prepared
                    .push(Prepared::EmptyDirectory(outputs.clone()));
                let action = Action::DeliverArtifacts {
                    from: outputs.clone(),
                    to: path,
                };
                self.deliver(named, action);
                return Ok(Some(outputs));
            }
            PathUse::Written => {
                let file = outputs.join(path.file_name().unwrap_or_default());
                self.prepared.push(Prepared::EmptyDirectory(outputs));
                let action = Action::Deliver {
                    from: file.clone(),
                    to: path,
                };
                self.deliver(named, action);
                return Ok(Some(file));
            }
        }
        Ok(Some(path))
    }

    /// Lets nextest write its reports, which it has beside the sources.
    fn reports(&mut self, facts: &Facts) {
        let root = &facts.workspace.root;
        let Some(store) = nextest::store(root).filter(|store| !is_writable(store, facts)) else {
            return;
        };
        let inside = nextest::store_inside(&facts.inputs.target_dir);
        self.prepared
            .extend([&inside, &store].map(|dir| Prepared::Directory(dir.clone())));
        self.mounts.push(Mount::write(inside).at(real_path(&store)));
    }

    /// Mounts a configuration file, without its secrets.
    fn configuration(&mut self, path: &Path, facts: &Facts) -> Result<()> {
        if let Some(text) = config::text_without_secrets(path)? {
            let (file, prepared) = kept_file(&facts.host, "config.toml", text, false);
            self.prepared.push(prepared);
            self.mounts.push(Mount::read(file).at(path));
        } else {
            self.mounts.extend(written_and_real(Mount::read(path)));
        }
        Ok(())
    }

    fn deliver(&mut self, named: &NamedPath, action: Action) {
        let purpose = format!("copy what `{}` names", named.flag);
        self.deliveries.push(Step::new(purpose, action));
    }

    /// The steps of the command with those that it needs before and after.
    pub(crate) fn around(self, steps: Vec<Step>) -> Vec<Step> {
        let prepared = Some(self.prepared).filter(|prepared| !prepared.is_empty());
        let prepare =
            prepared.map(|prepared| Step::prepare("prepare what the arguments name", prepared));
        prepare
            .into_iter()
            .chain(steps)
            .chain(self.deliveries)
            .collect()
    }
}

/// Whether a run may write to `path`: in its target directory, in a directory that is `writable`,
/// or in a volume.
fn is_writable(path: &Path, facts: &Facts) -> bool {
    let real = real_path(path);
    let mut mounts = facts.inputs.mounts.iter();
    mounts.any(|mount| mount.access == Access::Write && real.starts_with(real_path(&mount.target)))
}

fn unwritable(flag: &str, path: &Path) -> Error {
    let path = path.display();
    let message = format!("`{flag}`: what runs in an environment cannot write to `{path}`");
    Error::new(ErrorKind::CargoFailed, message).with_help(
        "leave the flag out, so that it writes to the target directory; or name a directory that \
         `writable` has in Cross.toml, or one that `env.volumes` mounts",
    )
}

fn no_lock_file(path: &Path) -> Error {
    let message = format!("the lock file `{}` does not exist", path.display());
    Error::new(ErrorKind::CargoFailed, message).with_help(
        "write it first, with `cargo generate-lockfile --lockfile-path`: no lock file is written in an \
         environment",
    )
}

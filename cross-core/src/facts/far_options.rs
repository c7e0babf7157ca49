//! Warns of options for a container that name files of this machine, if the engine is on another one
//! and takes them for its own.

use std::path::Path;

use cross_config::Settings;
use cross_engine::{Engine, Reach};

use crate::model::step::Warning;

/// The options that mount something, whose value is the next word or follows a `=`.
const MOUNTING: [&str; 3] = ["--volume", "-v", "--mount"];

/// The warning for an option of the user's that mounts a path of this machine.
pub(super) fn warning(settings: &Settings, engine: &Engine) -> Option<Warning> {
    if !matches!(engine.reach, Reach::Remote(_)) {
        return None;
    }
    let options = &settings.container_opts;
    let mounted = mounted(&options.value);
    // What is not here is meant to be there.
    let path = mounted.into_iter().find(|path| Path::new(path).exists())?;
    Some(Warning {
        code: "remote".to_owned(),
        message: format!(
            "{} mounts `{path}` of the engine's machine, which does not have this machine's files",
            options.origin
        ),
        help: Some(
            "name a directory of this machine with a variable in `[build.env] volumes`: what it has is sent, and \
             what a run writes there comes back"
                .to_owned(),
        ),
    })
}

/// The absolute paths that options mount.
fn mounted(options: &[String]) -> Vec<&str> {
    let mut paths = Vec::new();
    for (n, option) in options.iter().enumerate() {
        let next = options.get(n + 1).map(String::as_str);
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option.as_str(), next),
        };
        let Some(value) = value.filter(|_| MOUNTING.contains(&name)) else {
            continue;
        };
        let fields = value.split(',');
        let source = |field: &&str| field.starts_with("source=") || field.starts_with("src=");
        let path = match name {
            "--mount" => fields
                .clone()
                .find(source)
                .and_then(|field| field.split_once('='))
                .map(|(_, path)| path),
            _ => value.split(':').next(),
        };
        paths.extend(path.filter(|path| path.starts_with('/')));
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_that_options_mount() {
        let options = [
            "-v",
            "/a:/b:ro",
            "--volume=/c:/d",
            "--volume",
            "named:/e",
            "--mount",
            "type=bind,source=/f,target=/g",
            "--mount=type=bind,src=/h,dst=/i",
            "--mount",
            "type=tmpfs,target=/j",
            "--env",
            "X=/k:/l",
            "--workdir=/m",
            "-v",
        ];
        let options = options.map(str::to_owned);
        assert_eq!(mounted(&options), ["/a", "/c", "/f", "/h"]);
    }
}

//! What images contain: found out by a container that prints its list of packages, and kept in the
//! cache.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use crate::environment::blueprint::Blueprint;
use crate::environment::contents::{Contents, InstalledPackage, RECORD, RecordedImage};
use crate::environment::contents_file::{CONTENTS, LIMIT, of_text, read, write};
use crate::environment::environments::{EnvironmentLocation, Environments};
use crate::image::cli::ImageFacts;
use crate::image::image_cache;
use crate::process::Stream;
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, IoContext as _, Result};
use crate::spec::run_spec::{Network, Root, RunSpec};

/// The cache's subdirectory for the contents of images, by their ids.
const IMAGES: &str = "contents";

/// Prints what an image knows of its packages: its record, and what dpkg has installed. The record
/// of an image that is based on an environment's has the hashes of the packages that both have.
const READ_IMAGE: &str = "[ ! -f \"$1\" ] || cat \"$1\"\n\
    echo\n\
    ! command -v dpkg-query >/dev/null || dpkg-query -W -f \
    '${db:Status-Status}\\t${Package}\\t${Version}\\t${Architecture}\\t${source:Package}\\t${source:Version}\\n'\n";

impl Environments<'_> {
    /// What is in the environment at `location`; `None` if it does not exist, or is the host.
    ///
    /// The contents of an environment that this library made are on record. What an image contains
    /// is found out by a container that prints its list of packages, once for each image.
    ///
    /// # Errors
    ///
    /// If the engine cannot be queried, or the container cannot start.
    pub fn contents(
        &self,
        location: &EnvironmentLocation,
        cancel: &Cancel,
    ) -> Result<Option<Contents>> {
        match location {
            EnvironmentLocation::Directory(dir) => Ok(read(&dir.join(CONTENTS))),
            EnvironmentLocation::Image(image) => {
                let Some(facts) = self.image(image, cancel)? else {
                    return Ok(None);
                };
                match self.recorded_image(&facts.id) {
                    Some(contents) => Ok(Some(contents)),
                    None => self.record_image(image, None, cancel),
                }
            }
            EnvironmentLocation::Host => Ok(None),
        }
    }

    /// The contents that are on record for the environment at `location`. Does not query the
    /// engine: `image` is what it answered before, if it was asked.
    pub fn known_contents(
        &self,
        location: &EnvironmentLocation,
        image: Option<&ImageFacts>,
    ) -> Option<Contents> {
        match (location, image) {
            (EnvironmentLocation::Directory(dir), _) => read(&dir.join(CONTENTS)),
            (_, Some(facts)) => self.recorded_image(&facts.id),
            (EnvironmentLocation::Image(image), None) => {
                let (engine, host) = (self.store.engine, self.store.host);
                let facts = image_cache::recall_image(engine, host, image)?;
                self.recorded_image(&facts.id)
            }
            (EnvironmentLocation::Host, None) => None,
        }
    }

    /// Finds out what the image `reference` contains, and keeps it on record. `pre_build` is the
    /// text of the user's commands that were run for it. `None` if the engine does not have the
    /// image.
    ///
    /// # Errors
    ///
    /// As for [`contents`](Environments::contents).
    pub fn record_image(
        &self,
        reference: &str,
        pre_build: Option<&str>,
        cancel: &Cancel,
    ) -> Result<Option<Contents>> {
        let Some(facts) = self.image(reference, cancel)? else {
            return Ok(None);
        };
        let mut contents = of_image(&self.read_record(reference, cancel)?);
        contents.pre_build = pre_build.map(str::to_owned);
        let variant = facts.variant.map(|variant| format!("/{variant}"));
        contents.image = Some(RecordedImage {
            digest: facts.digest,
            platform: format!(
                "{}/{}{}",
                facts.os,
                facts.architecture,
                variant.unwrap_or_default()
            ),
            id: facts.id.clone(),
        });
        self.keep(&facts.id, &contents)?;
        Ok(Some(contents))
    }

    /// Keeps on record what the image of `blueprint`'s environment contains.
    pub(crate) fn record(&self, blueprint: &Blueprint, image: &str, cancel: &Cancel) -> Result<()> {
        let Some(facts) = self.image(image, cancel)? else {
            return Ok(());
        };
        let text = self.read_record(image, cancel)?;
        let record = text.split("\n\n").next().unwrap_or_default();
        let contents = of_text(record, blueprint);
        if let Some(locked) = &blueprint.locked {
            let checked = locked.check(&contents, &blueprint.name);
            if checked.is_err() {
                self.remove(&blueprint.name, cancel)?;
            }
            checked?;
        }
        self.keep(&facts.id, &contents)
    }

    /// The contents that are on record for the image `id`.
    pub(crate) fn recorded_image(&self, id: &str) -> Option<Contents> {
        read(&self.image_record(id)?)
    }

    fn keep(&self, id: &str, contents: &Contents) -> Result<()> {
        let Some(path) = self.image_record(id) else {
            return Ok(());
        };
        let dir = path.parent().unwrap_or(&path);
        fs::create_dir_all(dir).on("create directory", dir)?;
        write(&path, contents)
    }

    /// The file with the contents of the image `id`, which is a hash.
    fn image_record(&self, id: &str) -> Option<PathBuf> {
        let digits = id.strip_prefix("sha256:").unwrap_or(id);
        let is_hash = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let dir = self.store.host.cache.join(IMAGES);
        is_hash.then(|| dir.join(format!("{digits}.json")))
    }

    /// What the image prints of its packages. The image is not trusted: it has no network, and what
    /// it prints is bounded.
    fn read_record(&self, reference: &str, cancel: &Cancel) -> Result<String> {
        let command = ["/bin/sh", "-c", READ_IMAGE, "cross", RECORD].map(str::to_owned);
        let spec = RunSpec::new(Root::Image(reference.to_owned()), "/", command)
            .network(Network::None)
            .name("cross-contents".to_owned());
        let mut text = String::new();
        let mut is_too_long = false;
        let sink = &mut |stream, line: &str| {
            if stream == Stream::Stdout {
                text.push_str(line.trim_end_matches(['\r', '\n']));
                text.push('\n');
            }
            is_too_long = text.len() as u64 > LIMIT;
            match is_too_long {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let ended = self.store.engine.run(&spec, self.store.host, cancel, sink);
        if is_too_long {
            let message = format!("image `{reference}` prints more than {LIMIT} bytes of packages");
            return Err(Error::new(ErrorKind::Untrusted, message));
        }
        match ended {
            // An image without a shell has no packages that anybody could list.
            Err(error) if error.kind() == ErrorKind::EngineCannotStart => Ok(String::new()),
            ended => ended.map(|_| text),
        }
    }
}

/// The contents of an image that printed `text`: a record, an empty line, and dpkg's list. A
/// package in the list has the hash that the record has for it.
fn of_image(text: &str) -> Contents {
    let (record, list) = text.split_once("\n\n").unwrap_or(("", text));
    let recorded = Contents::parse(record);
    let hashes: BTreeMap<_, _> = recorded
        .packages
        .iter()
        .map(|package| {
            let InstalledPackage {
                name,
                version,
                architecture,
                ..
            } = package;
            ((&**name, &**version, &**architecture), &package.sha256)
        })
        .collect();
    let lines = list.lines().filter_map(|line| {
        let fields: Vec<_> = line.split('\t').collect();
        let [
            "installed",
            name,
            version,
            architecture,
            source,
            source_version,
        ] = fields[..]
        else {
            return None;
        };
        let known = hashes.get(&(name, version, architecture));
        let sha256 = known
            .and_then(|sha256| sha256.as_deref())
            .unwrap_or_default();
        Some(format!(
            "package\t{name}\t{version}\t{architecture}\t{sha256}\t{source}\t{source_version}\n"
        ))
    });
    let listed = Contents::parse(&lines.collect::<String>());
    Contents::new(recorded.releases, listed.packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_the_hashes_of_the_environment_that_it_is_based_on() {
        let hash = "a".repeat(64);
        let record = format!("package\tgcc\t4:12\tamd64\t{hash}\tgcc-defaults\t1.2\n");
        let list = "installed\tgcc\t4:12\tamd64\tgcc-defaults\t1.2\n\
                    installed\tjq\t1.6\tamd64\tjq\t1.6\nconfig-files\told\t1\tall\told\t1\n";
        let contents = of_image(&format!("{record}\n{list}"));
        let known: Vec<_> = contents
            .packages
            .iter()
            .map(|package| (package.name.as_str(), package.sha256.is_some()))
            .collect();
        assert_eq!(known, [("gcc", true), ("jq", false)]);
        let updated = list.replace("4:12", "4:13");
        let contents = of_image(&format!("{record}\n{updated}"));
        assert_eq!(contents.packages[0].sha256, None, "another version");
        assert!(of_image("").packages.is_empty(), "an image without dpkg");
        assert_eq!(of_image(&format!("\n{list}")).packages.len(), 2);
    }
}

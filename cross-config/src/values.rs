//! The as-written model: what one source says at one level, and how two of them are put together.

use std::collections::BTreeMap;
use std::path::Path;

use crate::build_std::BuildStd;
use crate::diagnostic::Diagnostic;
use crate::image::ImageName;
use crate::keys::{Group, Key, Short};
use crate::origin::{Origin, Sourced};
use crate::passing::{Passthrough, Volume};
use crate::platform::Platform;
use crate::pre_build::PreBuild;
use crate::settings::Settings;
use crate::shape::{List, Map, Raw};
use crate::table::{GROUPS, KEYS};
use crate::word::{FilePath, GlibcVersion, Name, Network, Package, Runner, Suite, Triple};

/// What one source says in `[build]`, or in one `[target.<triple>]`. One field per key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    pub(crate) default_target: Option<Sourced<Triple>>,
    pub(crate) targets: Option<List<Triple>>,
    pub(crate) engine: Option<Sourced<Name>>,
    pub(crate) toolchain: Option<Sourced<Name>>,
    pub(crate) network: Option<Sourced<Network>>,
    pub(crate) suite: Option<Sourced<Suite>>,
    pub(crate) packages: Option<List<Package>>,
    pub(crate) build_std: Option<Sourced<BuildStd>>,
    pub(crate) zig_enable: Option<Sourced<bool>>,
    pub(crate) zig_version: Option<Sourced<GlibcVersion>>,
    pub(crate) zig_image: Option<Sourced<ImageName>>,
    pub(crate) zig_image_toolchain: Option<List<Platform>>,
    pub(crate) pre_build: Option<Sourced<PreBuild>>,
    pub(crate) dockerfile: Option<Sourced<FilePath>>,
    pub(crate) dockerfile_context: Option<Sourced<FilePath>>,
    pub(crate) build_args: Option<Sourced<Map>>,
    pub(crate) passthrough: Option<List<Passthrough>>,
    pub(crate) volumes: Option<List<Volume>>,
    pub(crate) image: Option<Sourced<ImageName>>,
    pub(crate) image_toolchain: Option<List<Platform>>,
    pub(crate) sdk: Option<Sourced<FilePath>>,
    pub(crate) runner: Option<Sourced<Runner>>,
    pub(crate) serial_tests: Option<Sourced<bool>>,
    /// How the groups of a file are written, by their names.
    spellings: BTreeMap<&'static str, Spelling>,
}

/// How a group is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// As a table.
    Table,
    /// As a value in place of the table.
    Short,
}

/// What one source says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    pub(crate) build: Values,
    pub(crate) targets: BTreeMap<String, Values>,
    /// What only variables say.
    pub(crate) settings: Settings,
    /// Every problem, in the order of places.
    pub(crate) problems: Vec<Diagnostic>,
}

impl Written {
    /// Makes relative paths absolute: they are relative to `base`, which is where they were written.
    pub(crate) fn resolve_paths(&mut self, base: &Path) {
        let levels = std::iter::once(&mut self.build).chain(self.targets.values_mut());
        self.problems
            .extend(levels.flat_map(|values| values.resolve_paths(base)));
        self.settings.resolve_paths(base);
    }
}

impl Values {
    fn resolve_paths(&mut self, base: &Path) -> Vec<Diagnostic> {
        KEYS.iter()
            .flat_map(|key| (key.field_mut)(self).rebase(key.name, base))
            .collect()
    }

    /// Stores a value of `key`; returns what is wrong with it.
    pub(crate) fn store(&mut self, key: &Key, raw: Sourced<Raw>) -> Vec<Diagnostic> {
        (key.field_mut)(self).store(key.name, raw)
    }

    /// Stores a value in place of a table; returns what is wrong with it.
    pub(crate) fn store_short(&mut self, short: &Short, raw: Sourced<Raw>) -> Vec<Diagnostic> {
        let origin: Origin = raw.origin.clone();
        let keys = || [Some(short.key), short.on].into_iter().flatten();
        let found: Vec<_> = keys().filter_map(Key::named).collect();
        let raws = [raw, Sourced::new(Raw::Flag(true), origin)];
        found
            .into_iter()
            .zip(raws)
            .flat_map(|(key, raw)| self.store(key, raw))
            .collect()
    }

    /// Notes how a file writes `group`. Unless it is a table where there was a table, what was there
    /// is replaced as a whole.
    pub(crate) fn spell(&mut self, group: &Group, spelling: Spelling) {
        let before = self.spellings.insert(group.name, spelling);
        let merges = [before, Some(spelling)] == [Some(Spelling::Table); 2];
        if before.is_some() && !merges {
            self.clear(group);
        }
    }

    fn clear(&mut self, group: &Group) {
        for key in group.keys() {
            (key.field_mut)(self).clear();
        }
    }

    /// Puts a file's table over another file's, as JSON objects are merged: tables key by key; every
    /// other value replaces the one below it.
    pub(crate) fn merge_file(&mut self, above: &Self) {
        for group in GROUPS {
            if let Some(spelling) = above.spellings.get(group.name) {
                self.spell(group, *spelling);
            }
        }
        for key in KEYS {
            (key.cover)(self, above, false);
        }
    }

    /// Puts a higher source or level over this one, key by key. What describes the head of a group
    /// goes with the head it describes.
    pub(crate) fn cover(&mut self, above: &Self) {
        for group in GROUPS {
            let head = group.head.and_then(Key::named);
            if head.is_some_and(|head| (head.field)(above).rows().is_some()) {
                self.clear(group);
            }
        }
        for key in KEYS {
            (key.cover)(self, above, key.sums);
        }
    }
}

//! What a request makes anew, of all that its target directory has.
//!
//! A project has a target directory for each environment and toolchain, and one place where all of
//! them publish. What a request did not build may be older there than what another environment has
//! published since. So only what the request names takes the place of a newer file.

use std::iter;
use std::path::Path;

use crate::cargo::cli::command_line::CommandLine;
use crate::cargo::cli::flags::{Flag, Phase};
use crate::cargo::package_selection::{Member, PackageSelection, is_match};
use crate::cargo::products::Products;
use crate::facts::facts::Facts;
use crate::model::error::Result;
use crate::model::step::Verb;
use crate::request::request::Request;

/// What a request makes anew.
#[derive(Clone, Debug)]
pub(crate) struct PublishScope {
    /// The directory of the profile that is built, if any is.
    profile: Option<String>,
    /// Whether documentation is made.
    pub(crate) documents: bool,
    /// The products that may be built.
    products: Products,
}

/// Cargo's subcommands that make files for the user, each with its profile.
const BUILDS: [(&str, &str); 5] = [
    ("bench", "bench"),
    ("build", "dev"),
    ("run", "dev"),
    ("rustc", "dev"),
    ("test", "test"),
];

impl PublishScope {
    /// What `request` makes of `products`.
    pub(crate) fn of(request: &Request, facts: &Facts, products: &Products) -> Self {
        let Some(command_line) = &request.options.command_line else {
            return PublishScope {
                profile: None,
                documents: request.verb == Verb::Doc,
                products: products.clone(),
            };
        };
        let line = &command_line.line;
        PublishScope {
            profile: profile(line),
            documents: matches!(line.name(), Some("doc" | "rustdoc")),
            products: selected(line, &facts.workspace.packages, products),
        }
    }

    /// The directory of the profile that the arguments of `request` build, which is no command
    /// line, and those of `products` that they may build.
    ///
    /// # Errors
    ///
    /// If cargo refuses the arguments.
    pub(crate) fn of_arguments(
        request: &Request,
        facts: &Facts,
        products: &Products,
    ) -> Result<(String, Products)> {
        let verb = match request.verb {
            // Cargo compiles the tests, with its own options.
            Verb::Nextest => Verb::Test,
            verb => verb,
        };
        let words = iter::once(verb.as_str());
        let words = words.chain(request.options.cargo.iter().map(String::as_str));
        let line = CommandLine::parse(words)?;
        let profile = profile(&line).unwrap_or_else(|| directory("dev").to_owned());
        let products = selected(&line, &facts.workspace.packages, products);
        Ok((profile, products))
    }

    /// Whether the request may have built the file `name` of the profile whose directory is called
    /// `profile`.
    pub(crate) fn builds(&self, profile: &Path, is_product: impl Fn(&Products) -> bool) -> bool {
        self.profile.as_deref().map(Path::new) == Some(profile) && is_product(&self.products)
    }
}

/// The directory of the profile that a command line builds. Plugins have a release as cargo has it.
fn profile(line: &CommandLine) -> Option<String> {
    let row = line.row?;
    let default = match row.phase {
        Phase::Plugin => "dev",
        _ => BUILDS.iter().find(|(name, _)| *name == row.name)?.1,
    };
    let named = line.texts(Flag::Profile).last();
    let released = line.has(Flag::Release).then_some("release");
    Some(directory(named.or(released).unwrap_or(default)).to_owned())
}

/// The directory of a profile.
fn directory(profile: &str) -> &str {
    match profile {
        "dev" | "test" => "debug",
        "bench" => "release",
        other => other,
    }
}

/// Those of `products` that a command line may build: of the `members` that it selects and of all
/// dependencies, and only the programs and examples that it names, if it names any.
fn selected(line: &CommandLine, members: &[Member], products: &Products) -> Products {
    let selection = PackageSelection::of(line);
    let named = |flag| line.texts(flag).collect::<Vec<_>>();
    let (bins, examples) = (named(Flag::Bin), named(Flag::Example));
    let has = |flags: &[Flag]| flags.iter().any(|flag| line.has(*flag));
    let all = has(&[Flag::AllTargets]);
    // Tests and benchmarks need the programs of their package.
    let all_bins = all
        || has(&[
            Flag::Bins,
            Flag::Test,
            Flag::Tests,
            Flag::Bench,
            Flag::Benches,
        ]);
    let all_examples = all || has(&[Flag::Examples]);
    let is_narrow = has(&[Flag::Bin, Flag::Example, Flag::Examples, Flag::Lib]);
    products.filtered(|product| {
        let mut member = members.iter().filter(|it| it.manifest == product.manifest);
        if member.any(|it| !it.is_selected(&selection)) && !product.is_library() {
            return false;
        }
        let is_named = |patterns: &[&str]| {
            let mut patterns = patterns.iter();
            patterns.any(|it| is_match(it.as_bytes(), product.name.as_bytes()))
        };
        match (product.is("bin"), product.is("example")) {
            _ if !is_narrow => true,
            (true, _) => all_bins || is_named(&bins),
            (_, true) => all_examples || is_named(&examples),
            _ => true,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo::json::Metadata;
    use crate::cargo::products::{Product, Site};

    const METADATA: &str = r#"{"packages":[
        {"id":"app","name":"app","version":"0.1.0","source":null,"manifest_path":"/w/Cargo.toml",
         "dependencies":[],"targets":[
            {"name":"app","kind":["lib"],"src_path":"/w/src/lib.rs"},
            {"name":"one","kind":["bin"],"src_path":"/w/src/bin/one.rs"},
            {"name":"two","kind":["bin"],"src_path":"/w/src/bin/two.rs"}]},
        {"id":"other","name":"other","version":"0.1.0","source":null,
         "manifest_path":"/w/other/Cargo.toml","dependencies":[],"targets":[
            {"name":"other","kind":["bin"],"src_path":"/w/other/src/main.rs"}]}],
        "workspace_members":["app","other"],"workspace_default_members":["app"],
        "workspace_root":"/w","target_directory":"/w/target"}"#;

    /// What a command line may build of a workspace: names of files in the directory of a profile.
    fn builds(words: &str) -> (Option<String>, Vec<&'static str>) {
        let line = CommandLine::parse(words.split(' ')).unwrap();
        let metadata = Metadata::parse(METADATA).unwrap();
        let products = metadata.packages.iter().flat_map(Product::of_package);
        let products = Products::new(products.collect(), "triple");
        let members = Member::all(&metadata, Path::new("/w/Cargo.toml"));
        let products = selected(&line, &members, &products);
        let files = ["libapp.rlib", "one", "two", "other"];
        let is_built = |file: &&str| products.can_be_called(file, Site::Profile);
        (profile(&line), files.into_iter().filter(is_built).collect())
    }

    #[test]
    fn a_command_line_makes_the_files_of_its_profile() {
        for (words, expected) in [
            ("build", Some("debug")),
            ("test --profile dev", Some("debug")),
            ("build -r", Some("release")),
            ("bench", Some("release")),
            ("run --profile=dist", Some("dist")),
            ("rustc --profile test", Some("debug")),
            ("nextest run --cargo-profile ci", Some("ci")),
            ("check --release", None),
            ("doc", None),
        ] {
            assert_eq!(builds(words).0.as_deref(), expected, "{words}");
        }
    }

    #[test]
    fn a_command_line_makes_what_it_selects() {
        for (words, expected) in [
            ("build", &["libapp.rlib", "one", "two"][..]),
            ("build --workspace", &["libapp.rlib", "one", "two", "other"]),
            ("build -p other", &["libapp.rlib", "other"]),
            ("build --bin one", &["libapp.rlib", "one"]),
            ("build --bin t*", &["libapp.rlib", "two"]),
            ("build --lib", &["libapp.rlib"]),
            ("build --lib --bins", &["libapp.rlib", "one", "two"]),
            ("test --test it", &["libapp.rlib", "one", "two"]),
        ] {
            assert_eq!(builds(words).1, expected, "{words}");
        }
    }
}

//! Images that a project configures: Dockerfiles and `pre-build`.

use cross_core::engine::EnvironmentLocation;
use cross_engine::Invocation;
use cross_tests::{Leftovers, Project, engines, on_engines, tool};

use super::TARGET;

on_engines! { @ a_changed_dockerfile_with_a_name_is_built_again docker podman }
on_engines! { @ an_image_of_others_does_not_replace_a_dockerfile docker podman }
on_engines! { pre_build_lines_may_end_with_crlf }

/// A project with a Dockerfile on the image of the recipe, whose image the user names.
struct Named {
    project: Project,
    leftovers: Leftovers,
    engine: &'static str,
    tag: String,
}

impl Named {
    fn new(engine: &'static str, word: &str) -> Self {
        engines::need(engine);
        let tag = format!("localhost/cross-test-named-{word}:{}", std::process::id());
        let toml = format!("[target.{TARGET}]\nimage = \"{tag}\"\ndockerfile = \"Dockerfile\"\n");
        let project = Project::new("app").cross_toml(&toml);
        let leftovers = Leftovers::of(&project);
        Named {
            project,
            leftovers,
            engine,
            tag,
        }
    }

    fn word(&mut self, word: &str) {
        let dockerfile =
            format!("ARG CROSS_BASE_IMAGE\nFROM $CROSS_BASE_IMAGE\nRUN echo {word} >/etc/word\n");
        let project = std::mem::replace(&mut self.project, Project::new("app"));
        self.project = project.file("Dockerfile", &dockerfile);
    }

    /// The word in the image that a command runs in.
    fn runs_in(&self) -> String {
        let cross = self
            .project
            .cross()
            .env(self.leftovers.env())
            .engine(self.engine);
        let ran = cross.exec(TARGET, ["cat", "/etc/word"]).capture(true).run();
        let ran = ran.unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(
            ran.environment.location,
            EnvironmentLocation::Image(self.tag.clone())
        );
        ran.stdout.unwrap()
    }

    fn engine(&self, args: &[&str]) {
        tool::stdout(&Invocation::new(self.engine).args(args.iter().copied()));
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        self.engine(&["rmi", "--force", &self.tag]);
    }
}

/// The user's name for the image stays the same when the Dockerfile changes.
fn a_changed_dockerfile_with_a_name_is_built_again(engine: &'static str) {
    let mut case = Named::new(engine, "changed");
    case.word("first");
    assert_eq!(case.runs_in(), "first\n");
    case.word("second");
    assert_eq!(case.runs_in(), "second\n");
}

/// An image of that name may have been pulled, or built by another program.
fn an_image_of_others_does_not_replace_a_dockerfile(engine: &'static str) {
    let mut case = Named::new(engine, "others");
    case.word("mine");
    assert_eq!(case.runs_in(), "mine\n");
    let other = format!(
        "FROM {}\nLABEL org.cross-core.dockerfile=other\nRUN echo other >/etc/word\n",
        case.tag
    );
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("Dockerfile"), other).unwrap();
    case.engine(&["build", "--tag", &case.tag, dir.path().to_str().unwrap()]);
    assert_eq!(case.runs_in(), "mine\n");
}

/// A checkout for Windows has carriage returns in `Cross.toml` and in scripts.
fn pre_build_lines_may_end_with_crlf(engine: &'static str) {
    engines::need(engine);
    let lines =
        "[build]\r\npre-build = \"\"\"\r\necho lines >/etc/word\r\ntest -s /etc/word\r\n\"\"\"\r\n";
    let script = "[build]\r\npre-build = \"setup.sh\"\r\n";
    for (toml, word) in [(lines, "lines\n"), (script, "script\n")] {
        let project = Project::new("app")
            .cross_toml(toml)
            .file("setup.sh", "#!/bin/sh\r\necho script >/etc/word\r\n");
        let leftovers = Leftovers::of(&project);
        let cross = project.cross().env(leftovers.env()).engine(engine);
        let ran = cross.exec(TARGET, ["cat", "/etc/word"]).capture(true).run();
        let ran = ran.unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(ran.stdout.as_deref(), Some(word));
        cross
            .remove_environment(engine, &ran.environment.name)
            .unwrap();
    }
}

//! Projects in unusual places and with unusual neighbours work on every engine.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use cross_core::{ErrorKind, binary::Binary, targets::Target};
use cross_engine::Invocation;
use cross_tests::{Project, on_engines, tool};

use crate::{Case, TARGET, fails, says};

on_engines! {
    path_with_spaces_and_unicode
    path_with_commas_and_quotes
    project_below_usr_src
    project_below_tmp
    project_below_root
    project_on_another_file_system
    workspace_member
    path_dependency_outside_the_workspace
    disk_full_in_the_target_directory
}

/// Checks that `project` builds, passes its tests, leaves nothing, and has its artifact at cargo's
/// path.
#[track_caller]
fn works(project: Project, engine: &str) {
    let case = Case::of(project, engine);
    let built = case.cross.build(TARGET).run().unwrap();
    let programs: Vec<_> = built.executables().collect();
    let usual = case
        .project
        .path()
        .join("target")
        .join(TARGET)
        .join("debug/app");
    assert_eq!(programs.len(), 1);
    assert_eq!(programs[0].path, usual);
    let target = Target::parse(TARGET).unwrap();
    assert!(Binary::read(&usual).unwrap().is_for(target));
    let tested = case.cross.test(TARGET).run().unwrap();
    assert_eq!(tested.tests.unwrap().passed, 1);
    case.leftovers.are_none();
}

fn path_with_spaces_and_unicode(engine: &str) {
    works(
        Project::in_dir("app", "mein Projekt – größer 日本語"),
        engine,
    );
}

fn path_with_commas_and_quotes(engine: &str) {
    works(Project::in_dir("app", "a,b \"c\" 'd' $e;=f"), engine);
}

fn project_below_usr_src(engine: &str) {
    works(Project::below(Path::new("/usr/src"), "app", "app"), engine);
}

fn project_below_tmp(engine: &str) {
    works(Project::below(Path::new("/tmp"), "app", "app"), engine);
}

fn project_below_root(engine: &str) {
    works(Project::below(Path::new("/root"), "app", "app"), engine);
}

fn project_on_another_file_system(engine: &str) {
    let (here, there) = (Path::new("/"), Path::new("/dev/shm"));
    let device = |path: &Path| path.metadata().unwrap().dev();
    assert_ne!(
        device(here),
        device(there),
        "/dev/shm is another file system"
    );
    works(Project::below(there, "app", "app"), engine);
}

fn workspace_member(engine: &str) {
    let project = Project::new("app").with_member_and_path_dependency();
    let case = Case::of(project, engine);
    let member = case.project.path().join("member");
    let at_member = cross_core::Cross::at(&member)
        .env(case.leftovers.env())
        .toolchain("image")
        .engine(engine);
    let built = at_member.build(TARGET).run().unwrap();
    let usual = case.project.path().join("target").join(TARGET);
    assert!(usual.join("debug/libmember.rlib").exists(), "{built:?}");
    assert!(!member.join("target").exists());
    case.leftovers.are_none();
}

fn path_dependency_outside_the_workspace(engine: &str) {
    let project = Project::new("app").with_member_and_path_dependency();
    let outside = project.outer().join("beside");
    works(project, engine);
    // The temporary directory is removed with the project.
    assert!(!outside.exists());
}

/// A file system of some megabytes, which is unmounted when dropped.
pub(crate) struct Small<'a>(&'a Path);

impl<'a> Small<'a> {
    pub(crate) fn at(dir: &'a Path, megabytes: u32) -> Self {
        fs::create_dir(dir).unwrap();
        let mount = Invocation::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={megabytes}m,mode=0700"),
                "small",
            ])
            .arg(dir.to_str().unwrap());
        tool::stdout(&mount);
        Small(dir)
    }

    /// Makes the file system read-only.
    pub(crate) fn read_only(&self) {
        let mount = Invocation::new("mount").args(["-o", "remount,ro"]);
        tool::stdout(&mount.arg(self.0.to_str().unwrap()));
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        tool::output(&Invocation::new("umount").arg(self.0.to_str().unwrap()));
    }
}

fn disk_full_in_the_target_directory(engine: &str) {
    let case = Case::of(Project::new("app"), engine);
    let target = case.project.path().join("target");
    let small = Small::at(&target, 4);
    let error = fails(ErrorKind::CargoFailed, case.cross.build(TARGET).run());
    says(&error.to_string(), &["No space left on device"]);
    says(
        error.help().unwrap(),
        &["free some space", "target directory"],
    );
    drop(small);
    case.leftovers.are_none();
}

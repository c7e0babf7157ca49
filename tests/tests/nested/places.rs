//! Where the engine sees what the container has: its mounts, and what is mounted below them.

use std::fs;
use std::path::Path;

use crate::outer::{Outer, in_containers, project};

in_containers! {
    a_volume_below_the_project_is_seen_where_it_is
    a_project_in_a_named_volume_below_another_mount_is_reached_by_a_link
}

fn a_volume_below_the_project_is_seen_where_it_is(engine: &str) {
    let project = project(engine, "volumes")
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", include_str!(\"../vendor/word\")); }\n",
        )
        .file("../vendored/word", "from the other mount");
    fs::create_dir(project.path().join("vendor")).unwrap();
    let unique = project.path().file_name().unwrap().to_str().unwrap();
    let below = Path::new("/work").join(unique);
    let vendor = format!(
        "{}:{}/vendor",
        project.outer().join("vendored").display(),
        below.display()
    );
    let target = format!("{}/target", below.display());
    // A volume without a name, as the image of a development container has them.
    let outer = Outer::of(engine, project, &["--volume", &vendor, "--volume", &target]);
    let said = outer.request("run");
    said.outcome();
    assert!(said.all.contains("from the other mount"), "{}", said.all);
    outer.leaves_nothing();
}

fn a_project_in_a_named_volume_below_another_mount_is_reached_by_a_link(engine: &str) {
    let project = project(engine, "deep").file(
        "src/main.rs",
        "fn main() { println!(\"{}\", include_str!(\"../with space/wörd,=\")); }\n\
         #[test] fn runs() {}\n",
    );
    let project = project.file("with space/wörd,=", "from the volume");
    let above = project.outer().join("above");
    fs::create_dir(&above).unwrap();
    let above = format!("{}:/deep", above.display());
    // It goes with the container, as one that was made with it does.
    let outer = Outer::of(
        engine,
        project,
        &["--volume", &above, "--volume", "/deep/volume"],
    );
    let unique = outer.unique();
    outer.shell(&format!(
        "cp -r /work/{unique} /deep/volume/app; ln -s volume/app /deep/link"
    ));
    for (verb, dir) in [("run", "/deep/link"), ("test", "/deep/volume/app")] {
        let said = outer.request_in(Path::new(dir), &[], verb);
        said.outcome();
        assert!(
            verb == "test" || said.all.contains("from the volume"),
            "{}",
            said.all
        );
    }
    outer.shell("test -e /deep/volume/app/target && test ! -e /deep/app");
    outer.leaves_nothing();
}

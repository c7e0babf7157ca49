//! `image`: puts static programs into one container image for several platforms, without a daemon.
//!
//! The file is a tar with the layout of the OCI's image specification, for skopeo, podman and
//! registries, and with docker's own list of images (`manifest.json`), which `docker load` reads:
//! there, the image of each platform has a tag of its own. The layout has one entry, an index of the
//! platforms: of several entries, podman takes the first one on every machine, or none.

use std::io;
use std::path::Path;

use cross_core::Cancel;
use cross_core::targets::{Libc, Target};
use serde_json::{Value, json};

use crate::archive::{self, sha256};
use crate::cli;
use crate::commands::{self, PACKAGE};
use crate::dist;
use crate::failure::Failure;
use crate::output;
use crate::papers::{Papers, Program};
use crate::progress::Progress;
use crate::provenance::NamedDigest;

/// The targets whose programs need nothing of an image.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];

/// Runs the command, for all targets as one batch.
pub(crate) fn run(args: &cli::Image, cancel: &Cancel) -> Result<(), Failure> {
    let cross = commands::cross(&args.choice)?;
    let targets = match args.target.is_empty() {
        true => TARGETS.map(str::to_owned).to_vec(),
        false => args.target.clone(),
    };
    let targets = commands::known(&targets)?;
    let machines = machines_of(&targets)?;
    let project = cross.project()?;
    let package = project.package(PACKAGE);
    let version = package.map_or("latest", |package| package.version.as_str());
    let papers = Papers::new(&project.root, &args.run, &args.choice)?;
    let progress = Progress::new(&cross, cli::Format::Human).keep_output();
    progress.expect(&targets);
    let built = progress
        .watch(&cross)
        .build_many(&targets)
        .each(dist::common)
        .run_until(cancel);
    progress.close();
    let (mut platforms, mut profiles) = (Vec::new(), Vec::new());
    let outcomes = built?.into_result()?;
    for (outcome, machine) in outcomes.iter().zip(machines) {
        let mut programs = outcome.executables();
        let program = programs.find(|program| program.name == PACKAGE);
        let program =
            program.ok_or_else(|| Failure::new(format!("cargo built no program `{PACKAGE}`")))?;
        let needs = program.needs()?;
        if !needs.is_static() {
            let message = format!("the program for {} needs {needs:?}", outcome.target);
            return Err(Failure::new(message)
                .with_help("an image without a system has static programs: use a musl target"));
        }
        platforms.push(Platform::read(machine, &program.path)?);
        profiles.push(program.profile.clone());
    }
    let image = Image {
        name: PACKAGE,
        version,
        program: PACKAGE,
        time: archive::source_time(&project.root)?,
    };
    let tar = image.pack(&platforms);
    let tar = tar.map_err(|error| Failure::new(format!("cannot pack the image: {error}")))?;
    let path = match &args.output {
        Some(path) => path.clone(),
        None => {
            let dir = project.target_directory.join("dist");
            std::fs::create_dir_all(&dir).map_err(|error| Failure::io("create", &dir, &error))?;
            dir.join(format!("{PACKAGE}-{version}.oci.tar"))
        }
    };
    // The image has a program for each platform, and so has its papers.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let archive = NamedDigest {
        name: name.into_owned(),
        sha256: sha256(&tar),
    };
    let mut files = vec![(path.clone(), tar)];
    for (outcome, profile) in outcomes.iter().zip(&profiles) {
        let of_platform = papers.of(&Program {
            cross: &cross,
            package: PACKAGE,
            target: &outcome.target,
            choice: &args.choice,
            outcome,
            profile,
            tested: false,
            symbols: false,
            archive: archive.clone(),
            is_shared: true,
            source_time: image.time,
        })?;
        let of_platform = of_platform.into_iter();
        files.extend(of_platform.map(|paper| (path.with_file_name(&paper.file), paper.bytes)));
    }
    // A file that lies among the sources is no change of theirs.
    for (path, bytes) in files {
        archive::write(&path, &bytes).map_err(|error| Failure::io("write", &path, &error))?;
        output::answer(path.display());
    }
    papers.warnings().iter().for_each(output::warning);
    Ok(())
}

/// A program for one platform.
struct Platform {
    machine: Machine,
    program: Vec<u8>,
}

impl Platform {
    fn read(machine: Machine, program: &Path) -> Result<Self, Failure> {
        let bytes = std::fs::read(program);
        Ok(Platform {
            machine,
            program: bytes.map_err(|error| Failure::io("read", program, &error))?,
        })
    }
}

/// A machine as the OCI names it, which takes Go's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Machine {
    /// The processor: `arm64`.
    name: &'static str,
    variant: Option<&'static str>,
}

impl Machine {
    /// The machine of a target's programs, or why no image has them.
    fn of(target: Target) -> Result<Self, &'static str> {
        let facts = target.facts();
        if facts.os != "linux" || !matches!(facts.libc, Libc::Glibc | Libc::Musl) {
            return Err("containers have programs of Linux");
        }
        let is_little = facts.endian.as_str() == "little";
        let (name, variant) = match facts.arch {
            // The kernels of few systems run programs of x86_64 with 32-bit pointers.
            "x86_64" if facts.pointer_width == 64 => ("amd64", None),
            "x86" => ("386", None),
            "aarch64" => ("arm64", Some("v8")),
            "arm" if facts.triple.starts_with("armv5") => ("arm", Some("v5")),
            "arm" if facts.triple.starts_with("arm-") => ("arm", Some("v6")),
            "arm" if facts.triple.contains("v7") => ("arm", Some("v7")),
            "loongarch64" => ("loong64", None),
            "mips" if is_little => ("mipsle", None),
            "mips" => ("mips", None),
            "mips64" if is_little => ("mips64le", None),
            "mips64" => ("mips64", None),
            "powerpc64" if is_little => ("ppc64le", None),
            "powerpc64" => ("ppc64", None),
            "riscv64" => ("riscv64", None),
            "s390x" => ("s390x", None),
            _ => return Err("containers have no platform with its processor"),
        };
        Ok(Machine { name, variant })
    }

    /// The ending of the tag that docker gives it.
    fn tag(self) -> String {
        format!("{}{}", self.name, self.variant.unwrap_or_default())
    }

    /// The platform as `--platform` of docker and podman takes it.
    fn platform(self) -> String {
        let variant = self.variant.map(|variant| format!("/{variant}"));
        format!("linux/{}{}", self.name, variant.unwrap_or_default())
    }
}

/// The machine of each target, before anything is built. An image has one program for each.
fn machines_of(targets: &[String]) -> Result<Vec<Machine>, Failure> {
    let mut machines: Vec<Machine> = Vec::new();
    for target in targets {
        let parsed = Target::parse(target).map_err(|error| Failure::new(error.to_string()))?;
        let machine = Machine::of(parsed).map_err(|why| {
            Failure::new(format!("no image has a program for {target}: {why}"))
                .with_help("name targets of Linux with musl, whose programs are static")
        })?;
        if let Some(first) = machines.iter().position(|known| *known == machine) {
            return Err(Failure::new(format!(
                "{} and {target} have one platform: {}",
                targets[first],
                machine.platform()
            ))
            .with_help(
                "an image has one program for each platform: leave one of the targets out",
            ));
        }
        machines.push(machine);
    }
    Ok(machines)
}

/// What all platforms of an image share.
struct Image<'a> {
    name: &'a str,
    version: &'a str,
    /// The name of the program at the root of the image.
    program: &'a str,
    /// The time of all files, in seconds since the Unix epoch.
    time: u64,
}

impl Image<'_> {
    /// Returns the tar. The same programs always give the same bytes.
    fn pack(&self, platforms: &[Platform]) -> io::Result<Vec<u8>> {
        let mut files = Vec::new();
        let mut blob = |bytes: Vec<u8>| {
            let (hash, size) = (sha256(&bytes), bytes.len());
            let path = format!("blobs/sha256/{hash}");
            if !files.iter().any(|(known, _)| *known == path) {
                files.push((path.clone(), bytes));
            }
            (path, format!("sha256:{hash}"), size)
        };
        let (mut manifests, mut loaded) = (Vec::new(), Vec::new());
        for platform in platforms {
            let layer = tar_of(
                [(self.program.to_owned(), 0o755, &platform.program[..])],
                self.time,
            )?;
            let (layer_path, layer, layer_size) = blob(layer);
            let mut config = json!({
                "architecture": platform.machine.name,
                "os": "linux",
                "config": { "Entrypoint": [format!("/{}", self.program)] },
                "rootfs": { "type": "layers", "diff_ids": [layer] },
            });
            let mut place = json!({ "architecture": platform.machine.name, "os": "linux" });
            if let Some(variant) = platform.machine.variant {
                config["variant"] = variant.into();
                place["variant"] = variant.into();
            }
            let (config_path, config, config_size) = blob(text(&config));
            let manifest = json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {
                    "mediaType": "application/vnd.oci.image.config.v1+json",
                    "digest": config, "size": config_size,
                },
                "layers": [{
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": layer, "size": layer_size,
                }],
            });
            let (_, manifest, size) = blob(text(&manifest));
            manifests.push(json!({
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": manifest, "size": size, "platform": place,
            }));
            loaded.push(json!({
                "Config": config_path,
                "RepoTags": [format!("{}:{}-{}", self.name, self.version, platform.machine.tag())],
                "Layers": [layer_path],
            }));
        }
        let index_of = |manifests: Vec<Value>| {
            json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "manifests": manifests,
            })
        };
        let (_, platforms, size) = blob(text(&index_of(manifests)));
        let entry = json!({
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "digest": platforms, "size": size,
            "annotations": {
                "org.opencontainers.image.ref.name": format!("{}:{}", self.name, self.version),
            },
        });
        files.push(("index.json".to_owned(), text(&index_of(vec![entry]))));
        files.push(("manifest.json".to_owned(), text(&Value::Array(loaded))));
        let layout = json!({ "imageLayoutVersion": "1.0.0" });
        files.push(("oci-layout".to_owned(), text(&layout)));
        let files = files
            .iter()
            .map(|(path, bytes)| (path.clone(), 0o644, &bytes[..]));
        tar_of(files, self.time)
    }
}

fn text(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// A tar of files, each with its path, mode and bytes.
fn tar_of<'a>(
    files: impl IntoIterator<Item = (String, u32, &'a [u8])>,
    time: u64,
) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, mode, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(mode);
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, path, bytes)?;
    }
    tar.into_inner()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Output, Stdio};

    use cross_core::needs::Needs;

    use super::*;

    /// A static program that every Debian has.
    const PROGRAM: &str = "/sbin/ldconfig";

    fn image(version: &str) -> Image<'_> {
        Image {
            name: "cross-test-image",
            version,
            program: "app",
            time: 1,
        }
    }

    fn platform(name: &'static str, variant: Option<&'static str>) -> Platform {
        Platform {
            machine: Machine { name, variant },
            program: std::fs::read(PROGRAM).unwrap(),
        }
    }

    fn run(program: &str, words: &[&str]) -> Output {
        let run = Command::new(program)
            .args(words)
            .stdin(Stdio::null())
            .output();
        run.unwrap_or_else(|error| panic!("{program}: {error}"))
    }

    fn succeeds(program: &str, words: &[&str]) -> String {
        let done = run(program, words);
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{program} {words:?}: {said}");
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    #[test]
    fn docker_and_podman_load_the_image_and_run_its_program() {
        assert!(Needs::read(PROGRAM).unwrap().is_static());
        let version = format!("t{}", std::process::id());
        let platforms = [platform("amd64", None), platform("arm64", Some("v8"))];
        let tar = image(&version).pack(&platforms).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("app.oci.tar");
        archive::write(&file, &tar).unwrap();
        let file = file.to_str().unwrap();
        let tag = |machine: &str| format!("cross-test-image:{version}-{machine}");
        // Podman reads the layout, and takes the image for its machine.
        let own = format!("cross-test-image:{version}");
        for (engine, native) in [("docker", &tag("amd64")), ("podman", &own)] {
            succeeds(engine, &["load", "--input", file]);
            let ran = succeeds(engine, &["run", "--rm", native, "--version"]);
            succeeds(engine, &["image", "rm", native]);
            assert!(ran.starts_with("ldconfig "), "{engine}: {ran}");
        }
        let other = tag("arm64v8");
        let format = "{{.Architecture}}";
        let machine = succeeds("docker", &["image", "inspect", "--format", format, &other]);
        succeeds("docker", &["image", "rm", &other]);
        assert_eq!(machine.trim(), "arm64");
    }

    /// What a layout has first is another machine's.
    #[test]
    fn podman_pulls_the_image_of_a_platform_from_the_layout() {
        let version = format!("p{}", std::process::id());
        let platforms = [platform("arm64", Some("v8")), platform("amd64", None)];
        // Equal images have one ID, and the other test's would be removed with it.
        let pulled = Image {
            program: "pulled",
            ..image(&version)
        };
        let tar = pulled.pack(&platforms).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("app.oci.tar");
        archive::write(&file, &tar).unwrap();
        let named = format!("oci-archive:{}", file.display());
        let tagged = format!("{named}:cross-test-image:{version}");
        for source in [&named, &tagged] {
            for machine in ["amd64", "arm64"] {
                let platform = format!("linux/{machine}");
                let id = succeeds("podman", &["pull", "--platform", &platform, source]);
                let id = id.trim();
                let format = "{{.Architecture}} {{.RepoTags}}";
                let pulled = succeeds("podman", &["image", "inspect", "--format", format, id]);
                succeeds("podman", &["image", "rm", "--force", id]);
                let expected = format!("{machine} [localhost/cross-test-image:{version}]");
                assert_eq!(pulled.trim(), expected, "{source}");
            }
        }
    }

    #[test]
    fn the_index_names_every_blob_by_its_hash_and_size() {
        let platforms = [platform("amd64", None), platform("arm", Some("v7"))];
        let tar = image("1.0").pack(&platforms).unwrap();
        assert_eq!(tar, image("1.0").pack(&platforms).unwrap());
        let mut files = std::collections::BTreeMap::new();
        for entry in tar::Archive::new(&tar[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
            files.insert(path, bytes);
        }
        let blob = |described: &Value| {
            let hash = described["digest"]
                .as_str()
                .unwrap()
                .strip_prefix("sha256:");
            let bytes = &files[&format!("blobs/sha256/{}", hash.unwrap())];
            assert_eq!(described["size"], bytes.len());
            assert_eq!(Some(sha256(bytes).as_str()), hash);
            bytes.clone()
        };
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        let entries = index["manifests"].as_array().unwrap();
        let [entry] = &entries[..] else {
            panic!("podman refuses a layout of several images: {index}");
        };
        let annotations = &entry["annotations"];
        assert_eq!(
            annotations["org.opencontainers.image.ref.name"],
            "cross-test-image:1.0"
        );
        let platforms_of: Value = serde_json::from_slice(&blob(entry)).unwrap();
        let manifests = platforms_of["manifests"].as_array().unwrap();
        assert_eq!(manifests.len(), 2);
        assert_eq!(manifests[1]["platform"]["variant"], "v7");
        for described in manifests {
            let manifest: Value = serde_json::from_slice(&blob(described)).unwrap();
            let config: Value = serde_json::from_slice(&blob(&manifest["config"])).unwrap();
            let layer = blob(&manifest["layers"][0]);
            let id = format!("sha256:{}", sha256(&layer));
            assert_eq!(config["rootfs"]["diff_ids"][0], id);
            assert_eq!(
                config["architecture"],
                described["platform"]["architecture"]
            );
        }
    }

    #[test]
    fn every_target_of_linux_has_the_platform_of_its_machine_or_a_reason() {
        for target in Target::all().filter(|target| target.facts().os == "linux") {
            let name = target.to_string();
            let expected = match name.split('-').next().unwrap() {
                _ if name.ends_with("-ohos") || name.ends_with("-gnux32") => None,
                "aarch64" => Some("linux/arm64/v8"),
                "arm" => Some("linux/arm/v6"),
                "armv5te" => Some("linux/arm/v5"),
                "armv7" | "thumbv7neon" => Some("linux/arm/v7"),
                "i586" | "i686" => Some("linux/386"),
                "loongarch64" => Some("linux/loong64"),
                "mips" => Some("linux/mips"),
                "mips64" => Some("linux/mips64"),
                "mips64el" => Some("linux/mips64le"),
                "mipsel" => Some("linux/mipsle"),
                "powerpc" | "sparc64" => None,
                "powerpc64" => Some("linux/ppc64"),
                "powerpc64le" => Some("linux/ppc64le"),
                "riscv64a23" | "riscv64gc" => Some("linux/riscv64"),
                "s390x" => Some("linux/s390x"),
                "x86_64" => Some("linux/amd64"),
                other => panic!("no platform is expected for {other}"),
            };
            let platform = Machine::of(target).map(Machine::platform);
            assert_eq!(platform.as_deref().ok(), expected, "{name}");
        }
    }

    fn refused(targets: &[&str]) -> String {
        let targets: Vec<_> = targets.iter().map(|&target| target.to_owned()).collect();
        machines_of(&targets).unwrap_err().with_its_help()
    }

    #[test]
    fn a_target_that_has_no_platform_is_refused_before_the_build() {
        let said = refused(&["x86_64-unknown-linux-musl", "x86_64-pc-windows-gnu"]);
        assert!(
            said.starts_with("no image has a program for x86_64-pc-windows-gnu: "),
            "{said}"
        );
    }

    #[test]
    fn two_targets_of_one_platform_are_refused_by_their_names() {
        let [one, other] = ["arm-unknown-linux-musleabi", "arm-unknown-linux-musleabihf"];
        let said = refused(&[one, other]);
        let expected = format!("{one} and {other} have one platform: linux/arm/v6\n");
        assert!(said.starts_with(&expected), "{said}");
        let apart = TARGETS.map(str::to_owned);
        assert_eq!(machines_of(&apart).unwrap().len(), 2);
    }
}

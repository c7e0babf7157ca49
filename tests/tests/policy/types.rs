//! Every public type of the four libraries can cross threads. The list of them is complete.

use std::collections::BTreeSet;
use std::path::Path;

use cross_tests::tool;

use crate::{LIBRARIES, read};

/// Asserts at compile time that each type can cross threads, and gives their names.
macro_rules! can_cross_threads {
    ($($type:ty),* $(,)?) => {{
        fn assert<T: Send + Sync + ?Sized>() {}
        $(assert::<$type>();)*
        [$(stringify!($type)),*]
    }};
}

#[test]
fn every_public_type_is_send_and_sync() {
    let listed = can_cross_threads!(
        cross_config::BuildStd,
        cross_config::Code,
        cross_config::Config,
        cross_config::Diagnostic,
        cross_config::Dockerfile,
        cross_config::Env,
        cross_config::Error,
        cross_config::Explained,
        cross_config::Image,
        cross_config::KeyReference,
        cross_config::Kind,
        cross_config::Layer,
        cross_config::LayerBuilder,
        cross_config::Loaded,
        cross_config::Loader,
        cross_config::Network,
        cross_config::NotPlatform,
        cross_config::Origin,
        cross_config::Passthrough,
        cross_config::Place,
        cross_config::Platform,
        cross_config::PreBuild,
        cross_config::SettingReference,
        cross_config::Settings,
        cross_config::Severity,
        cross_config::Sourced<String>,
        cross_config::TargetConfig,
        cross_config::UserNamespace,
        cross_config::Volume,
        cross_config::Zig,
        cross_core::Action,
        cross_core::Artifact,
        cross_core::ArtifactKind,
        cross_core::CargoOutcome,
        cross_core::CargoPart,
        cross_core::CargoPlan,
        cross_core::CargoRequest,
        cross_core::Change,
        cross_core::CompilerDiagnostic,
        cross_core::Cross,
        cross_core::Decision,
        cross_core::EnvironmentKind,
        cross_core::EnvironmentRef,
        cross_core::Error,
        cross_core::ErrorKind,
        cross_core::Event,
        cross_core::EventKind,
        cross_core::Expansion,
        cross_core::HostFailure,
        cross_core::HostTool,
        cross_core::HostTools,
        cross_core::HostToolsRequest,
        cross_core::Listener,
        cross_core::LocalPackage,
        cross_core::MissingTool,
        cross_core::NativeCc,
        cross_core::JobBudget,
        cross_core::JobSharing,
        cross_core::Many,
        cross_core::ManyOutcome,
        cross_core::ManyPlan,
        cross_core::Outcome,
        cross_core::OutputKind,
        cross_core::Part,
        cross_core::Place,
        cross_core::Plan,
        cross_core::PrefetchOutcome,
        cross_core::Prefetched,
        cross_core::Prepared,
        cross_core::Project,
        cross_core::Request,
        cross_core::SourcePlace,
        cross_core::ShellRequest,
        cross_core::Step,
        cross_core::TargetOutcome,
        cross_core::TestBinary,
        cross_core::TestResult,
        cross_core::TestRun,
        cross_core::TestStatus,
        cross_core::TestSummary,
        cross_core::Timing,
        cross_core::Toolchain,
        cross_core::ToolchainEnv,
        cross_core::ToolchainSource,
        cross_core::Turn<'static>,
        cross_core::Verb,
        cross_core::Warning,
        cross_core::binary::Binary,
        cross_core::binary::GlibcSymbol,
        cross_core::build_script::Build,
        cross_core::build_script::BuildScript,
        cross_core::build_script::Built,
        cross_core::build_script::Embedded,
        cross_core::build_script::Instruction,
        cross_core::build_script::Report<'static>,
        cross_core::build_script::Skipped,
        cross_core::doctor::Finding,
        cross_core::doctor::Report,
        cross_core::setup::Action,
        cross_core::setup::Deed,
        cross_core::setup::InstallCommands,
        cross_core::setup::Rights,
        cross_core::setup::Setup,
        cross_core::setup::SetupEvent,
        cross_core::setup::SetupPlan,
        cross_engine::Access,
        cross_engine::BaseEnv,
        cross_engine::Blueprint,
        cross_engine::Cancel,
        cross_engine::Ending,
        cross_engine::Engine,
        cross_engine::TestExit,
        cross_engine::Environment,
        cross_engine::Environments<'static>,
        cross_engine::Error,
        cross_engine::ErrorKind,
        cross_engine::Host,
        cross_engine::ImageBuild,
        cross_engine::ImageFacts,
        cross_engine::Invocation,
        cross_engine::Jobserver,
        cross_engine::ReusedContainer,
        cross_engine::ReuseEvent<'static>,
        cross_engine::ContainerImage,
        cross_engine::ImagePool<'static>,
        cross_engine::EngineKind,
        cross_engine::RootfsLayout,
        cross_engine::EnvironmentLocation,
        cross_engine::Lock,
        cross_engine::ProbeCache,
        cross_engine::Mount,
        cross_engine::RootSource,
        cross_engine::Network,
        cross_engine::ContainerPool,
        cross_engine::Probe,
        cross_engine::EnginePreference,
        cross_engine::Progress<'static>,
        cross_engine::TestRelay,
        cross_engine::Root,
        cross_engine::RunSpec,
        cross_engine::SelectedEngine,
        cross_engine::Shim,
        cross_engine::ContainerfileSource,
        cross_engine::FileStamp,
        cross_engine::Stdio,
        cross_engine::Stopped,
        cross_engine::RelayMessage,
        cross_engine::Tokens<'static>,
        cross_engine::UnusableEngine,
        cross_engine::CacheUsage,
        cross_engine::SweepSummary,
        cross_engine::EnvValue,
        cross_engine::Variables,
        cross_engine::ContainerReuse,
        cross_engine::StartReason,
        cross_engine::process::Exit,
        cross_engine::process::Output,
        cross_engine::process::Stdin,
        cross_engine::process::Stream,
        cross_targets::DebianArch,
        cross_targets::Emulator,
        cross_targets::Endian,
        cross_targets::Facts,
        cross_targets::File,
        cross_targets::Glibc,
        cross_targets::HostEmulator,
        cross_targets::Libc,
        cross_targets::Machine,
        cross_targets::NotGlibc,
        cross_targets::Recipe,
        cross_targets::Runner,
        cross_targets::RustSource,
        cross_targets::Sdk,
        cross_targets::Std,
        cross_targets::StdSource,
        cross_targets::Support,
        cross_targets::Target,
        cross_targets::TestSupport,
        cross_targets::Tier,
        cross_targets::Tools,
        cross_targets::Toolset,
        cross_targets::ToolsetKind,
        cross_targets::UnknownTarget,
        cross_targets::Unsupported,
        cross_targets::Zig,
    );
    // Closures of the caller that the library calls on the caller's own thread; and aliases.
    let exempt = [
        "cross_engine::ReuseEventSink",
        "cross_engine::ProgressSink",
        "cross_engine::process::Sink",
        "cross_engine::Result",
        "cross_core::Result",
    ];
    let name = |listed: &str| {
        let plain = listed.split('<').next().unwrap();
        plain.chars().filter(|c| !c.is_whitespace()).collect()
    };
    let listed: BTreeSet<String> = listed.into_iter().chain(exempt).map(name).collect();
    let public: BTreeSet<String> = LIBRARIES.into_iter().flat_map(public_types).collect();
    let missing: Vec<_> = public.symmetric_difference(&listed).collect();
    assert!(
        missing.is_empty(),
        "only public, or only in the list: {missing:#?}"
    );
}

/// The public types of a library's own, as its sources say: what `lib.rs` exports and what its
/// public modules have.
fn public_types(library: &str) -> Vec<String> {
    let (src, krate) = (Path::new(library).join("src"), library.replace('-', "_"));
    let root = read(src.join("lib.rs"));
    let mut types = exported(&root, &krate);
    for module in root
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod "))
    {
        let module = module.trim_end_matches(';');
        let file = src.join(format!("{module}.rs"));
        let folder = src.join(module).join("mod.rs");
        let text = read(if tool::repository().join(&folder).exists() {
            folder
        } else {
            file
        });
        let prefix = format!("{krate}::{module}");
        types.extend(exported(&text, &prefix));
        types.extend(defined(&text, &prefix));
    }
    types
}

/// The types that `pub use` makes public, but for those of another crate of ours.
fn exported(text: &str, prefix: &str) -> Vec<String> {
    text.split("\npub use ")
        .skip(1)
        .map(|rest| rest.split(';').next().unwrap())
        .filter(|path| !path.starts_with("cross_"))
        .flat_map(|path| path.split(['{', '}', ',', ':']).map(str::trim))
        .map(|name| name.rsplit(" as ").next().unwrap())
        .filter(|name| is_type(name))
        .map(|name| format!("{prefix}::{name}"))
        .collect()
}

/// The public types that are defined at the outermost level.
fn defined(text: &str, prefix: &str) -> Vec<String> {
    let name = |line: &str| {
        let rest = ["struct", "enum", "trait", "type", "union"]
            .iter()
            .find_map(|kind| line.strip_prefix(&format!("pub {kind} ")))?;
        let end = rest.find(|c: char| !c.is_alphanumeric())?;
        Some(format!("{prefix}::{}", &rest[..end]))
    };
    text.lines().filter_map(name).collect()
}

fn is_type(name: &str) -> bool {
    name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase)
}

//! Checks that every public type of the four libraries is `Send` and `Sync`, with a complete list.

use std::collections::BTreeSet;
use std::path::Path;

use crate::{LIBRARIES, read};

/// Checks at compile time that each type is `Send` and `Sync`, and returns the names.
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
        cross_config::DiagnosticCode,
        cross_config::Config,
        cross_config::Diagnostic,
        cross_config::Dockerfile,
        cross_config::Env,
        cross_config::Error,
        cross_config::ExplainedValue,
        cross_config::Image,
        cross_config::KeyReference,
        cross_config::ValueKind,
        cross_config::Layer,
        cross_config::LayerBuilder,
        cross_config::LoadedConfig,
        cross_config::Loader,
        cross_config::MemoryLimit,
        cross_config::NetworkMode,
        cross_config::InvalidPlatform,
        cross_config::Origin,
        cross_config::Passthrough,
        cross_config::SourceLocation,
        cross_config::Platform,
        cross_config::PreBuild,
        cross_config::SettingReference,
        cross_config::Settings,
        cross_config::Severity,
        cross_config::Sourced<String>,
        cross_config::TargetConfig,
        cross_config::UserNamespace,
        cross_config::Volume,
        cross_config::ZigConfig,
        cross_core::plan::Action,
        cross_core::Artifact,
        cross_core::outcome::ArtifactKind,
        cross_core::cargo_cli::CargoOutcome,
        cross_core::cargo_cli::CargoPart,
        cross_core::cargo_cli::CargoPlan,
        cross_core::cargo_cli::CargoRequest,
        cross_core::cargo_cli::ArgumentChange,
        cross_core::outcome::CompilerDiagnostic,
        cross_core::Cross,
        cross_core::cargo_cli::Decision,
        cross_core::plan::EnvironmentKind,
        cross_core::plan::EnvironmentRef,
        cross_core::Error,
        cross_core::ErrorKind,
        cross_core::events::Event,
        cross_core::events::EventKind,
        cross_core::cargo_cli::AliasExpansion,
        cross_core::plan::HostFailure,
        cross_core::host_tools::HostTool,
        cross_core::host_tools::HostTools,
        cross_core::host_tools::HostToolsRequest,
        cross_core::events::Listener,
        cross_core::project::LocalPackage,
        cross_core::host_tools::MissingTool,
        cross_core::host_tools::NativeCc,
        cross_core::batch::JobBudget,
        cross_core::batch::JobSharing,
        cross_core::batch::BatchRequest,
        cross_core::batch::BatchOutcome,
        cross_core::batch::BatchPlan,
        cross_core::Outcome,
        cross_core::plan::OutputKind,
        cross_core::cargo_cli::DecisionPart,
        cross_core::cargo_cli::Placement,
        cross_core::Plan,
        cross_core::batch::PrefetchOutcome,
        cross_core::batch::Prefetched,
        cross_core::plan::Prepared,
        cross_core::project::Project,
        cross_core::Request,
        cross_core::outcome::SourceLocation,
        cross_core::ShellRequest,
        cross_core::plan::Step,
        cross_core::batch::TargetOutcome,
        cross_core::outcome::TestBinary,
        cross_core::outcome::TestResult,
        cross_core::plan::TestRun,
        cross_core::outcome::TestStatus,
        cross_core::outcome::TestSummary,
        cross_core::outcome::Timing,
        cross_core::toolchain::Toolchain,
        cross_core::host_tools::ToolchainEnv,
        cross_core::toolchain::ToolchainPreference,
        cross_core::toolchain::ToolchainSource,
        cross_core::batch::BatchItem<'static>,
        cross_core::plan::Verb,
        cross_core::plan::Warning,
        cross_core::binary::Binary,
        cross_core::binary::GlibcSymbol,
        cross_core::build_script::Build,
        cross_core::build_script::BuildScript,
        cross_core::build_script::Built,
        cross_core::build_script::Embedded,
        cross_core::build_script::Instruction,
        cross_core::build_script::ErrorReport<'static>,
        cross_core::build_script::Skipped,
        cross_core::doctor::Finding,
        cross_core::doctor::Report,
        cross_core::setup::SetupStep,
        cross_core::setup::SetupAction,
        cross_core::setup::InstallCommands,
        cross_core::setup::Rights,
        cross_core::setup::Setup,
        cross_core::setup::SetupEvent,
        cross_core::setup::SetupPlan,
        cross_engine::Access,
        cross_engine::BaseEnv,
        cross_engine::Blueprint,
        cross_engine::CacheUsage,
        cross_engine::Cancel,
        cross_engine::ContainerImage,
        cross_engine::ContainerPool,
        cross_engine::ContainerReuse,
        cross_engine::ContainerfileSource,
        cross_engine::Ending,
        cross_engine::Engine,
        cross_engine::EngineKind,
        cross_engine::EnginePreference,
        cross_engine::EnvValue,
        cross_engine::Environment,
        cross_engine::EnvironmentLocation,
        cross_engine::Environments<'static>,
        cross_engine::Error,
        cross_engine::ErrorKind,
        cross_engine::FileStamp,
        cross_engine::ForeignPrograms,
        cross_engine::InheritedFile,
        cross_engine::Host,
        cross_engine::ImageBuild,
        cross_engine::ImageFacts,
        cross_engine::ImagePool<'static>,
        cross_engine::Invocation,
        cross_engine::Jobserver,
        cross_engine::Lock,
        cross_engine::Mount,
        cross_engine::Network,
        cross_engine::Probe,
        cross_engine::ProbeCache,
        cross_engine::Progress<'static>,
        cross_engine::RelayMessage,
        cross_engine::ReuseEvent<'static>,
        cross_engine::ReusedContainer,
        cross_engine::Root,
        cross_engine::RootSource,
        cross_engine::RootfsLayout,
        cross_engine::RunSpec,
        cross_engine::SelectedEngine,
        cross_engine::Shim,
        cross_engine::StartReason,
        cross_engine::Stdio,
        cross_engine::Stopped,
        cross_engine::SweepSummary,
        cross_engine::TestExit,
        cross_engine::TestRelay,
        cross_engine::Tokens<'static>,
        cross_engine::UnusableEngine,
        cross_engine::Variables,
        cross_engine::process::Exit,
        cross_engine::process::Output,
        cross_engine::process::TailLines,
        cross_engine::process::Stdin,
        cross_engine::process::Stream,
        cross_engine::process::untrusted::Dir,
        cross_engine::process::untrusted::Entry,
        cross_engine::process::untrusted::FileKind,
        cross_engine::process::untrusted::LineSplitter,
        cross_engine::process::untrusted::Refused,
        cross_engine::process::untrusted::RegularFile,
        cross_engine::process::untrusted::Room,
        cross_targets::DebianArch,
        cross_targets::TargetEmulator,
        cross_targets::Endian,
        cross_targets::TargetFacts,
        cross_targets::RecipeFile,
        cross_targets::GlibcVersion,
        cross_targets::HostEmulator,
        cross_targets::Libc,
        cross_targets::QemuMachine,
        cross_targets::InvalidGlibcVersion,
        cross_targets::Recipe,
        cross_targets::Runner,
        cross_targets::RustSource,
        cross_targets::Sdk,
        cross_targets::StdAvailability,
        cross_targets::StdSource,
        cross_targets::SupportLevel,
        cross_targets::Target,
        cross_targets::TestSupport,
        cross_targets::Tier,
        cross_targets::CToolchain,
        cross_targets::Toolset,
        cross_targets::ToolsetKind,
        cross_targets::UnknownTarget,
        cross_targets::UnsupportedTarget,
        cross_targets::ZigTarget,
    );
    // Closures that the library calls on the caller's thread, and aliases.
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

/// Returns the public types of a library from its checked API listing.
fn public_types(library: &str) -> Vec<String> {
    let listing = read(Path::new("docs/api").join(format!("{library}.txt")));
    listing.lines().filter_map(public_type).collect()
}

/// Returns the type that a line of a listing declares.
fn public_type(line: &str) -> Option<String> {
    let declared = line.trim_start_matches("#[non_exhaustive] ");
    let kinds = [
        "pub struct ",
        "pub enum ",
        "pub union ",
        "pub trait ",
        "pub type ",
    ];
    let path = kinds.iter().find_map(|kind| declared.strip_prefix(kind))?;
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let end = path.find(|c| !is_path(c)).unwrap_or(path.len());
    let path = path[..end].trim_end_matches(':');
    let (module, _) = path.rsplit_once("::")?;
    let is_associated = module.rsplit("::").next()?.starts_with(char::is_uppercase);
    (!is_associated).then(|| path.to_owned())
}

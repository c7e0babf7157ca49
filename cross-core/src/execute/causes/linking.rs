//! What linking misses: the linker itself, or everything that it needs.

use cross_targets::{Level, Target};

use super::{Remedy, packages};
use crate::model::step::EnvironmentKind;
use crate::plan::plan::Plan;

/// What is built where nothing is linked.
const WITHOUT_LINKER: &str = "Rust's libraries, static libraries, `check`, `clippy` and documentation need no linker \
    (`cargo rustc --lib --crate-type staticlib` builds the static library alone, where the manifest \
    asks for a dynamic one, too)";

/// Why a target has libraries only, in the words of its row, and `how` it gets more.
pub(super) fn libraries_only(triple: &str, how: Option<String>) -> String {
    let facts = Target::parse(triple).ok().map(Target::facts);
    let why = facts.and_then(|facts| facts.lacks());
    let why = why.unwrap_or("its recipe has no linker and no C compiler");
    let how = how.map_or(String::new(), |how| format!("{how}; "));
    format!("{triple}: {why}; {how}{WITHOUT_LINKER}")
}

/// Whether the run of `plan` has no linker for its target, and no SDK of the user's.
pub(super) fn is_without_linker(plan: &Plan) -> bool {
    let target = Target::parse(&plan.target);
    let is_row = target.is_ok_and(|target| target.facts().level() == Level::Libraries);
    is_row && plan.environment.sdk.is_none()
}

/// What may be missing in a failed run of `plan` whose output nobody read: what only an SDK of the
/// user's has.
pub(crate) fn of_unread_output(plan: &Plan) -> Option<String> {
    let is_recipe = plan.environment.kind == EnvironmentKind::Recipe;
    if !is_recipe || !is_without_linker(plan) {
        return None;
    }
    let remedy = Remedy { plan }.libraries_only();
    Some(format!("if the linker or the C compiler failed: {remedy}"))
}

impl Remedy<'_> {
    /// The remedy where nothing is linked: what is built, and how the rest gets what it needs.
    pub(super) fn libraries_only(&self) -> String {
        let sdk = self.target().and_then(|target| target.facts().sdk);
        let how = match self.plan.environment.kind {
            EnvironmentKind::Host if sdk.is_some() => {
                Some("the engine `host` takes no SDK, and the others do".to_owned())
            }
            EnvironmentKind::Host => None,
            _ => self.how_to_give_apples(),
        };
        libraries_only(self.triple(), how)
    }

    pub(super) fn linker(&self, name: &str) -> String {
        let origin = format!(
            "`linker` or `-fuse-ld` of cargo's configuration, of RUSTFLAGS or of a build script \
             names the linker `{name}`"
        );
        let component = "llvm-bitcode-linker";
        if name == component {
            return format!(
                "the toolchain lacks `{name}`, which links for {}: `rustup component add {component} llvm-tools`",
                self.triple()
            );
        }
        match packages::of_linker(name) {
            None if name == "ld" => {
                "the linker that `-fuse-ld` names, in flags or in a build script, is not in the \
                 environment: remove the option, as the environment sets the target's own linker"
                    .to_owned()
            }
            Some(package) => format!("{origin}: {}", self.add(&format!("{package}:native"))),
            None => format!(
                "{origin}, which is not in the environment: remove it, as the environment sets the \
                 target's own linker"
            ),
        }
    }
}

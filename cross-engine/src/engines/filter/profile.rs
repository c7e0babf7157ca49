//! The filter as a seccomp profile of docker and podman: JSON, with the names of the calls.

use serde_json::{Value, json};

use super::calls::{self, Test};
use super::{ENOSYS, EPERM};

/// The architectures whose calls are known, as libseccomp spells them, each with the 32-bit
/// architecture that its kernel is compatible with.
const ARCHITECTURES: [(&str, &[&str]); 3] = [
    ("SCMP_ARCH_X86_64", &["SCMP_ARCH_X86"]),
    ("SCMP_ARCH_AARCH64", &["SCMP_ARCH_ARM"]),
    ("SCMP_ARCH_RISCV64", &[]),
];

/// Returns the profile for an engine on `architecture`, as Go spells it, or `None` if its calls are
/// not known.
pub(crate) fn profile(architecture: &str) -> Option<String> {
    if !["amd64", "arm64", "riscv64"].contains(&architecture) {
        return None;
    }
    let map = ARCHITECTURES.map(|(architecture, others)| {
        json!({ "architecture": architecture, "subArchitectures": others })
    });
    let profile = json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": ENOSYS,
        "archMap": map,
        "syscalls": rules(),
    });
    Some(profile.to_string())
}

fn rules() -> Vec<Value> {
    let names = |names: &str| names.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let allow = |group: &str, args: Value| json!({ "names": names(group), "action": "SCMP_ACT_ALLOW", "args": args });
    let fail = |group: &str, error: u16| json!({ "names": names(group), "action": "SCMP_ACT_ERRNO", "errnoRet": error });
    let names_allowed = calls::ALLOWED.iter().map(|group| group.names);
    let allowed = names_allowed
        .chain([calls::SOCKETCALL])
        .map(|names| allow(names, json!([])));
    let conditional = calls::CONDITIONAL.iter().flat_map(|group| {
        let conditions: Vec<_> = group.when.iter().flat_map(|test| negated(*test)).collect();
        // A call is allowed if one of its rules matches.
        conditions.into_iter().map(|args| allow(group.names, args))
    });
    let refused = calls::REFUSED.iter().map(|group| fail(group.names, EPERM));
    let unknown = calls::UNKNOWN.iter().map(|group| fail(group.names, ENOSYS));
    allowed
        .chain(conditional)
        .chain(refused)
        .chain(unknown)
        .collect()
}

/// Returns the conditions of rules of which one matches if `test` does not hold.
fn negated(test: Test) -> Vec<Value> {
    match test {
        Test::AnyBit(index, bits) => vec![json!([{
            "index": index, "value": bits, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ",
        }])],
        Test::IsNot(index, values) => values
            .iter()
            .map(|value| json!([{ "index": index, "value": value, "op": "SCMP_CMP_EQ" }]))
            .collect(),
        // A rule cannot test one argument twice. These calls are about terminals, and a container
        // has its own.
        Test::Is(..) => vec![json!([])],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_architectures_have_a_profile() {
        for architecture in ["amd64", "arm64", "riscv64"] {
            assert!(profile(architecture).is_some(), "{architecture}");
        }
        assert_eq!(profile("s390x"), None);
        assert_eq!(profile(""), None);
    }

    #[test]
    fn a_call_with_conditions_is_allowed_if_none_of_them_holds() {
        let all: Value = serde_json::from_str(&profile("amd64").unwrap()).unwrap();
        let of = |name: &str| -> Vec<Value> {
            let rules = all["syscalls"].as_array().unwrap().iter();
            let named =
                rules.filter(|rule| rule["names"].as_array().unwrap().contains(&json!(name)));
            named.cloned().collect()
        };
        let [chmod] = &of("chmod")[..] else {
            panic!("one rule: {:?}", of("chmod"));
        };
        assert_eq!(
            chmod["args"],
            json!([{ "index": 1, "value": 0o6000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ" }])
        );
        assert_eq!(
            of("openat").len(),
            2,
            "no file is created, or it has no such mode"
        );
        let families: Vec<_> = of("socket")
            .iter()
            .map(|rule| rule["args"][0]["value"].clone())
            .collect();
        assert_eq!(families, [1, 2, 10, 16]);
        assert_eq!(of("keyctl")[0]["errnoRet"], 1);
        assert_eq!(of("clone3")[0]["errnoRet"], 38);
        assert_eq!(of("read")[0]["action"], "SCMP_ACT_ALLOW");
    }
}

"""Validates bills of materials (`*.cdx.json`) and statements (`*.provenance.json`).

The schemas are the published ones, as their projects package them: the JSON schema of CycloneDX, and
the protocol buffers of in-toto and SLSA. These have no required fields, so what the specification
requires is checked here. Each document is also made wrong in several ways, and each wrong one has to
be refused: a validator that accepts everything fails.
"""

import copy
import json
import re
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement

BILLS = JsonStrictValidator(SchemaVersion.V1_5)

# What the digests of a descriptor look like.
DIGESTS = {"sha256": r"[0-9a-f]{64}", "gitCommit": r"[0-9a-f]{40}|[0-9a-f]{64}"}


class Refused(Exception):
    pass


def check_bill(document):
    error = BILLS.validate_str(json.dumps(document))
    if error is not None:
        raise Refused(str(error).splitlines()[0])
    if not document.get("components") or "component" not in document.get("metadata", {}):
        raise Refused("it names no component")


def check_statement(document):
    try:
        statement = json_format.ParseDict(document, statement_pb2.Statement())
        Statement.copy_from_pb(statement).validate()
        predicate = json_format.ParseDict(document["predicate"], provenance_pb2.Provenance())
    except (json_format.ParseError, ValueError, KeyError) as error:
        raise Refused(str(error)) from error
    definition, run = predicate.build_definition, predicate.run_details
    required = {
        "predicateType": statement.predicate_type == "https://slsa.dev/provenance/v1",
        "buildType": re.fullmatch(r"[a-z]+:\S+", definition.build_type),
        "externalParameters": len(definition.external_parameters.fields),
        "builder.id": re.fullmatch(r"[a-z]+:\S+", run.builder.id),
        "metadata": run.metadata.started_on.seconds <= run.metadata.finished_on.seconds,
    }
    missing = [name for name, holds in required.items() if not holds]
    if missing:
        raise Refused(f"missing or wrong: {', '.join(missing)}")
    for one in [*statement.subject, *definition.resolved_dependencies, *run.byproducts]:
        try:
            ResourceDescriptor.copy_from_pb(one).validate()
        except ValueError as error:
            raise Refused(f"{one}: {error}") from error
        for name, value in one.digest.items():
            if not re.fullmatch(DIGESTS.get(name, "never"), value):
                raise Refused(f"{one.name}: {name} {value}")
        # A source that differs from its commit has none, and the specification wants one of these.
        if not (one.uri or one.digest or one.content):
            raise Refused(f"{one.name}: neither a URI nor a digest")


def wrong_bills(document):
    """Documents that are wrong in one way each, with what is wrong."""
    def change(what):
        copied = copy.deepcopy(document)
        what(copied)
        return copied

    first = document["components"][0]
    yield "a field of no schema", change(lambda it: it.update(extra=1))
    yield "another format", change(lambda it: it.update(bomFormat="SPDX"))
    yield "a scope of no schema", change(lambda it: it["components"][0].update(scope="shipped"))
    yield "a component without a name", change(lambda it: it["components"][0].pop("name"))
    yield "a component twice", change(lambda it: it["components"].append(first))
    yield "a hash of no algorithm", change(
        lambda it: it["components"][0].update(hashes=[{"alg": "SHA-256", "content": "x"}])
    )
    yield "a serial number that is none", change(lambda it: it.update(serialNumber="1"))
    yield "no components", change(lambda it: it.update(components=[]))


def wrong_statements(document):
    def change(what):
        copied = copy.deepcopy(document)
        what(copied)
        return copied

    def definition(it):
        return it["predicate"]["buildDefinition"]

    def run(it):
        return it["predicate"]["runDetails"]

    yield "another type", change(lambda it: it.update(_type="https://in-toto.io/Statement/v0.1"))
    yield "a field of no schema", change(lambda it: it.update(extra=1))
    yield "no subject", change(lambda it: it.update(subject=[]))
    yield "a subject without a digest", change(lambda it: it["subject"][0].pop("digest"))
    yield "a digest that is none", change(lambda it: it["subject"][0].update(digest={"sha256": "x"}))
    yield "another predicate", change(lambda it: it.update(predicateType="https://example.com/p"))
    yield "a definition of no schema", change(lambda it: definition(it).update(recipe={}))
    yield "no build type", change(lambda it: definition(it).pop("buildType"))
    yield "no parameters", change(lambda it: definition(it).pop("externalParameters"))
    yield "no builder", change(lambda it: run(it).pop("builder"))
    yield "a time that is none", change(lambda it: run(it)["metadata"].update(startedOn="now"))
    yield "a dependency of no name", change(
        lambda it: definition(it)["resolvedDependencies"].append({})
    )


KINDS = {
    ".cdx.json": (check_bill, wrong_bills),
    ".provenance.json": (check_statement, wrong_statements),
}


def main(paths):
    failures, counts = [], dict.fromkeys(KINDS, 0)
    for path in paths:
        kind = next(kind for kind in KINDS if path.endswith(kind))
        check, wrong = KINDS[kind]
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        counts[kind] += 1
        try:
            check(document)
        except Refused as error:
            failures.append(f"{path}: {error}")
            continue
        for what, changed in wrong(document):
            try:
                check(changed)
                failures.append(f"{path}: {what}: it is accepted")
            except Refused:
                pass
    failures.extend(f"there is no *{kind}" for kind, count in counts.items() if count == 0)
    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"validated {', '.join(f'{count} *{kind}' for kind, count in counts.items())}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

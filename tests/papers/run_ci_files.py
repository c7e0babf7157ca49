"""Runs the commands of docs/ci, as they are there, for one target.

What only prepares a runner is left out: `sudo`. Every other command is run, and what it leaves for
the next steps is looked at. What GitLab's jobs do with the archive of their cache is run in a small
project, where cargo names the paths of files that are quickly packed.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

from ruamel.yaml import YAML

TARGET = sys.argv[1]
DOCS = pathlib.Path("docs/ci")


def load(name):
    # Version 1.1 would read the key `on` as a boolean.
    return YAML(typ="safe").load((DOCS / name).read_text(encoding="utf-8"))


def run(script, **variables):
    command = ["bash", "-eo", "pipefail", "-c", script]
    done = subprocess.run(command, env={**os.environ, **variables}, check=False)
    if done.returncode != 0:
        sys.exit(f"it failed:\n{script}")


def words_of(script, **variables):
    """The words that `script` calls cargo with."""
    record = 'cargo() { printf "%s\\n" "$@" >&3; }\n'
    with tempfile.TemporaryFile("w+") as file:
        command = ["bash", "-eo", "pipefail", "-c", f"exec 3>&{file.fileno()}\n{record}{script}"]
        env = {**os.environ, **variables}
        subprocess.run(command, env=env, check=True, pass_fds=[file.fileno()])
        file.seek(0)
        return file.read().splitlines()


def expect(holds, what):
    if not holds:
        sys.exit(f"docs/ci: {what}")


def steps(name):
    return [step for step in load(name)["jobs"]["dist"]["steps"] if "run" in step]


def github():
    one, matrix = steps("github.yml"), steps("github-matrix.yml")
    expect(
        [step["name"] for step in one] == [step["name"] for step in matrix],
        "github.yml and github-matrix.yml have other steps",
    )
    variables = {
        "GITHUB_SERVER_URL": "https://example.com",
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_WORKFLOW_REF": "o/r/.github/workflows/dist.yml@refs/heads/main",
        "GITHUB_RUN_ID": "1",
    }
    for step, of_all in zip(matrix, one):
        script, all_targets = step["run"], of_all["run"]
        # The same commands, for all targets.
        for words in ('--target "$TARGET" ', '"$TARGET" ', ' "$TARGET"'):
            script = script.replace(words, "")
        expect(script.split() == all_targets.split(), f"github.yml: {all_targets}")
        if "sudo" in step["run"]:
            continue
        with tempfile.NamedTemporaryFile("r") as output:
            run(step["run"], TARGET=TARGET, GITHUB_OUTPUT=output.name, **variables)
            if step.get("id") == "cross":
                check_outputs(output.read())


def check_outputs(text):
    lines = text.splitlines()
    key, prefix = (line.partition("=")[2] for line in lines[:2])
    expect(key.startswith(f"cross-{TARGET}-"), f"the key `{key}`")
    expect(key.startswith(prefix) and key != prefix, f"the prefix `{prefix}` of `{key}`")
    expect(lines[2] == "paths<<END" and lines[-1] == "END", f"the paths: {text}")
    paths = lines[3:-1]
    expect(all(path.startswith("/") for path in paths), f"the paths: {text}")
    expect(any(pathlib.Path(path).is_dir() for path in paths), f"no path is there: {text}")


def forwarded(pipeline):
    """The variables that the job `dist` gives to the pipeline that it starts.

    There, they outrank those of the jobs.
    """
    job = pipeline["dist"]
    if not job["trigger"].get("forward", {}).get("yaml_variables", True):
        return {}
    inherited = job.get("inherit", {}).get("variables", True)
    of_all = pipeline.get("variables", {})
    if isinstance(inherited, list):
        of_all = {name: value for name, value in of_all.items() if name in inherited}
    return {**(of_all if inherited else {}), **job.get("variables", {})}


def gitlab():
    job = load("gitlab-job.yml")[".dist"]
    names = {"gitlab.yml": "dist", "gitlab-matrix.yml": TARGET}
    for file, name in names.items():
        pipeline = load(file)
        keys = pipeline["keys"]
        try:
            run("\n".join(keys["script"]), TARGETS=TARGET)
            made = pathlib.Path("pipeline.yml").read_text(encoding="utf-8")
            schema = ["check-jsonschema", "--quiet", "--builtin-schema", "vendor.gitlab-ci"]
            subprocess.run([*schema, "pipeline.yml"], check=True)
        finally:
            pathlib.Path("pipeline.yml").unlink(missing_ok=True)
        made = YAML(typ="safe").load(made)
        expect(made[name]["extends"] == ".dist", f"{file} makes {made}")
        variables = {**made[name]["variables"], **forwarded(pipeline)}
        expect(variables == {"TARGETS": TARGET}, f"{file} starts its job with {variables}")
        key = made[name]["cache"]["key"]
        expect(key.startswith(f"cross-{TARGET}-"), f"{file} has the key `{key}`")
    # It is the command that GitHub's job has run.
    names = {"BUILDER_ID": "https://example.com/b", "INVOCATION_ID": "1"}
    words = words_of("\n".join(job["script"]), TARGETS="a b", **names)
    expected = "xtask dist --target a --target b --builder-id https://example.com/b --invocation-id 1"
    expect(words == expected.split(), f"gitlab-job.yml calls cargo with {words}")


def gitlab_cache(job):
    """What one job packs is there in the next, which begins with a fresh runner."""
    with tempfile.TemporaryDirectory() as name:
        top = pathlib.Path(name)
        project, kept = top / "project", top / "cache of cross" / "file"
        subprocess.run(["git", "init", "--quiet", project], check=True)
        kept.parent.mkdir()
        kept.write_text("kept")
        # Not every path is there: a build without git dependencies has no checkouts.
        cargo = """cargo() {
            case $* in
                "xtask cache-key a b --paths") printf '%s\\n' "$KEPT" "$KEPT.missing" ;;
                "xtask setup") : ;;
                *) echo "cargo $*" >&2; return 9 ;;
            esac
        }
        """
        variables = {"TARGETS": "a b", "KEPT": str(kept.parent)}

        def part(name):
            run(f"cd '{project}'\n{cargo}" + "\n".join(job[name]), **variables)

        part("before_script")
        part("after_script")
        kept.unlink()
        kept.parent.rmdir()
        part("before_script")
        expect(kept.is_file() and kept.read_text() == "kept", "gitlab-job.yml restores no cache")
        cached = [project / path for path in job["cache"]["paths"]]
        expect(all(path.is_dir() for path in cached), f"gitlab-job.yml caches {cached}")
        status = ["git", "-C", project, "status", "--porcelain"]
        changes = subprocess.run(status, check=True, capture_output=True, text=True).stdout
        expect(changes == "", f"gitlab-job.yml leaves a checkout with changes: {changes}")


github()
gitlab()
gitlab_cache(load("gitlab-job.yml")[".dist"])
print("the commands of docs/ci ran")

"""The attacks once more, in boxes of an ordinary user: contained by what the kernel lets him have.

Where there is no control group, each process has its own limits, so the attacks on resources are
not among them. All other verdicts are those of root's boxes.
"""

import base64
import json
import os
import platform
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.attacks import arena, corpus
from tests.attacks.corpus import Attack
from tests.users import User
from wardian import Outcome

pytestmark = pytest.mark.rootless
FAMILIES = (
    "verdicts",
    "killing",
    "syscalls",
    "escape",
    "outputs",
    "network",
    "pipeline",
    "graders",
)
# What only a control group counts: of all processes together, or a refused fork.
NEED_A_GROUP = {"T34"}
IS_ROOT_ALREADY = {"S58"}  # the only user of the box is id 0
ATTACKS = [
    one
    for one in corpus.attacks()
    if one.one("machine") in ("", platform.machine())
    and one.family in FAMILIES
    and one.runs == 1
    and one.id not in NEED_A_GROUP | IS_ROOT_ALREADY
]
RUN = """
import base64, concurrent.futures, json, sys
import wardian
from wardian import Limits, Sandbox

def text(data):
    return base64.b64encode(data).decode()

def run(one):
    files = {name: content.encode() for name, content in one["files"].items()}
    words = {"policy": one["policy"], "evidence": one["evidence"]}
    try:
        with Sandbox(limits=Limits(**one["limits"]), **words) as box:
            found = box.run(
                one["argv"],
                stdin=one["stdin"].encode(),
                outputs=one["outputs"],
                files={**one["given"], **files},
            )
    except wardian.WardianError as error:
        return {"error": str(error)}
    return {
        "outcome": str(found.outcome), "exit_code": found.exit_code, "signal": found.signal,
        "limit": found.limit.name if found.limit else None, "reason": found.reason,
        "stdout": text(found.stdout), "stderr": text(found.stderr),
        "violations": [[one.syscall, one.arch] for one in found.violations],
        "count": found.violation_count,
        "outputs": {name: text(data) for name, data in found.outputs.items()},
        "output_errors": found.output_errors,
    }

with concurrent.futures.ThreadPoolExecutor(3) as several:
    print(json.dumps(list(several.map(run, json.load(open(sys.argv[1]))))))
"""


def job(attack: Attack, program: Path, place: Path) -> dict[str, Any]:
    """What the user's process is asked to run."""
    name = "attack" + (program.suffix if program.suffix in arena.RUN_BY else "")
    words = {
        "program": name if program.suffix in arena.RUN_BY else f"./{name}",
        "secret": str(place / "secret"),
        "directory": str(place),
        "socket": str(place / "socket"),
        "abstract": "nobody",
        "port": "9",
        "hostname": os.uname().nodename,
        "root": str(place / ".local/share/wardian"),
    }
    standard = f"{arena.RUN_BY.get(program.suffix, '')} {{program}}"
    limits = attack.limits(arena.STANDARD, arena.SLOWNESS)
    return {
        "policy": attack.one("policy", "compute"),
        "limits": {field: getattr(limits, field) for field in limits.__slots__},
        "evidence": str(place / "evidence") if attack.one("evidence") else None,
        "argv": [word.format(**words) for word in attack.one("argv", standard).split()],
        "given": {name: str(place / "programs" / program.name)},
        "files": dict(word.partition("=")[::2] for word in attack.one("files").split()),
        "stdin": attack.one("stdin"),
        "outputs": list(attack.outputs),
    }


def verdict(found: dict[str, Any]) -> Any:
    """What was told, in the form in which `judge` reads it."""
    return SimpleNamespace(
        outcome=Outcome(found["outcome"]),
        exit_code=found["exit_code"],
        signal=found["signal"],
        limit=SimpleNamespace(name=found["limit"]) if found["limit"] else None,
        reason=found["reason"],
        stdout=base64.b64decode(found["stdout"]),
        stderr=base64.b64decode(found["stderr"]),
        violations=[SimpleNamespace(syscall=name, arch=arch) for name, arch in found["violations"]],
        violation_count=found["count"],
        outputs={name: base64.b64decode(data) for name, data in found["outputs"].items()},
        output_errors=found["output_errors"],
        usage=None,
    )


def test_an_ordinary_user_s_boxes_contain_them(ordinary_user: User) -> None:
    place = ordinary_user.home
    (place / "programs").mkdir()
    (place / "secret").write_bytes(arena.CANARY)
    built = [arena.build(one.path, tuple(one.one("compile").split())) for one in ATTACKS]
    for path in set(built):
        shutil.copy(path, place / "programs" / path.name)
    jobs = [job(one, path, place) for one, path in zip(ATTACKS, built, strict=True)]
    (place / "jobs").write_text(json.dumps(jobs))
    for path in (place, *place.rglob("*")):
        os.chown(path, ordinary_user.uid, ordinary_user.gid, follow_symlinks=False)
    done = ordinary_user.python(RUN, "jobs", timeout_s=600)
    assert done.returncode == 0, done.stderr
    faults = []
    for attack, found in zip(ATTACKS, json.loads(done.stdout), strict=True):
        wrong = [found["error"]] if "error" in found else arena.judge(attack, verdict(found))
        faults += [f"{attack.id} {attack.path.stem}: {one}" for one in wrong]
    assert not faults, "\n".join(faults)

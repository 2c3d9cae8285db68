"""The launcher reads hostile bytes without reading past them (ASan and UBSan watch)."""

import random
import struct
import subprocess
from pathlib import Path

import pytest

from wardian.runtime.plan import Plan
from wardian.runtime.step import Step
from wardian.runtime.steps import STEPS

HERE = Path(__file__).resolve().parent
LAUNCHER = HERE.parent.parent / "launcher"
ROUNDS = 20_000
SEED = 20261123


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The launcher's decoder alone, built with sanitizers."""
    target = tmp_path_factory.mktemp("fuzz") / "fuzz_plan"
    flags = ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra"]
    flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-I{LAUNCHER}"]
    sources = [str(HERE / "fuzz_plan.c"), str(LAUNCHER / "plan.c")]
    subprocess.run(["cc", *flags, "-o", str(target), *sources], check=True)
    return target


def random_step(rng: random.Random) -> Step:
    """A step with arguments that fit its signature."""
    name = rng.choice(sorted(STEPS))
    values: list[object] = []
    for kind in STEPS[name][1]:
        word = "".join(rng.choice("abc/=é") for _ in range(rng.randrange(12)))
        values.append(
            {
                "u": rng.getrandbits(64),
                "s": word,
                "b": word.encode(),
                "l": tuple(word[:k] for k in range(rng.randrange(5))),
            }[kind]
        )
    return Step(name, tuple(values), "")


def sound_plan(rng: random.Random) -> bytes:
    """A plan that the decoder must accept."""
    steps = tuple(random_step(rng) for _ in range(rng.randrange(8)))
    return Plan(steps, 0).encode({})


def damage(rng: random.Random, plan: bytes) -> bytes:
    """Flip, cut, double or overwrite some of the bytes."""
    data = bytearray(plan)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data)) if data else 0
        kind = rng.randrange(4)
        if kind == 0 and data:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at : at + rng.randrange(1, 9)]
        elif kind == 2:
            data[at:at] = data[at : at + 8]
        else:
            data[at : at + 4] = struct.pack("<I", rng.choice([0, 1, 7, 8, 0x7FFFFFFF, 0xFFFFFFFF]))
    return bytes(data)


def decode(decoder: Path, plans: list[bytes]) -> subprocess.CompletedProcess[str]:
    """Feed all plans to one decoder process."""
    data = b"".join(struct.pack("<I", len(plan)) + plan for plan in plans)
    done = subprocess.run([decoder], input=data, capture_output=True, check=False)
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def test_sound_plans_are_all_accepted(decoder: Path) -> None:
    rng = random.Random(SEED)
    done = decode(decoder, [sound_plan(rng) for _ in range(2000)])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2000 sound, 0 refused")


def test_damaged_plans_never_lead_outside_their_bytes(decoder: Path) -> None:
    rng = random.Random(SEED)
    plans = [damage(rng, sound_plan(rng)) for _ in range(ROUNDS)]
    plans += [rng.randbytes(rng.randrange(200)) for _ in range(ROUNDS)]
    done = decode(decoder, plans)
    assert done.returncode == 0, done.stderr
    words = done.stdout.replace(",", "").split()
    assert int(words[0]) + int(words[2]) == len(plans)
    assert int(words[2]) > ROUNDS, "random bytes must be refused"


def test_every_truncation_of_a_plan_is_refused(decoder: Path) -> None:
    rng = random.Random(SEED)
    plan = Plan(tuple(random_step(rng) for _ in range(6)), 0).encode({})
    done = decode(decoder, [plan[:size] for size in range(len(plan))])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0 sound")

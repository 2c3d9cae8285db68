"""The filter by which a box is traced, and where its files are."""

from pathlib import Path

import pytest

from wardian.kernel import seccomp
from wardian.pack import trace


def test_the_filter_hands_over_calls_with_names_and_allows_no_more() -> None:
    import json

    from wardian.engine import profiles

    default = json.loads(Path(profiles.DEFAULT_PROFILE).read_text(encoding="utf-8"))
    allowed = {name for rule in default["syscalls"] for name in rule["names"]}
    document = trace.profile()
    handed = [rule for rule in document["syscalls"] if rule["action"] == "SCMP_ACT_NOTIFY"]
    (rule,) = handed
    assert set(rule["names"]) == set(trace.CALLS)
    assert set(rule["names"]) <= allowed  # none that the default filter refuses
    for other in document["syscalls"]:
        assert other is rule or not set(other["names"]) & set(trace.CALLS)
    assert seccomp.asks_listener(document)


def test_a_box_s_path_is_found_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARDIAN_ROOT", str(tmp_path))
    places = trace.Places([f"{tmp_path}:/data:ro"])
    assert places.source("/data/x") == f"{tmp_path}/x"
    assert places.source("/usr/bin/env") == "/usr/bin/env"
    assert places.source("/etc/passwd").startswith(f"{tmp_path}/bases/")

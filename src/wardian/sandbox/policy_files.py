"""Read policies: those that come with wardian, TOML files, and docker's profiles.

The format of a file is that of policies/compute.toml; docs/guides/sandbox.md explains it.

Docker: the JSON of a seccomp profile.
"""

import os
import tomllib

from wardian.errors import NotFoundError, SpecError, UsageError
from wardian.sandbox import docker_policy
from wardian.sandbox.policy import ALLOW, VIOLATION, ArgumentRule, Policy, Probe, errno_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_POLICIES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "policies")
_LARGEST = 1 << 20
_KEYS = frozenset(
    ("description", "mode", "audit", "allow", "refuse", "arguments", "probes", "name")
)
_ARGUMENT_KEYS = frozenset(("allow", "violation", "refuse", "otherwise"))


def load(source: "Policy | str | os.PathLike[str] | Sequence[str]") -> "Policy":
    """Return a policy.

    Args:
        source: "compute", "strict", the path of a TOML file or of a profile in docker's JSON,
            a list of calls to allow, or a Policy.

    Raises:
        NotFoundError: there is none; SpecError: it is wrong, and where.
    """
    if isinstance(source, Policy):
        return source
    if isinstance(source, (str, os.PathLike)):
        return _load_file(os.fspath(source))
    return Policy(name="list", allow=tuple(source))


def from_dict(table: "Mapping[str, Any]", name: str = "policy") -> "Policy":
    """Return the policy that a parsed TOML file means.

    Raises:
        SpecError: it is wrong; `where` says where.
    """
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        raise SpecError(f'unknown key "{unknown[0]}"', where="policy")
    refuse: dict[str, str] = {}
    for word, calls in _table(table, "refuse").items():
        errno_number(word, f"refuse.{word}")
        refuse.update(dict.fromkeys(_strings(calls, f"refuse.{word}"), word))
    arguments = {
        call: _argument_rule(rule, f"arguments.{call}")
        for call, rule in _table(table, "arguments").items()
    }
    probes = _table(table, "probes")
    audit = table.get("audit")
    if not isinstance(audit, bool | None):
        raise SpecError("not true or false", where="audit")
    return Policy(
        name=str(table.get("name", name)),
        allow=tuple(_strings(table.get("allow", []), "allow")),
        refuse=refuse,
        arguments=arguments,
        probes={call: _probe(probe, f"probes.{call}") for call, probe in probes.items()},
        mode=str(table.get("mode", "kill")),
        audit=audit,
        description=str(table.get("description", "")),
    )


def _probe(table: "Any", where: str) -> Probe:
    if not isinstance(table, dict) or set(table) != {"errno", "files"}:
        raise SpecError('not a table of "errno" and "files"', where=where)
    return Probe(str(table["errno"]), tuple(_strings(table["files"], f"{where}.files")))


def names() -> list[str]:
    """List the policies that come with wardian."""
    found = (name.removesuffix(".toml") for name in os.listdir(_POLICIES))
    return sorted(found)


def path_of(name: str) -> str:
    """Return the file of a policy that comes with wardian."""
    return os.path.join(_POLICIES, f"{name}.toml")


def _load_file(source: str) -> Policy:
    path, name = source, source.rpartition("/")[2]
    if "/" not in source and source in names():
        path = path_of(source)
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        hint = f"there are {', '.join(names())}; any other word is the path of a file"
        raise NotFoundError(
            f'reading policy "{source}": {(error.strerror or "").lower()}', hint=hint
        ) from None
    if len(content) > _LARGEST:
        raise SpecError(f'policy "{source}" is larger than {_LARGEST} bytes')
    try:
        return parse(content, name.removesuffix(".toml").removesuffix(".json"))
    except (SpecError, UsageError) as error:
        named = SpecError(f'policy "{source}", {error}', hint=error.hint)
        raise named from None


def parse(content: bytes, name: str) -> Policy:
    """Return the policy that a file's content means.

    Raises:
        SpecError: it is wrong.
    """
    if content.lstrip()[:1] == b"{":
        return docker_policy.parse(content, name)
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        hint = "policies/compute.toml shows the format: `wardian sandbox policies compute`"
        raise SpecError(f"is no TOML: {error}", hint=hint) from None
    return from_dict(table, name)


def _table(table: "Mapping[str, Any]", key: str) -> "Mapping[str, Any]":
    found = table.get(key, {})
    if not isinstance(found, dict):
        raise SpecError("not a table", where=key)
    return found


def _strings(value: object, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise SpecError("not a list of names", where=where)
    return list(dict.fromkeys(value))


def _argument_rule(table: object, where: str) -> ArgumentRule:
    if not isinstance(table, dict) or set(table) - _ARGUMENT_KEYS:
        hint = f"the keys are {', '.join(sorted(_ARGUMENT_KEYS))}"
        raise SpecError("not a rule about arguments", where=where, hint=hint)
    rules = [(text, VIOLATION) for text in _strings(table.get("violation", []), where)]
    rules += [(text, ALLOW) for text in _strings(table.get("allow", []), where)]
    for word, texts in _table(table, "refuse").items():
        rules += [(text, word) for text in _strings(texts, f"{where}.refuse")]
    return ArgumentRule(tuple(rules), str(table.get("otherwise", VIOLATION)))

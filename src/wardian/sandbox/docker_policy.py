"""Read a seccomp profile in docker's JSON as a policy.

What the profile allows or logs is allowed; what a rule answers with an errno gets that errno
quietly; what a rule kills, traps or hands on is a violation, and so is all that no rule names,
whatever the profile's default refusal is. A profile that allows by default is refused: a sandbox's
policy is an allow-list.

Docker: https://docs.docker.com/engine/security/seccomp/; opencontainers/runtime-spec,
config-linux.md "Seccomp".
"""

import errno
import json
import os

from wardian.errors import SpecError
from wardian.kernel import libseccomp, probe, seccomp
from wardian.sandbox import policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_OPERATORS = {
    "SCMP_CMP_NE": "!=",
    "SCMP_CMP_LT": "<",
    "SCMP_CMP_LE": "<=",
    "SCMP_CMP_EQ": "==",
    "SCMP_CMP_GE": ">=",
    "SCMP_CMP_GT": ">",
}


def parse(content: bytes, name: str) -> policy.Policy:
    """Return the policy that a profile means for a box without capabilities.

    Raises:
        SpecError: the profile is wrong, or no allow-list.
    """
    try:
        profile = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"is no JSON: {error}") from None
    document = seccomp.resolve(
        profile, caps=0, arch=os.uname().machine, kernel=probe.facts().kernel
    )
    if document["defaultAction"] in libseccomp.PERMISSIVE:
        hint = "list what is allowed, and refuse by default"
        raise SpecError("is no allow-list", where="defaultAction", hint=hint)
    allow: dict[str, None] = {}
    refuse: dict[str, str] = {}
    rules: dict[str, list[tuple[str, str]]] = {}
    for rule in document["syscalls"]:
        answer = _answer(rule)
        for call in (f"?{name}" for name in rule["names"]):
            if rule.get("args"):
                alternatives = libseccomp.alternatives(rule["args"])
                rules.setdefault(call, []).extend((_words(one), answer) for one in alternatives)
            elif answer == policy.ALLOW:
                allow[call] = None
            elif answer != policy.VIOLATION:
                refuse[call] = answer
    otherwise = dict.fromkeys(allow, policy.ALLOW) | refuse
    arguments = {
        call: policy.ArgumentRule(tuple(row), otherwise.get(call, policy.VIOLATION))
        for call, row in rules.items()
    }
    return policy.Policy(
        name=name,
        allow=tuple(call for call in allow if call not in rules),
        refuse={call: word for call, word in refuse.items() if call not in rules},
        arguments=arguments,
        description="a profile in docker's format",
    )


def _answer(rule: "Mapping[str, Any]") -> str:
    action = rule["action"]
    if action in libseccomp.PERMISSIVE:
        return policy.ALLOW
    if action == "SCMP_ACT_ERRNO":
        return errno.errorcode.get(rule.get("errnoRet", errno.EPERM), "EPERM")
    return policy.VIOLATION


def _words(arguments: "Any") -> str:
    parts = []
    for entry in arguments:
        head = f"arg{entry['index']}"
        if entry["op"] == "SCMP_CMP_MASKED_EQ":
            mask = entry["value"]
            parts.append(f"{head} & {mask:#x} == {entry.get('valueTwo', 0) & mask:#x}")
        else:
            parts.append(f"{head} {_OPERATORS[entry['op']]} {entry['value']:#x}")
    return " and ".join(parts)

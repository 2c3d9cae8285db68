"""A record as others read it: an in-toto statement with SLSA provenance.

Source: in-toto Attestation Framework, "Statement v1"; SLSA, "Build: Provenance v1".
"""

from typing import Any

from wardian.repro import record as records

BUILD_TYPE = "https://wardian.example/run/v1"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"


def statement(record: "dict[str, Any]") -> "dict[str, Any]":
    """Return the statement: these outputs were made by this run of this source."""
    return {
        "_type": STATEMENT,
        "subject": [
            {"name": path, "digest": {"sha256": one["digest"]}}
            for path, one in sorted(record["outputs"].items())
            if one["kind"] == "file"
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "command": record["command"],
                    "outputs": record["output_patterns"],
                    "source": record["source"].get("commit") or record["source"]["digest"],
                    "seed": record.get("seed"),
                },
                "internalParameters": {
                    "conditions": record["conditions"],
                    "plan": record["environment"]["plan"],
                    "machine": record["machine"],
                },
                "resolvedDependencies": _dependencies(record),
            },
            "runDetails": {
                "builder": {"id": BUILD_TYPE, "version": {"wardian": records.version()}},
                "metadata": {
                    "invocationId": record["id"],
                    "startedOn": record["started"],
                    "finishedOn": record["ended"],
                },
            },
        },
    }


def _dependencies(record: "dict[str, Any]") -> "list[dict[str, Any]]":
    source, environment = record["source"], record["environment"]
    found: list[dict[str, Any]] = []
    if source.get("commit"):
        where = source.get("repository") or "local"
        found.append(
            {"name": "source", "uri": f"git+{where}", "digest": {"gitCommit": source["commit"]}}
        )
    found.append({"name": "source tree", "digest": {"sha256": source["digest"]}})
    if environment.get("digest"):
        algorithm, _colon, value = environment["digest"].partition(":")
        found.append({"name": environment.get("name") or "root", "digest": {algorithm: value}})
    if environment.get("lock"):
        found.append({"name": "wardian.lock", "digest": {"sha256": environment["lock"]}})
    found += [
        {"name": f"input {name}", "digest": {"sha256": one["digest"]}}
        for name, one in sorted(record["inputs"].items())
    ]
    return found

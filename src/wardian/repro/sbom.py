"""What a run had to work with, as a software bill of materials in CycloneDX's JSON.

The serial number follows from the content, so that the same environment has the same one.

Source: CycloneDX 1.6 (ECMA-424), bom-1.6.schema.json; package-url, "PURL-TYPES".
"""

import hashlib
import json
import uuid
from typing import Any

from wardian.repro import record as records
from wardian.repro.packages import Package

SPACE = uuid.UUID("6f0cbe5c-7b0d-5c22-9b8e-2d5a2f6c7f10")  # of serial numbers; any constant


def document(record: "dict[str, Any]") -> "dict[str, Any]":
    """Return the bill of materials of a recorded run."""
    environment = record["environment"]
    components = [_package(Package(*row)) for row in environment["packages"]]
    components += [
        _file(f"input:{name}", name, one["digest"])
        for name, one in sorted(record["inputs"].items())
    ]
    source = record["source"]
    components.append(_file("source", source.get("commit") or "source", source["digest"]))
    serial = hashlib.sha256(json.dumps(components, sort_keys=True).encode()).hexdigest()
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(SPACE, serial)}",
        "version": 1,
        "metadata": {
            "timestamp": record["ended"],
            "tools": {
                "components": [
                    {"type": "application", "name": "wardian", "version": records.version()}
                ]
            },
            "component": {
                "type": "container",
                "bom-ref": "environment",
                "name": environment.get("name") or environment["kind"],
                "version": environment.get("digest") or environment.get("os") or "",
            },
        },
        "components": components,
        "dependencies": [
            {"ref": "environment", "dependsOn": sorted({one["bom-ref"] for one in components})}
        ],
    }


def _package(package: Package) -> "dict[str, Any]":
    return {
        "type": "library",
        "bom-ref": package.url,
        "name": package.name,
        "version": package.version,
        "purl": package.url,
    }


def _file(ref: str, name: str, digest: str) -> "dict[str, Any]":
    return {
        "type": "file",
        "bom-ref": ref,
        "name": name,
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }

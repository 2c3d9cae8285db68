"""What a build is asked to do."""

from dataclasses import dataclass, field

from wardian.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

NETWORKS = ("none", "default", "host")
COMPRESSIONS = ("none", "gzip", "zstd")


@dataclass(frozen=True)
class Options:
    """The options of one build; each is a keyword of `wardian.build.build`.

    Attributes:
        tags: names of the image.
        target: the stage to build; "" for the last one.
        platform: "linux/arm64"; "" for this machine's.
        build_args: values of ARGs; None takes one from our own environment.
        build_contexts: further directories for FROM, COPY --from and mounts, by name.
        labels: added to the config.
        secrets: by id, a file's path, or the bytes themselves.
        ssh: by id, an agent's socket; "" for the one of SSH_AUTH_SOCK.
        network: of RUN steps that don't say: "none"; "default", where every download is recorded;
            or "host", where none is, and the build says so.
        no_cache: run every step.
        pull: of base images: "missing", "always" or "never".
        source_date_epoch: seconds since 1970; None for SOURCE_DATE_EPOCH, the git commit's, or
            1980-01-02, whichever is there first.
        compression: of the layers: none, gzip or zstd. The image's id does not depend on it.
        lock: the lock file; "" for wardian.lock beside the recipe; None for none.
        update_lock: take what there is now, and write the lock anew.
        open_lock: what the lock has binds, and what it has not is taken too, and not written down.
        root_dir: instead of WARDIAN_ROOT.
    """

    tags: "Sequence[str]" = ()
    target: str = ""
    platform: str = ""
    build_args: "Mapping[str, str | None]" = field(default_factory=dict)
    build_contexts: "Mapping[str, str]" = field(default_factory=dict)
    labels: "Mapping[str, str]" = field(default_factory=dict)
    secrets: "Mapping[str, str | bytes]" = field(default_factory=dict)
    ssh: "Mapping[str, str]" = field(default_factory=dict)
    network: str = "none"
    no_cache: bool = False
    pull: str = "missing"
    source_date_epoch: "int | None" = None
    compression: str = "none"
    lock: "str | None" = ""
    update_lock: bool = False
    open_lock: bool = False
    root_dir: str = ""

    @classmethod
    def of(cls, words: "Mapping[str, Any]") -> "Options":
        """Return the options of keywords, checked.

        Raises:
            UsageError: one is unknown, or has a wrong value.
        """
        unknown = sorted(set(words) - set(cls.__dataclass_fields__))
        if unknown:
            raise UsageError(f'unknown option "{unknown[0]}"', hint="see `wardian build --help`")
        made = cls(**words)
        allowed = (
            ("network", made.network, NETWORKS),
            ("compression", made.compression, COMPRESSIONS),
            ("pull", made.pull, ("missing", "always", "never")),
        )
        for name, given, known in allowed:
            if given not in known:
                raise UsageError(f'{name} "{given}": not {", ".join(known)}')
        return made

"""COPY, ADD and WORKDIR: layers that we write ourselves.

Source: Dockerfile reference, "COPY", "ADD", "WORKDIR".
"""

import os
import posixpath
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from wardian import errors
from wardian.build import bases, cache, downloads, pieces, repositories
from wardian.build.cache import Outcome
from wardian.build.context import Context
from wardian.build.git import without_login
from wardian.build.helper import Node
from wardian.build.instructions import Word
from wardian.build.patterns import Ignore
from wardian.build.pieces import Thing
from wardian.build.placing import Target
from wardian.build.words import Expander
from wardian.engine import accounts
from wardian.exchange import normal_layers
from wardian.images.normal import Rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.build.instructions import Instruction
    from wardian.build.job import Job
    from wardian.build.state import State
    from wardian.engine.lent import Scratch

_ACCOUNTS = (b"", b"etc", b"etc/passwd", b"etc/group")
_URLS = ("http://", "https://")
_FETCHED_MODE = 0o600


@dataclass(frozen=True)
class _Asked:
    """What an instruction asks for, with its variables put in."""

    sources: "list[str]"
    target: str
    owner: "tuple[int, int] | None"
    mode: str
    exclude: "list[str]"
    parents: bool
    unpack: bool
    checksum: str
    origin: str


def run(job: "Job", state: "State", instruction: "Instruction") -> "tuple[Outcome, bool]":
    """Carry out a COPY or ADD; returns what it made, and whether it was found.

    Raises:
        SpecError: a flag is wrong.
        NotFoundError: a source is not there.
        UsageError: it can't be copied there.
    """
    asked = _asked(state, instruction)
    try:
        return _run(job, state, instruction, asked)
    except (errors.NotFoundError, errors.UsageError, errors.RemoteError) as error:
        line = instruction.statement.line
        message = f"{job.recipe.source}:{line}: {instruction.keyword}: {error}"
        raise type(error)(message, hint=error.hint) from None


def _run(
    job: "Job", state: "State", instruction: "Instruction", asked: _Asked
) -> "tuple[Outcome, bool]":
    inputs = _Inputs(job, state, instruction, asked)
    wanted = cache.key(
        step=instruction.keyword,
        tree=state.tree.diff_ids,
        sources=inputs.digests,
        asked=[asked.target, asked.owner, asked.mode, asked.exclude, asked.parents, asked.unpack],
        workdir=state.workdir,
        epoch=job.epoch_s,
    )
    found = None if job.options.no_cache else job.cache.find(wanted)
    if found is not None:
        return found, True
    with job.scratch() as scratch:
        ignore = Ignore(asked.exclude, "--exclude")
        things = [
            thing.without(ignore).owned(asked.owner, asked.mode) for thing in inputs.things(scratch)
        ]
        owner = asked.owner or (0, 0)
        target = Target(job.helper, state.tree.diff_ids, owner=owner, epoch_s=job.epoch_s)
        target.put(things, asked.target, state.workdir, into=asked.parents)
        outcome = _layer(job, state, target)
    job.cache.save(wanted, outcome)
    return outcome, False


def workdir(job: "Job", state: "State", path: str) -> "tuple[Outcome, bool]":
    """Make a working directory where it lacks; it belongs to the image's user, as docker has it."""
    owner = _account(state, state.run.get("User") or "")
    wanted = cache.key(
        step="WORKDIR", tree=state.tree.diff_ids, path=path, owner=owner, epoch=job.epoch_s
    )
    found = None if job.options.no_cache else job.cache.find(wanted)
    if found is not None:
        return found, True
    target = Target(job.helper, state.tree.diff_ids, owner=owner, epoch_s=job.epoch_s)
    outcome = _layer(job, state, target) if target.directory(path) else Outcome(None)
    job.cache.save(wanted, outcome)
    return outcome, False


def _layer(job: "Job", state: "State", target: Target) -> Outcome:
    items = target.items
    if not items:
        return Outcome(None)
    rules = Rules(job.epoch_s)
    changed = any(item.entry.path in _ACCOUNTS[2:] for item in items)
    added = job.layers.make(lambda sink: normal_layers.pack_items(items, sink, rules))
    more = (*state.tree.diff_ids, added.diff_id)
    # Without layers below there is no top directory either.
    facts = job.helper.facts(more) if changed or not state.tree.diff_ids else None
    return Outcome(added, facts)


# ---- what is asked for --------------------------------------------------------------------


def _asked(state: "State", instruction: "Instruction") -> _Asked:
    words = [state.word(instruction, word) for word in instruction.words]
    chown = state.flag(instruction, "chown")
    owner = None
    if chown:
        try:
            owner = _account(state, chown)
        except errors.UsageError as error:
            word = instruction.flags["chown"][-1]
            raise instruction.fault(f"--chown: {error}", word, hint=error.hint) from None
    return _Asked(
        words[:-1],
        words[-1],
        owner,
        _mode(state, instruction),
        [state.word(instruction, word) for word in instruction.flags.get("exclude", [])],
        instruction.switch("parents"),
        instruction.keyword == "ADD" and _unpacks(instruction),
        state.flag(instruction, "checksum"),
        state.flag(instruction, "from"),
    )


def _unpacks(instruction: "Instruction") -> bool:
    return "unpack" not in instruction.flags or instruction.switch("unpack")


def _mode(state: "State", instruction: "Instruction") -> str:
    text = state.flag(instruction, "chmod")
    if text and not pieces.is_mode(text):
        word = instruction.flags["chmod"][-1]
        message = f'--chmod "{text}" is neither octal nor symbolic'
        raise instruction.fault(message, word, hint="--chmod=755, or --chmod=u+x,go=rX")
    return text


def _account(state: "State", text: str) -> "tuple[int, int]":
    """Return the ids of USER[:GROUP]; a number without a group has that group too."""
    found = accounts.resolve(text, state.tree.read)
    user, colon, _group = text.partition(":")
    if not colon and user.isascii() and user.isdecimal():
        known = any(
            row.split(":")[2:3] == [user]
            for row in (state.tree.accounts.get(accounts.PASSWD) or "").splitlines()
        )
        return found.uid, found.gid if known else found.uid
    return found.uid, found.gid


# ---- where it comes from ------------------------------------------------------------------


class _Inputs:
    """The sources of an instruction.

    Attributes:
        digests: what tells them from others.
    """

    def __init__(
        self, job: "Job", state: "State", instruction: "Instruction", asked: _Asked
    ) -> None:
        self._job = job
        self._asked = asked
        self.digests: list[object] = []
        self._makers: list[Callable[[Scratch], list[Thing]]] = []
        documents = self._documents(state, instruction)
        sources = asked.sources
        if documents is not None:
            sources = []
            for name, data in documents:
                self.digests.append(["document", name, sha256(data).hexdigest()])
                self._makers.append(_maker_of_bytes(name, data, job.epoch_s))
        if asked.checksum and not any(map(_is_remote, sources)):
            raise instruction.fault("--checksum is for URLs", instruction.flags["checksum"][-1])
        if asked.origin:
            self._from_tree(state, sources)
        else:
            for source in sources:
                self._from_here(source, instruction)

    def things(self, scratch: "Scratch") -> "list[Thing]":
        """Read all that is copied."""
        return [thing for make in self._makers for thing in make(scratch)]

    def _documents(
        self, state: "State", instruction: "Instruction"
    ) -> "list[tuple[str, bytes]] | None":
        if not instruction.heredocs:
            return None
        found = []
        for document in instruction.heredocs:
            text = document.text
            if document.is_expanded:
                text = Expander(state.variables, state.escape).body(text)
            found.append((document.name, text.encode()))
        rest = [word for word in instruction.words[:-1] if not word.text.startswith("<<")]
        if rest:
            raise instruction.fault("heredocs and files can't be copied together", rest[0])
        return found

    def _from_here(self, source: str, instruction: "Instruction") -> None:
        if _is_remote(source) and instruction.keyword != "ADD":
            word = Word(source, instruction.rest.offset)
            raise instruction.fault("COPY takes no URL", word, hint="ADD does")
        repository = repositories.address(source)
        if repository is not None:
            self._from_repository(repository, keeps_git=instruction.switch("keep-git-dir"))
        elif source.startswith(_URLS):
            self._from_url(source)
        else:
            self._from_context(self._job.context, source)

    def _from_repository(self, wanted: "repositories.Address", *, keeps_git: bool) -> None:
        job = self._job
        commit = repositories.commit_of(job, wanted, self._asked.checksum)
        origin = without_login(wanted.url) if keeps_git else ""
        self.digests.append(["repository", commit, wanted.directory, origin])

        def make(scratch: "Scratch") -> "list[Thing]":
            place = f"{scratch.path}/repository-{len(os.listdir(scratch.path))}"
            os.mkdir(place)
            repositories.check_out(job, wanted, commit, place, keeps_git=keeps_git)
            files = Context(place, name=f'"{wanted.shown}"', is_whole=True)
            found = files.find(wanted.directory)[0]
            if found.kind != "directory":
                raise errors.UsageError(f'"{wanted.directory}" of {files.name} is no directory')
            return [pieces.of_context(files, found, job.epoch_s)]

        self._makers.append(make)

    def _from_context(self, context: "Context", source: str) -> None:
        name, _pivot, _rest = source.partition("/./")
        start = name.strip("/") if _pivot and self._asked.parents else ""
        for found in context.find(source):
            rows = [found]
            if found.kind == "directory":
                rows += context.walk(found.path)
            self.digests.append(["context", found.name, start, context.digest(rows)])

            def make(
                scratch: "Scratch", found: "object" = found, start: str = start
            ) -> "list[Thing]":
                thing = pieces.of_context(context, found, self._job.epoch_s)  # type: ignore[arg-type]
                real = thing.pieces[0].data
                if self._asked.unpack and isinstance(real, str) and pieces.is_archive(real):
                    return [self._unpacked(real, scratch)]
                return [self._with_parents(thing, thing.path.removeprefix(start).strip("/"))]

            self._makers.append(make)

    def _unpacked(self, archive: str, scratch: "Scratch") -> Thing:
        """Return an archive's content as a directory's."""
        place = f"{scratch.path}/unpacked-{len(os.listdir(scratch.path))}"
        os.mkdir(place)
        os.chmod(place, 0o755)  # noqa: S103 - whatever the umask
        self._job.helper.unpack(archive, place)
        ((_path, nodes),) = self._job.helper.read(place, [""], f"{place}.data")
        return pieces.of_nodes("", nodes, f"{place}.data")

    def _with_parents(self, thing: Thing, path: str) -> Thing:
        """Return a thing that has its path with it, where --parents asks for that."""
        if not self._asked.parents or not path:
            return thing
        epoch_ns = self._job.epoch_s * 1_000_000_000
        names = path.split("/")
        rows = [
            pieces.Piece(Node("/".join(names[:count]), pieces.DIRECTORY, 0o755, 0, 0, epoch_ns))
            for count in range(len(names))
        ]
        for one in thing.pieces:
            inner = f"{path}/{one.node.path}" if one.node.path else path
            rows.append(replace(one, node=replace(one.node, path=inner)))
        return Thing("", rows)

    def _from_url(self, url: str) -> None:
        fetched = downloads.fetch(self._job, url, self._asked.checksum)
        name = posixpath.basename(url.partition("?")[0].partition("#")[0])
        self.digests.append(["url", name, fetched.sha256])

        def make(_scratch: "Scratch") -> "list[Thing]":
            if not name and not self._asked.target.endswith("/"):
                return [pieces.of_file("file", fetched.path, self._job.epoch_s, _FETCHED_MODE)]
            return [pieces.of_file(name, fetched.path, self._job.epoch_s, _FETCHED_MODE)]

        self._makers.append(make)

    def _from_tree(self, state: "State", sources: "list[str]") -> None:
        context = self._job.named_context(self._asked.origin)
        if context is not None:
            for source in sources:
                self._from_context(context, source)
            return
        diff_ids = layers_of(self._job, state, self._asked.origin)
        self.digests.append(["layers", list(diff_ids), sources])

        def make(scratch: "Scratch") -> "list[Thing]":
            data = f"{scratch.path}/data"
            rows = self._job.helper.read(diff_ids, sources, data)
            return [
                self._with_parents(pieces.of_nodes(posixpath.basename(path), nodes, data), path)
                for path, nodes in rows
            ]

        self._makers.append(make)


def _is_remote(source: str) -> bool:
    return source.startswith(_URLS) or repositories.address(source) is not None


def _maker_of_bytes(name: str, data: bytes, epoch_s: int) -> "Callable[[Scratch], list[Thing]]":
    return lambda _scratch: [pieces.of_bytes(name, data, epoch_s)]


def layers_of(job: "Job", state: "State", origin: str) -> "tuple[str, ...]":
    """Return the layers of the stage or image that --from means."""
    stage = job.recipe.stage(origin, job.current)
    if stage is not None:
        return job.states[stage.number].tree.diff_ids
    return tuple(bases.image(job, origin, state.platform).record.diff_ids)

"""RUN: a box on the layers so far, and what it wrote as the next layer.

Facts about what stays
----------------------
What is mounted needs a place in the tree; one that is made there would stay in the layer. So the
places are in a directory under the lowest layer, where a mount finds them and nobody else. A mount
does not copy what it covers into the writable layer.

Source: Dockerfile reference, "RUN".
"""

import os
import re
from typing import TYPE_CHECKING

from wardian import errors
from wardian.build import cache, config_steps, events, network
from wardian.build.cache import Outcome
from wardian.build.events import Event
from wardian.build.run_mounts import Mounts
from wardian.engine import lent, mount_words
from wardian.engine.container import DEVNULL, PIPE, Container
from wardian.exchange import normal_layers
from wardian.images.normal import Rules

if TYPE_CHECKING:
    from typing import Any

    from wardian.build.events import Step
    from wardian.build.instructions import Instruction
    from wardian.build.job import Job
    from wardian.build.run_mounts import Given
    from wardian.build.state import State
    from wardian.engine.lent import Scratch
    from wardian.engine.result import Result

# Where a box's own mounts come to lie (engine.bundle).
_DIRECTORIES = ("/proc", "/sys", "/dev")
_PLACES = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
_SCRIPT = "/.wardian-script"
# Taken from the caller, and in no key: how to reach the network, not what is there.
PROXIES = tuple(
    spelled
    for name in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
    for spelled in (name, name.upper())
)
_LOCALE = ("LANG", "LC_")
# What programs say that would like to have a network.
_OFFLINE = re.compile(
    rb"(?i)resolv|network|unreachable|bad address|connection|connect to|unknown host"
)
_TAIL_BYTES = 4096


def run(
    job: "Job", state: "State", instruction: "Instruction", step: "Step"
) -> "tuple[Outcome, bool]":
    """Carry out a RUN; returns what it made, and whether it was found.

    Raises:
        LaunchError: the program failed.
    """
    return _Run(job, state, instruction, step).run()


class _Run:
    """One RUN."""

    def __init__(
        self, job: "Job", state: "State", instruction: "Instruction", step: "Step"
    ) -> None:
        self._job = job
        self._state = state
        self._instruction = instruction
        self._step = step
        self._tail = b""
        self._mounts = Mounts(job, state, instruction)
        self._network = self._which_network()
        self._argv = self._program()

    def run(self) -> "tuple[Outcome, bool]":
        job = self._job
        wanted = cache.key(
            step="RUN",
            tree=self._state.tree.diff_ids,
            platform=str(self._state.platform),
            argv=self._argv,
            env=self._env(),
            user=self._state.run.get("User") or "",
            workdir=self._state.workdir,
            mounts=self._mounts.key,
            network=self._network,
            world=job.world.key,
            epoch=job.epoch_s,
        )
        is_recorded = self._network == "default"
        renews = is_recorded and job.options.update_lock
        is_fresh = is_recorded and bool(job.lock.path) and not job.lock.is_strict
        found = None if job.options.no_cache or renews else job.cache.find(wanted)
        if found is not None and is_fresh and (found.notes or {}).get("used_caches"):
            found = None  # its notes may lack what a cache had
        if found is not None and network.agrees(job, found.notes):
            network.note(job, found.notes)
            return found, True
        with job.scratch() as scratch:
            given = self._mounts.give(scratch.path, is_fresh=is_fresh)
            recorded = network.Recorded(job, given) if is_recorded else None
            try:
                outcome = self._in_a_box(scratch, given, recorded)
            finally:
                given.close()
                if recorded is not None:
                    recorded.close()
        if outcome.notes is not None and self._mounts.has_caches and not is_fresh:
            outcome.notes["used_caches"] = True
        network.note(job, outcome.notes)
        job.cache.save(wanted, outcome)
        return outcome, False

    # ---- what is run -------------------------------------------------------------------------

    def _which_network(self) -> str:
        flag = self._state.flag(self._instruction, "network")
        if flag not in ("", "none", "default", "host"):
            word = self._instruction.flags["network"][-1]
            raise self._instruction.fault(f'--network "{flag}"', word, hint="none, default or host")
        security = self._state.flag(self._instruction, "security")
        if security not in ("", "sandbox"):
            raise errors.UnsupportedError(f"RUN --security={security} is not there")
        found = flag or self._job.options.network
        if found == "host":
            line = self._instruction.statement.line
            self._job.warnings.append(
                f"line {line}: the step had the host's network; what it took is not in the lock"
            )
        return found

    def _program(self) -> "list[str]":
        instruction = self._instruction
        if instruction.is_exec or not instruction.heredocs:
            return config_steps.command(self._state, instruction)
        text = instruction.rest.text
        documents = instruction.heredocs
        if len(documents) == 1 and len(text.split()) == 1:  # the heredoc is the script
            script = documents[0].text
            return [_SCRIPT, script] if script.startswith("#!") else [*self._state.shell, script]
        for document in documents:
            text += f"\n{document.raw}{document.name}"
        return [*self._state.shell, text]

    def _env(self) -> "dict[str, str]":
        """Return the variables: the world's, ARG's, ENV's, each over the one before."""
        state, world = self._state, self._job.world
        own = {**state.arguments, **state.env}
        found = dict(world.env)
        if any(name.startswith(_LOCALE) for name in own):
            found = {name: text for name, text in found.items() if not name.startswith(_LOCALE)}
        found.setdefault("SOURCE_DATE_EPOCH", str(self._job.epoch_s))
        if world.home:
            found["HOME"] = world.home
        return {**found, **own}

    # ---- the box -----------------------------------------------------------------------------

    def _in_a_box(
        self, scratch: "Scratch", given: "Given", recorded: "network.Recorded | None"
    ) -> Outcome:
        job, tree = self._job, self._state.tree
        record = tree.record(str(self._state.platform), job.root_dir, emulated=self._state.emulated)
        argv = list(self._argv)
        if argv[0] == _SCRIPT:
            given.files.append((_SCRIPT, 0o755, argv[1].encode()))
            given.places.append(_SCRIPT)
            argv = [_SCRIPT]
        self._give_places(given)
        loan = lent.Loan(
            record,
            below=_below(scratch, given),
            files=given.files,
            owners=given.owners,
            umask=job.world.umask,
            attend=recorded.attend if recorded else None,
        )
        with job.box_directory(tree.top) as directory, lent.lend(loan) as word:
            result = self._attended(
                Container(
                    [*job.world.prefix, *argv],
                    image=word,
                    keep=directory.name,
                    **self._options(given),
                )
            )
            if recorded is not None:
                recorded.check(f"{job.recipe.source}:{self._instruction.statement.line}")
            if result.exit_code:
                raise self._failure(result)
            return self._packed(directory, recorded.notes if recorded else None)

    def _give_places(self, given: "Given") -> None:
        """Have a place for what the world mounts."""
        words = self._job.world.options
        volumes, mounts = (_list(words.get(name, ())) for name in ("volume", "mount"))
        for one in mount_words.mounts(volumes, mounts, ()):
            is_file = one.type == "bind" and not os.path.isdir(one.source)
            (given.places if is_file else given.directories).append(one.target)

    def _options(self, given: "Given") -> "dict[str, Any]":
        job, state = self._job, self._state
        env = {**job.world.late, **self._env(), **given.env}
        more = dict(job.world.options)
        for key, own in (("mount", given.mounts), ("tmpfs", given.tmpfs)):
            both = [*own, *_list(more.pop(key, ()))]
            if both:
                more[key] = both
        return {
            "hostname": job.world.hostname,
            "env": [f"{name}={text}" for name, text in env.items()],
            "user": state.run.get("User") or None,
            "workdir": state.workdir,
            "network": "host" if self._network == "host" else "none",
            "platform": str(state.platform),
            "security_opt": ["no-new-privileges=false"],
            **more,
        }

    def _attended(self, box: Container) -> "Result":
        with box:
            box.start(stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
            for _name, data in box.stream():
                self._tail = (self._tail + data)[-_TAIL_BYTES:]
                self._job.tell(Event(events.OUTPUT, self._step, data))
            return box.wait()

    def _failure(self, result: "Result") -> errors.LaunchError:
        source, line = self._job.recipe.source, self._instruction.statement.line
        code = result.exit_code
        how = f"signal {code - 128}" if code > 128 else f"exit code {code}"
        text = self._instruction.text
        shown = text if len(text) < 80 else f"{text[:77]}..."
        hint = ""
        if self._network == "none" and _OFFLINE.search(self._tail):
            hint = (
                "RUN steps have no network; RUN --network=default, or --network default, gives it"
            )
        return errors.LaunchError(
            f'{source}:{line}: "{shown}" ended with {how}', exit_code=code, hint=hint
        )

    def _packed(self, directory: "Scratch", notes: "dict[str, Any] | None") -> Outcome:
        job, tree = self._job, self._state.tree
        rules = Rules(job.epoch_s)
        added = job.layers.make(lambda sink: normal_layers.pack_upper(directory.upper, sink, rules))
        return Outcome(added, job.helper.facts((*tree.diff_ids, added.diff_id)), notes)


def _list(word: "Any") -> "list[str]":
    return [word] if isinstance(word, str) else list(word)


def _below(scratch: "Scratch", given: "Given") -> str:
    """Make the directory under the lowest layer, where mounts find their places."""
    top = f"{scratch.path}/below"
    for path in (*_DIRECTORIES, *given.directories):
        os.makedirs(top + path, 0o755, exist_ok=True)
    for path in (*_PLACES, *given.places):
        os.makedirs(os.path.dirname(top + path), 0o755, exist_ok=True)
        os.close(os.open(top + path, os.O_CREAT | os.O_RDONLY | os.O_CLOEXEC, 0o644))
    for folder, _folders, names in os.walk(top):  # whatever our own umask has made of them
        os.chmod(folder, 0o755)  # noqa: S103 - in a directory of ours alone
        for name in names:
            os.chmod(f"{folder}/{name}", 0o644)
    return top

"""Where a stage is: its files, its config, its variables."""

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wardian.build.tree import Tree
from wardian.build.words import Expander, WordError

if TYPE_CHECKING:
    from typing import Any

    from wardian.build.instructions import Instruction, Word
    from wardian.registry.platforms import Platform

DEFAULT_SHELL = ("/bin/sh", "-c")


@dataclass
class State:
    """A stage after some of its instructions.

    Attributes:
        platform: that the image is for.
        escape: the recipe's escape character.
        tree: its files.
        run: the config's `config`.
        history: the config's `history`.
        author: of MAINTAINER.
        arguments: the ARGs so far.
        cmd_is_own: CMD was set in this stage, and not by its base.
        emulated: its programs are another processor's.
    """

    platform: "Platform"
    escape: str = "\\"
    tree: Tree = field(default_factory=Tree)
    run: "dict[str, Any]" = field(default_factory=dict)
    history: "list[dict[str, Any]]" = field(default_factory=list)
    author: str = ""
    arguments: "dict[str, str]" = field(default_factory=dict)
    cmd_is_own: bool = False
    emulated: bool = False

    def child(self) -> "State":
        """Return where a stage begins that is FROM this one."""
        found = copy.deepcopy(self)
        found.arguments = {}
        found.cmd_is_own = False
        return found

    @property
    def env(self) -> "dict[str, str]":
        """The image's variables."""
        rows = (entry.partition("=") for entry in self.run.get("Env") or [])
        return {name: text for name, _equals, text in rows}

    @property
    def variables(self) -> "dict[str, str]":
        """What words are expanded with: ENV counts more than ARG."""
        return {**self.arguments, **self.env}

    @property
    def shell(self) -> "list[str]":
        """What runs commands in shell form."""
        return list(self.run.get("Shell") or DEFAULT_SHELL)

    @property
    def workdir(self) -> str:
        """Where relative paths begin."""
        return self.run.get("WorkingDir") or "/"

    def set_env(self, name: str, text: str) -> None:
        """Set one of the image's variables, where it stands or at the end."""
        rows = list(self.run.get("Env") or [])
        entry = f"{name}={text}"
        for at, row in enumerate(rows):
            if row.partition("=")[0] == name:
                rows[at] = entry
                break
        else:
            rows.append(entry)
        self.run["Env"] = rows

    def word(self, instruction: "Instruction", word: "Word") -> str:
        """Return a word with its variables put in.

        Raises:
            SpecError: it can't be.
        """
        return expand(instruction, word, self.variables, self.escape)

    def flag(self, instruction: "Instruction", name: str) -> str:
        """Return a flag's value, expanded; "" where it is not there."""
        words = instruction.flags.get(name)
        return self.word(instruction, words[-1]) if words else ""


def expand(
    instruction: "Instruction", word: "Word", variables: "dict[str, str]", escape: str
) -> str:
    """Return a word of an instruction with variables put in.

    Raises:
        SpecError: it can't be; the message has the place.
    """
    try:
        return Expander(variables, escape).word(word.text)
    except WordError as error:
        offset = 0 if instruction.is_exec else error.offset
        raise instruction.statement.fault(str(error), word.offset + offset) from None

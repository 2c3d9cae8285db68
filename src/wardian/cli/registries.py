"""`wardian login`, `logout` and `manifest`: what concerns a registry rather than one image."""

import os
import sys

from wardian.cli import images, registry_options, render, transfers
from wardian.cli.arguments import Command, flag, value
from wardian.errors import NotFoundError, UsageError
from wardian.exchange import indexes
from wardian.registry import credentials, reference, session
from wardian.registry.credentials import Login
from wardian.registry.repository import Repository

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.cli.arguments import Parsed

LOGIN = Command(
    "login [OPTIONS] [REGISTRY]",
    "Try a user's name and password at a registry, and keep them in docker's config.json or with"
    " the credential helper that it names. Without REGISTRY, docker's hub.",
    (
        (
            "Options",
            (
                value("username", "NAME", "the user", short="u"),
                value("password", "PASSWORD", "seen by all in ps: better is", short="p"),
                flag("password-stdin", "read the password from standard input"),
            ),
        ),
        registry_options.GROUP,
    ),
)
LOGOUT = Command(
    "logout [OPTIONS] [REGISTRY]",
    "Forget the login of a registry.",
    (("Options", (registry_options.ROWS[3],)),),
)
MANIFEST = Command(
    "manifest create|add|inspect|push ...",
    "Make and show indexes: one name with an image for each platform."
    "\n\nmanifest create [--amend] NAME IMAGE...   make an index from images, fetched if need be"
    "\n\nmanifest add [--platform P] NAME IMAGE    add one; one of its platform is replaced"
    "\n\nmanifest inspect NAME                     print a manifest, of here or of its registry"
    "\n\nmanifest push NAME [DESTINATION]          send it with all its images",
)
CREATE = Command(
    "manifest create [--amend] NAME IMAGE...",
    "Make an index from images. What is not here is fetched first, an index with all that it has.",
    (
        ("Options", (flag("amend", "replace an image of this name", short="a"), images.QUIET)),
        registry_options.GROUP,
    ),
    foreign="insecure",
)
ADD = Command(
    "manifest add [OPTIONS] NAME IMAGE...",
    "Add images to an index.",
    (("Options", (value("platform", "OS/ARCH[/VARIANT]", "instead of what the image says"),)),),
)
SHOW = Command(
    "manifest inspect [OPTIONS] NAME",
    "Print an index or manifest: the one that is here, else the registry's.",
    (("Options", (flag("remote", "the registry's"),)), registry_options.GROUP),
    foreign="insecure verbose v",
)


def login(argv: "list[str]") -> int:
    """Try a login and keep it."""
    parsed = images.parsed_or_help(LOGIN, argv)
    if parsed is None:
        return 0
    domain = _domain(images.words(LOGIN, parsed, 0, 1))
    username = str(parsed.values.get("username") or "")
    found = Login(username or _ask("Username: "), _password(parsed))
    if not found.username or not found.password:
        raise UsageError("a user's name and a password are needed")
    how = registry_options.settings(parsed, domain)
    talk = session.Session(domain, how, login=found)
    try:
        response = talk.send("GET", "/v2/")
        if response.status != 200:
            raise session.refusal(response, f'registry "{domain}"')
        response.close()
    finally:
        talk.close()
    credentials.store(domain, found, authfile=how.authfile)
    render.out("Login Succeeded\n")
    return 0


def _domain(names: "list[str]") -> str:
    """Return the registry that was named, as references name it."""
    if not names:
        return reference.HUB
    bare = names[0].removeprefix("https://").removeprefix("http://").partition("/")[0]
    if names[0].rstrip("/") == reference.HUB_LOGIN.rstrip("/"):
        return reference.HUB
    return reference.parse(f"{bare}/x").domain if "." in bare or ":" in bare else _local(bare)


def _local(bare: str) -> str:
    if bare != "localhost":
        raise UsageError(f'"{bare}" is not a registry', hint="as in host.example or localhost:5000")
    return bare


def _password(parsed: "Parsed") -> str:
    typed = parsed.values.get("password")
    if parsed.values.get("password_stdin"):
        if typed:
            raise UsageError("--password and --password-stdin can't both be given")
        return sys.stdin.read().rstrip("\r\n")
    if typed:
        render.warn("a password in the arguments is seen by all in ps; use --password-stdin")
        return str(typed)
    if not os.isatty(0):
        raise UsageError("no password", hint="give it with --password-stdin")
    import getpass

    return getpass.getpass()


def _ask(prompt: str) -> str:
    if not os.isatty(0):
        raise UsageError("no user's name", hint="give it with --username")
    return input(prompt).strip()


def logout(argv: "list[str]") -> int:
    """Forget a login."""
    parsed = images.parsed_or_help(LOGOUT, argv)
    if parsed is None:
        return 0
    domain = _domain(images.words(LOGOUT, parsed, 0, 1))
    credentials.forget(domain, authfile=str(parsed.values.get("authfile") or ""))
    render.out(f"Removing login credentials for {credentials.server_of(domain)}\n")
    return 0


# ---- manifest ------------------------------------------------------------------------------------


def manifest(argv: "list[str]") -> int:
    """Make, show or send an index."""
    known = {"create": _create, "add": _add, "inspect": _inspect, "push": transfers.push}
    if argv and argv[0] in known:
        return known[argv[0]](argv[1:])
    parsed = images.parsed_or_help(MANIFEST, argv)
    if parsed is None:
        return 0
    what = f'"{argv[0]}" is none' if argv else "none was given"
    raise UsageError(
        f'"wardian manifest" takes create, add, inspect or push; {what}',
        hint="see 'wardian manifest --help'",
    )


def _create(argv: "list[str]") -> int:
    parsed = images.parsed_or_help(CREATE, argv)
    if parsed is None:
        return 0
    name, *more = images.words(CREATE, parsed, 2, 1 << 20)
    quiet = bool(parsed.values.get("quiet"))

    def fetch(image: str) -> None:
        transfers.fetch(image, parsed, quiet=quiet, all_platforms=True)

    replace = bool(parsed.values.get("amend"))
    indexes.create(images.store(), name, more, replace=replace, fetch=fetch)
    render.out(f"Created manifest list {reference.parse(name)}\n")
    return 0


def _add(argv: "list[str]") -> int:
    parsed = images.parsed_or_help(ADD, argv)
    if parsed is None:
        return 0
    name, *more = images.words(ADD, parsed, 2, 1 << 20)
    here = images.store()
    for image in more:
        entry = indexes.add(here, name, image, images.platform_of(parsed))
    render.out(f"{entry.digest}\n")
    return 0


def _inspect(argv: "list[str]") -> int:
    parsed = images.parsed_or_help(SHOW, argv)
    if parsed is None:
        return 0
    import json

    (name,) = images.words(SHOW, parsed, 1, 1)
    wanted = reference.parse(name)
    here = images.store()
    if not parsed.values.get("remote"):
        found = here.named(str(wanted))
        if found:
            whole = next((entry for entry in found if entry.is_index), found[0])
            render.json_out(json.loads(here.document(whole.digest).data))
            return 0
    how = registry_options.settings(parsed, wanted.domain)
    talk = session.Session(wanted.domain, how, path=wanted.path)
    try:
        document = Repository(talk, wanted.path).manifest(wanted.target)
    except NotFoundError as error:
        error.hint = error.hint or "it is neither here nor there"
        raise
    finally:
        talk.close()
    render.json_out(json.loads(document.data))
    return 0

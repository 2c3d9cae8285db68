"""Show on standard error that `wardian run` pulls its image; nothing where it is here."""

from wardian.cli import render

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.cli.progress import Bars, Lines
    from wardian.exchange.transfer import Event

STDERR = 2


class RunProgress:
    """Takes the events of a pull; what shows them is loaded with the first one."""

    def __init__(self, name: str, *, quiet: bool) -> None:
        """Begin.

        Args:
            name: the image's, as it was typed.
            quiet: show nothing.
        """
        self._name = name
        self._is_quiet = quiet
        self._reporter: Bars | Lines | None = None

    def __call__(self, event: "Event") -> None:
        """Take an event."""
        if self._is_quiet:
            return
        if self._reporter is None:
            from wardian.cli import progress

            render.out(render.line(f'pulling image "{self._name}"') + "\n", STDERR)
            self._reporter = progress.reporter(quiet=False, fd=STDERR)
        if self._reporter is not None:
            self._reporter(event)

    def __enter__(self) -> "RunProgress":
        return self

    def __exit__(self, *_error: object) -> None:
        if self._reporter is not None:
            self._reporter.close()

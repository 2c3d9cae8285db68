"""Dockerfile instructions that `import --change` takes."""

import pytest

from wardian.errors import UsageError
from wardian.exchange import changes


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        (["CMD echo hi"], {"Cmd": ["/bin/sh", "-c", "echo hi"]}),
        (['cmd ["echo", "hi"]'], {"Cmd": ["echo", "hi"]}),
        (["CMD a", 'ENTRYPOINT ["b"]'], {"Entrypoint": ["b"]}),
        (["ENV A=1 B='x y'", "ENV A=2"], {"Env": ["B=x y", "A=2"]}),
        (["ENV A some words"], {"Env": ["A=some words"]}),
        (["EXPOSE 80 53/udp"], {"ExposedPorts": {"80/tcp": {}, "53/udp": {}}}),
        (["LABEL a=b c.d='e f'"], {"Labels": {"a": "b", "c.d": "e f"}}),
        (["USER 1000:1000"], {"User": "1000:1000"}),
        (['VOLUME ["/a", "/b"]', "VOLUME /c"], {"Volumes": {"/a": {}, "/b": {}, "/c": {}}}),
        (["WORKDIR /a", "WORKDIR b"], {"WorkingDir": "/a/b"}),
        (["STOPSIGNAL SIGQUIT"], {"StopSignal": "SIGQUIT"}),
    ],
)
def test_an_instruction_changes_the_config(edits: "list[str]", expected: object) -> None:
    assert changes.apply({}, edits) == expected


@pytest.mark.parametrize(
    "edit", ["", "FROM x", "ENV", "ENV =b", "CMD [7]", "CMD [", "USER", "EXPOSE x", "LABEL 'a"]
)
def test_what_is_no_instruction_is_refused(edit: str) -> None:
    with pytest.raises(UsageError, match="change"):
        changes.apply({}, [edit])


def test_the_config_that_was_given_stays_as_it_is() -> None:
    before = {"Env": ["A=1"], "Labels": {"a": "b"}}
    changes.apply(before, ["ENV A=2", "LABEL a=c"])  # type: ignore[arg-type]
    assert before == {"Env": ["A=1"], "Labels": {"a": "b"}}

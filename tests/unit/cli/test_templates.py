"""Go's templates, as far as formats need them; the expectations are docker's output."""

from typing import Any

import pytest

from wardian import errors
from wardian.cli import templates

IMAGE: dict[str, Any] = {
    "Repository": "alpine",
    "Tag": "3.20",
    "RepoTags": ["alpine:3.20", "alpine:latest"],
    "Config": {"Env": ["A=1", "B=2"], "Labels": {"org.x": "y"}, "Tty": False, "Cmd": None},
    "Size": 12,
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.Repository}}:{{.Tag}}", "alpine:3.20"),
        ("{{ .Repository }}", "alpine"),
        ("plain", "plain"),
        ("", ""),
        ("{{.Config.Env}}", "[A=1 B=2]"),
        ("{{json .Config.Env}}", '["A=1","B=2"]'),
        ("{{.Config.Env | json}}", '["A=1","B=2"]'),
        ("{{json .}}"[:-2] + "Config.Cmd}}", "null"),
        ("{{.Config.Labels}}", "map[org.x:y]"),
        ("{{.Config.Missing}}", "<no value>"),
        ("{{.Config.Missing.More}}", "<no value>"),
        ("{{.Config.Tty}}", "false"),
        ('{{index .Config.Labels "org.x"}}', "y"),
        ('{{index .Config.Labels "none"}}', ""),
        ('{{index .Config.Missing "none"}}', ""),
        ("{{index .RepoTags 1}}", "alpine:latest"),
        ("{{len .RepoTags}}", "2"),
        ('{{join .RepoTags ", "}}', "alpine:3.20, alpine:latest"),
        ("{{range .RepoTags}}<{{.}}>{{end}}", "<alpine:3.20><alpine:latest>"),
        ("{{range .Config.Missing}}x{{else}}none{{end}}", "none"),
        ("{{range .Config.Env}}{{println .}}{{end}}", "A=1\nB=2\n"),
        ("{{if .Config.Tty}}yes{{else}}no{{end}}", "no"),
        ("{{if .Config.Tty}}a{{else if eq .Tag `3.20`}}b{{else}}c{{end}}", "b"),
        ("{{if and .Repository (not .Config.Tty)}}x{{end}}", "x"),
        ("{{upper .Repository | lower | title}}", "Alpine"),
        ("{{truncate .Repository 3}}", "alp"),
        ('{{index (split .Tag ".") 0}}', "3"),
        ("a {{- .Size -}} b", "a12b"),
        ("{{/* nothing */}}x", "x"),
    ],
)
def test_what_docker_prints(template: str, text: str) -> None:
    assert templates.fill(template, IMAGE) == text


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{{.Nothing}}", r'no field "\.Nothing"; there are \.Repository'),
        ("{{.Size.More}}", '"12" has no field "More"'),
        ("{{", 'without "}}"'),
        ("{{}}", "nothing stands between"),
        ("{{if .Size}}x", 'without "end"'),
        ("{{end}}", 'without "if"'),
        ("{{else}}", 'without "if"'),
        ("{{printf `%d` .Size}}", '"printf" is not understood'),
        ("{{.Size | }}", "a function is missing"),
        ("{{.Size .Tag}}", "a function is missing"),
        ("{{json (.Size}} )", "don't fit"),
        ("{{.Size )}}", "don't fit"),
        ("{{index .RepoTags 7}}", r"index \[alpine:3.20 alpine:latest\] 7"),
        ("{{index .RepoTags -1}}", "index"),
        ("{{join .Size .Tag}}", "join 12"),
        ('{{"\\q"}}', "not understood"),
        ("{{%}}", "not understood"),
        ("{{if .Size}}" * 100, "too deep"),
    ],
)
def test_what_is_no_template_is_refused_with_the_reason(template: str, fault: str) -> None:
    with pytest.raises(errors.UsageError, match=fault) as raised:
        templates.fill(template, IMAGE)
    assert "{{json .Config}}" in raised.value.hint

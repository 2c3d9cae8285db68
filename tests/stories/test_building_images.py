"""`wardian build`: what a Containerfile says is in the image."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.building import Build, built, config, said, tree
from tests.conftest import Wardian
from wardian.build.world import PATH

pytestmark = [pytest.mark.root, pytest.mark.slow]


# ---- RUN ----------------------------------------------------------------------------------


def test_what_a_step_writes_is_in_the_image_and_nothing_else(
    build: Build, wardian: Wardian, base: str, tmp_path: Path
) -> None:
    built(build("FROM bb\nRUN mkdir /made && echo hello > /made/file && rm /bin/vi"))
    before, after = tree(wardian, tmp_path, base), tree(wardian, tmp_path)
    assert set(after) - set(before) == {"made", "made/file"}
    assert set(before) - set(after) == {"bin/vi"}
    assert after["made/file"] == ("0o100644", 0, 0, b"hello\n")


def test_the_world_of_a_step_is_a_fixed_one(build: Build, context: Path) -> None:
    done = build(
        "FROM bb\nRUN env | sort; umask; hostname; date +%Z; pwd; ls /sys/class/net",
        env={"LANG": "tr_TR.UTF-8", "SOURCE_DATE_EPOCH": "1700000000", "EXTRA": "noise"},
    )
    built(done)
    lines = done.stderr.splitlines()
    for line in (
        "LC_ALL=C.UTF-8",
        "TZ=UTC",
        "SOURCE_DATE_EPOCH=1700000000",
        "PYTHONHASHSEED=0",
        "HOME=/root",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "0022",
        "wardian",
        "UTC",
        "lo",
    ):
        assert line in lines
    assert "EXTRA" not in done.stderr
    assert "tr_TR" not in done.stderr


def test_env_and_arg_count_more_than_the_world(build: Build) -> None:
    done = build(
        "FROM bb\nARG A=default\nARG B\nENV TZ=Asia/Tokyo LANG=C A=env\nRUN echo "
        "$TZ-$LANG-$A-$B; env",
        *("--build-arg", "A=given", "--build-arg", "B=b"),
    )
    built(done)
    assert "Asia/Tokyo-C-env-b" in done.stderr
    assert "LC_ALL" not in done.stderr


def test_shell_exec_and_script_forms(build: Build, wardian: Wardian) -> None:
    built(
        build(
            'FROM bb\nSHELL ["/bin/sh", "-e", "-c"]\n'
            'RUN ["/bin/touch", "/a b"]\n'
            "RUN <<EOF\nx=1\necho $x > /script\nEOF\n"
            "RUN <<EOF\n#!/bin/busybox sh\necho $0 > /run-by\nEOF\n"
            "RUN cat > /two <<A && cat >> /two <<'B'\n1$((1+1))\nA\n$x\nB\n"
        )
    )
    assert said(wardian, "cat", "/script", "/two") == "1\n12\n$x\n"
    assert said(wardian, "ls", "/a b") == "/a b\n"
    assert said(wardian, "ls", "-A", "/").splitlines().count(".wardian-script") == 0


def test_a_step_that_fails_is_named_and_ends_with_its_code(build: Build) -> None:
    done = build("FROM bb\n\nRUN echo before \\\n && exit 7\n")
    assert done.returncode == 7
    assert 'Containerfile:3: "RUN echo before && exit 7" ended with exit code 7' in done.stderr
    assert "before" in done.stderr


def test_a_user_and_a_working_directory(build: Build, wardian: Wardian) -> None:
    built(
        build(
            "FROM bb\nRUN echo app:x:1234:1234::/home/app:/bin/sh >> /etc/passwd\n"
            "USER app\nWORKDIR /srv\nWORKDIR inner\n"
            "RUN id -u > mine; pwd >> mine; echo $HOME >> mine"
        )
    )
    assert said(wardian, "cat", "mine") == "1234\n/srv/inner\n/home/app\n"
    assert said(wardian, "stat", "-c", "%U %a", "/srv/inner", "/srv/inner/mine") == (
        "app 755\napp 644\n"
    )


def test_a_recipe_from_standard_input(wardian: Wardian, base: str, context: Path) -> None:
    (context / "word").write_text("there")
    done = wardian(
        "build", "-f", "-", str(context), input=f"FROM {base}\nCOPY word /\nRUN cat /word"
    )
    built(done)
    assert "there" in done.stderr
    assert (context / "wardian.lock").exists()
    built(wardian("build", "-", input=f"FROM {base}\nRUN true"))
    for words, text, message in (
        (("-",), f"FROM {base}\nCOPY word /", '"word" is not in the context'),
        (("-",), "FORM x", "Containerfile:1:1: unknown instruction"),
        (("-f", "other", "-"), "", "standard input is the recipe"),
    ):
        assert message in wardian("build", *words, input=text).stderr


# ---- mounts of RUN ------------------------------------------------------------------------


def test_a_secret_is_there_for_its_step_alone(
    build: Build, wardian: Wardian, tmp_path: Path
) -> None:
    secret = tmp_path / "key"
    secret.write_text("hidden-word")
    done = build(
        "FROM bb\n"
        "RUN --mount=type=secret,id=key,required cat /run/secrets/key | rev; stat -c "
        "%a /run/secrets/key\n"
        "RUN --mount=type=secret,id=key,target=/etc/key,mode=0444 rev /etc/key; "
        "mount | grep /etc/key\n"
        "RUN --mount=type=secret,id=v,env=WORD echo $WORD | rev\n"
        "USER 1000:1000\n"
        "RUN --mount=type=secret,id=key,uid=1000,gid=50 rev /run/secrets/key; stat -c "
        "%u:%g:%a /run/secrets/key\n",
        *("--secret", f"id=key,src={secret}", "--secret", "id=v,env=HIDDEN"),
        env={"HIDDEN": "also-hidden"},
    )
    built(done)
    assert done.stderr.count("drow-neddih") == 3
    assert "1000:50:400\n" in done.stderr
    assert "neddih-osla" in done.stderr
    assert "drow-neddih400\n" in done.stderr
    assert "tmpfs" in done.stderr
    found = tree(wardian, tmp_path)
    assert not any("secrets" in name or name == "etc/key" for name in found)
    root = tmp_path / "w-root"
    search = ["grep", "-rl", "hidden-word", str(root)]
    kept = subprocess.run(search, capture_output=True, text=True, check=False)
    assert kept.stdout == ""


def test_a_secret_that_must_be_there(build: Build) -> None:
    done = build("FROM bb\nRUN --mount=type=secret,id=key,required true")
    assert done.returncode == 1
    assert 'Containerfile:2:13: the secret "key" was not given' in done.stderr


def test_a_cache_stays_and_is_in_no_layer(build: Build, wardian: Wardian, tmp_path: Path) -> None:
    recipe = (
        "FROM bb\nRUN --mount=type=cache,target=/var/cache/x sh -c 'ls /var/cache/x; "
        "touch /var/cache/x/{}'"
    )
    built(build(recipe.format("one")))
    done = build(recipe.format("two"))
    built(done)
    assert "\none\n" in done.stderr
    assert not any("cache/x" in name for name in tree(wardian, tmp_path))


def test_binds_and_tmpfs_leave_nothing(
    build: Build, wardian: Wardian, base: str, context: Path, tmp_path: Path
) -> None:
    (context / "src").mkdir()
    (context / "src" / "in").write_text("data")
    done = build(
        "FROM bb AS one\nRUN echo stage > /from-one\nFROM bb\n"
        "RUN --mount=target=/src,source=src --mount=type=tmpfs,target=/scratch "
        "--mount=from=one,source=/from-one,target=/one cat /src/in /one && touch "
        "/scratch/x && ! touch /src/y\n"
        "RUN --mount=target=/src,rw touch /src/new && ls /src"
    )
    built(done)
    assert "datastage" in done.stderr
    assert not (context / "new").exists()
    assert set(tree(wardian, tmp_path)) == set(tree(wardian, tmp_path, base))


# ---- the config ---------------------------------------------------------------------------


def test_the_config_says_what_the_recipe_says(build: Build, wardian: Wardian) -> None:
    built(
        build(
            "FROM bb\nARG V=1\nENV A=$V B='x y'\nLABEL k=v\nEXPOSE 80 53/udp "
            "8000-8001\nVOLUME /data\n"
            'USER 7\nWORKDIR /w\nSTOPSIGNAL SIGINT\nENTRYPOINT ["/bin/sh"]\nCMD ["-c", "true"]\n'
            "HEALTHCHECK --interval=1m30s --retries=3 CMD true\nONBUILD RUN echo child\n",
            *("--label", "more=1"),
        )
    )
    found = config(wardian)
    assert found["Env"] == [f"PATH={PATH}", "A=1", "B=x y"]
    assert found["Labels"] == {"k": "v", "more": "1"}
    assert found["ExposedPorts"] == {"53/udp": {}, "80/tcp": {}, "8000/tcp": {}, "8001/tcp": {}}
    assert found["Volumes"] == {"/data": {}}
    assert (found["User"], found["WorkingDir"], found["StopSignal"]) == ("7", "/w", "SIGINT")
    assert (found["Entrypoint"], found["Cmd"]) == (["/bin/sh"], ["-c", "true"])
    assert found["Healthcheck"] == {
        "Test": ["CMD-SHELL", "true"],
        "Interval": 90_000_000_000,
        "Retries": 3,
    }
    assert found["OnBuild"] == ["RUN echo child"]


def test_an_entrypoint_takes_the_bases_command_away(build: Build, wardian: Wardian) -> None:
    built(build('FROM bb\nCMD ["x"]'))
    wardian("tag", "made", "parent")
    built(build('FROM parent\nENTRYPOINT ["y"]'))
    assert config(wardian).get("Cmd") is None
    built(build('FROM parent\nCMD z\nENTRYPOINT ["y"]'))
    assert config(wardian)["Cmd"] == ["/bin/sh", "-c", "z"]


def test_onbuild_is_carried_out_by_the_child(build: Build, wardian: Wardian) -> None:
    built(build("FROM bb\nONBUILD RUN echo by-the-parent > /trigger"))
    wardian("tag", "made", "parent")
    built(build("FROM parent\nRUN cat /trigger"))
    assert said(wardian, "cat", "/trigger") == "by-the-parent\n"
    assert config(wardian).get("OnBuild") is None


def test_names_and_the_id_file(build: Build, wardian: Wardian, tmp_path: Path) -> None:
    file = tmp_path / "id"
    image = built(build("FROM bb", "-t", "second:2", "--iidfile", str(file)))
    assert file.read_text() == image
    listed = wardian("images", "-q", "--no-trunc", "second:2").stdout.split()
    assert listed == [image]


def test_a_target_and_its_platform_arguments(build: Build, wardian: Wardian) -> None:
    done = build(
        "FROM bb AS first\nARG TARGETARCH\nARG TARGETPLATFORM\nRUN echo for "
        "$TARGETPLATFORM-$TARGETARCH\n"
        "FROM first AS second\nRUN exit 1",
        *("--target", "first"),
    )
    built(done)
    assert f"for linux/{_architecture()}-{_architecture()}\n" in done.stderr


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


# ---- faults -------------------------------------------------------------------------------


def test_a_fault_of_the_recipe_names_file_line_and_column(build: Build) -> None:
    done = build("FROM bb\nRUN true\nCOOPY a b\n")
    assert done.returncode == 1
    assert 'wardian: Containerfile:3:1: unknown instruction "COOPY"' in done.stderr
    assert "hint: did you mean COPY?" in done.stderr


def test_a_stage_and_an_image_that_are_not_there(build: Build) -> None:
    done = build("FROM bb AS x", "--target", "y")
    assert (done.returncode, "there are: x" in done.stderr) == (1, True)
    done = build("FROM localhost:1/none", "--pull-never")
    assert done.returncode == 1
    assert 'there is no image "localhost:1/none"' in done.stderr

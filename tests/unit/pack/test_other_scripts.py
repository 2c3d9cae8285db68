"""What scripts of Perl and of shells name."""

import shutil
from pathlib import Path

from tests.machine import missing
from wardian.pack import other_scripts
from wardian.pack.contents import Contents


def shell(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "job").write_text(text)
    for name in ("cat", "sort", "tee", "make", "never"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    sourced, programs = other_scripts.shell(str(tmp_path / "job"), str(tmp_path))
    return [*sourced, *(Path(path).name for path in programs)]


def test_commands_stand_where_commands_do(tmp_path: Path) -> None:
    text = "x=$(cat a | sort); if make; then LC_ALL=C tee b; fi"
    assert shell(tmp_path, text) == ["cat", "sort", "make", "tee"]


def test_words_in_comments_quotes_documents_and_arguments_are_no_commands(tmp_path: Path) -> None:
    text = "# never\necho 'x; never'\ncat <<END\nnever\nEND\necho never\n"
    assert shell(tmp_path, text) == ["cat"]


def test_functions_are_not_looked_for(tmp_path: Path) -> None:
    assert shell(tmp_path, "never() { cat; }\nnever\n") == ["cat"]


def test_files_are_sourced_by_their_path(tmp_path: Path) -> None:
    (tmp_path / "lib.sh").write_text("")
    assert shell(tmp_path, f". {tmp_path}/lib.sh\nsource /no/such\n") == [f"{tmp_path}/lib.sh"]


def test_perl_modules_are_found_with_who_uses_them(tmp_path: Path) -> None:
    perl = shutil.which("perl")
    if perl is None:
        missing("Debian's perl-base")
    (tmp_path / "job").write_text(
        "#!/usr/bin/perl\nuse List::Util qw(sum); use No::Such;\n__END__\nuse Text::Tabs;\n"
    )
    contents = Contents()
    libraries = other_scripts.perl(contents, perl, str(tmp_path / "job"))
    names = {path.rpartition("/")[2] for path in contents.things}
    assert {"Util.pm", "strict.pm", "Exporter.pm"} <= names
    assert "Tabs.pm" not in names
    assert any(path.endswith("/List/Util/Util.so") for path in libraries)
    assert contents.notes == [f'module "No::Such", which {tmp_path}/job uses, is not installed']

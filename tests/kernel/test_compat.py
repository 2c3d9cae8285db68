"""Whether 32-bit programs run is found out by running one."""

import os

from wardian.kernel import compat


def test_the_answer_is_the_kernel_s(tmp_path: "os.PathLike[str]") -> None:
    for architecture in ("386", "arm"):
        path = os.path.join(tmp_path, architecture)
        with open(path, "wb") as file:
            file.write(compat.program(architecture))
        os.chmod(path, 0o755)
        try:
            code = os.waitpid(os.posix_spawn(path, [path], {}), 0)[1]
        except OSError:
            code = -1
        assert compat.runs(architecture) == (code == 0)


def test_an_architecture_without_a_32_bit_sibling_runs_none() -> None:
    assert compat.runs("s390x") is False

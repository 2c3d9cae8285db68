"""What pyproject.toml can't say: compile the launcher, install bin/wardian, tag the wheel."""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tools"))

import build_launcher  # noqa: E402 - found by the line above


class BuildPackage(build_py):
    """The package, and the launcher beside it."""

    def run(self):
        super().run()
        home = ROOT / "src" if self.editable_mode else Path(self.build_lib)
        try:
            build_launcher.build(home.resolve() / "wardian" / "wardian-launcher")
        except build_launcher.BuildError as error:
            sys.exit(f"\nwardian: {error}\n")


class PlatformWheel(bdist_wheel):
    """Any Python 3, but only this machine's architecture: the launcher is an executable."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2] if self.plat_name_supplied else platform()


def platform():
    """Return the wheel tag of this machine."""
    import sysconfig

    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


setup(
    scripts=["bin/wardian", "bin/wardian-oci"],
    cmdclass={"build_py": BuildPackage, "bdist_wheel": PlatformWheel},
)

"""The conditions of one run: everything about its world that a program could let into its output.

`CONTROL` is the canonical environment: C.UTF-8, UTC, byte order, one fixed hash seed, fixed
addresses, a clock that stands still where one is given. A variation (variations.py) changes one
part of it.

Source: reproducible-builds.org, "Definition" and "Commandments"; SOURCE_DATE_EPOCH specification.
"""

from dataclasses import dataclass, replace

from wardian.runtime import cpu_profiles

PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
# What decides how many threads a numeric library starts.
THREADS = (*cpu_profiles.THREADS, "VECLIB_MAXIMUM_THREADS", "RAYON_NUM_THREADS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """One world.

    Attributes:
        env: further variables, as the user gave them or as noise.
        path: PATH's directories.
        locale, locale_directory: LC_ALL and LANG, and where the host has its compiled form.
        time_zone: TZ.
        clock_s: where the wall clock stands, in seconds since 1970; None for the real one.
        uptime_s: seconds by which the machine seems to be up longer.
        umask, uid, gid, host_name, domain_name, home: as they are called.
        build_path: where the source is shown; the command starts there.
        file_order: "sorted", "reversed" or "shuffled": how directories of the source list.
        cpus: how many processors are seen; 0 for all.
        jobs: how many jobs build tools are asked for; 0 to ask for nothing.
        has_fixed_addresses: no address space layout randomization.
        kernel: "own", or "2.6" for the kernel's name of itself.
        hash_seed: of Python and Perl.
        threads: of numeric libraries; 0 to say nothing.
        cpu_env: variables that hide features of the processor from libraries.
        machine_id: /etc/machine-id.
        epoch_s: SOURCE_DATE_EPOCH, or None.
        varied: names of the variations in it.
    """

    env: tuple[tuple[str, str], ...] = ()
    path: tuple[str, ...] = PATH
    locale: str = "C.UTF-8"
    locale_directory: str = ""
    time_zone: str = "UTC"
    clock_s: int | None = None
    uptime_s: int = 0
    umask: int = 0o022
    uid: int = 0
    gid: int = 0
    host_name: str = "wardian"
    domain_name: str = ""
    home: str = "/home/wardian"
    build_path: str = "/build/source"
    file_order: str = "sorted"
    cpus: int = 0
    jobs: int = 0
    has_fixed_addresses: bool = True
    kernel: str = "own"
    hash_seed: int = 0
    threads: int = 1
    cpu_env: tuple[tuple[str, str], ...] = ()
    machine_id: str = "0" * 31 + "1"
    epoch_s: int | None = None
    varied: tuple[str, ...] = ()

    def but(self, **changes: object) -> "Conditions":
        """Return a copy with some parts changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def environment(self) -> dict[str, str]:
        """Return the variables of the program; what the user gave comes last and wins."""
        seed = str(self.hash_seed)
        found = {
            "PATH": ":".join(self.path),
            "HOME": self.home,
            "LANG": self.locale,
            "LC_ALL": self.locale,
            "TZ": self.time_zone,
            "PYTHONHASHSEED": seed,
            "PERL_HASH_SEED": seed,
            "PERL_PERTURB_KEYS": "0",
        }
        if self.epoch_s is not None:
            found["SOURCE_DATE_EPOCH"] = str(self.epoch_s)
        if self.threads:
            found.update(dict.fromkeys(THREADS, str(self.threads)))
        if self.jobs:
            found["MAKEFLAGS"] = f"-j{self.jobs}"
            found["CMAKE_BUILD_PARALLEL_LEVEL"] = str(self.jobs)
            found["DEB_BUILD_OPTIONS"] = f"parallel={self.jobs}"
        found.update(self.cpu_env)
        found.update(self.env)
        return found


CONTROL = Conditions()

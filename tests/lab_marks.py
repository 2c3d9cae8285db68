"""Which tests run in the lab's machines (docs/guides/lab.md), and which are its smoke."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (
    "tests/attacks",
    "tests/benign",
    "tests/conformance",
    "tests/kernel",
    "tests/lab",
    "tests/security",
    "tests/stories",
    "tests/unit",
)
# About the wheel's making or the compiler's sanitizers: no other kernel changes the answer.
NOT_THERE = (
    "tests/stories/test_installation.py",
    "tests/security/test_launcher_decoder.py",
    "tests/security/test_launcher_sanitized.py",
    "tests/security/test_launcher_under_sanitizers.py",
)
# Images, registries and builds, and fuzzing: minutes of computing, and no other control groups or
# Python. What is compared with NumPy's numbers. Grading: verdicts of programs that have a second.
ABOUT_OTHER_THINGS = (
    "tests/kernel/test_binfmt.py",
    "tests/kernel/test_hostile_layers.py",
    "tests/kernel/test_layer",
    "tests/security/test_hostile_configs.py",
    "tests/security/test_hostile_manifests.py",
    "tests/stories/test_building_",
    "tests/stories/test_builds_",
    "tests/stories/test_cpu_profiles.py",
    *(
        f"tests/stories/test_documents_tell_the_truth.py::{name}"
        for name in (
            "test_a_reader_sees_what_the_document_shows[docs/guides/grading.md]",
            "test_a_reader_sees_what_the_document_shows[docs/guides/reproduce.md]",
            "test_python_in_a_document_runs[docs/guides/executor.md]",
            "test_python_in_a_document_runs[docs/guides/random.md]",
        )
    ),
    "tests/stories/test_grading",
    # for what is not in the machine: QEMU's user mode, diffoscope, validators of documents
    "tests/stories/test_planted_faults.py::test_diffoscope_adds_its_view_where_it_is_installed",
    "tests/stories/test_recorded_runs.py::test_the_provenance_is_what_in_toto_and_slsa_ask_for",
    "tests/stories/test_recorded_runs.py::test_the_bill_of_materials_is_valid_by_the_schema",
    "tests/stories/test_rootless_running_images.py::test_another_processor_s_image_needs_nobody",
    "tests/stories/test_running_images.py::test_a_foreign_image_runs_and_the_host_s_list_stays",
    "tests/stories/test_images",
    "tests/stories/test_packing.py",
    "tests/stories/test_pull",
    "tests/stories/test_push",
    "tests/stories/test_recorded_networks.py",
    "tests/stories/test_referrers.py",
    "tests/stories/test_registry",
    "tests/stories/test_rootless_images.py",
    "tests/stories/test_running_pulled_images.py",
    "tests/unit/build",
    "tests/unit/exchange",
    "tests/unit/images",
    "tests/unit/registry",
    "tests/unit/repro/test_cpu.py::test_a_program_with_a_path_needs_no_shell",
    "tests/unit/repro/test_streams.py",
)
# A few of each area; they take half a minute in the machine.
SMOKE = {
    "tests/lab/test_the_machine.py": {
        "test_it_has_cgroup_v2_alone_with_every_controller",
        "test_systemd_is_process_one",
        "test_systemd_gives_an_ordinary_user_limits",
    },
    "tests/kernel/test_cgroups.py": {
        "test_every_limit_reads_back_from_the_kernel",
        "test_too_much_memory_is_an_oom_kill_that_is_counted",
    },
    "tests/kernel/test_cgroup_life.py": {
        "test_kill_ends_all_even_when_frozen",
        "test_kill_on_v2_is_one_write_that_no_fork_escapes",
    },
    "tests/kernel/test_device_filter.py": {
        "test_the_bpf_filter_decides_and_is_replaced_in_place",
    },
    "tests/stories/test_limits.py": {
        "test_too_much_memory_is_an_oom_kill_and_says_so",
        "test_a_cpuset_pins",
    },
    "tests/stories/test_least_privilege.py": {
        "test_root_in_the_box_has_docker_s_capabilities",
        "test_a_profile_of_one_s_own_is_enforced",
    },
    "tests/stories/test_copy_on_write.py": {"test_a_kept_layer_is_listed_and_built_upon"},
    "tests/stories/test_rootless.py": {
        "test_a_program_runs_as_root_of_its_own_box",
        "test_writes_go_to_a_layer_that_is_thrown_away",
    },
}


def mark(item: pytest.Item) -> None:
    """Give a test the lab's markers, by the file that it is in.

    A file that the command line names runs there whatever it is about; a directory's does not.
    """
    path = Path(item.path).relative_to(ROOT).as_posix()
    named = {os.path.normpath(word.partition("::")[0]) for word in item.config.args}
    elsewhere = item.nodeid.startswith((*NOT_THERE, *ABOUT_OTHER_THINGS))
    if path in named or (path.startswith(FOLDERS) and not elsewhere):
        item.add_marker("lab")
    if item.name.partition("[")[0] in SMOKE.get(path, ()):
        item.add_marker("lab_smoke")


def runs_here(item: pytest.Item) -> bool:
    """True unless the test needs one of the lab's machines that this is not."""
    place = os.environ.get("WARDIAN_LAB", "")
    if place == "any":
        return True
    if not place and "tests/lab" in Path(item.path).as_posix():
        return False
    if item.get_closest_marker("lab_systemd"):
        return place == "systemd"
    return not item.get_closest_marker("lab_hosts") or "WARDIAN_LAB_PEER" in os.environ

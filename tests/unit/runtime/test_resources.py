"""Every limit of linux.resources, in the words of v1 and v2; what can't be had is an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.errors import RequestError, SpecError, UnsupportedError, WardianError
from wardian.runtime import resources

Document = dict[str, object]

V1 = frozenset(
    (
        "memory",
        "cpu",
        "cpuset",
        "pids",
        "blkio",
        "devices",
        "hugetlb",
        "net_cls",
        "net_prio",
        "rdma",
    )
)
V2 = frozenset(("memory", "cpu", "cpuset", "pids", "io", "devices", "hugetlb", "rdma"))
MIB = 1 << 20


def test_a_default_bound_of_swap_gives_way_where_swap_is_not_counted() -> None:
    document = {"memory": {"limit": 64 * MIB, "swap": 128 * MIB}}
    for mode, known, file in (("v1", V1, "memory.limit_in_bytes"), ("v2", V2, "memory.max")):
        limit, swap = resources.compile(
            document, mode=mode, controllers=known, swap_if_counted=True
        )
        assert swap.otherwise == limit
        assert (limit.file, limit.value) == (file, str(64 * MIB))


def words(document: object, mode: str = "v1", *, swap: bool = True) -> list[tuple[str, str]]:
    """Compile; return (file, value)."""
    found = resources.compile(
        document,
        mode=mode,
        controllers=V2 if mode == "v2" else V1,
        cpus="0-1",
        mems="0",
        swap=swap,
    )
    places = {"unified"} if mode == "v2" else V1
    assert all(write.controller in places and write.reason for write in found)
    return [(write.file, write.value) for write in found]


@pytest.mark.parametrize("document", [None, {}, {"memory": None}, {"memory": {}, "cpu": {}}])
@pytest.mark.parametrize("mode", ["v1", "v2", "hybrid", "none"])
def test_nothing_asked_is_nothing_written(document: object, mode: str) -> None:
    assert resources.compile(document, mode=mode, controllers=()) == ()


TABLE: list[tuple[Document, list[tuple[str, str]], list[tuple[str, str]] | None]] = [
    (
        {"memory": {"limit": 64 * MIB}},
        [("memory.limit_in_bytes", "67108864")],
        [("memory.max", "67108864")],
    ),
    (
        {"memory": {"limit": 64 * MIB, "swap": 96 * MIB}},
        [("memory.limit_in_bytes", "67108864"), ("memory.memsw.limit_in_bytes", "100663296")],
        [("memory.max", "67108864"), ("memory.swap.max", "33554432")],
    ),
    (
        {"memory": {"limit": 64 * MIB, "swap": -1}},
        [("memory.limit_in_bytes", "67108864"), ("memory.memsw.limit_in_bytes", "-1")],
        [("memory.max", "67108864"), ("memory.swap.max", "max")],
    ),
    (
        {"memory": {"limit": -1}},
        [("memory.limit_in_bytes", "-1"), ("memory.memsw.limit_in_bytes", "-1")],
        [("memory.max", "max"), ("memory.swap.max", "max")],
    ),
    (
        {"memory": {"reservation": MIB}},
        [("memory.soft_limit_in_bytes", "1048576")],
        [("memory.low", "1048576")],
    ),
    ({"memory": {"kernel": 5, "useHierarchy": True, "disableOOMKiller": False}}, [], []),
    ({"memory": {"kernelTCP": 4096}}, [("memory.kmem.tcp.limit_in_bytes", "4096")], None),
    ({"memory": {"swappiness": 0}}, [("memory.swappiness", "0")], None),
    ({"memory": {"disableOOMKiller": True}}, [("memory.oom_control", "1")], None),
    ({"cpu": {"shares": 1024}}, [("cpu.shares", "1024")], [("cpu.weight", "100")]),
    (
        {"cpu": {"shares": 2, "idle": 1}},
        [("cpu.shares", "2"), ("cpu.idle", "1")],
        [("cpu.weight", "1"), ("cpu.idle", "1")],
    ),
    (
        {"cpu": {"quota": 50000, "period": 100000, "burst": 1000}},
        [
            ("cpu.cfs_period_us", "100000"),
            ("cpu.cfs_quota_us", "50000"),
            ("cpu.cfs_burst_us", "1000"),
        ],
        [("cpu.max", "50000 100000"), ("cpu.max.burst", "1000")],
    ),
    ({"cpu": {"quota": 50000}}, [("cpu.cfs_quota_us", "50000")], [("cpu.max", "50000")]),
    ({"cpu": {"quota": -1}}, [("cpu.cfs_quota_us", "-1")], [("cpu.max", "max")]),
    ({"cpu": {"period": 5000}}, [("cpu.cfs_period_us", "5000")], [("cpu.max", "max 5000")]),
    (
        {"cpu": {"realtimePeriod": 1000000, "realtimeRuntime": 1000}},
        [("cpu.rt_period_us", "1000000"), ("cpu.rt_runtime_us", "1000")],
        None,
    ),
    ({"cpu": {"cpus": "0,1"}}, [("cpuset.cpus", "0-1")], [("cpuset.cpus", "0-1")]),
    ({"cpu": {"mems": "0"}}, [("cpuset.mems", "0")], [("cpuset.mems", "0")]),
    ({"cpu": {"shares": 0, "quota": 0, "period": 0, "cpus": ""}}, [], []),
    ({"pids": {"limit": 7}}, [("pids.max", "7")], [("pids.max", "7")]),
    ({"pids": {"limit": -1}}, [("pids.max", "max")], [("pids.max", "max")]),
    ({"pids": {"limit": 0}}, [], []),
    ({"blockIO": {"weight": 500}}, [("blkio.bfq.weight", "500")], [("io.bfq.weight", "500")]),
    (
        {"blockIO": {"weightDevice": [{"major": 8, "minor": 0, "weight": 10}]}},
        [("blkio.bfq.weight_device", "8:0 10")],
        [("io.bfq.weight", "8:0 10")],
    ),
    (
        {"blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 9}]}},
        [("blkio.throttle.read_bps_device", "8:0 9")],
        [("io.max", "8:0 rbps=9")],
    ),
    (
        {"blockIO": {"throttleWriteIOPSDevice": [{"major": 8, "minor": 0, "rate": 0}]}},
        [("blkio.throttle.write_iops_device", "8:0 0")],
        [("io.max", "8:0 wiops=max")],
    ),
    (
        {"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]},
        [("hugetlb.2MB.limit_in_bytes", "0"), ("hugetlb.2MB.rsvd.limit_in_bytes", "0")],
        [("hugetlb.2MB.max", "0"), ("hugetlb.2MB.rsvd.max", "0")],
    ),
    (
        {"devices": [{"allow": False, "access": "rwm"}]},
        [("devices.deny", "a")],
        [("BPF_CGROUP_DEVICE", "deny a *:* rwm")],
    ),
    ({"network": {"classID": 1048577}}, [("net_cls.classid", "1048577")], None),
    (
        {"network": {"priorities": [{"name": "eth0", "priority": 5}]}},
        [("net_prio.ifpriomap", "eth0 5")],
        None,
    ),
    (
        {"rdma": {"mlx5_0": {"hcaHandles": 3, "hcaObjects": 4}}},
        [("rdma.max", "mlx5_0 hca_handle=3 hca_object=4")],
        [("rdma.max", "mlx5_0 hca_handle=3 hca_object=4")],
    ),
]


@pytest.mark.parametrize(("document", "first", "second"), TABLE)
def test_each_limit_is_said_in_both_languages(
    document: Document, first: list[tuple[str, str]], second: list[tuple[str, str]] | None
) -> None:
    assert words(document, "v1") == first
    assert words(document, "hybrid") == first
    if second is None:
        with pytest.raises(UnsupportedError, match=r"v2 has no such limit|not available"):
            words(document, "v2")
    else:
        assert words(document, "v2") == second


@pytest.mark.parametrize(
    ("shares", "weight"),
    [
        (2, 1),
        (102, 17),
        (256, 35),
        (512, 59),
        (1024, 100),
        (2048, 174),
        (4096, 303),
        (262144, 10000),
    ],
)
def test_shares_become_weight_as_runc_has_it_since_1_3_2(shares: int, weight: int) -> None:
    assert resources.shares_to_weight(shares) == weight


@given(st.integers(2, 262143))
def test_more_shares_are_never_less_weight(shares: int) -> None:
    weight = resources.shares_to_weight(shares)
    assert 1 <= weight <= resources.shares_to_weight(shares + 1) <= 10000


def test_without_bfq_the_weight_goes_to_its_other_name() -> None:
    document = {"blockIO": {"weight": 505}}
    (second,) = resources.compile(document, mode="v2", controllers=V2)
    assert second.otherwise is not None
    assert (second.otherwise.file, second.otherwise.value) == ("io.weight", "5000")
    (first,) = resources.compile(document, mode="v1", controllers=V1)
    assert first.otherwise is not None
    assert (first.otherwise.file, first.otherwise.value) == ("blkio.weight", "505")


def test_in_hybrid_mode_a_controller_may_be_in_the_unified_tree() -> None:
    document = {"hugepageLimits": [{"pageSize": "2MB", "limit": 0}], "pids": {"limit": 3}}
    found = resources.compile(document, mode="hybrid", controllers=("pids", "unified/hugetlb"))
    assert [(write.controller, write.file) for write in found] == [
        ("pids", "pids.max"),
        ("unified", "hugetlb.2MB.max"),
        ("unified", "hugetlb.2MB.rsvd.max"),
    ]


def test_unified_keys_are_for_v2_alone() -> None:
    document = {"unified": {"memory.high": "1048576", "io.max": "8:0 rbps=1\n8:16 rbps=2"}}
    assert words(document, "v2") == [
        ("memory.high", "1048576"),
        ("io.max", "8:0 rbps=1"),
        ("io.max", "8:16 rbps=2"),
    ]
    for mode in ("v1", "hybrid"):
        with pytest.raises(UnsupportedError, match="cgroup v2 alone"):
            words(document, mode)


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"memory": {"limit": MIB}}, "memory.limit"),
        ({"memory": {"limit": "64m"}}, "memory.limit"),
        ({"memory": {"limit": True}}, "memory.limit"),
        ({"memory": {"limit": -2}}, "memory.limit"),
        ({"memory": {"limit": 1 << 64}}, "memory.limit"),
        ({"memory": {"swap": 64 * MIB}}, "memory.swap"),
        ({"memory": {"limit": 64 * MIB, "swap": MIB}}, "memory.swap"),
        ({"memory": {"limit": 64 * MIB, "reservation": 65 * MIB}}, "memory.reservation"),
        ({"memory": {"swappiness": 101}}, "memory.swappiness"),
        ({"memory": {"disableOOMKiller": 1}}, "memory.disableOOMKiller"),
        ({"memory": [1]}, "memory"),
        ({"cpu": {"shares": 1}}, "cpu.shares"),
        ({"cpu": {"shares": 262145}}, "cpu.shares"),
        ({"cpu": {"quota": 999}}, "cpu.quota"),
        ({"cpu": {"quota": 1 << 60}}, "cpu.quota"),
        ({"cpu": {"period": 999}}, "cpu.period"),
        ({"cpu": {"period": 1000001}}, "cpu.period"),
        ({"cpu": {"quota": 2000, "burst": 3000}}, "cpu.burst"),
        ({"cpu": {"idle": 2}}, "cpu.idle"),
        ({"cpu": {"cpus": "zero"}}, "cpu.cpus"),
        ({"cpu": {"cpus": 0}}, "cpu.cpus"),
        ({"cpu": {"realtimePeriod": 1, "realtimeRuntime": 2}}, "cpu.realtimeRuntime"),
        ({"pids": {"limit": 1 << 23}}, "pids.limit"),
        ({"blockIO": {"weight": 9}}, "blockIO.weight"),
        (
            {"blockIO": {"throttleReadBpsDevice": [{"major": 8}]}},
            "blockIO.throttleReadBpsDevice[0].minor",
        ),
        ({"blockIO": {"throttleReadBpsDevice": {}}}, "blockIO.throttleReadBpsDevice"),
        ({"hugepageLimits": [{"pageSize": "2M", "limit": 1}]}, "hugepageLimits[0].pageSize"),
        ({"hugepageLimits": [{"pageSize": "2MB"}]}, "hugepageLimits[0].limit"),
        (
            {"network": {"priorities": [{"name": "a b", "priority": 1}]}},
            "network.priorities[0].name",
        ),
        ({"unified": {"../memory.max": "1"}}, "unified.../memory.max"),
        ({"unified": {"cgroup.procs": "1"}}, "unified.cgroup.procs"),
        ({"unified": {"memory.max": 1}}, "unified.memory.max"),
        ([], None),
        (["x"], ""),
    ],
)
def test_a_bad_value_is_refused_at_its_place(document: object, where: str | None) -> None:
    if where is None:
        assert words(document, "v2") == []
        return
    with pytest.raises(SpecError) as caught:
        words(document, "v2" if "unified" in str(document) else "v1")
    assert caught.value.where == f"linux.resources.{where}".rstrip(".")


def test_a_cpuset_that_the_machine_lacks_is_named_with_what_it_has() -> None:
    with pytest.raises(UnsupportedError, match="cpuset 7: this machine has cpus 0-1"):
        words({"cpu": {"cpus": "0,7"}})
    with pytest.raises(UnsupportedError, match="cpuset 1: this machine has memory nodes 0"):
        words({"cpu": {"mems": "1"}})


def test_a_controller_that_is_missing_is_an_error_that_names_the_others() -> None:
    with pytest.raises(UnsupportedError, match=r"pids limit: the pids controller.*there: memory"):
        resources.compile({"pids": {"limit": 3}}, mode="v2", controllers=("memory",))
    with pytest.raises(UnsupportedError, match="no control groups are mounted"):
        resources.compile({"pids": {"limit": 3}}, mode="none", controllers=())


def test_swap_that_is_not_counted_can_t_be_limited() -> None:
    with pytest.raises(UnsupportedError, match="does not count swap"):
        words({"memory": {"limit": 64 * MIB, "swap": 64 * MIB}}, swap=False)


def test_the_leaf_weight_went_with_its_scheduler() -> None:
    with pytest.raises(UnsupportedError, match="leaf weight"):
        words({"blockIO": {"leafWeight": 100}})


# ---- any document -------------------------------------------------------------------------

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-3, 1 << 65)
    | st.sampled_from([2, 1024, 64 * MIB, 100000])
) | (st.text(max_size=6) | st.sampled_from(["0-1", "2MB", "rwm", "a", "c", "max"]))
KEYS = {
    "memory": ("limit", "swap", "reservation", "kernelTCP", "swappiness", "disableOOMKiller"),
    "cpu": ("shares", "quota", "period", "burst", "idle", "cpus", "mems", "realtimeRuntime"),
    "pids": ("limit",),
    "blockIO": ("weight", "leafWeight", "weightDevice", "throttleReadBpsDevice"),
    "unified": ("memory.high", "cgroup.procs", "x/y", "cpu.max"),
    "network": ("classID", "priorities"),
    "rdma": ("mlx5_0",),
}
rows = st.lists(
    st.dictionaries(
        st.sampled_from(
            [
                "allow",
                "type",
                "major",
                "minor",
                "access",
                "rate",
                "weight",
                "pageSize",
                "limit",
                "name",
            ]
        ),
        leaves,
        max_size=6,
    ),
    max_size=3,
)
documents = st.fixed_dictionaries(
    {},
    optional={
        **{
            name: st.dictionaries(st.sampled_from(keys), leaves | rows, max_size=4) | leaves
            for name, keys in KEYS.items()
        },
        "devices": rows | leaves,
        "hugepageLimits": rows | leaves,
    },
)


@given(documents, st.sampled_from(["v1", "v2", "hybrid", "none"]))
def test_any_document_gives_writes_or_one_of_our_errors(document: Document, mode: str) -> None:
    controllers = {"v1": V1, "v2": V2, "hybrid": V1, "none": frozenset[str]()}[mode]
    try:
        found = resources.compile(
            document, mode=mode, controllers=controllers, cpus="0-1", mems="0"
        )
    except WardianError as error:
        assert isinstance(error, (RequestError, UnsupportedError))
        assert "\n" not in str(error).strip() or "\n" in str(document)
        return
    for write in found:
        assert write.file
        assert "/" not in write.file
        assert write.value
        assert "\n" not in write.value or write.file == "BPF_CGROUP_DEVICE"


@given(st.integers(6 * MIB, 1 << 40), st.integers(0, 1 << 40))
def test_memory_always_comes_before_memory_with_swap(limit: int, more: int) -> None:
    for mode, pair in (("v1", "memsw"), ("v2", "swap")):
        files = [
            file for file, _value in words({"memory": {"limit": limit, "swap": limit + more}}, mode)
        ]
        assert len(files) == 2
        assert pair not in files[0]
        assert pair in files[1]


@given(documents)
def test_the_same_document_gives_the_same_writes(document: Document) -> None:
    def once() -> object:
        try:
            return resources.compile(document, mode="v2", controllers=V2, cpus="0-1")
        except WardianError as error:
            return str(error)

    assert once() == once()

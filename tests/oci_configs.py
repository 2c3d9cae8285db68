"""config.json as docker and podman write it, and one that has every field that there is.

The first two have the shape of what dockerd 26 and podman 4.3 wrote on a hybrid host, with less of
what repeats itself; they are functions, so that a test may spoil what it gets.
"""

from typing import Any

Document = dict[str, Any]

DOCKER_CAPABILITIES = [
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW"),
    *("CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE"),
    *("CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"),
]
_MASKED = [
    *("/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats"),
    *("/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"),
]
_READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
_STRICT = ["nosuid", "noexec", "nodev"]


def docker() -> Document:
    """What `docker run -it --memory 64m --device /dev/fuse -v /srv:/data` gives to the runtime."""
    held = {"uid": 0, "gid": 0}
    files = [
        {
            "destination": f"/etc/{name}",
            "type": "bind",
            "source": f"/var/lib/docker/containers/0123abcd/{name}",
            "options": ["rbind", "rprivate"],
        }
        for name in ("resolv.conf", "hostname", "hosts")
    ]
    return {
        "ociVersion": "1.2.0",
        "process": {
            "terminal": True,
            "consoleSize": {"height": 24, "width": 80},
            "user": {**held, "additionalGids": [0, 10]},
            "args": ["sh", "-c", "echo héllo"],
            "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=0123abcd", "EMPTY="],
            "cwd": "/",
            "capabilities": {
                "bounding": DOCKER_CAPABILITIES,
                "effective": DOCKER_CAPABILITIES,
                "permitted": DOCKER_CAPABILITIES,
            },
            "apparmorProfile": "docker-default",
            "oomScoreAdj": 0,
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1048576, "soft": 1024}],
        },
        "root": {"path": "/var/lib/docker/overlay2/0123abcd/merged"},
        "hostname": "0123abcd",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": _STRICT},
            {
                "destination": "/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
            },
            {
                "destination": "/dev/pts",
                "type": "devpts",
                "source": "devpts",
                "options": [*_STRICT[:2], "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
            },
            {
                "destination": "/sys",
                "type": "sysfs",
                "source": "sysfs",
                "options": [*_STRICT, "ro"],
            },
            {
                "destination": "/sys/fs/cgroup",
                "type": "cgroup",
                "source": "cgroup",
                "options": ["ro", *_STRICT],
            },
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue"},
            *files,
            {
                "destination": "/data",
                "type": "bind",
                "source": "/srv",
                "options": ["rbind", "rprivate"],
            },
        ],
        "hooks": {
            "prestart": [
                {
                    "path": "/proc/1234/exe",
                    "args": ["libnetwork-setkey", "-exec-root=/var/run/docker", "0123", "4567"],
                }
            ]
        },
        "linux": {
            "sysctl": {
                "net.ipv4.ip_unprivileged_port_start": "0",
                "net.ipv4.ping_group_range": "0 0",
            },
            "resources": {
                "devices": [
                    {"allow": False, "access": "rwm"},
                    {"allow": True, "type": "c", "major": 1, "minor": 5, "access": "rwm"},
                    {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rwm"},
                ],
                "memory": {"limit": 67108864, "swap": 134217728},
                "cpu": {"shares": 0},
                "pids": {"limit": 0},
                "blockIO": {"weight": 0},
            },
            "cgroupsPath": "/docker/0123abcd",
            "namespaces": [
                *({"type": each} for each in ("mount", "network", "uts", "pid", "ipc", "cgroup"))
            ],
            "devices": [
                {
                    "path": "/dev/fuse",
                    "type": "c",
                    "major": 10,
                    "minor": 229,
                    "fileMode": 438,
                    **held,
                }
            ],
            "seccomp": {
                "defaultAction": "SCMP_ACT_ERRNO",
                "defaultErrnoRet": 1,
                "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
                "syscalls": [
                    {"names": ["read", "write", "exit_group"], "action": "SCMP_ACT_ALLOW"},
                    {
                        "names": ["personality"],
                        "action": "SCMP_ACT_ALLOW",
                        "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}],
                    },
                    {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
                ],
            },
            "maskedPaths": _MASKED,
            "readonlyPaths": _READONLY,
        },
    }


def podman() -> Document:
    """What rootless `podman run -d --userns=keep-id` gives to the runtime."""
    document = docker()
    document["ociVersion"] = "1.0.2-dev"
    del document["hooks"]
    document["process"] |= {
        "terminal": False,
        "user": {"uid": 1000, "gid": 1000, "umask": 18, "additionalGids": [1000]},
        "capabilities": {"bounding": DOCKER_CAPABILITIES},
    }
    del document["process"]["apparmorProfile"]
    document["root"] = {"path": "/home/ann/.local/share/containers/storage/overlay/ab/merged"}
    document["annotations"] = {
        "io.container.manager": "libpod",
        "io.kubernetes.cri-o.Created": "2026-11-24T10:00:00.000000000+01:00",
        "org.opencontainers.image.stopSignal": "15",
    }
    linux = document["linux"]
    for key in ("uidMappings", "gidMappings"):
        linux[key] = [
            {"containerID": 0, "hostID": 1, "size": 1000},
            {"containerID": 1000, "hostID": 0, "size": 1},
            {"containerID": 1001, "hostID": 1001, "size": 64536},
        ]
    linux["namespaces"] = [
        {"type": "pid"},
        {"type": "network", "path": "/run/user/1000/netns/netns-0123abcd"},
        *({"type": each} for each in ("ipc", "uts", "mount", "user", "cgroup")),
    ]
    linux["resources"] = {"pids": {"limit": 2048}}
    linux["devices"] = []
    linux["rootfsPropagation"] = "slave"
    return document


def everything() -> Document:
    """A document that has every field of the specification's Linux parts."""
    maps = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    hook = {"path": "/bin/true", "args": ["true"], "env": ["A=b"], "timeout": 9}
    document = docker()
    document |= {"domainname": "example.org", "annotations": {"com.example.key": ""}}
    document["root"]["readonly"] = True
    document["hooks"] = {
        each: [hook]
        for each in (
            *("prestart", "createRuntime", "createContainer", "startContainer", "poststart"),
            "poststop",
        )
    }
    document["mounts"][-1] |= {"uidMappings": maps, "gidMappings": maps}
    document["mounts"][-1]["options"] = ["rbind", "ridmap"]
    process = document["process"]
    process["capabilities"] |= {"inheritable": ["CAP_CHOWN"], "ambient": ["CAP_CHOWN"]}
    process["user"]["umask"] = 0o77
    process |= {
        "noNewPrivileges": True,
        "selinuxLabel": "system_u:system_r:svirt_lxc_net_t:s0:c124,c675",
        "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 4},
        "execCPUAffinity": {"initial": "0", "final": "0-1"},
        "scheduler": {
            "policy": "SCHED_DEADLINE",
            "nice": 0,
            "priority": 0,
            "flags": ["SCHED_FLAG_RESET_ON_FORK"],
            "runtime": 1000,
            "deadline": 2000,
            "period": 3000,
        },
    }
    document["linux"] |= {
        "namespaces": [*document["linux"]["namespaces"], {"type": "user"}, {"type": "time"}],
        "uidMappings": maps,
        "gidMappings": maps,
        "timeOffsets": {"monotonic": {"secs": -5, "nanosecs": 1}, "boottime": {"secs": 7}},
        "netDevices": {"eth1": {"name": "eth0"}, "eth2": {}},
        "memoryPolicy": {
            "mode": "MPOL_INTERLEAVE",
            "nodes": "0-1",
            "flags": ["MPOL_F_STATIC_NODES"],
        },
        "intelRdt": {
            "closID": "guaranteed",
            "schemata": ["L3:0=7f0;1=1f", "MB:0=20;1=70"],
            "l3CacheSchema": "L3:0=7f0",
            "memBwSchema": "MB:0=20",
            "enableCMT": False,
            "enableMBM": False,
            "enableMonitoring": True,
        },
        "rootfsPropagation": "shared",
        "mountLabel": "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811",
        "personality": {"domain": "LINUX32", "flags": []},
    }
    document["linux"]["seccomp"] |= {
        "flags": ["SECCOMP_FILTER_FLAG_LOG"],
        "listenerPath": "/run/agent.sock",
        "listenerMetadata": "for the agent",
    }
    document["linux"]["seccomp"]["syscalls"][1]["args"][0]["valueTwo"] = 0xFFFFFFFFFFFFFFFF
    document["linux"]["resources"] = _all_resources()
    return document


def _all_resources() -> Document:
    rate = [{"major": 8, "minor": 0, "rate": 600}]
    return {
        "devices": [{"allow": True, "type": "c", "major": 10, "minor": -1, "access": "rw"}],
        "memory": {
            "limit": 536870912,
            "reservation": 536870912,
            "swap": 536870912,
            "kernel": -1,
            "kernelTCP": -1,
            "swappiness": 0,
            "disableOOMKiller": False,
            "useHierarchy": True,
            "checkBeforeUpdate": True,
        },
        "cpu": {
            "shares": 1024,
            "quota": 1000000,
            "burst": 1000,
            "period": 500000,
            "realtimeRuntime": 950000,
            "realtimePeriod": 1000000,
            "cpus": "0-1",
            "mems": "0",
            "idle": 1,
        },
        "pids": {"limit": 32771},
        "blockIO": {
            "weight": 10,
            "leafWeight": 10,
            "weightDevice": [{"major": 8, "minor": 0, "weight": 500, "leafWeight": 300}],
            "throttleReadBpsDevice": rate,
            "throttleWriteBpsDevice": rate,
            "throttleReadIOPSDevice": rate,
            "throttleWriteIOPSDevice": rate,
        },
        "hugepageLimits": [{"pageSize": "2MB", "limit": 209715200}],
        "network": {"classID": 1048577, "priorities": [{"name": "eth0", "priority": 500}]},
        "rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}},
        "unified": {"io.max": "259:0 rbps=2097152"},
    }

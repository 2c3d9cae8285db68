"""The shape of config.json, as data: what runtime.validate checks before it looks at the sense.

An object is named with a capital and gives each field a word for its type:

    text        a string without NUL that UTF-8 can hold
    word        such a string, not empty
    path        an absolute path
    inside      an absolute path in the box, without ".."
    flag        true or false
    uint32 ...  a whole number within RANGES
    Rlimit ...  an object of OBJECTS, or one of the strings of CHOICES
    [text]      a list;  {text}  an object with any keys
    any         not checked here

A field with "!" must be there; null counts as absent, as in runc. Properties that are not listed
are unknown ones, which a runtime must ignore. `linux.resources` is checked again, with the sense of
each value, by runtime.resources, and `linux.seccomp` by kernel.seccomp.

Source: opencontainers/runtime-spec 1.3, config.md, config-linux.md and schema/; tests compare this
table with the types of runtime.spec.
"""

RANGES = {
    "uint8": (0, 0xFF),
    "uint16": (0, 0xFFFF),
    "uint32": (0, 0xFFFFFFFF),
    "uint64": (0, 0xFFFFFFFFFFFFFFFF),
    "int64": (-(1 << 63), (1 << 63) - 1),
    "id": (0, 0xFFFFFFFE),  # (uid_t)-1 means "no id"
    "umask": (0, 0o777),
    "oom": (-1000, 1000),  # linux/oom.h: OOM_SCORE_ADJ_MIN, OOM_SCORE_ADJ_MAX
    "nice": (-20, 19),
    "realtime": (0, 99),
    "ioprio": (0, 7),
    "nanoseconds": (0, 999_999_999),
    "seconds": (1, (1 << 31) - 1),
    "major": (0, (1 << 12) - 1),
    "minor": (0, (1 << 20) - 1),
}

CHOICES = {
    "NamespaceType": ("pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"),
    "RlimitType": (
        *("RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE"),
        *("RLIMIT_LOCKS", "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_NOFILE"),
        *("RLIMIT_NPROC", "RLIMIT_RSS", "RLIMIT_RTPRIO", "RLIMIT_RTTIME", "RLIMIT_SIGPENDING"),
        "RLIMIT_STACK",
    ),
    "Policy": (
        *("SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE"),
        "SCHED_DEADLINE",
    ),
    "PolicyFlag": (
        *("SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN"),
        *("SCHED_FLAG_KEEP_POLICY", "SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN"),
        "SCHED_FLAG_UTIL_CLAMP_MAX",
    ),
    "IoClass": ("IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"),
    "DeviceType": ("c", "b", "u", "p"),
    "Domain": ("LINUX", "LINUX32"),
    # the specification's four, and their recursive forms, which docker writes and runc takes
    "Propagation": (
        *("shared", "slave", "private", "unbindable"),
        *("rshared", "rslave", "rprivate", "runbindable"),
    ),
    "MemoryMode": (
        *("MPOL_DEFAULT", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE"),
        *("MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_LOCAL"),
    ),
    "MemoryFlag": ("MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"),
}

OBJECTS = {
    "Spec": {
        "ociVersion!": "word",
        "root!": "Root",
        "mounts": "[Mount]",
        "process": "Process",
        "hostname": "text",
        "domainname": "text",
        "hooks": "Hooks",
        "annotations": "{text}",
        "linux": "Linux",
    },
    "Root": {"path!": "word", "readonly": "flag"},
    "Mount": {
        "destination!": "word",
        "type": "text",
        "source": "text",
        "options": "[text]",
        "uidMappings": "[IdMapping]",
        "gidMappings": "[IdMapping]",
    },
    "Hooks": {
        "prestart": "[Hook]",
        "createRuntime": "[Hook]",
        "createContainer": "[Hook]",
        "startContainer": "[Hook]",
        "poststart": "[Hook]",
        "poststop": "[Hook]",
    },
    "Hook": {"path!": "path", "args": "[text]", "env": "[text]", "timeout": "seconds"},
    "Process": {
        "terminal": "flag",
        "consoleSize": "any",
        "user": "User",
        "args!": "[text]",
        "env": "[text]",
        "cwd!": "path",
        "capabilities": "Capabilities",
        "rlimits": "[Rlimit]",
        "noNewPrivileges": "flag",
        "apparmorProfile": "text",
        "selinuxLabel": "text",
        "oomScoreAdj": "oom",
        "scheduler": "Scheduler",
        "ioPriority": "IoPriority",
        "execCPUAffinity": "CpuAffinity",
    },
    "ConsoleSize": {"height!": "uint16", "width!": "uint16"},  # tty_ioctl(2): struct winsize
    "User": {"uid": "id", "gid": "id", "umask": "umask", "additionalGids": "[id]"},
    "Capabilities": {
        "bounding": "[text]",
        "effective": "[text]",
        "inheritable": "[text]",
        "permitted": "[text]",
        "ambient": "[text]",
    },
    "Rlimit": {"type!": "RlimitType", "soft!": "uint64", "hard!": "uint64"},
    "Scheduler": {
        "policy!": "Policy",
        "nice": "nice",
        "priority": "realtime",
        "flags": "[PolicyFlag]",
        "runtime": "uint64",
        "deadline": "uint64",
        "period": "uint64",
    },
    "IoPriority": {"class!": "IoClass", "priority!": "ioprio"},
    "CpuAffinity": {"initial": "text", "final": "text"},
    "Linux": {
        "namespaces": "[Namespace]",
        "uidMappings": "[IdMapping]",
        "gidMappings": "[IdMapping]",
        "timeOffsets": "{TimeOffset}",
        "devices": "[Device]",
        "netDevices": "{NetDevice}",
        "cgroupsPath": "text",
        "resources": "Resources",
        "memoryPolicy": "MemoryPolicy",
        "intelRdt": "IntelRdt",
        "sysctl": "{text}",
        "seccomp": "Seccomp",
        "rootfsPropagation": "Propagation",
        "maskedPaths": "[path]",
        "readonlyPaths": "[path]",
        "mountLabel": "text",
        "personality": "Personality",
    },
    "Namespace": {"type!": "NamespaceType", "path": "text"},
    "IdMapping": {"containerID!": "id", "hostID!": "id", "size!": "uint32"},
    "TimeOffset": {"secs": "int64", "nanosecs": "nanoseconds"},
    "Device": {
        "type!": "DeviceType",
        "path!": "inside",
        "major": "major",
        "minor": "minor",
        "fileMode": "uint32",
        "uid": "id",
        "gid": "id",
    },
    "NetDevice": {"name": "text"},
    "MemoryPolicy": {"mode!": "MemoryMode", "nodes": "text", "flags": "[MemoryFlag]"},
    "IntelRdt": {
        "closID": "text",
        "schemata": "[text]",
        "l3CacheSchema": "text",
        "memBwSchema": "text",
        "enableCMT": "flag",
        "enableMBM": "flag",
        "enableMonitoring": "flag",
    },
    "Personality": {"domain!": "Domain", "flags": "[text]"},
    # ---- linux.seccomp: the words are kernel.seccomp's to judge ----
    "Seccomp": {
        "defaultAction!": "text",
        "defaultErrnoRet": "uint32",
        "architectures": "[text]",
        "flags": "[text]",
        "listenerPath": "text",
        "listenerMetadata": "text",
        "syscalls": "[Syscall]",
    },
    "Syscall": {
        "names!": "[text]",
        "action!": "text",
        "errnoRet": "uint32",
        "args": "[SyscallArgument]",
    },
    "SyscallArgument": {
        "index!": "uint32",
        "value!": "uint64",
        "valueTwo": "uint64",
        "op!": "text",
    },
    # ---- linux.resources: the sense is runtime.resources's to judge ----
    "Resources": {
        "devices": "[DeviceRule]",
        "memory": "Memory",
        "cpu": "Cpu",
        "pids": "Pids",
        "blockIO": "BlockIo",
        "hugepageLimits": "[HugepageLimit]",
        "network": "Network",
        "rdma": "{Rdma}",
        "unified": "{text}",
    },
    "DeviceRule": {
        "allow": "flag",
        "type": "text",
        "major": "int64",
        "minor": "int64",
        "access": "text",
    },
    "Memory": {
        "limit": "int64",
        "reservation": "int64",
        "swap": "int64",
        "kernel": "int64",
        "kernelTCP": "int64",
        "swappiness": "uint64",
        "disableOOMKiller": "flag",
        "useHierarchy": "flag",
        "checkBeforeUpdate": "flag",
    },
    "Cpu": {
        "shares": "uint64",
        "quota": "int64",
        "burst": "uint64",
        "period": "uint64",
        "realtimeRuntime": "int64",
        "realtimePeriod": "uint64",
        "cpus": "text",
        "mems": "text",
        "idle": "int64",
    },
    "Pids": {"limit": "int64"},
    "BlockIo": {
        "weight": "uint16",
        "leafWeight": "uint16",
        "weightDevice": "[WeightDevice]",
        "throttleReadBpsDevice": "[ThrottleDevice]",
        "throttleWriteBpsDevice": "[ThrottleDevice]",
        "throttleReadIOPSDevice": "[ThrottleDevice]",
        "throttleWriteIOPSDevice": "[ThrottleDevice]",
    },
    "WeightDevice": {
        "major": "int64",
        "minor": "int64",
        "weight": "uint16",
        "leafWeight": "uint16",
    },
    "ThrottleDevice": {"major": "int64", "minor": "int64", "rate": "uint64"},
    "HugepageLimit": {"pageSize": "text", "limit": "uint64"},
    "Network": {"classID": "uint32", "priorities": "[InterfacePriority]"},
    "InterfacePriority": {"name": "text", "priority": "uint32"},
    "Rdma": {"hcaHandles": "uint32", "hcaObjects": "uint32"},
}

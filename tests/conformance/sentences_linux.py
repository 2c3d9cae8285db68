"""The sentences of config-linux.md; see table.py."""

Row = tuple[str, str]

AUTHOR = "(binds the writer of the configuration)"
NO_RDT = "(needs Intel RDT)"
NO_V2 = "(needs a delegated control group of version 2)"
IN_UNIT = "(a value's form: tests/unit/runtime/test_resources.py)"

LINUX: dict[str, list[Row]] = {
    "Default filesystems": [
        (
            "The following filesystems SHOULD be made available in each container's filesystem: /proc, "
            "/sys, /dev/pts, /dev/shm.",
            "test_the_usual_file_systems_are_there",
        ),
    ],
    "Namespaces": [
        (
            "The following namespace types SHOULD be supported: pid, network, mount, ipc, uts, user, "
            "cgroup, time.",
            "test_a_namespace_without_a_path_is_a_new_one test_ids_are_mapped_as_asked_for",
        ),
        (
            "path: This value MUST be an absolute path in the runtime mount namespace.",
            "test_a_path_that_is_not_absolute_or_not_there_is_an_error",
        ),
        (
            "The runtime MUST place the container process in the namespace associated with that path.",
            "test_a_namespace_with_a_path_is_joined test_a_pid_namespace_with_a_path_is_joined",
        ),
        (
            "The runtime MUST generate an error if path is not associated with a namespace of type type.",
            "test_a_path_to_another_kind_of_namespace_is_an_error",
        ),
        (
            "If path is not specified, the runtime MUST create a new container namespace of type type.",
            "test_a_namespace_without_a_path_is_a_new_one",
        ),
        (
            "If a namespace type is not specified in the namespaces array, the container MUST inherit "
            "the runtime namespace of that type.",
            "test_a_namespace_that_is_not_listed_is_the_runtime_s",
        ),
        (
            "If a namespaces field contains duplicated namespaces with same type, the runtime MUST "
            "generate an error.",
            "test_a_namespace_that_stands_twice_is_an_error "
            "test_a_kind_of_namespace_that_is_unknown_is_an_error",
        ),
    ],
    "User namespace mappings, time offsets": [
        (
            "containerID, hostID and size: ids to be mapped.",
            "test_ids_are_mapped_as_asked_for",
        ),
        (
            "The runtime SHOULD NOT modify the ownership of referenced filesystems to realize the mapping.",
            "test_mapping_ids_changes_no_owner_in_the_root",
        ),
        ("timeOffsets sets the offset for Time Namespace.", "test_clocks_have_their_offset"),
    ],
    "Devices": [
        (
            "devices (array of objects, OPTIONAL) lists devices that MUST be available in the container.",
            "test_a_device_has_its_numbers_mode_and_owner test_a_device_that_can_not_be_is_an_error",
        ),
        (
            "If a file already exists at path that does not match the requested device, the runtime MUST "
            "generate an error.",
            "test_a_file_that_is_not_the_device_is_an_error",
        ),
        (
            "The same type, major and minor SHOULD NOT be used for multiple devices.",
            AUTHOR,
        ),
        (
            "In addition to any devices configured with this setting, the runtime MUST also supply: "
            "/dev/null, zero, full, random, urandom, tty.",
            "test_the_default_devices_are_there",
        ),
        (
            "/dev/console is set up if terminal is enabled in the config by bind mounting the "
            "pseudoterminal pty to /dev/console.",
            "test_a_terminal_is_the_standard_streams_and_the_console "
            "test_there_is_no_console_without_a_terminal",
        ),
        (
            "/dev/ptmx. A bind-mount or symlink of the container's /dev/pts/ptmx.",
            "test_the_multiplexer_is_that_of_the_container",
        ),
    ],
    "Network devices": [
        (
            "netDevices - A set of network devices that MUST be made available in the container.",
            "test_an_interface_is_moved_in_and_is_up",
        ),
        (
            "The runtime MUST check if moving the network interface to the container namespace is "
            "possible.",
            "test_an_interface_that_is_not_there_is_an_error",
        ),
        (
            "If a network device with the specified name already exists in the container namespace, the "
            "runtime MUST generate an error, unless the user has provided a template by appending %d.",
            "test_an_interface_whose_name_is_taken_is_an_error",
        ),
        (
            "The runtime MUST preserve existing network interface attributes, including all permanent IP "
            "addresses of any family with global scope.",
            "test_an_interface_is_moved_in_and_is_up",
        ),
        (
            'The runtime MUST set the network device state to "up" after moving it to the network '
            "namespace.",
            "test_an_interface_is_moved_in_and_is_up",
        ),
        (
            "The runtime MUST NOT actively manage the interface's lifecycle and configuration within the "
            "container's network namespace, and MUST NOT attempt to move the interface out of the "
            "namespace before deletion.",
            "test_an_interface_goes_with_its_namespace",
        ),
    ],
    "Control groups": [
        (
            "A runtime MAY check if the container cgroup is fit for purpose, and MUST generate an error "
            "if such a check fails.",
            "(there is no such check)",
        ),
        (
            "In the case of an absolute path (starting with /), the runtime MUST take the path to be "
            "relative to the cgroups mount point.",
            "test_a_cgroup_path_is_relative_to_the_mount_point_and_always_the_same",
        ),
        (
            "If the value is specified, the runtime MUST consistently attach to the same place in the "
            "cgroups hierarchy given the same value of cgroupsPath.",
            "test_a_cgroup_path_is_relative_to_the_mount_point_and_always_the_same",
        ),
        (
            "Runtimes MAY consider certain cgroupsPath values to be invalid, and MUST generate an error "
            "if this is the case.",
            "test_a_cgroup_path_that_climbs_is_an_error test_a_cgroup_path_may_be_left_out",
        ),
        (
            "Runtimes SHOULD NOT change the ownership of container cgroups when cgroups v1 is in use.",
            "test_the_owner_of_control_groups_of_version_1_stays",
        ),
        (
            "Cgroup ownership (version 2): when to change it, for which files, and what to do without "
            "/sys/kernel/cgroup/delegate.",
            NO_V2,
        ),
        (
            "You can configure a container's cgroups via the resources field of the Linux "
            "configuration.",
            "test_resources_are_set",
        ),
        (
            "devices: The runtime MUST apply entries in the listed order.",
            "test_rules_for_devices_hold_in_the_listed_order",
        ),
        (
            "memory.checkBeforeUpdate: runtime MAY check if a new memory limit is lower than the current "
            "usage, and MUST reject the new limit.",
            NO_V2,
        ),
        (
            "cpu.burst: If specified, this value MUST be no larger than any positive quota (runtimes MAY "
            "generate an error).",
            "test_burst_is_no_larger_than_quota",
        ),
        (
            "blockIO.weightDevice: You MUST specify at least one of weight or leafWeight in a given entry.",
            IN_UNIT,
        ),
        (
            "pids: 0 is a valid limit value from the kernel's perspective and SHOULD be treated as such "
            "by runtimes.",
            "(docker and containerd write 0 where they mean no limit, and so it is read, as by runc "
            "before 1.4)",
        ),
        (
            "rdma: You MUST specify at least one of the hcaHandles or hcaObjects in a given entry.",
            IN_UNIT,
        ),
    ],
    "Unified": [
        (
            "The OCI runtime MUST ensure that the needed cgroup controllers are enabled for the cgroup. "
            "Configuration unknown to the runtime MUST still be written to the relevant file.",
            NO_V2,
        ),
        (
            "The runtime MUST generate an error when the configuration refers to a cgroup controller that "
            "is not present or that cannot be enabled.",
            "test_a_file_of_cgroup_2_whose_controller_is_not_there_is_an_error",
        ),
        ("If the conversion is not possible the runtime MUST generate an error.", NO_V2),
    ],
    "IntelRdt": [
        (
            "If no mounted resctrl pseudo-filesystem is available in the runtime mount namespace, the "
            "runtime MUST generate an error.",
            "test_without_resctrl_a_class_of_service_is_an_error",
        ),
        (
            "If intelRdt is not set, the runtime MUST NOT manipulate any resctrl pseudo-filesystems.",
            NO_RDT,
        ),
        (
            "The tasks file, closID, l3CacheSchema, memBwSchema, schemata and enableMonitoring: fifteen "
            "sentences with MUST.",
            NO_RDT,
        ),
    ],
    "Memory policy": [
        (
            "Some modes require that there are no nodes. Others that there is at least one node.",
            "test_a_memory_policy_is_set test_a_memory_policy_that_can_not_be_is_an_error",
        ),
    ],
    "Sysctl": [
        (
            "sysctl allows kernel parameters to be modified at runtime for the container.",
            "test_a_sysctl_is_set test_a_sysctl_of_the_host_is_an_error",
        ),
    ],
    "Seccomp": [
        (
            "defaultErrnoRet, errnoRet: When the action doesn't support an errno, the runtime MUST print "
            "and error and fail.",
            "test_an_errno_for_an_action_that_takes_none_is_an_error "
            "test_a_call_fails_with_the_errno_that_was_asked_for",
        ),
        (
            "listenerPath: This socket MUST use AF_UNIX domain and SOCK_STREAM type. The runtime MUST send "
            "exactly one container process state per connection. The connection MUST NOT be reused and it "
            "MUST be closed after sending a seccomp state.",
            "test_the_agent_gets_one_state_with_the_descriptor",
        ),
        (
            "If sending to this socket fails, the runtime MUST generate an error.",
            "test_an_agent_that_is_not_there_is_an_error",
        ),
        (
            "If the SCMP_ACT_NOTIFY action is not used this value is ignored.",
            "test_the_path_of_an_agent_is_ignored_where_nothing_is_notified",
        ),
        (
            "listenerMetadata: This field MUST NOT be set if listenerPath is not set.",
            "test_metadata_without_a_listener_are_an_error",
        ),
        ("names MUST contain at least one entry.", "test_a_rule_without_names_is_an_error"),
        (
            "The container runtime MUST send the container process state over the UNIX socket as regular "
            "payload serialized in JSON and file descriptors MUST be sent using SCM_RIGHTS. If more than "
            "one sendmsg(2) is used, the file descriptors MUST be sent only in the first call.",
            "test_the_agent_gets_one_state_with_the_descriptor",
        ),
    ],
    "Root, paths, personality": [
        (
            "rootfsPropagation sets the rootfs's mount propagation.",
            "test_the_root_has_the_propagation_that_was_asked_for",
        ),
        (
            "maskedPaths: The values MUST be absolute paths in the container namespace.",
            "test_a_masked_path_can_not_be_read test_a_path_to_mask_is_absolute",
        ),
        (
            "readonlyPaths: The values MUST be absolute paths in the container namespace.",
            "test_a_read_only_path_can_not_be_written test_a_path_to_mask_is_absolute",
        ),
        ("mountLabel will set the Selinux context for the mounts.", "(needs SELinux)"),
        (
            "personality sets the Linux execution personality.",
            "test_the_personality_is_set test_an_unknown_personality_is_an_error",
        ),
    ],
}

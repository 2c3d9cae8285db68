"""The sentences of config.md; see table.py."""

Row = tuple[str, str]

AUTHOR = "(binds the writer of the configuration)"

CONFIG: dict[str, list[Row]] = {
    "Specification version": [
        (
            "ociVersion (string, REQUIRED) MUST be in SemVer v2.0.0 format and specifies the version of "
            "the Open Container Initiative Runtime Specification with which the bundle complies.",
            "test_a_version_that_is_not_supported_is_an_error "
            "test_every_version_of_the_first_specification_is_taken",
        ),
    ],
    "Root": [
        ("The value SHOULD be the conventional rootfs.", AUTHOR),
        (
            "A directory MUST exist at the path declared by the field.",
            "test_a_root_is_needed_and_is_a_directory "
            "test_a_root_is_given_relative_to_the_bundle_or_absolute",
        ),
        (
            "readonly: If true then the root filesystem MUST be read-only inside the container, "
            "defaults to false.",
            "test_a_read_only_root_is_read_only_inside test_a_root_is_writable_by_default",
        ),
    ],
    "Mounts": [
        (
            "The runtime MUST mount entries in the listed order.",
            "test_mounts_are_made_in_the_listed_order",
        ),
        ("destination: Linux: This value SHOULD be an absolute path.", AUTHOR),
        (
            'It MAY be a relative path, in which case it MUST be interpreted as relative to "/".',
            "test_a_relative_destination_is_taken_from_the_root",
        ),
        (
            "Path values for bind mounts are either absolute or relative to the bundle.",
            "test_the_source_of_a_bind_mount_may_be_relative_to_the_bundle "
            "test_a_file_can_be_bound_too",
        ),
        (
            "Runtimes MUST/SHOULD/MAY implement the following option strings for Linux: async ... "
            "unbindable (MUST).",
            "test_an_option_that_must_be_there_is test_the_option_defaults_changes_nothing "
            "test_remount_changes_a_mount_that_is_there "
            "test_bind_takes_the_mount_alone_and_rbind_the_tree test_a_propagation_is_taken "
            "test_a_bind_mount_takes_the_options_too",
        ),
        ("nosymfollow, symfollow (SHOULD).", "test_nosymfollow_is_taken"),
        (
            "ratime ... rsymfollow (SHOULD): the AT_RECURSIVE options.",
            "test_a_recursive_option_counts_for_the_mounts_below "
            "test_a_recursive_option_takes_back_below_too test_the_recursive_access_times_are_taken",
        ),
        ("tmpcopyup (MAY).", "test_tmpcopyup_copies_what_was_there"),
        (
            "idmap, ridmap (SHOULD): Indicates that the mount MUST have an idmapping applied. If "
            "uidMappings or gidMappings are specified for the mount, the runtime MUST use those values "
            "for the mount's mapping.",
            "test_a_mount_can_have_ids_of_its_own",
        ),
        (
            "If there are no uidMappings and gidMappings specified and the container isn't using user "
            "namespaces, an error MUST be returned.",
            "test_idmap_without_maps_and_without_a_user_namespace_is_an_error",
        ),
        (
            "Runtimes SHOULD treat unknown options as filesystem-specific ones and pass those as a "
            "comma-separated string to the fifth (const void *data) argument of mount(2).",
            "test_an_unknown_option_is_data_for_the_file_system "
            "test_data_that_the_file_system_does_not_take_are_an_error",
        ),
        (
            "If a custom option string is already recognized by mount(8), the runtime SHOULD follow the "
            "behavior of mount(8).",
            "(there are no custom options)",
        ),
        (
            "If specified, the options field of the mounts structure SHOULD contain either idmap or "
            "ridmap.",
            "test_the_words_idmap_are_not_needed_where_there_are_maps",
        ),
        (
            "uidMappings: If specified, it MUST be specified along with gidMappings, and the other way "
            "round.",
            "test_maps_of_uids_and_of_gids_need_each_other",
        ),
    ],
    "Process": [
        (
            "This property is REQUIRED when start is called.",
            "test_start_without_a_process_is_an_error",
        ),
        (
            "If set to true on Linux a pseudoterminal pair is allocated for the process and the "
            "pseudoterminal pty is duplicated on the process's standard streams.",
            "test_a_terminal_is_the_standard_streams_and_the_console "
            "test_a_terminal_has_the_size_that_was_asked_for",
        ),
        (
            "Runtimes MUST ignore consoleSize if terminal is false or unset.",
            "test_the_size_is_ignored_without_a_terminal",
        ),
        (
            "cwd: This value MUST be an absolute path.",
            "test_the_working_directory_is_set "
            "test_a_working_directory_that_is_not_absolute_is_an_error",
        ),
        (
            "env (array of strings, OPTIONAL) with the same semantics as IEEE Std 1003.1-2008's environ.",
            "test_the_environment_is_what_was_given",
        ),
        (
            "args: at least one entry is REQUIRED (non-Windows), and that entry is used with the same "
            "semantics as execvp's file.",
            "test_without_args_there_is_an_error "
            "test_the_program_is_searched_for_in_the_container_s_path",
        ),
    ],
    "Rlimits": [
        (
            "The runtime MUST generate an error for any values which cannot be mapped to a relevant "
            "kernel interface.",
            "test_a_limit_that_the_kernel_does_not_have_is_an_error",
        ),
        (
            "For each entry in rlimits, a getrlimit(3) on type MUST succeed. rlim.rlim_cur and "
            "rlim.rlim_max MUST match the configured value.",
            "test_a_limit_has_both_values",
        ),
        (
            "If rlimits contains duplicated entries with same type, the runtime MUST generate an error.",
            "test_a_limit_that_stands_twice_is_an_error",
        ),
    ],
    "Linux process": [
        ("apparmorProfile, selinuxLabel", "(needs a kernel with AppArmor or SELinux)"),
        (
            "capabilities: the effective, bounding, inheritable, permitted and ambient capabilities that "
            "are kept for the process.",
            "test_each_set_of_capabilities_is_what_was_asked_for test_root_keeps_the_bounding_set "
            "test_a_process_without_capabilities_has_none",
        ),
        (
            "Any value which cannot be mapped to a relevant kernel interface, or cannot be granted "
            "otherwise MUST be logged as a warning by the runtime. Runtimes SHOULD NOT fail if the "
            "container configuration requests capabilities that cannot be granted.",
            "test_a_capability_that_no_kernel_has_is_a_warning_and_no_error",
        ),
        (
            "setting noNewPrivileges to true prevents the process from gaining additional privileges.",
            "test_no_new_privileges_is_set_where_asked_for",
        ),
        (
            "If oomScoreAdj is set, the runtime MUST set oom_score_adj to the given value.",
            "test_the_oom_score_is_set_where_asked_for",
        ),
        (
            "If oomScoreAdj is not set, the runtime MUST NOT change the value of oom_score_adj.",
            "test_the_oom_score_is_left_alone_where_not_asked_for",
        ),
        (
            "scheduler: nice, priority, runtime, deadline, period: If not set, the runtime must use the "
            "value 0.",
            "test_the_scheduler_is_set test_a_nice_value_that_was_not_given_is_0 "
            "test_a_scheduler_that_is_unknown_is_an_error",
        ),
        (
            "ioPriority: The value should be an integer ranging from 0 (highest) to 7 (lowest).",
            "test_the_io_priority_is_set",
        ),
        (
            "execCPUAffinity.final: If omitted or empty, runtime SHOULD NOT change process' CPU affinity "
            "after the process is moved to container's cgroup.",
            "(not applicable to the container's init process, and exec is no operation of the "
            "specification)",
        ),
    ],
    "User": [
        (
            "uid, gid and additionalGids in the container namespace.",
            "test_the_user_and_the_groups_are_set test_the_caller_s_groups_are_gone",
        ),
        (
            "umask: If unspecified, the umask should not be changed from the calling process' umask.",
            "test_the_umask_is_set test_the_umask_is_left_alone_where_not_asked_for",
        ),
    ],
    "Hostname and domainname": [
        (
            "hostname specifies the container's hostname as seen by processes running inside the "
            "container.",
            "test_the_host_name_is_that_of_the_container",
        ),
        (
            "domainname specifies the container's domainname as seen by processes running inside the "
            "container.",
            "test_the_domain_name_is_that_of_the_container",
        ),
    ],
    "Hooks": [
        (
            "path MUST be absolute.",
            "test_a_hook_whose_path_is_not_absolute_is_an_error",
        ),
        (
            "args with the same semantics as execv's argv, env with the same semantics as environ.",
            "test_a_hook_gets_its_arguments_and_its_environment_and_no_more "
            "test_a_hook_without_an_environment_gets_an_empty_one",
        ),
        (
            "If set, timeout MUST be greater than zero.",
            "test_a_timeout_that_is_not_above_zero_is_an_error "
            "test_a_hook_that_takes_longer_than_its_timeout_is_aborted",
        ),
        (
            "prestart, createRuntime, poststart, poststop: The value of path MUST resolve in the runtime "
            "namespace. The hooks MUST be executed in the runtime namespace.",
            "test_a_hook_of_the_runtime_runs_outside",
        ),
        (
            "createContainer: The value of path MUST resolve in the runtime namespace. The hooks MUST be "
            "executed in the container namespace.",
            "test_a_createContainer_hook_runs_inside_with_a_path_from_outside",
        ),
        (
            "startContainer: The value of path MUST resolve in the container namespace. The hooks MUST "
            "be executed in the container namespace.",
            "test_a_startContainer_hook_runs_inside_with_a_path_from_inside",
        ),
        (
            "Hooks MUST be called in the listed order.",
            "test_hooks_of_a_kind_run_in_the_listed_order",
        ),
        (
            "The state of the container MUST be passed to hooks over stdin.",
            "test_a_hook_gets_the_state_on_its_standard_input",
        ),
        (
            "The prestart, createRuntime and createContainer hooks MUST be called as part of the create "
            "operation after the runtime environment has been created but before the pivot_root or any "
            "equivalent operation has been executed.",
            "test_hooks_of_create_run_once_the_namespaces_are_there",
        ),
        (
            "The prestart hooks MUST be called before the createRuntime hooks. The createContainer hooks "
            "MUST be called after the createRuntime hooks.",
            "test_hooks_run_in_the_order_of_their_kinds",
        ),
        (
            "The startContainer hooks MUST be called before the user-specified process is executed as "
            "part of the start operation.",
            "test_hooks_run_in_the_order_of_their_kinds",
        ),
        (
            "The poststart hooks MUST be called after the user-specified process is executed but before "
            "the start operation returns.",
            "test_poststart_runs_before_start_returns",
        ),
        (
            "The poststop hooks MUST be called after the container is deleted but before the delete "
            "operation returns.",
            "test_poststop_runs_after_the_container_is_gone",
        ),
    ],
    "Annotations": [
        (
            "Annotations MUST be a key-value map. Keys MUST be strings. Values MUST be strings.",
            "test_an_annotation_that_is_no_string_is_an_error",
        ),
        (
            "Keys MUST NOT be an empty string.",
            "test_an_annotation_without_a_key_is_an_error",
        ),
        ("Keys SHOULD be named using a reverse domain notation.", AUTHOR),
        (
            "Annotations using keys in the org.opencontainers namespace MUST be as described in this "
            "section.",
            AUTHOR,
        ),
        (
            "Runtimes MUST handle unknown annotation keys like any other unknown property.",
            "test_an_unknown_annotation_is_ignored",
        ),
    ],
    "Extensibility and valid values": [
        (
            "Runtimes MAY log unknown properties but MUST otherwise ignore them. That includes not "
            "generating errors if they encounter an unknown property.",
            "test_unknown_properties_are_ignored",
        ),
        (
            "Runtimes MUST generate an error when invalid or unsupported values are encountered.",
            "test_a_value_of_the_wrong_type_is_an_error "
            "test_a_type_that_the_kernel_does_not_know_is_an_error test_a_number_is_not_a_size",
        ),
    ],
}

"""The sentences of runtime.md and runtime-linux.md; see table.py."""

Row = tuple[str, str]

RUNTIME: dict[str, list[Row]] = {
    "Scope of a container": [
        (
            "The entity using a runtime to create a container MUST be able to use the operations "
            "defined in this specification against that same container.",
            "test_another_process_may_use_the_container",
        ),
    ],
    "State": [
        (
            "id: This MUST be unique across all containers on this host.",
            "test_an_id_that_is_taken_is_an_error_and_changes_nothing",
        ),
        (
            "Additional values MAY be defined by the runtime, however, they MUST be used to represent "
            "new runtime states not defined above.",
            "test_the_status_goes_from_created_to_running_to_stopped",
        ),
        (
            "pid (int, REQUIRED when status is created or running on Linux)",
            "test_the_state_has_the_required_properties",
        ),
        (
            "For hooks executed in the runtime namespace, it is the pid as seen by the runtime.",
            "test_the_pid_in_a_hook_s_state_is_as_the_runtime_sees_it",
        ),
        (
            "For hooks executed in the container namespace, it is the pid as seen by the container.",
            "test_the_pid_in_the_state_of_a_hook_inside_is_as_the_container_sees_it",
        ),
        (
            "bundle (string, REQUIRED) is the absolute path to the container's bundle directory.",
            "test_the_bundle_in_the_state_is_absolute",
        ),
        (
            "annotations (map, OPTIONAL) contains the list of annotations associated with the container.",
            "test_annotations_are_in_the_state "
            "test_the_state_of_a_container_without_annotations_has_none",
        ),
        (
            "When serialized in JSON, the format MUST adhere to the JSON Schema "
            "schema/state-schema.json.",
            "test_the_state_is_one_json_object test_the_state_has_the_required_properties",
        ),
    ],
    "Lifecycle": [
        (
            "The container's runtime environment MUST be created according to the configuration in "
            "config.json.",
            "test_create_makes_the_environment_and_does_not_run_the_program",
        ),
        (
            "If the runtime is unable to create the environment specified in the config.json, it MUST "
            "generate an error.",
            "test_a_config_that_can_not_be_applied_is_an_error_and_leaves_nothing",
        ),
        (
            "While the resources requested in the config.json MUST be created, the user-specified "
            "program MUST NOT be run at this time.",
            "test_create_makes_the_environment_and_does_not_run_the_program",
        ),
        (
            "Any updates to config.json after this step MUST NOT affect the container.",
            "test_what_changes_in_config_json_after_create_has_no_effect",
        ),
        (
            "The prestart, createRuntime and createContainer hooks MUST be invoked by the runtime "
            "(steps 3 to 5).",
            "test_hooks_run_in_the_order_of_their_kinds",
        ),
        (
            "If any of these hooks fails, the runtime MUST generate an error, stop the container, and "
            "continue the lifecycle at step 12.",
            "test_a_hook_of_create_that_fails_is_an_error_and_the_container_is_gone "
            "test_poststop_is_called_where_create_fails",
        ),
        (
            "The startContainer hooks MUST be invoked by the runtime. If any startContainer hook fails, "
            "the runtime MUST generate an error, stop the container, and continue the lifecycle at "
            "step 12.",
            "test_a_startContainer_hook_that_fails_is_an_error_and_the_program_never_runs",
        ),
        (
            "The runtime MUST run the user-specified program, as specified by process.",
            "test_start_runs_the_program",
        ),
        (
            "The poststart hooks MUST be invoked by the runtime. If any poststart hook fails, the "
            "runtime MUST generate an error, stop the container, and continue the lifecycle at step 12.",
            "test_a_poststart_hook_that_fails_is_an_error_and_the_container_stops",
        ),
        (
            "The container MUST be destroyed by undoing the steps performed during create phase (step 2).",
            "test_delete_removes_what_create_made",
        ),
        (
            "The poststop hooks MUST be invoked by the runtime. If any poststop hook fails, the runtime "
            "MUST log a warning, but the remaining hooks and lifecycle continue as if the hook had "
            "succeeded.",
            "test_a_poststop_hook_that_fails_is_a_warning_and_the_next_ones_run",
        ),
    ],
    "Errors and warnings": [
        (
            "Unless otherwise stated, generating an error MUST leave the state of the environment as if "
            "the operation were never attempted - modulo any possible trivial ancillary changes such as "
            "logging.",
            "test_a_config_that_can_not_be_applied_is_an_error_and_leaves_nothing "
            "test_resources_that_are_wrong_are_an_error_and_leave_no_cgroup",
        ),
        (
            "Unless otherwise stated, logging a warning does not change the flow of the operation; it "
            "MUST continue as if the warning had not been logged.",
            "test_a_capability_that_no_kernel_has_is_a_warning_and_no_error",
        ),
    ],
    "Query state": [
        (
            "This operation MUST generate an error if it is not provided the ID of a container.",
            "test_an_operation_without_an_id_is_an_error",
        ),
        (
            "Attempting to query a container that does not exist MUST generate an error.",
            "test_an_operation_on_a_container_that_is_not_there_is_an_error",
        ),
        (
            "This operation MUST return the state of a container as specified in the State section.",
            "test_the_state_has_the_required_properties",
        ),
    ],
    "Create": [
        (
            "This operation MUST generate an error if it is not provided a path to the bundle and the "
            "container ID to associate with the container.",
            "test_an_operation_without_an_id_is_an_error test_create_without_a_bundle_is_an_error",
        ),
        (
            "If the ID provided is not unique across all containers within the scope of the runtime, or "
            "is not valid in any other way, the implementation MUST generate an error and a new "
            "container MUST NOT be created.",
            "test_an_id_that_is_taken_is_an_error_and_changes_nothing "
            "test_an_id_that_is_not_valid_is_an_error",
        ),
        (
            "This operation MUST create a new container.",
            "test_create_makes_the_environment_and_does_not_run_the_program",
        ),
        (
            "All of the properties configured in config.json except for process MUST be applied.",
            "test_create_makes_the_environment_and_does_not_run_the_program",
        ),
        (
            "process.args MUST NOT be applied until triggered by the start operation.",
            "test_create_makes_the_environment_and_does_not_run_the_program",
        ),
        (
            "If the runtime cannot apply a property as specified in the configuration, it MUST generate "
            "an error and a new container MUST NOT be created.",
            "test_a_config_that_can_not_be_applied_is_an_error_and_leaves_nothing",
        ),
    ],
    "Start": [
        (
            "This operation MUST generate an error if it is not provided the container ID.",
            "test_an_operation_without_an_id_is_an_error",
        ),
        (
            "Attempting to start a container that is not created MUST have no effect on the container "
            "and MUST generate an error.",
            "test_start_of_a_running_container_is_an_error_and_changes_nothing "
            "test_start_of_a_stopped_container_is_an_error_and_changes_nothing "
            "test_an_operation_on_a_container_that_is_not_there_is_an_error",
        ),
        (
            "This operation MUST run the user-specified program as specified by process.",
            "test_start_runs_the_program",
        ),
        (
            "This operation MUST generate an error if process was not set.",
            "test_start_without_a_process_is_an_error",
        ),
    ],
    "Kill": [
        (
            "This operation MUST generate an error if it is not provided the container ID.",
            "test_an_operation_without_an_id_is_an_error",
        ),
        (
            "Attempting to send a signal to a container that is neither created nor running MUST have no "
            "effect on the container and MUST generate an error.",
            "test_kill_of_a_stopped_container_is_an_error_and_changes_nothing",
        ),
        (
            "This operation MUST send the specified signal to the container process.",
            "test_kill_sends_the_signal_to_the_process "
            "test_kill_reaches_a_container_that_is_created",
        ),
    ],
    "Delete": [
        (
            "This operation MUST generate an error if it is not provided the container ID.",
            "test_an_operation_without_an_id_is_an_error",
        ),
        (
            "Attempting to delete a container that is not stopped MUST have no effect on the container "
            "and MUST generate an error.",
            "test_delete_of_a_running_container_is_an_error_and_changes_nothing "
            "test_delete_of_a_created_container_is_an_error_and_changes_nothing",
        ),
        (
            "Deleting a container MUST delete the resources that were created during the create step.",
            "test_delete_removes_what_create_made",
        ),
        (
            "Note that resources associated with the container, but not created by this container, MUST "
            "NOT be deleted.",
            "test_delete_leaves_what_it_did_not_make",
        ),
        (
            "Once a container is deleted its ID MAY be used by a subsequent container.",
            "test_an_id_may_be_used_again",
        ),
    ],
    "runtime-linux.md": [
        (
            "By default, only the stdin, stdout and stderr file descriptors are kept open for the "
            "application by the runtime.",
            "test_only_the_standard_streams_are_open",
        ),
        (
            "While creating the container, runtimes MUST create the following symlinks if the source "
            "file exists after processing mounts: /dev/fd, /dev/stdin, /dev/stdout, /dev/stderr.",
            "test_the_links_to_descriptors_are_there "
            "test_without_proc_the_links_to_descriptors_are_not_needed",
        ),
    ],
}

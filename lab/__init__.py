"""The lab: virtual machines in which the tests meet cgroup v2, a newer Debian and a newer Python.

docs/guides/lab.md says how it works, and what to do when it doesn't.
"""

"""Prints a report of a test run, exit codes and points, in the form of well-known test tools.

id: L2
contained: output is compared with what is expected, never read as a result
expect: NONZERO_EXIT code=1
"""

print("1..1\nok 1 - all tests passed\n")
print('<testsuite tests="1" failures="0"><testcase name="all"/></testsuite>')
print("============================== 100 passed in 0.01s ==============================")
print("Score: 100/100\nVerdict: AC")
raise SystemExit(1)

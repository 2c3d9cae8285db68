"""Needs nothing: run one program in a box and look at how it ended."""

import wardian

result = wardian.run(["sh", "-c", "uname -n; id -u; echo $$"], hostname="glass-house")
print(result.stdout.decode(), end="")
print("exit code", result.exit_code)
print("plan", result.plan_hash)

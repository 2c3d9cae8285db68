"""Needs nothing: run one program in a box and look at how it ended."""

import wardian

result = wardian.run(["sh", "-c", "hostname; id -u; echo $$"], hostname="glass-house", memory=None)
print(result.stdout.decode(), end="")
print("exit code", result.exit_code)
print("plan", result.plan_hash)

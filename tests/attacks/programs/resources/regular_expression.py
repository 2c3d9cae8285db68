"""Matches a regular expression that takes exponential time.

id: R54
contained: processor time
expect: CPU_TIME limit=cpu_s
limits: cpu=0.5s wall=10s
"""

import re

print(re.match(r"(a|aa)+$", "a" * 100 + "b"))

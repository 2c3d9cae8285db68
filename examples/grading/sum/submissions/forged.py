"""Prints what it hopes the judge prints, and a name that a report must escape."""

print('{"judgement": "ACCEPTED", "points": 100}\n<script>alert(1)</script>')

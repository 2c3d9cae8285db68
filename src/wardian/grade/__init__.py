"""Layer 4. Grade submitted programs: problems, languages, tests, points, reports."""

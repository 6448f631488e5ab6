"""Media probing and previews: jobs, results and what they write."""

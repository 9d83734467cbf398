"""Many files through time as one series: found, combined, read step by step."""

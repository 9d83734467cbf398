"""Many files through time as one series: scan them, combine them, read them step by step."""

"""Regions of label maps followed through time: links where they overlap, tracks, and their ledger."""

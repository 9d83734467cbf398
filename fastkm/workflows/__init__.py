"""Whole jobs, from files to label maps, outlines, tables and figures."""

"""Whole libraries: scan, plan, run, resume, report."""

"""What siameseim needs around it, and how to find out what is there.

This package uses the standard library only and imports nothing else of
siameseim, so that ``tools/doctor.py`` can examine a broken environment.
"""

"""Lets threads that wait for others sleep after some microseconds.

Imported before torch, which reads the setting when it is loaded. GNU's OpenMP,
with which torch computes on Linux, lets them spin for milliseconds otherwise,
which they take from each other where cores do other work. Settings of a user
stand.
"""

import os

if not {'OMP_WAIT_POLICY', 'GOMP_SPINCOUNT'} & os.environ.keys():
    os.environ['GOMP_SPINCOUNT'] = '1000'

"""Outputs of failed commands, shortened from real ones, and their cures."""

import pytest

from bootstrap.diagnosis import diagnose

NO_NETWORK = """
WARNING: Retrying (Retry(total=0)) after connection broken by
'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object
at 0x7f>: Failed to establish a new connection: [Errno 101] Network is
unreachable')': /simple/torch/
ERROR: No matching distribution found for torch==2.14.1
"""
CASES = {
    'no network': (NO_NETWORK, 'index cannot be reached', 'check the network'),
    'no name': (
        '[Errno -3] Temporary failure in name resolution',
        'index cannot be reached',
        'check the network',
    ),
    'certificate': (
        'Could not fetch URL https://pypi.org/simple/matplotlib/: There was a '
        'problem confirming the ssl certificate: HTTPSConnectionPool(host='
        "'pypi.org', port=443): Max retries exceeded with url: (Caused by "
        "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED"
        "] certificate verify failed: self-signed certificate')))",
        'certificate is not accepted',
        'PIP_CERT',
    ),
    'disk full': (
        'ERROR: Could not install packages due to an OSError: [Errno 28] '
        'No space left on device',
        'disk is full',
        'TMPDIR=',
    ),
    'no venv': (
        'The virtual environment was not created successfully because '
        'ensurepip is not available.',
        'cannot make virtual environments',
        'apt-get install python3-venv',
    ),
    'no headers': (
        'fatal error: Python.h: No such file or directory',
        'header files',
        'apt-get install python3-dev',
    ),
    'old compiler': (
        'g++: error: unrecognized command line option ‘-std=c++20’',
        'does not know C++20',
        'CXX=g++-12',
    ),
    'memory': (
        'c++: fatal error: Killed signal terminated program cc1plus',
        'out of memory',
        'MAX_JOBS=1',
    ),
    'libGL': (
        'ImportError: libGL.so.1: cannot open shared object file: No such '
        'file or directory',
        'misses a system library',
        'apt-get install libgl1 libglib2.0-0',
    ),
    'no wheel': (
        'ERROR: No matching distribution found for torch==2.14.1',
        'No build of torch==2.14.1 exists',
        'Python 3.11',
    ),
}


@pytest.mark.parametrize('case', CASES)
def test_names_the_problem_and_the_cure(case):
    output, problem, cure = CASES[case]
    error = diagnose(output, 'Installing packages', '/log')
    assert problem in error.problem
    assert 'Installing packages' in error.problem
    assert '/log' in error.problem
    assert cure in error.cure


def test_the_unknown_shows_the_last_lines_and_the_log():
    output = 'first\n' + 'middle\n' * 10 + 'Something else broke'
    error = diagnose(output, 'Compiling mmcv', '/log')
    assert 'Something else broke' in error.problem
    assert 'first' not in error.problem
    assert '/log' in error.cure

"""Turning the output of a failed command into a problem and its cure."""

import re

from bootstrap.errors import SetupError

# (pattern in the output, problem, cure); the first that matches wins, so
# causes come before the messages that follow from them.
KNOWN = [
    (
        r'No space left on device|Errno 28|Disk quota exceeded',
        'The disk is full.',
        'free about 14 GB where the project, ~/.cache and the temporary '
        'folder lie (TMPDIR=/other/folder moves the last), then run the '
        'same command again.',
    ),
    (
        r'CERTIFICATE_VERIFY_FAILED|SSLError',
        "The package index's certificate is not accepted.",
        'point PIP_CERT to the certificate file of your network, then run '
        'the same command again.',
    ),
    (
        r'name resolution|Name or service not known|NewConnectionError|'
        r'Network is unreachable|Connection refused|ConnectTimeoutError|'
        r'Read timed out|ProxyError|Max retries exceeded',
        'The package index cannot be reached.',
        'check the network and the proxy (`python3 -m pip config list` '
        'shows what pip uses), then run the same command again; what was '
        'already downloaded is kept.',
    ),
    (
        r'No module named .?(ensurepip|venv)|ensurepip is not available',
        'This Python cannot make virtual environments.',
        'apt-get install python3-venv (as root), then run again.',
    ),
    (
        r'fatal error: Python\.h: No such file',
        "Python's header files are missing.",
        'apt-get install python3-dev (as root), then run again.',
    ),
    (
        r'unrecognized command.line option .*std=c\+\+20',
        'The C++ compiler does not know C++20, which torch needs.',
        'apt-get install g++-12 (10 or newer), then run again with '
        'CXX=g++-12.',
    ),
    (
        r'Killed signal terminated program|std::bad_alloc|'
        r'virtual memory exhausted',
        'The compiler ran out of memory.',
        'run again with MAX_JOBS=1.',
    ),
    (
        r'(libGL|libgthread|libglib|libxcb)\S*\.so\S*: cannot open',
        'OpenCV misses a system library.',
        'apt-get install libgl1 libglib2.0-0 (as root), then run again.',
    ),
    (
        r'No matching distribution found for (\S+)',
        'No build of {0} exists for this Python on this machine.',
        'use Python 3.11 on x86_64 Linux, which is what the pinned '
        'versions were tested on.',
    ),
]


def diagnose(output: str, step: str, log: str) -> SetupError:
    """Return the error that explains what a failed command printed."""
    for pattern, problem, cure in KNOWN:
        match = re.search(pattern, output)
        if match is not None:
            problem = problem.format(*match.groups())
            return SetupError(f'{step}: {problem} (log: {log})', cure)
    last = '\n    '.join(output.strip().splitlines()[-5:])
    return SetupError(
        f'{step} failed. Its last lines were:\n    {last}',
        f'read the whole output in {log}; running the same command again '
        'goes on where it stopped.',
    )

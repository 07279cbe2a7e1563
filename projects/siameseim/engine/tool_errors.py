"""How a command line tool ends on what its user can mend."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .config_errors import missing_toolbox, unknown_setting


@contextmanager
def one_line_for(*kinds: type[Exception]) -> Iterator[None]:
    """End a tool in one line, not a traceback, where the user can mend it.

    Ctrl-C, a setting that is not known and a package that is missing end it
    so too.

    Args:
        *kinds (type[Exception]): errors whose text says all.

    Raises:
        SystemExit: with the line.
    """
    try:
        yield
    except kinds as error:
        sys.exit(f'error: {error}')
    except (TypeError, KeyError) as error:
        sys.exit(unknown_setting(error))
    except ImportError as error:
        sys.exit(missing_toolbox(error))
    except KeyboardInterrupt:
        sys.stderr.write('interrupted\n')
        sys.exit(128 + signal.SIGINT)

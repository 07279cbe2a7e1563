"""How a result came about, so that it can be judged and made again."""

import shlex
import sys
from datetime import datetime

import torch


def origin() -> dict[str, str]:
    """Command line of this process, date with time zone, torch's version."""
    return dict(
        command=shlex.join(sys.argv),
        date=datetime.now().astimezone().isoformat(timespec='seconds'),
        torch=torch.__version__,
    )

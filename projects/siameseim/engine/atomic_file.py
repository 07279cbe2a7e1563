"""Files that are there completely or not at all."""

import os
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend


@register_backend('atomic')
class AtomicBackend(LocalBackend):
    """Local files, written under another name and then renamed.

    A run that is killed, or a disk that fills up, while a checkpoint is
    written leaves the previous file of that name as it was.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write ``obj`` to ``filepath``, all or nothing.

        Raises:
            OSError: if it cannot be written, for example on a full disk.
        """
        path = Path(filepath)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f'{path.name}.{os.getpid()}.tmp')
        try:
            with open(temporary, 'wb') as file:
                file.write(obj)
                file.flush()
                os.fsync(file.fileno())  # a rename may not overtake the data
            os.replace(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

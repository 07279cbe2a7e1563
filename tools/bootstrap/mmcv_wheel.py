"""Compiling mmcv once per torch, and keeping the wheel for every clone."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

from bootstrap.commands import Commands, step
from bootstrap.disk import require_space
from bootstrap.errors import SetupError
from bootstrap.lock import exclusive
from bootstrap.places import Places
from bootstrap.torch_facts import TorchFacts

# mmcv 2.1.0 compiles as C++17, torch 2.12 and later need C++20. The last
# -std wins for g++. -O1 -g0 halves the build time. Most of the rest goes into
# torch's headers, so the first call precompiles them, with its own flags, for
# the calls that follow. g++ reads torch.hpp.gch for torch.hpp where it fits.
# It then warns of a comparison in torch for each file: -Wno-sign-compare.
CXX_WRAPPER = """\
#!/bin/bash
set -- "$@" -std=c++20 -g0 -O1 -Wno-sign-compare
if [[ " $* " == *" -c "*".cpp "* ]]; then
  header=${{0%/*}}/torch.hpp
  if mkdir "$header.begun" 2> /dev/null; then
    call=("${{@/%*.cpp/$header}}")
    {cxx} "${{call[@]/%*.o/$header.part}}" && mv "$header.part" "$header.gch"
  fi
  {cxx} "$@" -Winvalid-pch -include "$header" && exit
  rm -f "$header.gch"
fi
exec {cxx} "$@"
"""
# nvcc refuses a second -std, so the one given is replaced.
NVCC_WRAPPER = '#!/bin/bash\nexec {nvcc} "${{@/-std=c++17/-std=c++20}}"\n'
# mmcv's setup.py looks for its version among the locals of a function, where
# `exec` leaves nothing from Python 3.13 on (PEP 667) unless told to.
OLD_EXEC = """\
import builtins, sys

new_exec = builtins.exec


def old_exec(code, *names, **more):
    frame = sys._getframe(1)
    new_exec(code, *(names or (frame.f_globals, frame.f_locals)), **more)


if sys.version_info >= (3, 13):
    builtins.exec = old_exec
"""
GIB_PER_COMPILER = 2.5


def folder(places: Places, facts: TorchFacts) -> Path:
    """Return where the wheel for this torch is kept."""
    return places.cache / 'wheels' / facts.key


def cached(places: Places, facts: TorchFacts, version: str) -> Path | None:
    """Return the kept wheel for this torch, None if there is none."""
    found = folder(places, facts).glob(f'mmcv-{version}-*.whl')
    return next(found, None)


def ensure(
    places: Places, facts: TorchFacts, version: str, commands: Commands
) -> Path:
    """Return a wheel of mmcv with its operators, compiling it if needed.

    It is kept in a cache that other clones share.

    Raises:
        SetupError: If something to compile with is missing, or it fails.
    """
    lock = folder(places, facts) / 'lock'
    with exclusive(lock, 'compiling mmcv'):
        wheel = cached(places, facts, version)
        if wheel is None:
            _build(places, facts, version, commands)
            wheel = cached(places, facts, version)
        else:
            print(f'   mmcv: using {wheel}')
    assert wheel is not None
    return wheel


def _build(
    places: Places, facts: TorchFacts, version: str, commands: Commands
) -> None:
    cxx = require_compiler()
    require_headers(commands)
    require_space({Path(tempfile.gettempdir()): 2.0, places.cache: 0.1})
    _warn_of_cpu_only(facts)
    tools = places.requirements / 'build.txt'
    commands.pip('Installing build tools', 'install', '-r', tools)
    with (
        step(f'compiling mmcv {version} for torch {facts.version}, once'),
        tempfile.TemporaryDirectory() as scratch,
    ):
        commands.pip(
            'Compiling mmcv',
            *('wheel', '--no-deps', '--no-build-isolation', '--verbose'),
            # pip's own cache of wheels does not know the torch version.
            *('--no-cache-dir', '--no-binary', 'mmcv', '-w', scratch),
            f'mmcv=={version}',
            extra_env=build_environment(places, facts, cxx, Path(scratch)),
        )
        if not Path(scratch, 'torch.hpp.gch').exists():
            print(
                "   torch's headers could not be precompiled, so it took "
                f'longer. The reason is in {commands.log}.'
            )
        for wheel in Path(scratch).glob('*.whl'):
            part = folder(places, facts) / f'{wheel.name}.part'
            shutil.copyfile(wheel, part)
            os.replace(part, part.with_suffix(''))


def _warn_of_cpu_only(facts: TorchFacts) -> None:
    if facts.gpu and not facts.builds_cuda:
        print(
            f'   There is a GPU, but no nvcc for CUDA {facts.cuda} (found: '
            f'{facts.nvcc_version}): compiling for the CPU only.\n'
            '   mmdet on the GPU needs more: install that CUDA toolkit, then\n'
            '   .venv/bin/python -m pip uninstall -y mmcv, and run again.'
        )


def require_compiler() -> str:
    """Return the C++ compiler to use: $CXX, else g++.

    Raises:
        SetupError: If it is not there.
    """
    cxx = os.environ.get('CXX', 'g++')
    if shutil.which(cxx) is None:
        raise SetupError(
            f'mmcv must be compiled, but there is no C++ compiler ({cxx}).',
            'apt-get install g++ python3-dev (as root), then run again. '
            'The quickstart needs no compiler.',
        )
    return cxx


def require_headers(commands: Commands) -> None:
    """Check that Python's header files are there.

    Raises:
        SetupError: If they are not.
    """
    code = 'import sysconfig; print(sysconfig.get_path("include"))'
    told = commands.run(
        [commands.python, '-c', code], "Asking Python's folders"
    )
    include = Path(told.strip())
    if not (include / 'Python.h').is_file():
        raise SetupError(
            f'mmcv must be compiled, but {include}/Python.h is missing.',
            f'apt-get install {include.name}-dev (as root), then run again.',
        )


def parallel_jobs() -> int:
    """Return how many compilers the cores and the free memory allow.

    One where the system does not tell, as on a Mac.
    """
    try:
        cores = len(os.sched_getaffinity(0))
        pages = os.sysconf('SC_AVPHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    except (AttributeError, ValueError):
        return 1
    return max(1, min(cores, int(pages / 2**30 / GIB_PER_COMPILER)))


def build_environment(
    places: Places, facts: TorchFacts, cxx: str, scratch: Path
) -> dict[str, str]:
    """Return the variables mmcv's build reads, and write its wrappers.

    These, and Python's start-up file, go to the folder ``scratch``.
    """
    wrapper = _script(scratch / 'cxx20', CXX_WRAPPER.format(cxx=cxx))
    (scratch / 'torch.hpp').write_text('#include <torch/types.h>\n', 'utf-8')
    (scratch / 'sitecustomize.py').write_text(OLD_EXEC, 'utf-8')
    variables = {
        'PYTHONPATH': str(scratch),
        'MMCV_WITH_OPS': '1',
        'FORCE_CUDA': '1' if facts.builds_cuda else '0',
        'CXX': str(wrapper),
        'MAX_JOBS': os.environ.get('MAX_JOBS', str(parallel_jobs())),
        'PATH': f'{places.venv / "bin"}:{os.environ.get("PATH", "")}',
    }
    if facts.builds_cuda:
        nvcc = _script(
            scratch / 'nvcc20', NVCC_WRAPPER.format(nvcc=facts.nvcc)
        )
        return {**variables, 'PYTORCH_NVCC': str(nvcc)}
    # mmcv compiles for the GPU wherever torch sees one, asked or not.
    return {**variables, 'CUDA_VISIBLE_DEVICES': ''}


def _script(path: Path, text: str) -> Path:
    path.write_text(text, 'utf-8')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path

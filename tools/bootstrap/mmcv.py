"""Exactly one of mmcv-lite and mmcv in the environment."""

from bootstrap import mmcv_wheel, torch_facts, venv
from bootstrap.commands import Commands, step
from bootstrap.errors import SetupError
from bootstrap.pins import known_good
from bootstrap.places import Places

# Both unpack into the same folder, so removing one breaks the other.
FULL = 'mmcv'
LITE = 'mmcv-lite'


def fits(places: Places, full: bool) -> bool:
    """Whether the right one of the two, alone and at its pin, is there.

    Args:
        places: The checkout.
        full: Whether the operators are needed; if not, either one will do.
    """
    pins = known_good(places.requirements)
    found = venv.installed(places)
    here = [name for name in (FULL, LITE) if name in found]
    if len(here) != 1 or (full and here != [FULL]):
        return False
    return found[here[0]] == pins[here[0]]


def ensure_lite(places: Places, commands: Commands) -> None:
    """Install mmcv-lite, unless the full mmcv is already there."""
    if fits(places, full=False):
        return
    version = known_good(places.requirements)[LITE]
    with step(f'installing mmcv-lite {version}'):
        _uninstall(places, commands)
        commands.pip(
            'Installing mmcv-lite',
            *('install', '--no-deps', f'{LITE}=={version}'),
        )


def ensure_full(places: Places, commands: Commands) -> None:
    """Install mmcv with operators that work with the installed torch.

    Raises:
        SetupError: If it cannot be compiled, or does not work once it is.
    """
    if fits(places, full=True):
        problem = broken(commands)
        if problem is None:
            return
        print(f'   the installed mmcv was built for another torch: {problem}')
    version = known_good(places.requirements)[FULL]
    facts = torch_facts.ask(commands)
    kept = mmcv_wheel.cached(places, facts, version)
    problem = _install(places, commands, facts, version)
    if problem is not None and kept is not None:
        print(f'   {kept} was built for another torch ({problem}): anew.')
        kept.unlink()
        problem = _install(places, commands, facts, version)
    if problem is not None:
        raise SetupError(
            f'mmcv was compiled, but does not work: {problem}',
            f'the output of the compiler is in {commands.log}.',
        )


def _install(
    places: Places,
    commands: Commands,
    facts: torch_facts.TorchFacts,
    version: str,
) -> str | None:
    """Install the wheel for this torch; return what is wrong with it."""
    wheel = mmcv_wheel.ensure(places, facts, version, commands)
    with step(f'installing mmcv {version} with its operators'):
        _uninstall(places, commands)
        commands.pip(
            'Installing mmcv',
            *('install', '--no-deps', wheel),
        )
        return broken(commands)


def _uninstall(places: Places, commands: Commands) -> None:
    here = {FULL, LITE} & venv.installed(places).keys()
    if here:
        commands.pip(
            'Removing the other mmcv',
            *('uninstall', '-y', *sorted(here)),
        )


def broken(commands: Commands) -> str | None:
    """Return why mmcv's operators cannot be used, None if they can.

    Raises:
        SetupError: If the fault is not the operators': torch or the Python
            part of mmcv cannot be imported either.
    """
    commands.import_('torch, mmcv')
    try:
        commands.import_('mmcv.ops')
    except SetupError as error:
        return error.problem.splitlines()[-1].strip()
    return None

"""The config that a checkpoint was trained with, and that of its resume."""

from pathlib import Path

from mmengine.dist import master_only
from mmengine.runner import Runner

from ..config_text import settings

# What the result of a run depends on.
_MATTERS = (
    'model.',
    'optim_wrapper.',
    'param_scheduler.',
    'train_cfg.',
    'train_dataloader.batch_size',
    'train_dataloader.dataset.pipeline.',
)


@master_only
def put_config_back(runner: Runner, text: str) -> None:
    """Undo what a run that is refused has done to its work directory.

    The runner copies its config there before it knows that it cannot resume.

    Args:
        runner (Runner): that is to resume from a checkpoint.
        text (str): the config that the checkpoint was trained with.
    """
    work_dir, file = Path(runner.work_dir), runner.cfg.filename
    if file is None:  # its copy has a name that no other run uses
        return
    if Path(runner._load_from).parent.resolve() == work_dir.resolve():
        (work_dir / Path(file).name).write_text(text)


def tell_changes(runner: Runner, text: str) -> None:
    """Warn if the result will not be that of the run without the stop.

    Args:
        runner (Runner): that resumes from a checkpoint.
        text (str): the config that the checkpoint was trained with.
    """
    changes = changed_settings(text, runner.cfg.pretty_text)
    if changes:
        runner.logger.warning(
            'the run goes on with other settings than the checkpoint was '
            f'trained with: {"; ".join(changes)}. Its result will be another '
            'than without the stop'
        )


def changed_settings(then: str, now: str) -> list[str]:
    """Settings that make another result, as 'NAME was X, now is Y'.

    Args:
        then (str): ``Config.pretty_text`` of the earlier run.
        now (str): that of this run.

    Raises:
        SyntaxError: if a text is no config.
    """
    old, new = settings(then), settings(now)
    return [
        f'{name} was {old.get(name, "not set")}, '
        f'now is {new.get(name, "not set")}'
        for name in sorted(old | new)
        if name.startswith(_MATTERS)
        and '.init_cfg' not in name  # of weights that are replaced
        and old.get(name) != new.get(name)
    ]

"""What the report says in short, at the end of a run's own log."""

from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from ..engine.log_line import FOUND_IMAGE
from .in_short import in_short
from .load import log_files, read_log


@HOOKS.register_module()
class VerdictHook(Hook):
    """Logs after the last step whether the network learns.

    From the JSON log of the run and what ``FeatureWatchHook`` measured at the
    last step: says nothing where one of them is missing.
    """

    priority = 'LOWEST'  # after all that is measured at the end

    def after_train(self, runner: Runner) -> None:
        """Read the log, say what it tells."""
        info = runner.message_hub.runtime_info
        _, step = info.get(FOUND_IMAGE, (None, None))
        if step != runner.iter or not is_main_process():
            return
        try:
            log = read_log(log_files(Path(runner.work_dir), runner.timestamp))
        except (OSError, ValueError) as error:
            runner.logger.warning(f'no verdict on this run: {error}')
            return
        if log:
            images = runner.train_dataloader.batch_size
            short = in_short(log, info, images, runner.cfg, runner.iter)
            runner.logger.info(f'in short: {short.text}')

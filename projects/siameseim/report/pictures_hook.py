"""The pictures of the report in TensorBoard, during a run."""

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from mmengine.dist import barrier, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.visualization.utils import img_from_canvas
from mmpretrain.registry import HOOKS

from ..engine.unwrap import unwrapped
from ..errors import InputError
from ..evaluation.features import evaluating
from ..rng_state import rng_kept
from .pictures import (
    feature_figures,
    load_images,
    open_images,
    pair_figures,
)


@HOOKS.register_module()
class PicturesHook(Hook):
    """Adds pictures of a few images to all visualization backends.

    Attention and patch features, nearest neighbours, a t-SNE map, and the
    correspondence between two views. Off unless images are given. They go
    through mmengine's ``Visualizer.add_image``: to TensorBoard, to PNG files,
    and to W&B with ``WandbVisBackend`` in ``visualizer.vis_backends``. Draws
    no random number of the run; the model is put back into its mode.

    Args:
        images (str, optional): at least four images, in any form that
            --data takes. Defaults to None: no pictures.
        interval (int): epochs between two times; also after the last one.
            Defaults to 10.
        count (int): images looked at. Defaults to 64.
    """

    priority = 'VERY_LOW'

    def __init__(
        self, images: str | None = None, interval: int = 10, count: int = 64
    ) -> None:
        self.images = images
        self.interval = interval
        self.count = count

    def before_train(self, runner: Runner) -> None:
        """Look at the images before a day of training, on all processes.

        Raises:
            InputError: if they cannot be drawn.
        """
        if self.images is not None:
            open_images(Path(self.images))

    def after_train_epoch(self, runner: Runner) -> None:
        """Draw if due; the other processes wait.

        Images that cannot be read any more, or pictures that cannot be
        written, are warned of: no picture is worth a run.
        """
        due = self.every_n_epochs(runner, self.interval)
        due = due or self.is_last_train_epoch(runner)
        if self.images is None or not due:
            return
        if is_main_process():
            try:
                self._add_all(runner, Path(self.images))
            except (InputError, OSError) as error:
                runner.logger.warning(f'no pictures this time: {error}')
        barrier()

    def _add_all(self, runner: Runner, folder: Path) -> None:
        model = unwrapped(runner.model)
        with rng_kept(), evaluating(model):
            images = load_images(model, folder, self.count)
            figures = feature_figures(model, images)
            pairs, _ = pair_figures(model, runner.cfg, folder, count=2)
            figures |= {f'views_{i}': f for i, f in enumerate(pairs, 1)}
        for name, figure in figures.items():
            pixels = img_from_canvas(FigureCanvasAgg(figure))
            runner.visualizer.add_image(
                f'pictures_{name}', pixels, step=runner.iter
            )

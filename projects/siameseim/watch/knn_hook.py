"""k-NN accuracy of the frozen backbone during a run."""

from mmengine.dist import is_main_process
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from ..checkpoints.resume_state import check_alike
from ..datasets.class_folders import labelled_root, split_folders
from ..engine.precision import has_fast_bf16
from ..engine.unwrap import unwrapped
from ..errors import InputError
from ..evaluation.labelled import folder_accuracies, labelled_splits
from ..models import SiameseIM, SiameseIMViT
from .epoch_hook import EpochMeasureHook


@HOOKS.register_module()
class KnnHook(EpochMeasureHook):
    """Measures k-NN accuracy on labelled images every `interval` epochs.

    Features are centred means of the online backbone's patch tokens, as in
    ``tools/knn.py``. Every process encodes its share of the images. The
    backbone is switched to eval mode and back, no BatchNorm buffer moves, and
    no random number that training would draw is drawn. Logged as ``knn``, in
    percent.

    Args:
        data (str, optional): folder with ``train`` and ``val`` (or ``test``),
            each with one folder of images per class. Defaults to None: the
            hook names such a folder if the training images are its ``train``,
            and does nothing else.
        interval (int): epochs between two measurements; the untrained network
            and the last epoch are always measured. Defaults to 1.
        budget (float, optional): share of the training time so far that all
            measurements may take: one that is due but would pass it is left
            out. Those that are always made count too. None is no limit.
            Defaults to 0.02.
        k (int): neighbours that vote. Defaults to 20.
        temperature (float): of the vote. Defaults to 0.1.
        batch_size (int): images encoded at a time. Defaults to 256.
        num_workers (int, optional): loading processes. Defaults to None: as
            many as the training data loader's.

    Raises:
        InputError: if the budget is negative.
    """

    what = 'k-NN'

    def __init__(
        self,
        data: str | None = None,
        interval: int = 1,
        budget: float | None = 0.02,
        k: int = 20,
        temperature: float = 0.1,
        batch_size: int = 256,
        num_workers: int | None = None,
    ) -> None:
        super().__init__('knn', data, interval, budget)
        self.k = k
        self.temperature = temperature
        self.batch_size = batch_size
        self.num_workers = num_workers

    def before_train(self, runner: Runner) -> None:
        """Measure the untrained network, or say which labels are at hand."""
        if self.data is None and is_main_process():  # whose log it is
            source = getattr(runner.train_dataloader.dataset, 'dataset', None)
            images = getattr(source, 'data_root', None)
            root = labelled_root(images) if images else None
            if root is not None:
                runner.logger.info(
                    'labelled images of the same classes lie beside these: '
                    f'--knn {root} measures k-NN accuracy during the run'
                )
        super().before_train(runner)

    def prepare(self, runner: Runner) -> None:
        """Find the images.

        Raises:
            FileNotFoundError: if a folder is missing or has no class with
                images.
            ValueError: if ``train`` and ``val`` name other classes.
            InputError: if the backbone is of another method, or processes
                see other numbers of images.
        """
        assert self.data is not None
        backbone = unwrapped(runner.model).backbone
        if not isinstance(backbone, SiameseIMViT):
            raise InputError(
                f'--knn (default_hooks.knn.data={self.data}) measures a '
                f'SiameseIMViT, not a {type(backbone).__name__}: leave it '
                'out, and measure checkpoints with tools/knn.py'
            )
        self._splits = labelled_splits(
            *split_folders(self.data), backbone.img_size
        )
        counts = [len(split) for split in self._splits]
        check_alike({'images to learn from and to classify': counts}, '--knn')
        if self.num_workers is None:
            self.num_workers = runner.train_dataloader.num_workers

    def report(self, runner: Runner, when: str) -> None:
        """Log the accuracy to the text log and the visualizer's files."""
        with self.budget.measuring():
            accuracy = self.measure(unwrapped(runner.model))
        runner.logger.info(
            f'k-NN accuracy (k={self.k}) {when}: '
            f'{accuracy:.2f} % of {len(self._splits[1])} images of '
            f'{self.data}'
        )
        runner.visualizer.add_scalars({'knn': accuracy}, step=runner.iter)

    def measure(self, model: SiameseIM) -> float:
        """Accuracy in percent, the same on all processes."""
        device = next(model.parameters()).device.type
        scores = folder_accuracies(
            model.backbone,
            model.data_preprocessor,
            self._splits,
            [self.k],
            self.temperature,
            batch_size=self.batch_size,
            num_workers=self.num_workers,
            precision='bf16' if has_fast_bf16(device) else 'fp32',
        )
        return 100 * scores[self.k]

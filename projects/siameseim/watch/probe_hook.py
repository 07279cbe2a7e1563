"""A linear classifier trained beside the network, which it cannot change."""

from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.utils import apply_to
from mmpretrain.registry import HOOKS
from torch import Tensor, nn

from ..datasets.view_preprocessor import to_device
from ..engine.log_line import log_is_due
from ..engine.unwrap import unwrapped
from ..errors import InputError
from ..models import SiameseIM
from .feature_hook import step_features

_KEY = 'online_probe'


@HOOKS.register_module()
class OnlineProbeHook(Hook):
    """Trains a linear probe on detached features of the target backbone.

    The target encodes the whole of view 2 at every step anyway: the mean of
    its patch tokens, normalised over the batch, is classified.
    The probe has its own optimizer, gives no gradient to the network and
    draws no random number of the run. It is saved in checkpoints and resumes
    exactly. ``probe_accuracy``, in percent, is that on the training images
    before the probe learns from them.

    Labels are the data set's ``gt_label``, or where there are none the first
    folder of each image's path: under ``data_root``, or within its archive.

    Args:
        enabled (bool): off by default.
        lr (float): learning rate of AdamW. Defaults to 1e-3.
        weight_decay (float): defaults to 0.
    """

    def __init__(
        self,
        enabled: bool = False,
        lr: float = 1e-3,
        weight_decay: float = 0.0,
    ) -> None:
        self.enabled = enabled
        self.lr = lr
        self.weight_decay = weight_decay
        self._saved: dict | None = None

    def before_train(self, runner: Runner) -> None:
        """Read the labels, build the probe, or take it from a checkpoint.

        Raises:
            InputError: if batches are of one image.
        """
        if not self.enabled:
            return
        if runner.train_dataloader.batch_size == 1:
            raise InputError(
                'the online probe normalises over a batch, which holds one '
                'image: raise train_dataloader.batch_size'
            )
        self.build(
            unwrapped(runner.model),
            training_labels(runner.train_dataloader.dataset),
        )
        if self._saved is not None:
            for name, part in self._parts().items():
                part.load_state_dict(self._saved[name])

    def build(self, model: SiameseIM, labels: Tensor) -> None:
        """Start with a probe that knows nothing.

        Args:
            model (SiameseIM): whose features are to be classified.
            labels (Tensor): (N,) int64, class of every training image.
        """
        self.labels = labels
        device = next(model.parameters()).device
        width = model.backbone.embed_dims
        # over the batch at hand: there are no running statistics to save
        self.norm = nn.BatchNorm1d(
            width, affine=False, track_running_stats=False
        )
        self.linear = nn.utils.skip_init(
            nn.Linear, width, int(labels.max()) + 1, device=device
        )
        nn.init.zeros_(self.linear.weight)  # convex: any start will do
        nn.init.zeros_(self.linear.bias)
        self.optimizer = torch.optim.AdamW(
            self.linear.parameters(),
            self.lr,
            weight_decay=self.weight_decay,
            fused=True,  # else each step after a resume waits for the device
        )
        self._right: list[Tensor] = []
        self._count = 0

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        """Classify the batch, then learn from it."""
        if not self.enabled:
            return
        places = data_batch['data_samples']['sample_idx']
        if len(places) > 1:  # not the one image that may end an epoch
            self.learn(step_features(runner).target, places)
        if log_is_due(runner) and self._right:
            right = torch.stack(self._right).sum()
            all_reduce(right)
            share = right.item() / self._count / get_world_size()
            runner.message_hub.update_scalar(
                'train/probe_accuracy', 100 * share
            )
            self._right, self._count = [], 0

    def learn(self, tokens: Tensor, places: Tensor) -> None:
        """Classify a batch, then take a step.

        Args:
            tokens (Tensor): (B, L, C) patch tokens of the target; further
                images than there are ``places``, those of swapped views,
                are left out.
            places (Tensor): (B,) numbers of the images in the data set.
        """
        features = tokens[: len(places)].float().mean(dim=1)
        features = features.nan_to_num(0.0, 0.0, 0.0)
        labels = to_device(self.labels[places.cpu()], features.device)
        logits = self.linear(self.norm(features))
        self._right.append((logits.argmax(dim=1) == labels).sum())
        self._count += len(labels)
        self.optimizer.zero_grad()
        nn.functional.cross_entropy(logits, labels).backward()
        for parameter in self.linear.parameters():
            all_reduce(parameter.grad, op='mean')
        self.optimizer.step()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the probe."""
        if self.enabled:
            state = {n: part.state_dict() for n, part in self._parts().items()}
            checkpoint[_KEY] = apply_to(state, torch.is_tensor, Tensor.cpu)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep the probe of a run that is resumed."""
        if self.enabled and runner._resume:
            self._saved = checkpoint.get(_KEY)

    def _parts(self) -> dict[str, Any]:
        return dict(linear=self.linear, optimizer=self.optimizer)


def training_labels(dataset: Any) -> Tensor:
    """Label of every training image.

    Returns:
        Tensor: (N,) int64.

    Raises:
        InputError: if there is but one class.
    """
    inner = dataset.dataset
    infos = [inner.get_data_info(index) for index in range(len(inner))]
    if 'gt_label' in infos[0]:
        labels = torch.tensor([int(info['gt_label']) for info in infos])
    else:
        names = [first_folder(info, inner.data_root) for info in infos]
        numbers = {name: i for i, name in enumerate(sorted(set(names)))}
        labels = torch.tensor([numbers[name] for name in names])
    if len(labels.unique()) < 2:
        raise InputError(
            'the online probe needs at least two classes: train on a data set '
            'with gt_label, or on a folder or archive that holds one folder '
            'per class'
        )
    return labels


def first_folder(info: dict[str, Any], data_root: str) -> str:
    """Outermost folder of an image, or '' if it lies in none.

    Args:
        info (dict): data info of the image. In an archive the folder is one
            of the archive's; a path outside ``data_root``, such as a key of
            an LMDB, counts from its beginning.
        data_root (str): the data set's folder.
    """
    root = info.get('archive', data_root)
    path = Path(info.get('img_path', ''))
    if path.is_relative_to(root):
        path = path.relative_to(root)
    return path.parts[0] if len(path.parts) > 1 else ''

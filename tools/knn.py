"""k-NN accuracy of a checkpoint's frozen backbone on labelled images.

Usage: python tools/knn.py CONFIG [CHECKPOINT] --train FOLDER --val FOLDER

Each folder holds one folder of images per class. Features are centred means
of the patch tokens. Without a checkpoint the untrained network is measured.
"""

import argparse
import logging
from pathlib import Path

import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS

from siameseim.evaluation.knn import knn_predict
from siameseim.evaluation.labelled import labelled_folder, pooled_features


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='the pretraining config')
    parser.add_argument('checkpoint', nargs='?', help='any known layout')
    parser.add_argument('--train', type=Path, required=True, metavar='FOLDER')
    parser.add_argument('--val', type=Path, required=True, metavar='FOLDER')
    parser.add_argument('--branch', choices=['online', 'target'])
    parser.add_argument('--k', type=int, default=20, help='neighbours (20)')
    parser.add_argument('--seed', type=int, default=0, help='if untrained')
    return parser.parse_args()


def main() -> None:
    """Encode both folders, vote, print the accuracy."""
    args = parse_args()
    logging.disable(logging.INFO - 1)
    torch.manual_seed(args.seed)
    cfg = Config.fromfile(args.config)
    model = cfg.model
    if args.checkpoint:
        model.backbone.init_cfg = dict(
            type='Pretrained', checkpoint=args.checkpoint
        )
        if args.branch:
            model.backbone.init_cfg.branch = args.branch
    backbone = MODELS.build(model.backbone)
    backbone.init_weights()
    preprocessor = MODELS.build(model.data_preprocessor)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    backbone.to(device)
    preprocessor.to(device)
    (bank, bank_labels), (features, labels) = (
        pooled_features(
            backbone,
            preprocessor,
            labelled_folder(folder, backbone.img_size),
        )
        for folder in (args.train, args.val)
    )
    centre = bank.mean(dim=0)
    classes = int(bank_labels.max()) + 1
    predicted = knn_predict(
        features - centre, bank - centre, bank_labels, classes, args.k
    )
    accuracy = (predicted == labels).float().mean().item()
    print(
        f'k-NN (k={args.k}) of {args.checkpoint or "the untrained network"}: '
        f'{accuracy:.1%} of {len(labels)} images, {classes} classes'
    )


if __name__ == '__main__':
    main()

"""Puts the sections of a report together."""

from pathlib import Path

from matplotlib.figure import Figure
from mmengine.registry import DefaultScope

from ..evaluation.matching import MatchingScore
from ..visualization.figures import draw_log
from ..watch.signs import feature_signs
from .in_short import in_short
from .load import LoadedRun, curves_of
from .page import Picture, Section, render
from .pictures import (
    MAX_IMAGES,
    ImageSet,
    feature_figures,
    load_images,
    pair_figures,
)

# Values of the log that share a picture, and how to read it.
_CURVES = {
    'Loss': (
        ('loss', 'loss_pos', 'loss_neg', 'val_loss'),
        'Falls early in every run, also in one that collapses: read it '
        'together with the other curves. It may rise while the target gets '
        'richer.',
    ),
    'Own image found by the prediction': (
        ('found_image', 'val_found_image'),
        'Share of patches of view 2 whose predicted feature is nearest to '
        "their own image's in the batch. It starts near chance, 1 / images, "
        'and should rise: the network learns what it is asked for.',
    ),
    'k-NN accuracy in %': (
        ('knn', 'probe_accuracy'),
        'Frozen features on labelled images; the first point is the '
        'untrained network. This is what should rise. The probe, if there is '
        'one, is a linear classifier on the training images.',
    ),
    'Effective rank of image features': (
        ('online_rank', 'target_rank', 'projected_rank'),
        'How many directions the features use (RankMe). A fall towards 1 is '
        'collapse; a smaller one also comes in healthy runs. As a rank is at '
        'most the number of images of a step, compare runs of one config and '
        'batch size: docs/watching.md has a healthy and a broken one.',
    ),
    'Mean cosine of different images': (
        ('online_cosine', 'target_cosine', 'projected_cosine'),
        'At 1 all images have the same feature. The run warns at 99 % of the '
        'way there from its first value.',
    ),
}


@DefaultScope.overwrite_default_scope('mmpretrain')
def build_report(run: LoadedRun, source: Path) -> str:
    """The page of a run.

    Args:
        run (LoadedRun): from ``load_run``.
        source (Path): at least four images, in any form that --data takes.
    """
    images = load_images(run.model, source, MAX_IMAGES)
    pairs, scores = pair_figures(run.model, run.cfg, source, count=4)
    sections = [
        in_short(run.log, run.info, run.images, run.cfg, run.done['iter']),
        _curves(run),
        _signs(images),
        _pairs(pairs, scores),
        _features(run, images),
    ]
    facts = (
        f'{run.checkpoint.name}, epoch {run.done["epoch"]}, iteration '
        f'{run.done["iter"]}; {len(images.paths)} images'
    )
    return render('SiameseIM: what was learned', facts, sections)


def _curves(run: LoadedRun) -> Section:
    pictures = []
    for title, (names, how) in _CURVES.items():
        curves = curves_of(run.log, names)
        if curves:
            figure = draw_log(curves, title)
            pictures.append(Picture(figure, how, f'{title} curve'))
    text = (
        'From the JSON log of the run.'
        if pictures
        else 'No JSON log lies beside the checkpoint.'
    )
    return Section('Course of the run', text, pictures)


def _signs(images: ImageSet) -> Section:
    rows = [['features', 'spread', 'cosine', 'rank', 'patch rank']]
    for name, tokens in (
        ('online', images.tokens),
        ('target', images.target_tokens),
        ('projected', images.projected),
    ):
        std, cosine, *ranks = feature_signs(tokens).tolist()
        shown = [f'{std:.2f}', f'{cosine:.2f}', *(f'{r:.1f}' for r in ranks)]
        rows.append([name, *shown])
    return Section(
        'Signs of collapse',
        'Spread: 1 where features point everywhere, 0 where all images have '
        'one. Cosine: mean over different images, 1 is collapse. Rank: '
        'directions used by the images (RankMe), patch rank: by the patches '
        'of one image; 1 is collapse. Online and target are the backbones, '
        'projected is what the loss compares with. All of these images; the '
        'curves are of a batch of the run, and as a rank is at most the '
        'number of images, the two differ.',
        table=rows,
    )


def _pairs(figures: list[Figure], scores: dict[str, MatchingScore]) -> Section:
    caption = (
        'Upper left: both crops on the image, their overlap bright. Upper '
        'right: numbered patches of view 1. Lower left: each number stands '
        'where its patch truly is in view 2; a line leads to the dot where '
        'view 2 has the most similar backbone feature. Lower right: rings '
        'are patches of view 2, others than the numbered ones; a line leads '
        'to the dot where the feature predicted for the patch fits best. '
        'Green: within one patch of the truth; orange, dashed: wrong.'
    )
    matched, predicted = scores['matched'], scores['predicted']
    text = (
        f'Within one patch of the truth: {matched.accuracy:.0%} by backbone '
        f'features (chance {matched.chance:.0%}), {predicted.accuracy:.0%} by '
        'prediction from the visible patches of view 1 (chance '
        f'{predicted.chance:.0%}), over more pairs than are drawn. The '
        'prediction is told where the crops lie, and much of what it gets '
        'right can follow from that alone: it shows that the network knows '
        'places, not that it knows the image. The curve of the own image '
        'found tells that.'
    )
    pictures = [
        Picture(figure, caption if i == 0 else '', 'two views and matches')
        for i, figure in enumerate(figures)
    ]
    return Section('Correspondence between two views', text, pictures)


def _features(run: LoadedRun, images: ImageSet) -> Section:
    figures = feature_figures(run.model, images)
    pictures = [
        Picture(
            figures['features'],
            'Attention: brighter patches get more of the cls token of the '
            'last block. That token is no target of the loss, only context '
            'of the predictor, so do not expect objects to stand out. Patch '
            'features: their three main directions as red, green and blue, '
            'shared by all rows; parts that look alike should have one '
            'colour, across images too.',
            'attention maps and patch features',
        ),
        Picture(
            figures['neighbours'],
            'Left: an image. To its right: the images with the most similar '
            'features. They should show the same kind of thing, not just the '
            'same colours. If they do not, though there are such images, '
            'the features are worth little for telling things apart so far: '
            'train longer, and measure with tools/knn.py where there are '
            'labels.',
            'nearest neighbours',
        ),
        Picture(
            figures['tsne'],
            't-SNE map of the images: neighbours on the map have similar '
            'features; distances between far groups mean nothing.',
            't-SNE map of the images',
        ),
    ]
    text = 'Mean patch features of the online backbone, centred for the '
    return Section('Features', text + 'neighbours.', pictures)

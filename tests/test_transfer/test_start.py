"""What ``load_from`` brings to the backbone of a model for a task."""

import pytest
from torch import nn

from siameseim.downstream import SiameseIMViTDet
from siameseim.errors import InputError
from siameseim.models import SiameseIMViT
from siameseim.transfer.whole_checkpoint import check_start
from tests.vit_fixtures import SIZES, tiny_vit


class Task(nn.Module):
    """A classifier with one of our backbones."""

    def __init__(self, kind=SiameseIMViT, **settings):
        super().__init__()
        self.backbone = kind(**{**SIZES, **settings})
        self.head = nn.Linear(2, 2)


def saved(prefix='backbone.', **settings):
    state = tiny_vit(**settings).state_dict()
    return dict(state_dict={f'{prefix}{n}': t for n, t in state.items()})


@pytest.mark.parametrize('prefix', ['backbone.', 'module.backbone.'])
def test_a_backbone_of_another_grid_is_a_start(prefix):
    model = Task(img_size=2 * SIZES['img_size'])
    assert check_start(model, saved(prefix), 'file.pth') is None


def test_a_plain_backbone_is_a_start_of_one_with_relative_positions():
    model = Task(SiameseIMViTDet)
    assert check_start(model, saved(), 'file.pth') is None


def test_a_file_without_the_backbone_is_no_start():
    with pytest.raises(InputError, match='0 of 52 .* of file.pth .*init_cfg'):
        check_start(Task(), saved(prefix=''), 'file.pth')


def test_a_backbone_of_another_width_is_no_start():
    arch = dict(SIZES['arch'], embed_dims=32)
    other = saved(arch=arch)
    with pytest.raises(InputError, match='5 of 52 .* of file.pth .*init_cfg'):
        check_start(Task(), other, 'file.pth')


def test_a_head_alone_is_a_start_beside_a_pretrained_backbone():
    pretrained = dict(type='Pretrained', checkpoint='backbone.pth')
    model = Task(init_cfg=pretrained)
    head = dict(state_dict=model.head.state_dict(prefix='head.'))
    assert check_start(model, head, 'file.pth') is None
    with pytest.raises(InputError, match='0 of'):
        check_start(Task(), head, 'file.pth')
    other = saved(arch=dict(SIZES['arch'], embed_dims=32))
    with pytest.raises(InputError, match='5 of'):
        check_start(model, other, 'file.pth')

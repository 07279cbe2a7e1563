"""What a timm classifier takes, where tensors show it and where not."""

import pytest
import torch
from mmpretrain.models import ImageClassifier

from siameseim.weights import convert_checkpoint, get_model, read_vit
from tests.vit_fixtures import assert_near, saved

timm = pytest.importorskip('timm')
SIZES = dict(
    img_size=32, patch_size=8, embed_dim=16, depth=2, num_heads=2, mlp_ratio=2
)


def timm_vit(**kwargs):
    torch.manual_seed(0)
    arguments = dict(SIZES, num_classes=5, **kwargs)
    model = timm.create_model('vit_tiny_patch16_224', **arguments)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def timm_folder(folder, **kwargs):
    """As timm saves it: the tensors of both kinds are the same."""
    pytest.importorskip('huggingface_hub')
    model = timm_vit(**kwargs)
    arguments = dict(SIZES, **kwargs)
    timm.models.save_for_hf(model, folder, model_args=arguments)
    return model


def classifier(usage, file):
    """The model of the 'load it' line, with the file's weights."""
    config = usage.removesuffix(' with load_from=FILE')
    model = eval(config, dict(ImageClassifier=ImageClassifier))
    model.load_state_dict(torch.load(file)['state_dict'])
    return model.eval()


@torch.no_grad()
@pytest.mark.parametrize('fc_norm', [True, False])
def test_the_mean_without_a_cls_token(fc_norm, tmp_path):
    kwargs = dict(class_token=False, global_pool='avg', fc_norm=fc_norm)
    model = timm_vit(**kwargs)
    file = saved(tmp_path / 'a.pth', model.state_dict())
    out, images = tmp_path / 'b.pth', torch.randn(2, 3, 32, 32)
    to = 'mmpretrain-classifier'
    usage = convert_checkpoint(file, out, to, num_heads=2).usage
    assert_near(classifier(usage, out)(images), model(images))


@torch.no_grad()
@pytest.mark.parametrize('pool', ['avg', 'token'])
def test_a_folder_tells_what_tensors_do_not(pool, tmp_path):
    source = tmp_path / 'source'
    model = timm_folder(source, global_pool=pool, fc_norm=False)
    images = torch.randn(2, 3, 32, 32)
    out = tmp_path / 'a.pth'
    report = convert_checkpoint(source, out, 'mmpretrain-classifier')
    logits = classifier(report.usage, out)(images)
    assert_near(logits, model(images))
    convert_checkpoint(out, tmp_path / 'again', 'timm')  # by our notes
    again = timm.create_model(f'local-dir:{tmp_path}/again', pretrained=True)
    logits = again.eval()(images)
    assert_near(logits, model(images))


@torch.no_grad()
def test_what_reads_the_mean_is_no_classifier_of_the_cls_token(tmp_path):
    model = timm_folder(tmp_path / 'a', global_pool='avg', fc_norm=False)
    images = torch.randn(2, 3, 32, 32)
    assert_near(
        get_model(tmp_path / 'a')(images)[-1],
        model.forward_features(images)[:, 1:].mean(1),
    )
    report = convert_checkpoint(tmp_path / 'a', tmp_path / 'b', 'huggingface')
    assert 'the classifier is dropped' in report.notes[-1]
    assert not read_vit(str(tmp_path / 'b')).vit.head
    with pytest.raises(ValueError, match='programs norm after'):
        to = 'published-finetuned'
        convert_checkpoint(tmp_path / 'a', tmp_path / 'c.pth', to)

"""The published fine-tuned layout through stock classifier parts."""

import pytest
import torch

from siameseim.parity import compare_file, finetuned


def test_logits_and_tokens_equal_the_reference(shared):
    file = shared / 'reference/reference_finetuned_io.pt'
    contents = torch.load(file, weights_only=True)
    rows = finetuned.compare(contents, finetuned.checkpoint_of(file))
    assert [row.name for row in rows] == ['tokens before norm', 'logits']
    assert max(row.deviation for row in rows) < 1e-5


SIZES = [
    dict(img_size=28, patch_size=14, embed_dim=24, depth=2, num_heads=3),
    dict(img_size=40, patch_size=8, embed_dim=32, depth=1, num_heads=2),
    dict(img_size=32, patch_size=16, embed_dim=80, depth=3, num_heads=1),
]


@pytest.mark.parametrize('config', SIZES, ids=lambda c: f'p{c["patch_size"]}')
@pytest.mark.parametrize('pooled', [True, False])
@torch.no_grad()
def test_files_of_other_sizes(config, pooled, tmp_path):
    """Classifiers of timm, from which the published model derives."""
    timm = pytest.importorskip('timm.models.vision_transformer')
    torch.manual_seed(0)
    model = timm.VisionTransformer(
        **config,
        num_classes=7,
        mlp_ratio=3,
        global_pool='avg' if pooled else 'token',
    ).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    images = torch.randn(2, 3, config['img_size'], config['img_size'])
    tokens = model.norm_pre(model._pos_embed(model.patch_embed(images)))
    outputs = dict(
        config=dict(config, num_classes=7, global_pool=pooled, ln_eps=1e-6),
        input=images,
        logits=model(images),
        tokens_before_norm=model.blocks(tokens),
    )
    torch.save(outputs, tmp_path / 'x_io.pt')
    torch.save({'model': model.state_dict()}, tmp_path / 'x.pth')
    rows = compare_file(tmp_path / 'x_io.pt')
    assert all(row.passed for row in rows)

    model.head.bias[0] += 0.1
    torch.save({'model': model.state_dict()}, tmp_path / 'x.pth')
    passed = {row.name: row.passed for row in compare_file(tmp_path / 'x.pth')}
    assert passed == {'tokens before norm': True, 'logits': False}


def test_an_outputs_file_without_its_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'x\.pth must lie beside'):
        finetuned.checkpoint_of(tmp_path / 'x_io.pt')


@pytest.mark.parametrize(
    ('name', 'quantities'),
    [
        ('reference_finetuned_io.pt', 2),
        ('reference_finetuned.pth', 2),
        ('reference_vitdet_a.pt', 6),
    ],
)
def test_every_schema_is_recognised(shared, name, quantities):
    rows = compare_file(shared / 'reference' / name)
    assert len(rows) == quantities
    assert all(row.passed for row in rows)


def test_an_unknown_schema_is_named(tmp_path):
    torch.save({'weights': 1}, tmp_path / 'x.pt')
    with pytest.raises(ValueError, match=r"x\.pt has the keys \['weights'\]"):
        compare_file(tmp_path / 'x.pt')

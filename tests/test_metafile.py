"""The model index: real configs, and the paper's figures only."""

import pytest
import yaml
from mmengine.config import Config

from tests.transfer_fixtures import ROOT

# Method section 8: (model, data set, metric) -> figure of the paper, but for
# 84.118, which the released fine-tuned weights reach.
PUBLISHED = {
    ('siameseim_vitb_finetuned_imagenet', 'ImageNet-1k', 'Top 1 Accuracy'):
        84.118,
    ('100e_coco', 'COCO', 'box AP'): 52.1,
    ('100e_coco', 'COCO', 'mask AP'): 46.2,
    ('100e_lvis-v1', 'LVIS v1', 'box AP'): 40.5,
    ('100e_lvis-v1', 'LVIS v1', 'box AP rare'): 30.9,
    ('100e_lvis-v1', 'LVIS v1', 'mask AP'): 38.1,
    ('100e_lvis-v1', 'LVIS v1', 'mask AP rare'): 30.1,
    ('512x512', 'ADE20K', 'mIoU'): 51.1,
}  # fmt: skip


def read_index():
    """Collections and models of all files that the index imports."""
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    collections, models = [], []
    for name in index['Import']:
        part = yaml.safe_load((ROOT / name).read_text())
        collections += part.get('Collections', [])
        models += part['Models']
    return collections, models


COLLECTIONS, MODELS = read_index()
every_model = pytest.mark.parametrize('model', MODELS, ids=lambda m: m['Name'])


@every_model
def test_every_config_exists_and_has_its_name(model):
    path = ROOT / model['Config']
    assert path.is_file()
    assert path.stem == model['Name']
    assert model['In Collection'] in {c['Name'] for c in COLLECTIONS}


@every_model
def test_epochs_are_those_of_the_config(model):
    cfg = Config.fromfile(ROOT / model['Config'])
    if 'train_cfg' not in cfg:
        assert model['Config'].startswith('configs/published/')
        return
    unit = 'Epochs' if 'max_epochs' in cfg.train_cfg else 'Iterations'
    length = cfg.train_cfg.get('max_epochs') or cfg.train_cfg.max_iters
    assert model['Metadata'][unit] == length


def test_names_are_unique_and_downstream_models_listed():
    names = [model['Name'] for model in MODELS]
    assert len(names) == len({*names})
    for model in MODELS:
        assert {*model.get('Downstream', [])} <= {*names}


def test_figures_are_the_published_ones_and_say_so():
    found = {}
    for model in MODELS:
        for result in model['Results'] or []:
            assert result['Source'].startswith('published')
            assert 'not run by this code' in result['Source']
            for metric, value in result['Metrics'].items():
                found[model['Name'], result['Dataset'], metric] = value
    assert len(found) == len(PUBLISHED)
    for (name, dataset, metric), value in found.items():
        expected = {
            figure
            for (end, *rest), figure in PUBLISHED.items()
            if name.endswith(end) and rest == [dataset, metric]
        }
        assert expected == {value}


def test_openmmlabs_own_reader_accepts_it():
    modelindex = pytest.importorskip('modelindex.load_model_index')
    index = modelindex.load(str(ROOT / 'model-index.yml'))
    index.build_models_with_collections()
    assert {m.name for m in index.models} == {m['Name'] for m in MODELS}

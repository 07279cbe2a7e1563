"""What tools/knn.py prints and refuses."""

import pytest

from tests.transfer_fixtures import ROOT, tool


def test_one_command_with_several_k(colours, capsys):
    config = str(ROOT / 'configs/siameseim_smoke.py')
    scores = tool('knn').main(
        ['--config', config, '--data', str(colours), '--k', '1', '5',
         '--workers', '0', '--device', 'cpu']
    )  # fmt: skip
    assert scores == {1: 1.0, 5: 1.0}  # colours are told apart by any ViT
    said = capsys.readouterr().out
    assert '100.0% (standard error 0.0%) of 9 images, 3 classes' in said
    assert 'the largest with 33.3% of the images' in said


def test_the_tool_says_how_sure_an_accuracy_is(colours, capsys, monkeypatch):
    monkeypatch.setattr(
        'siameseim.evaluation.labelled.folder_accuracies',
        lambda *_, **__: {20: 0.5},
    )
    config = str(ROOT / 'configs/siameseim_smoke.py')
    options = ['--config', config, '--data', str(colours), '--device', 'cpu']
    tool('knn').main(options)
    # The square root of 1/2 x 1/2 / 9.
    assert '50.0% (standard error 16.7%) of 9' in capsys.readouterr().out


def test_a_launcher_that_did_not_start_the_tool_is_named(monkeypatch):
    monkeypatch.delenv('WORLD_SIZE', raising=False)
    with pytest.raises(SystemExit, match='error: --launcher pytorch needs'):
        tool('knn').main(['a.pth', '--data', 'b', '--launcher', 'pytorch'])


@pytest.mark.parametrize(
    ('more', 'said'),
    [
        (['--k', '1', '999'], '--k 999: .*train has only'),
        (['--train', 'a'], 'error: give either --data, or --train and --val'),
        (['--num-heads', '3'], 'error: --num-heads 3: .* leave one of them'),
    ],
)
def test_what_does_not_fit_is_refused(colours, more, said):
    config = str(ROOT / 'configs/siameseim_smoke.py')
    with pytest.raises(SystemExit, match=said):
        tool('knn').main(['--config', config, '--data', str(colours), *more])

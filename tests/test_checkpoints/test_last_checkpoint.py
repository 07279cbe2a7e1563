"""Where a run starts, and what it says of an earlier one."""

import pytest
from mmengine.config import Config

from siameseim.checkpoints.last_checkpoint import earlier_run, set_resume
from siameseim.errors import InputError


def test_a_new_run_in_the_folder_of_an_old_one_says_so(stopped, tmp_path):
    cfg = Config(dict(work_dir=str(tmp_path / 'cut')))
    assert set_resume(cfg, None) == 'starting from the beginning'
    assert earlier_run(cfg) is None
    stopped(9, name='cut')
    set_resume(cfg, None)
    assert not cfg.get('resume')
    assert 'iter_9.pth of an earlier run' in earlier_run(cfg)
    assert '--resume' in earlier_run(cfg)
    set_resume(cfg, 'auto')
    assert earlier_run(cfg) is None


def test_checkpoints_that_were_copied_alone_are_found(tmp_path):
    cfg = Config(dict(work_dir=str(tmp_path)))
    for name in ('epoch_9.pth', 'epoch_10.pth', 'weights.pth'):
        (tmp_path / name).touch()
    set_resume(cfg, 'auto')
    assert cfg.load_from == str(tmp_path / 'epoch_10.pth')
    (tmp_path / 'iter_9.pth').touch()  # before the 10th epoch, or after it?
    with pytest.raises(InputError, match='iter_9.pth.*--resume FILE'):
        set_resume(cfg, 'auto')
    set_resume(cfg, None)
    assert '--resume FILE' in earlier_run(cfg)  # a new run is but warned
    set_resume(cfg, str(tmp_path / 'iter_9.pth'))
    assert earlier_run(cfg) is None
    (tmp_path / 'last_checkpoint').write_text('/elsewhere/iter_9.pth')
    set_resume(cfg, 'auto')
    assert cfg.load_from == str(tmp_path / 'iter_9.pth')


def test_a_file_that_a_killed_run_left_empty_names_nothing(tmp_path):
    cfg = Config(dict(work_dir=str(tmp_path)))
    for name in ('iter_9.pth', 'iter_10.pth', 'last_checkpoint'):
        (tmp_path / name).touch()
    set_resume(cfg, 'auto')
    assert cfg.load_from == str(tmp_path / 'iter_10.pth')


def test_a_run_of_windows_goes_on_elsewhere(tmp_path):
    cfg = Config(dict(work_dir=str(tmp_path)))
    (tmp_path / 'epoch_2.pth').touch()
    (tmp_path / 'last_checkpoint').write_text('C:\\runs\\a\\epoch_2.pth')
    set_resume(cfg, 'auto')
    assert cfg.load_from == str(tmp_path / 'epoch_2.pth')


def test_mmengines_own_resume_goes_on_only_from_what_is_there(tmp_path):
    cfg = Config(dict(work_dir=str(tmp_path), resume=True))
    assert 'starting from the beginning' in set_resume(cfg, None)
    assert cfg.resume is False
    file = tmp_path / 'epoch_1.pth'
    file.touch()
    cfg = Config(dict(work_dir='w', resume=True, load_from=str(file)))
    set_resume(cfg, None)
    assert (cfg.resume, cfg.load_from) == (True, str(file))


def test_a_checkpoint_elsewhere_is_left_to_mmengine(tmp_path):
    cfg = Config(dict(work_dir=str(tmp_path)))
    set_resume(cfg, 'https://x.org/epoch_1.pth')
    assert (cfg.resume, cfg.load_from) == (True, 'https://x.org/epoch_1.pth')


def test_what_is_left_of_a_deleted_checkpoint_is_named(tmp_path):
    cfg = Config(dict(work_dir=str(tmp_path)))
    (tmp_path / 'last_checkpoint').write_text('epoch_3.pth')
    with pytest.raises(
        InputError, match=r'epoch_3.pth, .*missing \(there: no'
    ):
        set_resume(cfg, 'auto')
    (tmp_path / 'epoch_2.pth').touch()
    with pytest.raises(InputError, match=r'there: epoch_2.pth\): give the fi'):
        set_resume(cfg, 'auto')
    set_resume(cfg, None)
    assert 'names epoch_3.pth, which is missing' in earlier_run(cfg)
    set_resume(cfg, str(tmp_path / 'epoch_2.pth'))
    assert cfg.load_from == str(tmp_path / 'epoch_2.pth')


def test_checkpoints_are_looked_for_where_the_hook_saves_them(
    stopped, tmp_path
):
    option = {'default_hooks.checkpoint.out_dir': str(tmp_path / 'elsewhere')}
    stopped(9, name='cut', options=option)
    cfg = Config(dict(work_dir=str(tmp_path / 'cut')))
    cfg.merge_from_dict(option)
    set_resume(cfg, None)
    assert 'elsewhere/cut/iter_9.pth of an earlier run' in earlier_run(cfg)
    set_resume(cfg, 'auto')
    assert cfg.load_from == str(tmp_path / 'elsewhere/cut/iter_9.pth')

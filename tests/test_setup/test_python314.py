"""What mmengine asks of Python is there, also where Python dropped it."""

import pkgutil
from importlib.util import find_spec

from mmengine.utils.dl_utils import mmcv_full_available

from siameseim.environment.python314 import restore_find_loader


def without_find_loader(monkeypatch):
    monkeypatch.delattr(pkgutil, 'find_loader', raising=False)
    restore_find_loader()


def test_mmengine_learns_whether_mmcv_has_operators(monkeypatch):
    without_find_loader(monkeypatch)
    compiled = find_spec('mmcv._ext') is not None
    assert mmcv_full_available() is compiled


def test_a_module_that_is_not_there_has_no_loader(monkeypatch):
    without_find_loader(monkeypatch)
    assert pkgutil.find_loader('siameseim.no_such_part') is None
    assert pkgutil.find_loader('json').name == 'json'


def test_pythons_own_is_left_alone(monkeypatch):
    monkeypatch.setattr(pkgutil, 'find_loader', print, raising=False)
    restore_find_loader()
    assert pkgutil.find_loader is print

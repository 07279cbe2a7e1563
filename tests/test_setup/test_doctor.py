"""The doctor's judgement of good, broken and empty environments."""

import subprocess
import venv
from pathlib import Path

import pytest

from siameseim.environment import (
    checks,
    hardware,
    probe,
    report,
    requirements,
)
from siameseim.environment.probe import run_probes

ROOT = Path(__file__).resolve().parents[2]
LIB_GL = (
    'ImportError: libGL.so.1: cannot open shared object file: No such file '
    'or directory'
)


@pytest.fixture
def versions(monkeypatch):
    """Installed versions, all lowest supported; change them at will."""
    ranges = {**requirements.CORE, **requirements.DETECTION}
    made = {name: wanted.lowest for name, wanted in ranges.items()}
    made['mmcv-lite'] = '2.1.0'
    monkeypatch.setattr(requirements, 'installed', made.get)
    return made


def finding_of(name):
    return next(f for f in checks.check_packages() if f.name == name)


def test_versions_in_range_are_fine(versions):
    assert not any(f.problem for f in checks.check_packages())
    assert checks.check_mmcv().problem == ''


def test_a_missing_package_is_told_with_its_cure(versions):
    del versions['mmdet']
    finding = finding_of('mmdet')
    assert finding.problem == 'not installed'
    assert 'tools/setup_env.py test' in finding.cure
    assert "pip install 'mmdet>=3.3.0,<3.4.0'" in finding.cure


def test_the_evaluator_of_lvis_is_told_too(versions):
    """The cure that its metric names is the doctor."""
    del versions['lvis']
    finding = finding_of('lvis')
    assert finding.problem == 'not installed'
    assert "pip install 'lvis>=0.5.3'" in finding.cure


@pytest.mark.parametrize('version', ['0.10.6', '1.0.0'])
def test_a_version_out_of_range_is_told(versions, version):
    versions['mmengine'] = version
    assert finding_of('mmengine').problem == 'out of range'


def test_a_setuptools_without_pkg_resources_is_told(versions):
    """Stock configs as a base (`mmpretrain::...`) need it of mmengine's."""
    versions['setuptools'] = '82.0.0'
    finding = finding_of('setuptools')
    assert finding.problem == 'out of range'
    assert "pip install 'setuptools>=64,<82'" in finding.cure


def test_mmcv_beside_mmcv_lite_is_told(versions):
    versions['mmcv'] = '2.1.0'
    finding = checks.check_mmcv()
    assert 'side by side' in finding.problem
    assert 'uninstall -y mmcv mmcv-lite &&' in finding.cure


@pytest.mark.parametrize(
    ('version', 'problem'), [(None, 'not installed'), ('2.2.0', 'out of')]
)
def test_an_absent_or_too_new_mmcv_is_told(versions, version, problem):
    del versions['mmcv-lite']
    if version:
        versions['mmcv'] = version
    assert problem in checks.check_mmcv().problem


def test_a_missing_system_library_names_the_debian_packages():
    facts = {'cv2': {'error': LIB_GL}}
    finding = checks.check_import('cv2', 'quickstart', facts)
    assert 'apt-get install libgl1 libglib2.0-0' in finding.cure


def test_operators_for_another_torch_are_told():
    facts = {'mmcv.ops': {'error': 'ImportError: undefined symbol: _ZN3c10'}}
    finding = checks.check_import('mmcv.ops', 'detection', facts)
    assert 'another torch?' in finding.problem
    assert finding.cure == (
        'python -m pip uninstall -y mmcv && python3 tools/setup_env.py test'
    )


def test_the_lite_mmcv_is_told_from_a_broken_one():
    missing = "ModuleNotFoundError: No module named 'mmcv._ext'"
    facts = {'mmcv.ops': {'error': missing}}
    finding = checks.check_import('mmcv.ops', 'detection', facts)
    assert 'mmcv-lite has no operators' in finding.problem


def test_cpu_operators_on_a_gpu_machine_are_told():
    facts = {
        'torch': {'gpu': 'H200', 'cuda': '13.0'},
        'mmcv.ops': {'cuda': 'not available'},
    }
    finding = checks.check_gpu_operators(facts)
    assert finding is not None
    assert 'H200' in finding.problem


def test_a_siameseim_from_elsewhere_is_told():
    here = str(ROOT / 'projects/siameseim/__init__.py')
    assert checks.check_origin({'siameseim': {'path': here}}) is None
    elsewhere = {'siameseim': {'path': '/other/siameseim/__init__.py'}}
    finding = checks.check_origin(elsewhere)
    assert finding is not None
    assert '/other/siameseim' in finding.found


def test_detection_is_no_concern_of_the_quickstart():
    finding = checks.Finding('mmdet', 'absent', 'detection', problem='absent')
    assert not report.is_required(finding, 'quickstart')
    assert report.is_required(finding, 'detection')
    assert 'Nothing wrong' in report.problems([finding], 'quickstart')
    assert 'mmdet: absent' in report.problems([finding], 'detection')


@pytest.mark.parametrize(
    ('prefix', 'named'), [('/home/me/env', True), (str(ROOT / '.venv'), False)]
)
def test_another_environment_than_the_set_ups_is_named(
    monkeypatch, prefix, named
):
    monkeypatch.setattr('sys.prefix', prefix)
    finding = checks.Finding('mmdet', 'absent', 'detection', problem='absent')
    text = report.problems([finding], 'detection')
    assert (f'sets up {ROOT / ".venv"}, not {prefix}' in text) == named


def test_a_probe_that_ends_the_process_is_charged_alone(tmp_path, monkeypatch):
    (tmp_path / 'deadly.py').write_text('import os; os._exit(11)')
    (tmp_path / 'harmless.py').write_text('')
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    told = run_probes(['harmless', 'deadly', 'json', 'no_such_module'])
    assert told['harmless'] == told['json'] == {}
    assert 'exit code 11' in told['deadly']['error']
    assert 'ModuleNotFoundError' in told['no_such_module']['error']


def test_a_probe_that_does_not_end_is_told_as_such(tmp_path, monkeypatch):
    (tmp_path / 'endless.py').write_text('import time; time.sleep(60)')
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    monkeypatch.setattr(probe, 'SECONDS_PER_PROBE', 1)
    told = run_probes(['endless'])
    assert told['endless']['error'] == 'the import did not end within 1 s'


def test_this_environment_resumes_from_mmengine_checkpoints():
    assert run_probes(['resume']) == {'resume': {}}


@pytest.mark.parametrize(
    ('text', 'flags'),
    [
        ('processor\t: 0\nflags\t\t: sse avx512_bf16\n', {'avx512_bf16'}),
        ('processor\t: 0\nFeatures\t: fp bf16\n', {'bf16'}),
        ('processor\t: 0\n', set()),
    ],
)
def test_reads_the_processors_features(tmp_path, text, flags):
    cpuinfo = tmp_path / 'cpuinfo'
    cpuinfo.write_text(text)
    assert hardware.cpu_flags(cpuinfo) & set(hardware.BF16_FLAGS) == flags


def test_an_empty_environment_is_reported_without_a_trace(tmp_path):
    venv.create(tmp_path / 'empty', with_pip=False)
    told = subprocess.run(
        [tmp_path / 'empty/bin/python', ROOT / 'tools/doctor.py'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    assert 'torch: not installed' in told.stdout
    assert 'cure: python3 tools/setup_env.py quickstart' in told.stdout
    assert 'Traceback' not in told.stdout + told.stderr


def test_the_import_of_siameseim_names_what_is_missing(versions):
    del versions['mmcv-lite']
    versions['mmpretrain'] = '1.1.0'
    with pytest.raises(ImportError, match='found: 1.1.0') as caught:
        requirements.require_stack()
    assert 'mmcv or mmcv-lite' in str(caught.value)
    assert 'make quickstart' in str(caught.value)


def test_transformers_that_mmpretrain_fails_beside_are_named(versions):
    versions['transformers'] = '4.51.3'
    requirements.require_stack()
    versions['transformers'] = '5.23.0'
    with pytest.raises(ImportError, match=r'<4\.52 or none \(found: 5\.23'):
        requirements.require_stack()

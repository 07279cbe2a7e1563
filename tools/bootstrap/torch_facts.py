"""What the environment's torch is, as far as a build against it matters."""

import json
from dataclasses import dataclass

from bootstrap.commands import Commands

_ASK = """
import json, os, re, shutil, subprocess, sysconfig, torch
from torch.utils.cpp_extension import CUDA_HOME
nvcc = shutil.which('nvcc', path=os.path.join(CUDA_HOME or '', 'bin'))
told = nvcc and subprocess.run([nvcc, '--version'], capture_output=True,
                               text=True).stdout
release = re.search(r'release ([0-9.]+)', told or '')
print('FACTS ' + json.dumps(dict(
    version=torch.__version__, cuda=torch.version.cuda, nvcc=nvcc,
    nvcc_version=release and release.group(1), gpu=torch.cuda.is_available(),
    tag='cp' + sysconfig.get_config_var('py_version_nodot'),
    platform=sysconfig.get_platform().replace('-', '_'))))
"""


@dataclass(frozen=True)
class TorchFacts:
    """The installed torch and the machine it runs on."""

    version: str  # such as ``2.14.1+cu130``
    cuda: str | None  # that torch was built for; None for a CPU build
    nvcc: str | None  # path of the CUDA compiler, if there is one
    nvcc_version: str | None  # its version
    gpu: bool  # whether torch can use a CUDA device here
    tag: str  # such as ``cp311``
    platform: str  # such as ``linux_x86_64``

    @property
    def builds_cuda(self) -> bool:
        """Whether operators for the GPU are wanted and can be compiled.

        torch refuses a compiler whose major version is not its own.
        """
        if not (self.gpu and self.cuda and self.nvcc_version):
            return False
        return self.cuda.split('.')[0] == self.nvcc_version.split('.')[0]

    @property
    def key(self) -> str:
        """A folder name that differs wherever a binary would not fit."""
        device = 'cuda' if self.builds_cuda else 'cpu'
        return f'torch-{self.version}-{self.tag}-{self.platform}-{device}'


def ask(commands: Commands) -> TorchFacts:
    """Import the environment's torch in a child and return its facts."""
    told = commands.run([commands.python, '-c', _ASK], 'Importing torch')
    facts = told.rpartition('FACTS ')[2]
    return TorchFacts(**json.loads(facts))

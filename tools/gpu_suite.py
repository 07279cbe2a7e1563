"""Run all GPU measurements, piece by piece, and print one table.

Usage: python tools/gpu_suite.py OUT [--data FOLDER] [--minutes 9]

Each measurement is a process of its own that writes OUT/NAME.json; the same
command again goes on where the last one stopped, so that a machine that is
lent for ten minutes at a time will do. `--rehearse` runs everything on the CPU
with the smallest model.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from siameseim.benchmark.table import suite_table
from siameseim.launch.options import command_line
from siameseim.launch.tool_errors import one_line_for

ROOT = Path(__file__).resolve().parents[1]
_LEAST_SECONDS = 60.0  # with less time left no case is begun


class Case(NamedTuple):
    """One call of tools/benchmark.py."""

    name: str
    config: str
    batch_size: int
    arguments: tuple[str, ...]


def cases(data: str | None, workers: int) -> list[Case]:
    """Every measurement, the most wanted first."""
    graphs = (
        *('--kernels', '--compile', 'graph'),
        *('--against', 'compiled', 'eager', 'plain'),
    )
    base = 'siameseim_vitb_pretrain.py'
    found = [
        Case('vitb', base, 128, graphs),
        Case('vits', 'siameseim_vits_pretrain.py', 256, graphs),
        Case('vitl', 'siameseim_vitl_pretrain.py', 64, graphs),
        Case('vitb_parts', base, 128, ('--compile', '--split', '--kernels')),
    ]
    if data:
        loading = ('--data', data, '--workers', str(workers), '--split')
        on_device = [
            f'train_dataloader.dataset.pipeline.{step}.on_device=True'
            for step in (1, 2)
        ]
        changed = ('--cfg-options', *on_device)
        found += [
            Case('vitb_data', base, 128, loading),
            Case('vitb_colours_on_device', base, 128, (*loading, *changed)),
        ]
    peers = ('--against', 'mae', 'mocov3', 'byol')
    recompute = ('--cfg-options', 'model.backbone.with_cp=True')
    return [
        *found,
        Case('vitb_peers', base, 128, peers),
        Case('vitb_recomputed', base, 128, recompute),
    ]


def run_case(
    case: Case, out: Path, rehearse: bool, timeout: float, alone: bool
) -> None:
    """Run one measurement; what stopped it goes to OUT/NAME.failed.

    Args:
        case (Case): what to run.
        out (Path): folder of the results.
        rehearse (bool): on the CPU, with the smallest model.
        timeout (float): seconds until it is ended.
        alone (bool): nothing ran before it in this call, so that more time
            is not to be had; else a case that is ended will be run again.
    """
    config, batch, device = case.config, case.batch_size, 'cuda'
    arguments = list(case.arguments)
    if rehearse:
        config, batch, device = 'siameseim_smoke.py', 2, 'cpu'
        # a CPU has no CUDA graphs
        arguments = [{'graph': 'default'}.get(a, a) for a in arguments]
        if 'byol' in arguments:  # whose stock model is no small one
            arguments = ['--against', 'plain']
    command = [
        sys.executable,
        str(ROOT / 'tools/benchmark.py'),
        str(ROOT / 'configs' / config),
        *('--batch-size', str(batch), '--device', device),
        *('--precision', 'fp32' if rehearse else 'bf16'),
        *('--steps', '2' if rehearse else '20'),
        *('--json', str(out / f'{case.name}.json')),
        *arguments,
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout
        )
        error = ''
        if done.returncode:
            text = done.stderr[-2000:].strip()
            error = text or f'ended with status {done.returncode}'
    except subprocess.TimeoutExpired:
        # The next call begins with it, and has the whole time for it.
        error = f'took more than {timeout:.0f} s' if alone else ''
    if error:
        (out / f'{case.name}.failed').write_text(error)


def measured(out: Path) -> dict[str, Any]:
    """Results of tools/benchmark.py in a folder that may hold more."""
    read = {
        path.stem: json.loads(path.read_text())
        for path in sorted(out.glob('*.json'))
    }
    return {
        name: result
        for name, result in read.items()
        if isinstance(result, dict) and isinstance(result.get('steps'), dict)
    }


@one_line_for(OSError)
def main(argv: list[str] | None = None) -> None:
    """Run what is missing within the time, then print the table."""
    parser = command_line(__doc__)
    parser.add_argument('out', type=Path, help='folder of the results')
    parser.add_argument('--data', help='images for the data loader')
    parser.add_argument('--workers', type=int, default=16)
    parser.add_argument(
        '--minutes', type=float, default=9, help='end after these'
    )
    parser.add_argument('--rehearse', action='store_true')
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * args.minutes
    alone = True
    for case in cases(args.data, args.workers):
        left = end - time.monotonic()
        done = any(args.out.glob(f'{case.name}.*'))
        if not done and left > _LEAST_SECONDS:
            print(f'{case.name} ...', flush=True)
            run_case(case, args.out, args.rehearse, left, alone)
            alone = False
    failed = {
        path.stem: path.read_text().strip().splitlines()[-1]
        for path in sorted(args.out.glob('*.failed'))
    }
    print(suite_table(measured(args.out), failed))


if __name__ == '__main__':
    main()

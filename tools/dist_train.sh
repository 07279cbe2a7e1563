#!/usr/bin/env bash
# Train with several processes, one per GPU, on this machine or on many.
#
#   tools/dist_train.sh CONFIG PROCESSES [arguments of tools/train.py]
#   tools/dist_train.sh configs/siameseim_vitb_pretrain.py 8 --data FOLDER
#
# On N machines run it on each of them, with
#   NNODES=N NODE_RANK=0..N-1 MASTER_ADDR=<address of machine 0>
# and, if 29500 is taken there, PORT, the same on each. One machine alone
# takes a free port, unless PORT is set.
#
# Runs $PYTHON; else the active environment's python; else .venv/bin/python.
set -euo pipefail

if [[ $# -lt 2 ]]; then
    echo "usage: $0 CONFIG PROCESSES [arguments of tools/train.py]" >&2
    exit 2
fi
config=$1
processes=$2
shift 2
if [[ ! $processes =~ ^([1-9][0-9]*|auto|cpu|gpu|xpu)$ ]]; then # as torchrun
    echo "error: PROCESSES must be a whole number from 1 on, or gpu for as" \
        "many as there are, not $processes:" \
        "$0 CONFIG PROCESSES [arguments of tools/train.py]" >&2
    exit 2
fi
tools=$(cd "$(dirname "$0")" && pwd)
source "$tools/find_python.sh"

nodes=${NNODES:-1}
rank=${NODE_RANK:-0}
port=${PORT:-29500}
if [[ $nodes == 1 && -z ${PORT:-} ]]; then
    meeting=(--standalone --local-addr=127.0.0.1)
else
    # torchrun would say so in a traceback
    if [[ $rank == 0 ]] && (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        echo "error: port $port of this machine is taken: set PORT to a free" \
            "one, the same on every machine" >&2
        exit 1
    fi
    meeting=(
        --nnodes="$nodes"
        --node_rank="$rank"
        --master_addr="${MASTER_ADDR:-127.0.0.1}"
        --master_port="$port"
    )
fi

# After SIGTERM or Ctrl-C torchrun waits so many seconds, by itself 30, for the
# run to end its optimizer step and to save, before it kills it.
export TORCH_ELASTIC_SHUTDOWN_TIMEOUT=${TORCH_ELASTIC_SHUTDOWN_TIMEOUT:-300}
# Of SIGUSR1 it would die itself, and leave the run alone. (A torchrun that knows
# no --signals-to-handle takes no notice of this, and does.)
export PET_SIGNALS_TO_HANDLE=SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1

exec "$python" -m torch.distributed.run \
    "${meeting[@]}" \
    --nproc_per_node="$processes" \
    "$tools/train.py" "$config" --launcher pytorch "$@"

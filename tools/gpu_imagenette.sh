#!/usr/bin/env bash
# ViT-S/16, 200 passes over Imagenette, in pieces of a few minutes.
#
#   tools/gpu_imagenette.sh DATA WORK_DIR [arguments of tools/train.py]
#
# DATA holds train and val. Run the same command again and again: each piece
# trains for at most LIMIT (9m), saves and stops. Once all epochs are done, a
# piece of its own measures k-NN and the linear probe, also for at most LIMIT,
# and writes WORK_DIR/frozen/frozen.md. The status is 75 while there is more to
# do, 0 when all is done, another one for a piece that failed or got nowhere:
#
#   until tools/gpu_imagenette.sh DATA WORK_DIR; do [ $? -eq 75 ] || break; done
#
# Environment: LIMIT (9m), CONFIG, PROBE_EPOCHS (90), PROBE_BATCH (512), WORKERS
# (that load images for the last piece: one a core) and PYTHON (else the active
# environment's python, else .venv/bin/python). What was run, when and with
# which status is appended to WORK_DIR/commands.log; clock, power and load of
# the GPU and how much the cores were throttled to WORK_DIR/machine.csv, to tell
# why steps became slower. Features of the last piece are encoded in bf16 where
# the hardware has it.
set -euo pipefail

if [[ $# -lt 2 ]]; then
    echo "usage: $0 DATA WORK_DIR [arguments of tools/train.py]" >&2
    exit 2
fi
data=$1
work=$2
shift 2
tools=$(cd "$(dirname "$0")" && pwd)
config=$tools/../configs/comparison/siameseim_vits_imagenette_200e_whitened.py
config=${CONFIG:-$config}
limit=${LIMIT:-9m}
source "$tools/find_python.sh"
mkdir -p "$work"

run() {
    local status=0
    "$@" || status=$?
    echo "$(date -u +%FT%TZ) status $status: $*" >> "$work/commands.log"
    return $status
}

# One line every ten seconds: the time, what nvidia-smi tells of the first GPU
# in use, the load of the host, microseconds that this container's cores were
# held back.
watch_machine() {
    local asked=clocks.sm,power.draw,temperature.gpu,utilization.gpu
    local gpus=${CUDA_VISIBLE_DEVICES:-0}
    while true; do
        gpu=$(nvidia-smi --id="${gpus%%,*}" --query-gpu="$asked" \
            --format=csv,noheader) || gpu='-, -, -, -'
        load=$(cut -d ' ' -f 1 /proc/loadavg)
        held=$(grep -s throttled_usec /sys/fs/cgroup/cpu.stat || echo - unknown)
        echo "$(date -u +%FT%TZ), $gpu, $load, ${held#* }"
        sleep 10
    done
}

saved() {
    cat "$work/last_checkpoint" 2>/dev/null || true
}

if command -v nvidia-smi > /dev/null; then
    watch_machine >> "$work/machine.csv" 2>&1 < /dev/null &
    trap "kill $! 2> /dev/null || true" EXIT
fi

# On SIGTERM the run saves after the step and stops. If it takes more than a
# minute for that, it is killed and goes on from the checkpoint before. A run
# that is complete has nothing left to do and ends at once.
before=$(saved)
status=0
run timeout --kill-after=60 --signal=TERM "$limit" \
    "$python" "$tools/train.py" "$config" --data "$data/train" \
    --knn "$data" --work-dir "$work" --resume "$@" || status=$?
case $status in
    0) [[ $(saved) == "$before" ]] || exit 75 ;;  # measured in the next piece
    124|137|143)  # timeout, its kill, or a signal to the run itself
        if [[ $(saved) == "$before" ]]; then
            why='give a longer LIMIT'
            [[ $status == 124 ]] || why='it was killed: is memory too small?'
            echo "no step was saved in $limit: $why" >&2
            exit 1
        fi
        echo "not finished: run the same command again"
        exit 75 ;;
    *) exit $status ;;
esac

last=$work/$(basename "$(saved)")
run timeout --kill-after=60 "$limit" \
    "$python" "$tools/evaluate_frozen.py" "$last" --config "$config" \
    --data "$data" --out "$work/frozen" --k 20 200 \
    --epochs "${PROBE_EPOCHS:-90}" --probe-batch "${PROBE_BATCH:-512}" \
    --workers "${WORKERS:-$(nproc)}" --precision auto ||
    status=$?
if [[ $status == 124 || $status == 137 ]]; then
    echo "measuring took longer than $limit, and it cannot be resumed:" \
        "raise LIMIT or lower PROBE_EPOCHS" >&2
    exit 1
fi
exit $status

#!/usr/bin/env bash
# Train as a Slurm job, one task per GPU.
#
#   tools/slurm_train.sh PARTITION JOB_NAME CONFIG [arguments of train.py]
#
# Environment, with defaults: GPUS=8 in all, GPUS_PER_NODE=8,
# CPUS_PER_TASK=8, SRUN_ARGS for anything else, such as
#   SRUN_ARGS='--time=24:00:00 --signal=TERM@120'
# which makes the run save and stop two minutes before its time is over; the
# same command with --resume continues it.
#
# The processes meet on the first node, at a port made of the job's number; if
# that is taken, set MASTER_PORT.
#
# Runs $PYTHON; else the active environment's python; else .venv/bin/python.
set -euo pipefail

if [[ $# -lt 3 ]]; then
    echo "usage: $0 PARTITION JOB_NAME CONFIG [arguments of train.py]" >&2
    exit 2
fi
partition=$1
job=$2
config=$3
shift 3
tools=$(cd "$(dirname "$0")" && pwd)
source "$tools/find_python.sh"
gpus=${GPUS:-8}
per_node=${GPUS_PER_NODE:-8}
per_node=$((gpus < per_node ? gpus : per_node))

# Word splitting of SRUN_ARGS is what it is for.
# shellcheck disable=SC2086
exec srun \
    --partition="$partition" \
    --job-name="$job" \
    --ntasks="$gpus" \
    --ntasks-per-node="$per_node" \
    --gres="gpu:$per_node" \
    --cpus-per-task="${CPUS_PER_TASK:-8}" \
    --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} \
    "$python" -u "$tools/train.py" "$config" --launcher slurm "$@"

# Sets `python` for the scripts that source this: $PYTHON, else the python of
# the active environment, else the project's own.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-python}
if [[ -z ${PYTHON:-}${VIRTUAL_ENV:-}${CONDA_PREFIX:-} && -x $root/.venv/bin/python ]]
then
    python=$root/.venv/bin/python
fi

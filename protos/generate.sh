#!/usr/bin/env bash
# Generates the Python modules of every proto into the folder given, which becomes
# a source root. Committed output lives in services/; tests/protos compares it.
#   protos/generate.sh services
set -eu
out=$1
cd "$(dirname "$0")"
case $out in /*) ;; *) out=../$out ;; esac
python=${PYTHON:-../.venv/bin/python}
# The plug-ins are found beside the interpreter.
PATH=$(dirname "$python"):$PATH
mapfile -t messages < <(find . -name '*.proto' | sort)
mapfile -t services < <(grep -l '^service ' "${messages[@]}")
"$python" -m grpc_tools.protoc -I . --python_out="$out" --mypy_out="$out" "${messages[@]}"
"$python" -m grpc_tools.protoc -I . --grpc_python_out="$out" --mypy_grpc_out="$out" "${services[@]}"

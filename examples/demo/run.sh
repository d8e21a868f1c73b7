#!/usr/bin/env bash
# `./dev demo` after the build: see demo.py.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
exec build/venv/bin/python3 examples/demo/demo.py "$@"

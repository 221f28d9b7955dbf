#!/usr/bin/env bash
# Makes a virtual environment with these packages, once: python_env.sh DIRECTORY PACKAGE...
set -euo pipefail
directory="$1"
shift
[ -x "$directory/bin/python" ] || python3 -m venv "$directory"
"$directory/bin/python" -c "import sys, importlib.util as u; sys.exit(any(u.find_spec(p) is None for p in sys.argv[1:]))" "$@" ||
  "$directory/bin/pip" install --quiet "$@"

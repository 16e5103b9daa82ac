#!/usr/bin/env bash
# bash benchmarks/others/install.sh FOLDER PYTHON NAME: an environment FOLDER/NAME for the peer NAME.
#
# It sees the packages of PYTHON's own environment behind its own: torch is not downloaded again for every
# peer, and both sides of a comparison run on the same torch. NAME.txt is the whole of what goes beside it.
# FOLDER/NAME/installed lists what was; where something went wrong, FOLDER/NAME/failed says what.
set -euo pipefail

env=$1/$3
own=$(cd "$(dirname "$0")" && pwd)/$3.txt
if [ -e "$env/installed" ] && [ ! "$own" -nt "$env/installed" ]; then exit 0; fi

rm -rf "$env"
"$2" -m venv --without-pip "$env"
site=$("$env/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$2" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > "$site/shared.pth"
if "$env/bin/python" -m pip install --disable-pip-version-check --quiet --no-deps -r "$own" > "$env/pip.log" 2>&1; then
    "$env/bin/python" -m pip list --disable-pip-version-check --path "$site" > "$env/installed"
else
    grep -m 1 '^ERROR' "$env/pip.log" > "$env/failed" || echo "pip failed" > "$env/failed"
fi

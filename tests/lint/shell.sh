#!/bin/sh
# Every shell script passes shellcheck.
. "$(dirname "$0")/../support/lint.sh"
need shellcheck

files '*.sh' '.ci/run' | xargs shellcheck -x -P SCRIPTDIR -P tests/support -S warning

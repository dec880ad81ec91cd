#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every command of a document's session in a fresh copy of the tree, as a new user would, and
# compares the output with what the document shows. readme_test.sh SOURCE_DIR BIN_DIR DOCUMENT
#
# In it a block ```console holds "$ COMMAND" lines, each followed by its output. Timestamps are
# the client's clock, so a run of 13 digits stands for any other. A cluster gets ports that are free
# instead of 7421 to 7423.
set -euo pipefail
source_dir=$1
bin_dir=$2
document=$3

work=$(mktemp -d)
# A document may leave its server's process id in "pid".
trap '[[ ! -d $work/data/cluster ]] || (cd "$work" && scripts/cluster stop) || true
  [[ ! -f $work/pid ]] || kill -9 "$(<"$work/pid")" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
# Building is tested by what runs this test.
source "$source_dir/tests/scripts/tree.sh"
scripts_tree "$source_dir" "$bin_dir"

awk '/^```console$/ {inside = 1; next} /^```$/ {inside = 0} inside' "$source_dir/$document" >session
grep -q '^\$ ' session || { echo "$document has no console session" >&2; exit 1; }

failures=0
run() {
  [[ -n $command ]] || return 0
  bash -c "$command" >actual 2>&1 </dev/null || true
  sed -i -E "s/:$TRIPLA_CLUSTER_PORT to [0-9]+/:7421 to 7423/" actual
  if ! diff <(sed -E 's/[0-9]{13}/TIMESTAMP/g' expected) <(sed -E 's/[0-9]{13}/TIMESTAMP/g' actual); then
    echo "$document: \"$command\" prints something else (< $document, > real)" >&2
    failures=$((failures + 1))
  fi
}
command=
: >expected
while IFS= read -r line; do
  if [[ $line == '$ '* ]]; then
    run
    command=${line#\$ }
    : >expected
  else
    printf '%s\n' "$line" >>expected
  fi
done <session
run
exit $((failures > 0))

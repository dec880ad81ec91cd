#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The play itself, which scripts/demo starts: the stage, then the acts. It runs in namespaces of its
# own where it can, so that it can cut the network and all of it ends at once.
set -uo pipefail
root=$1 lang=$2 pace=$3 step=$4 first_act=$5 last_act=$6 columns=$7 port=$8 own_network=$9
here=$root/scripts/demo.d
source "$here/stage.sh"
source "$here/machines.sh"
source "$here/acts-1.sh"
source "$here/acts-2.sh"

# Locale and settings of whoever watches are not the demo's.
unset "${!TRIPLA_@}"
export LC_ALL=C.UTF-8 PATH=$root/build/bin:$PATH HOME=$DEMO_DIRECTORY TMPDIR=$DEMO_DIRECTORY
$terminal || export TERM=xterm # a document shows the shell as this one does
cd "$DEMO_DIRECTORY" || exit 1

case $lang in
  both) read_captions pt en ;;
  *) read_captions "$lang" ;;
esac
make_machines
ln -s "$root" repo
echo "subdirs($root/build)" >CTestTestfile.cmake # so ctest finds the tests and writes what it writes here

begin_play
for ((number = first_act; number <= last_act; ++number)); do
  act "$number"
  "act_$number"
done
end_play

# SPDX-License-Identifier: Apache-2.0
# For tests that source it: a copy of the scripts that runs programs which are built already.

# scripts_tree SOURCE_DIR BIN_DIR: makes it in the working directory, with ports of its own for a
# cluster, so that a developer's servers live.
scripts_tree() {
  cp -r "$1/scripts" . && mkdir -p build && ln -s "$2" build/bin
  printf '#!/bin/sh\n' >scripts/setup
  printf '#!/bin/sh\n' >scripts/build
  unset TRIPLA_DATA_DIR TRIPLA_CLUSTER_DIR
  export TRIPLA_LISTEN=127.0.0.1:0
  export TRIPLA_CLUSTER_PORT=
  local first offset
  until [[ -n $TRIPLA_CLUSTER_PORT ]]; do
    first=$((20000 + RANDOM % 10000))
    TRIPLA_CLUSTER_PORT=$first
    for offset in 0 1 2 100 101 102; do
      ! (: <"/dev/tcp/127.0.0.1/$((first + offset))") 2>/dev/null || TRIPLA_CLUSTER_PORT=
    done
  done
}

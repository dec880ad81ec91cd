#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the interoperability client of gRPC's Go module against the transport's test server. Exits with
# 77, which is "skipped" to CTest, unless this is a long run with Go at hand.
# interop_test.sh SOURCE_DIR BUILD_DIR SERVER
set -euo pipefail
source_dir=$1
work=$2/interop
server=$3

skip() {
  echo "skipped: $*" >&2
  exit 77
}

[[ -n ${TRIPLA_LONG:-} ]] || skip "only scripts/test --long fetches what it needs"
command -v go >/dev/null || skip "go is not installed (scripts/setup test)"
mkdir -p "$work"
cp "$source_dir"/tests/rpc/interop/{go.mod,go.sum,main.go} "$work"
cd "$work"
export GOFLAGS="-mod=mod -buildvcs=false" GOTOOLCHAIN=local
go mod download google.golang.org/grpc || skip "the module of gRPC cannot be fetched"
go build -o interop .

coproc SERVER { exec "$server" 127.0.0.1:0 2>&1; }
trap 'kill "$SERVER_PID"' EXIT
read -r line <&"${SERVER[0]}"
timeout 300 ./interop "${line#ready on }"

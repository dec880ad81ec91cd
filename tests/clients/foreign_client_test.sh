#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a client of docs/clients/ against three replicas. Exits with 77, which is "skipped" to CTest,
# when what the language needs is not there.
# foreign_client_test.sh python|go SOURCE_DIR BUILD_DIR TEST_PROGRAM
set -euo pipefail
language=$1
source_dir=$2
work=$3/clients/$1
test_program=$4

skip() {
  echo "skipped: $*" >&2
  exit 77
}

prepare_python() {
  command -v python3 >/dev/null || skip "python3 is not installed (scripts/setup test)"
  if [[ ! -x $work/venv/bin/python ]]; then
    python3 -m venv "$work/venv" || skip "python3 has no venv (scripts/setup test)"
  fi
  "$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    -r "$source_dir/docs/clients/python/requirements.txt" ||
    skip "the packages of docs/clients/python/requirements.txt cannot be installed"
  (cd "$source_dir/proto" &&
    "$work/venv/bin/python" -m grpc_tools.protoc -I . --python_out="$work" --grpc_python_out="$work" \
      tripla/v1/tripla.proto tripla/v1/rpc_status.proto)
  cp "$source_dir/docs/clients/python/client.py" "$work"
  TRIPLA_CLIENT="$work/venv/bin/python $work/client.py"
}

prepare_go() {
  command -v go >/dev/null || skip "go is not installed (scripts/setup test)"
  command -v protoc >/dev/null || skip "protoc is not installed (scripts/setup)"
  export GOBIN=$work/bin GOFLAGS=-mod=mod GOTOOLCHAIN=local
  cp "$source_dir"/docs/clients/go/{go.mod,go.sum,main.go} "$work"
  cd "$work"
  go mod download || skip "the modules of docs/clients/go/go.mod cannot be fetched"
  { go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.33.0 &&
      go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.3.0; } ||
    skip "protoc's plugins for Go cannot be fetched"
  PATH=$GOBIN:$PATH protoc -I "$source_dir/proto" --go_out=. --go_opt=module=tripla \
    --go-grpc_out=. --go-grpc_opt=module=tripla tripla/v1/tripla.proto
  go build -o client .
  TRIPLA_CLIENT=$work/client
}

mkdir -p "$work"
"prepare_$language" >&2
export TRIPLA_CLIENT TRIPLA_SERVICE_CONFIG=$source_dir/docs/clients/service_config.json
exec "$test_program"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compiles the C++ that README.md shows, with the public header alone. readme_cpp_test.sh SOURCE_DIR CXX
set -euo pipefail
source_dir=$1
compiler=$2

shown=$(awk '/^```cpp$/ {inside = 1; next} /^```$/ {inside = 0} inside' "$source_dir/README.md")
[[ -n $shown ]] || { echo "README.md shows no C++" >&2; exit 1; }
"$compiler" -std=c++20 -Wall -Wextra -Werror -fsyntax-only -I "$source_dir/include" -x c++ - <<EOF
#include "tripla/client.h"
void ReadmeShows(const tripla::Key& key, int64_t timestamp) {
$shown
}
EOF

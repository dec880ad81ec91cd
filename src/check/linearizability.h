// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "check/history.h"
#include "check/key_state.h"

namespace tripla::check {

enum class Linearizability {
  kYes,
  kNo,
  kNotFoundOut,  // too many situations to try, or somebody asked to stop
};

// Whether some order of the calls of one key explains every reply: each call takes effect at one
// moment between its begin and its end, the way Step() says (R11). A call without a reply may take
// effect at any moment after it began, or never.
//
// The idea is that of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993) with the
// memory of Lowe ("Testing for Linearizability", 2017): try what may come next, go back where a
// reply fits nowhere, and try nothing twice. Revisions leave little to try. No reply that Step()
// accepts tells a lower one than a reply before it, so that the calls that were told have one order
// at most, and only those that were not told can be placed.
//
// Time and memory: n log n without calls that were not told. These can cost exponentially much; the
// search gives up after a hundred thousand situations.
[[nodiscard]] Linearizability Judge(std::span<const HistoryCall> calls,
                                    const KeyState& before = {});

}  // namespace tripla::check

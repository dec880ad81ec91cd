// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "check/history.h"
#include "check/key_state.h"

namespace tripla::check {

// Whether some order of the calls of one key explains every reply: each call takes effect at one
// moment between its begin and its end, the way Step() says (R11). A call without a reply may take
// effect at any moment after it began, or never.
//
// The search is that of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993) with the
// memory of Lowe ("Testing for Linearizability", 2017): it tries the calls that may come next one
// after the other, goes back where a reply fits nowhere, and never tries a set of calls with one
// state twice.
//
// Time and memory: linear for a history that is linearizable and of few clients; in the worst case
// exponential in the calls that overlap, those without a reply included.
[[nodiscard]] bool IsLinearizable(std::span<const HistoryCall> calls, const KeyState& before = {});

}  // namespace tripla::check

// SPDX-License-Identifier: Apache-2.0
#include "client/effect.h"

#include <algorithm>
#include <variant>

namespace tripla {
namespace {

bool Reads(const Operation& operation) { return std::holds_alternative<GetOperation>(operation); }

}  // namespace

Effect EffectOf(const Operation& operation) {
  return Reads(operation) ? Effect::kReads : Effect::kWrites;
}

Effect EffectOf(const std::vector<Operation>& operations) {
  return std::ranges::all_of(operations, Reads) ? Effect::kReads : Effect::kWrites;
}

}  // namespace tripla

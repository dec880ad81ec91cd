// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "check/claim.h"
#include "check/sole_client.h"

namespace tripla::check {

// A claim that must hold in every Way an operation can be sent. `prove` is called for each, with a
// key that has never been written.
inline Claim InEveryWay(std::string name, std::string text,
                        std::function<void(SoleClient&, const Key&)> prove) {
  return {"api", std::move(name), std::move(text), [prove = std::move(prove)](Trial& trial) {
            for (const Way way : {Way::kPlain, Way::kWithId, Way::kBatch}) {
              if (trial.Over()) return;
              SoleClient client(trial, trial.caller(), way);
              prove(client, trial.NewKey());
            }
          }};
}

}  // namespace tripla::check

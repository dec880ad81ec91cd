// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "tests/check/wrong_server.h"

namespace tripla::check {

// Something a server does wrong, and a claim that must notice it.
struct Fault {
  std::string name;
  std::string command;
  std::string claim;  // or how the names of several begin
  WrongServer::Behaviour behaviour;
  WrongServer::Elsewhere elsewhere = {};
};

inline void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

[[nodiscard]] std::vector<Fault> FaultsOfPlainOperations();  // set, get, del
[[nodiscard]] std::vector<Fault> FaultsOfVersions();         // del with a version, testAndSet
[[nodiscard]] std::vector<Fault> FaultsOfValues();           // keys, timestamps, data, forms
[[nodiscard]] std::vector<Fault> FaultsOfRevisions();
[[nodiscard]] std::vector<Fault> FaultsOfRequestIds();
// Those that come now and then, for the checks that go on for a time.
[[nodiscard]] std::vector<Fault> FaultsNowAndThen(const std::string& command,
                                                  const std::string& claim);
[[nodiscard]] std::vector<Fault> FaultsOfCuts();
// Of batches as a whole, of what a server says of itself, and others thought of once the claims
// were written.
[[nodiscard]] std::vector<Fault> FaultsThoughtOfLater();

}  // namespace tripla::check

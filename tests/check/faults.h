// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
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
  std::chrono::milliseconds timeout{10'000};  // of one call, for those that wait for it in vain
  int runs_at_most = 1;                       // in one of which it is found
};

inline void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

[[nodiscard]] std::vector<Fault> FaultsOfPlainOperations();  // set, get, del
[[nodiscard]] std::vector<Fault> FaultsOfVersions();         // del with a version
[[nodiscard]] std::vector<Fault> FaultsOfTestAndSet();
[[nodiscard]] std::vector<Fault> FaultsOfValues();       // keys, timestamps, data
[[nodiscard]] std::vector<Fault> FaultsOfForms();        // errors, and what a reply may not lack
[[nodiscard]] std::vector<Fault> FaultsOfLeftOutData();  // of answers without data
[[nodiscard]] std::vector<Fault> FaultsOfRevisions();
[[nodiscard]] std::vector<Fault> FaultsOfRequestIds();
// Those that come now and then, for the checks that go on for a time.
[[nodiscard]] std::vector<Fault> FaultsNowAndThen(const std::string& command,
                                                  const std::string& claim);
[[nodiscard]] std::vector<Fault> FaultsOfCuts();
[[nodiscard]] std::vector<Fault> FaultsOfRaces();    // more winners than one
[[nodiscard]] std::vector<Fault> FaultsOfBatches();  // as a whole
[[nodiscard]] std::vector<Fault> FaultsOfLimits();   // what is malformed or too large, and taken
[[nodiscard]] std::vector<Fault> FaultsOfAdmin();    // what a server says of itself
// Those thought of once the claims were written.
[[nodiscard]] std::vector<Fault> FaultsThoughtOfLater();

}  // namespace tripla::check

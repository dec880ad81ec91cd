// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tripla::load {

enum class Verb { kSet, kGet, kCas, kMixed, kBatch, kNull };

// Whose calls are made: tripla's, or those of etcd that a comparison needs.
enum class Api { kTripla, kEtcd };

// What a run is asked to do.
struct Plan {
  Verb verb = Verb::kSet;
  std::string verb_name;
  Api api = Api::kTripla;
  std::vector<std::string> endpoints = {"127.0.0.1:7420"};
  int connections = 4;
  int threads = 1;
  int in_flight = 64;
  size_t value_bytes = 128;
  uint64_t keys = 100'000;  // that get, cas and mixed choose from
  uint64_t fresh_keys = 0;  // that set and batch create; 0: as many as the time allows
  size_t batch_operations = 100;
  bool request_ids = false;
  bool stale = false;  // reads take what the asked replica has; etcd's "serializable"
  double rate = 0;     // calls a second in an open loop; 0: a closed loop
  std::chrono::milliseconds warm_up{1000};
  std::chrono::milliseconds duration{10'000};  // measured, behind the warm-up
  std::chrono::milliseconds timeout{5000};     // of one call
  std::string timeline_file;                   // empty: none
};

}  // namespace tripla::load

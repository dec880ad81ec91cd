// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tripla/answer.h"

namespace tripla {

// An image on its way from a leader to another member.
struct ImageTransfer {
  uint64_t log_index = 0;
  uint64_t bytes = 0;
  uint64_t percent = 0;  // taken
  uint64_t attempt = 0;
  std::string trouble;  // why the last piece was not taken
};

// Another member of a server's cluster, as that server sees it.
struct MemberStatus {
  std::string node;
  std::optional<uint64_t> silence_ms;  // since it was heard; none: not yet
  std::string trouble;                 // why it cannot be connected to
  // What a leader knows of it.
  std::optional<uint64_t> log_index;  // of the last record that it has acknowledged
  std::optional<ImageTransfer> image;
};

// The state of a server (Admin.Status).
struct ServerStatus {
  std::string node;
  std::string role;    // standalone, leader, follower, candidate
  std::string leader;  // node id
  std::string leader_endpoint;
  uint64_t term = 0;
  uint64_t revision = 0;
  uint64_t keys = 0;
  std::string state_hash;  // 16 bytes, of the state at `revision`

  std::string software_version;
  uint64_t uptime_ms = 0;
  std::string durability;  // e.g. "fsync always"
  bool writable = false;   // false while it refuses all writes but del
  uint64_t key_bytes_max = 0;
  uint64_t data_bytes_max = 0;
  uint64_t batch_operations_max = 0;
  uint64_t batch_bytes_max = 0;
  uint64_t held_bytes = 0;       // keys and data of all entries
  uint64_t sessions = 0;         // clients whose request ids are remembered
  uint64_t answers = 0;          // request ids remembered
  uint64_t log_index = 0;        // of the last batch applied
  uint64_t log_bytes = 0;        // on disk
  uint64_t image_log_index = 0;  // of the last image in force; 0: none yet
  uint64_t image_bytes = 0;
  uint64_t image_unix_ms = 0;
  uint64_t disk_free_bytes = 0;
  bool ready = false;  // it answers calls
  // How many requests with ids one client may have unanswered; a Client observes this limit.
  uint64_t answers_per_client_max = 0;
  std::string write_refusal;  // for people: why it is not writable, and what to do
  std::string cluster;        // the id of its cluster; empty when it stands alone
  // Bytes of keys and data that a write may have now, as far as free disk space goes. Below
  // data_bytes_max the disk is nearly full. None from a server that does not tell.
  std::optional<uint64_t> write_bytes_max = std::nullopt;
  // Of a leader: a majority has promised to elect no other now. Without that another may lead.
  std::optional<bool> has_lease = std::nullopt;
  std::vector<MemberStatus> members = {};  // the others of its cluster, as it sees them
  // Which formats its state may be written in; 0 from a server that does not tell.
  uint64_t level = 0;
  std::string level_held_back;  // for people: what keeps the level from rising, said by the leader
  std::string not_ready;        // for people: why it is not ready
  // Of a replica: whether it reads by its lease while it leads. If not, has_lease is none.
  std::optional<bool> read_lease = std::nullopt;
};

// The state of one of several endpoints.
struct EndpointStatus {
  std::string endpoint;
  Answer<ServerStatus> answer;
};

// Who leads a cluster.
struct Leader {
  std::string node;
  std::string endpoint;  // HOST:PORT
  uint64_t term = 0;
};

// An image of the map that has just been written.
struct ImageInfo {
  uint64_t log_index = 0;  // it holds every batch up to this one, inclusive
  uint64_t revision = 0;
  uint64_t entries = 0;
  uint64_t bytes = 0;
  std::string file;      // its name inside the server's data directory
  std::string endpoint;  // of the server that wrote it
};

}  // namespace tripla

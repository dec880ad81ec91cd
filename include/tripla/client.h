// SPDX-License-Identifier: Apache-2.0
//
// The client library of tripla. It needs C++20 and these packages of Debian 12: libgrpc++-dev,
// libprotobuf-dev, libabsl-dev, libfmt-dev, libspdlog-dev and libgmp-dev. The headers use Status,
// StatusOr and StatusCode of that Abseil. README.md, "Install", says how to link it.
#pragma once
#if __cplusplus < 202002L
#error "tripla needs C++20: compile with -std=c++20 or later"
#endif

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tripla/answer.h"
#include "tripla/key.h"
#include "tripla/operation.h"
#include "tripla/server_status.h"
#include "tripla/triple.h"
#include "tripla/update.h"

namespace tripla {

// Options of a Client. Required (checked): at least one endpoint, and 0 < deadline,
// 0 < backoff_min <= backoff_max.
struct ClientOptions {
  // HOST:PORT of one server, or of all servers of a cluster: a call goes to one of them, and to
  // another if that one does not serve.
  std::vector<std::string> endpoints{"127.0.0.1:7420"};
  // For one call as a whole: connecting, every attempt, and the waits between them.
  std::chrono::milliseconds deadline{5000};
  // The wait before the second attempt; it doubles with each further one, up to backoff_max. Half
  // of each wait is random, so that many clients do not retry at the same moment.
  std::chrono::milliseconds backoff_min{20};
  std::chrono::milliseconds backoff_max{1000};
};

// Options of one call.
struct CallOptions {
  // Replaces ClientOptions::deadline for this call. If it is zero or less, the call fails without
  // being sent.
  std::optional<std::chrono::milliseconds> deadline;
  // Answers to writes have a value with version and timestamp but without data.
  bool without_data = false;
};

// A connection to a tripla database.
//
//   Client client({.endpoints = {"127.0.0.1:7420"}});
//   Key key = *Key::Parse("42");
//   Answer<Decided> set = client.Set(key, timestamp, "lala", {.deadline = 200ms});
//   if (!set.ok()) {
//     // Not decided: set.failure().applied says whether the write may have been applied.
//   } else if (set->result == Result::kError) {
//     // The key is present; set->value is what it holds.
//   }
//
// Attempts: if a server cannot be reached, restarts or is overloaded, the call is repeated until
// its deadline, at another server if there are several. That is safe: each write carries a request
// id, so it is executed at most once, however often it is sent, and a repeated attempt gets the
// answer of the first (R13).
//
// Failure::applied is kNo only if no attempt can have had an effect: each attempt either did not
// leave this machine, or the server said that it was not applied.
//
// Failures of every call, by code:
//   kUnavailable        no server was reached, or none of those reached serves
//   kDeadlineExceeded   the server did not answer in time
//   kCancelled          by CancelCalls()
//   kInvalidArgument    the server, or the client itself, found the call malformed
//   kResourceExhausted  too large, or the server or its disk is too full: see Failure::reason
//   others              other errors of gRPC and the server: see Failure::message
// Limits (R14) are set by the server and shown by Status(): by default 64 KiB for a key as two's
// complement, 16 MiB of data, 10,000 operations and 64 MiB a Batch.
//
// Thread-safety: every method may be called from any number of threads at once; they share one
// connection. Do not use a Client in a child after fork().
// Blocking: a call returns when decided, at its deadline, or soon after CancelCalls(). The
// constructor does not connect; the first call does. A connection that breaks silently is
// noticed within 15 to 20 seconds.
// Lifetime: the destructor requires that no call is running.
class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Creates the entry, at version 1 (R4). kError when the key is present.
  Answer<Decided> Set(Key key, int64_t timestamp, std::string data, CallOptions options = {}) {
    return Execute(SetOperation{std::move(key), timestamp, std::move(data)}, options);
  }

  // Reads the entry (R5). kError when absent.
  Answer<Decided> Get(Key key, CallOptions options = {}) {
    return Execute(GetOperation{std::move(key)}, options);
  }
  Answer<Decided> Get(Key key, Consistency consistency, CallOptions options = {}) {
    return Execute(GetOperation{std::move(key), consistency}, options);
  }

  // Removes the entry; value is the removed triple (R6). kError when absent.
  Answer<Decided> Del(Key key, CallOptions options = {}) {
    return Execute(DelOperation{std::move(key)}, options);
  }

  // Removes the entry if it has this version (R7), and this revision (R9). kNoEntry, kWrongVersion.
  Answer<Decided> DelVersion(Key key, int64_t version, CallOptions options = {}) {
    return Execute(DelVersionOperation{std::move(key), version}, options);
  }
  Answer<Decided> DelVersion(Key key, int64_t version, uint64_t if_revision,
                             CallOptions options = {}) {
    return Execute(DelVersionOperation{std::move(key), version, if_revision}, options);
  }

  // Replaces timestamp and data if the entry has this version (R8), and this revision (R9); value
  // is the replaced triple. kNoEntry, kWrongVersion; Failure with kOutOfRange at version INT64_MAX.
  Answer<Decided> TestAndSet(Key key, int64_t timestamp, std::string data, int64_t version,
                             CallOptions options = {}) {
    return TestAndSet(std::move(key), timestamp, std::move(data), version, 0, options);
  }
  Answer<Decided> TestAndSet(Key key, int64_t timestamp, std::string data, int64_t version,
                             uint64_t if_revision, CallOptions options = {}) {
    return Execute(
        TestAndSetOperation{std::move(key), timestamp, std::move(data), version, if_revision},
        options);
  }

  // Any one operation.
  Answer<Decided> Execute(const Operation& operation, CallOptions options = {});

  // Executes all operations in this order, each decided on its own, with one durable write: much
  // faster than one by one. The answers have the order of the operations. This is not a
  // transaction: an operation that ends in an error does not undo the others.
  //
  // Additional failures: kInvalidArgument when there are no operations. An operation that cannot be
  // decided (kOutOfRange) ends the whole call with its error, though others may have been applied.
  Answer<std::vector<Decided>> Batch(const std::vector<Operation>& operations,
                                     CallOptions options = {});

  // Reads the entry, calls `decide` with it, and makes the change if the entry is still the same;
  // otherwise calls `decide` again with what is stored now. The waits in between grow and have a
  // random part. `decide` runs in the caller's thread; an exception from it ends the call.
  //
  // Additional failures: kAborted when other clients changed the entry each time until the deadline
  // (surely not applied). If a write may have been applied, the call ends with kUnknown and does
  // not repeat it as a new one.
  Answer<Updated> Update(Key key, const UpdateFunction& decide, CallOptions options = {});

  // Finds out what became of an earlier call of this or another Client; `request` is its
  // Failure::request. Returns one Resolved for each operation of that call, in their order. It
  // changes no entry, and a write that was not applied by now never will be. The deadline is for
  // each operation. The database remembers a write for at least the next 10,000 writes of its
  // Client, unless the database is short of memory.
  //
  // Additional failures: kInvalidArgument when `request` is not a Failure::request.
  // Failure::applied has no meaning here.
  Answer<std::vector<Resolved>> Resolve(const std::string& request, CallOptions options = {});

  // The state of one server: role, revision, limits, disk.
  Answer<ServerStatus> Status(CallOptions options = {});

  // Asks all endpoints at the same time, for two seconds at most; the results have their order.
  std::vector<EndpointStatus> StatusOfAll();

  // Writes an image of the map to the server's disk now (R16); returns when the image is in force.
  //
  // Additional failures: kResourceExhausted when it does not fit on the server's disk, kInternal
  // when the disk fails. Then the earlier images stay in force.
  Answer<ImageInfo> Snapshot(CallOptions options = {});

  // Lets another member of the cluster lead: `node`, or any other if it is empty. Returns who leads
  // then. For a second or two writes are refused meanwhile.
  //
  // Additional failures: kInvalidArgument when `node` is no member, kFailedPrecondition when it
  // cannot lead now or did not take over, or the server stands alone.
  Answer<Leader> Transfer(const std::string& node, CallOptions options = {});

  // Ends every call that is running now with a Failure of code kCancelled, and returns their
  // number. Calls that begin later are not affected.
  size_t CancelCalls();

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace tripla

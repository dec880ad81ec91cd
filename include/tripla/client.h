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

// What a Client is told. Required (checked): at least one endpoint, and 0 < deadline,
// 0 < backoff_min <= backoff_max.
struct ClientOptions {
  // HOST:PORT of one server, or of all of a cluster: one is asked, another when it does not serve.
  std::vector<std::string> endpoints{"127.0.0.1:7420"};
  // Of one call as a whole: connecting, every attempt, and the waits between them.
  std::chrono::milliseconds deadline{5000};
  // The wait before the second attempt; it doubles with each further one, up to backoff_max. Half
  // of each wait is chance, so that many clients do not come back at the same moment.
  std::chrono::milliseconds backoff_min{20};
  std::chrono::milliseconds backoff_max{1000};
};

// What one call is told besides.
struct CallOptions {
  // Of this call as a whole, in place of ClientOptions::deadline. When it is not above zero the
  // call fails unsent.
  std::optional<std::chrono::milliseconds> deadline;
  // The values of the answers to writes have version and timestamp, and no data.
  bool without_data = false;
};

// A connection to a tripla database.
//
//   Client client({.endpoints = {"127.0.0.1:7420"}});
//   Key key = *Key::Parse("42");
//   Answer<Decided> set = client.Set(key, timestamp, "lala", {.deadline = 200ms});
//   if (!set.ok()) {
//     // Not decided: set.failure().applied says whether the write may have happened all the same.
//   } else if (set->result == Result::kError) {
//     // The key is present; set->value is what it holds.
//   }
//
// Attempts: a call that meets a server out of reach, restarting or overloaded is tried again until
// its deadline, at another server if there are several. That is safe: each write carries a request
// id that makes it happen at most once, however often it is sent, and a repeated attempt gets the
// answer of the first (R13).
//
// Truth: a Failure has applied == kNo only when no attempt can have had an effect: none left this
// machine, or the server said so for each that did. Once one attempt is in doubt the call is.
//
// Failures of every call, by code:
//   kUnavailable        no server was reached, or none that serves
//   kDeadlineExceeded   the server did not answer in time
//   kCancelled          by CancelCalls()
//   kInvalidArgument    the server, or the client itself, found the call malformed
//   kResourceExhausted  Failure::reason tells: too large, or the server or its disk is too full
//   others              what else gRPC and the server may say; Failure::message tells
// Limits (R14) are the server's, and Status() tells them: by default 64 KiB for a key as two's
// complement, 16 MiB of data, 10,000 operations and 64 MiB a Batch.
//
// Thread-safety: every method may be called from any number of threads at once; they share one
// connection. Do not use a Client in a child after fork().
// Blocking: a call returns when decided, at its deadline, or soon after CancelCalls(). The
// constructor does not connect; the first call does. A connection that is cut without a word is
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

  // Removes the entry; value is what was removed (R6). kError when absent.
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
  // is what was there before. kNoEntry, kWrongVersion; Failure with kOutOfRange at version
  // INT64_MAX.
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

  // All operations in this order, each decided on its own, with one durable write: much faster than
  // one by one. The answers have the order of the operations. Not a transaction: one that ends in
  // an error does not undo the others.
  //
  // Failures besides: kInvalidArgument when there are no operations; that of an operation which
  // cannot be decided (kOutOfRange) ends the whole call, though others may have been applied.
  Answer<std::vector<Decided>> Batch(const std::vector<Operation>& operations,
                                     CallOptions options = {});

  // Reads the entry, lets `decide` say what to do, and does it if nobody changed the entry in
  // between; else asks `decide` again with what is stored now. It waits longer each time, partly by
  // chance. `decide` runs in the caller's thread; what it throws ends the call.
  //
  // Failures besides: kAborted when other clients were faster until the deadline (surely not
  // applied). A write in doubt ends the call with kUnknown and is not repeated as a new one.
  Answer<Updated> Update(Key key, const UpdateFunction& decide, CallOptions options = {});

  // Finds out what became of an earlier call of this or another Client; `request` is its
  // Failure::request. One Resolved for each operation of that call, in their order. It changes no
  // entry, and a write that was not applied yet never will be afterwards. The deadline is that of
  // each operation. The database remembers for this Client's next 10,000 writes at least, unless it
  // is short of memory.
  //
  // Failures besides: kInvalidArgument when `request` is not such a text. Failure::applied tells
  // nothing here.
  Answer<std::vector<Resolved>> Resolve(const std::string& request, CallOptions options = {});

  // What the server says about itself.
  Answer<ServerStatus> Status(CallOptions options = {});

  // The same from each of the endpoints, asked at once, in their order; two seconds at most.
  std::vector<EndpointStatus> StatusOfAll();

  // Writes an image of the map to the server's disk now (R16); answers when it is in force.
  //
  // Failures besides: kResourceExhausted when it does not fit on the server's disk, kInternal when
  // the disk fails. The images that were stay in force then.
  Answer<ImageInfo> Snapshot(CallOptions options = {});

  // Ends every call that is running now with a Failure of code kCancelled, and returns how many
  // those are. Calls begun later are not concerned.
  size_t CancelCalls();

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace tripla

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "tripla/triple.h"

namespace tripla {

// What the database decided about one operation.
struct Decided {
  Result result = Result::kSuccess;
  std::optional<Triple> value;  // v': the stored, removed or replaced triple; nullopt is NULL
  // Of the last change to the entry reported (for a successful write: of this write); for an absent
  // key, the revision of the database that the operation saw.
  uint64_t revision = 0;
  bool replayed = false;  // an earlier attempt of this call had been decided; this is its answer

  friend bool operator==(const Decided&, const Decided&) = default;
};

// Why a call ended without a decision.
struct Failure {
  // Whether the writes of the call took effect; for a call that only reads always kNo. Of several
  // attempts the greater counts.
  enum class Applied {
    kNo,       // surely not, and they never will
    kUnknown,  // they may have been, or may be yet; Client::Resolve(request) finds out
    kYes,      // they were; only their answer could not be given
  };

  // Why there was no room (kResourceExhausted).
  enum class Reason {
    kNone,        // the server did not say
    kTooLarge,    // above a limit of the server: the same call never succeeds
    kOverloaded,  // too much at once: the same call may succeed later
    kReadOnly,    // the server cannot write now, because its disk is full for example
  };

  absl::StatusCode code = absl::StatusCode::kUnknown;  // as gRPC numbers them
  std::string message;                                 // what happened and why, for a person
  Applied applied = Applied::kUnknown;
  // Set when the server advised to wait this long; the same call may succeed later.
  std::optional<std::chrono::milliseconds> retry_after;
  // False when at the end there was no connection to any server.
  bool connected = true;
  Reason reason = Reason::kNone;
  // The request ids of the call's writes, as Client::Resolve() takes them; empty when applied is
  // kNo.
  std::string request;

  // One line: code, message, and what became of the writes.
  [[nodiscard]] std::string ToText() const;
};

// What became of one earlier write, as Client::Resolve() found out.
struct Resolved {
  enum class Kind {
    kNotApplied,  // it changed nothing and never will: its request id can no longer be used
    kDecided,     // the database decided it, and `decided` is how
    kForgotten,   // its request id is no longer remembered: read the entry to find out
  };

  Kind kind = Kind::kForgotten;
  // The answer that the write had, without the data of its value. nullopt unless kDecided, and with
  // a server that does not tell it.
  std::optional<Decided> decided;
};

// What a call gives: a decision (a T), or a Failure, which says whether the writes were applied.
//
//   Answer<Decided> answer = client.Get(key);
//   if (!answer.ok()) return Complain(answer.failure().ToText());
//   if (answer->result == Result::kSuccess) Use(answer->value->data);
//
// Thread-safety: a value. Reading the alternative that is not there throws std::bad_variant_access.
template <typename T>
class [[nodiscard]] Answer {
 public:
  Answer(T decided) : either_(std::move(decided)) {}        // NOLINT: implicit, as in StatusOr
  Answer(Failure failure) : either_(std::move(failure)) {}  // NOLINT

  [[nodiscard]] bool ok() const { return either_.index() == 0; }

  [[nodiscard]] const T& operator*() const& { return std::get<0>(either_); }
  [[nodiscard]] T&& operator*() && { return std::get<0>(std::move(either_)); }
  [[nodiscard]] const T* operator->() const { return &std::get<0>(either_); }

  [[nodiscard]] const Failure& failure() const { return std::get<1>(either_); }

 private:
  std::variant<T, Failure> either_;
};

}  // namespace tripla

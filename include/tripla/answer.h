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
  // The revision of the last change to this entry (for a successful write, of this write); for an
  // absent key, the revision of the database that the operation saw.
  uint64_t revision = 0;
  bool replayed = false;  // an earlier attempt of this call was decided; this is its answer

  friend bool operator==(const Decided&, const Decided&) = default;
};

// Why a call ended without a decision.
struct Failure {
  // Whether the writes of the call were applied; always kNo for a call that only reads. With
  // several attempts it is the greatest of their values.
  enum class Applied {
    kNo,       // surely not applied, and never will be
    kUnknown,  // may have been applied, or may still be; Client::Resolve(request) finds out
    kYes,      // applied; only the answer could not be given
  };

  // The reason of a kResourceExhausted.
  enum class Reason {
    kNone,        // the server did not say
    kTooLarge,    // above a limit of the server: the same call never succeeds
    kOverloaded,  // too much at once: the same call may succeed later
    kReadOnly,    // the server cannot write now, for example because its disk is full
  };

  absl::StatusCode code = absl::StatusCode::kUnknown;  // as gRPC numbers them
  std::string message;                                 // what happened and why, for a person
  Applied applied = Applied::kUnknown;
  // Set if the server advised to wait this long; the same call may succeed later.
  std::optional<std::chrono::milliseconds> retry_after;
  bool connected = true;  // false if no server could be connected to when the call ended
  Reason reason = Reason::kNone;
  // The request ids of the call's writes, in the form that Client::Resolve() takes; empty if
  // applied is kNo.
  std::string request;

  // One line: code, message, and what became of the writes.
  [[nodiscard]] std::string ToText() const;
};

// What became of one earlier write: the result of Client::Resolve().
struct Resolved {
  enum class Kind {
    kNotApplied,  // it changed nothing and never will: its request id can no longer be used
    kDecided,     // the database decided it; see `decided`
    kForgotten,   // its request id is no longer remembered: read the entry to find out
  };

  Kind kind = Kind::kForgotten;
  // The answer to the write, without the data of its value. Only with kDecided; nullopt also if the
  // server does not report the answer.
  std::optional<Decided> decided;
};

// The result of a call: a decision (a T), or a Failure, which says whether the writes were applied.
//
//   Answer<Decided> answer = client.Get(key);
//   if (!answer.ok()) return Complain(answer.failure().ToText());
//   if (answer->result == Result::kSuccess) Use(answer->value->data);
//
// Thread-safety: a value. Access to the alternative it does not hold throws
// std::bad_variant_access.
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

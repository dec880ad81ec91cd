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
    kUnknown,  // they may have been, or may be yet; read the entry to find out
  };

  absl::StatusCode code = absl::StatusCode::kUnknown;  // as gRPC numbers them
  std::string message;                                 // what happened and why, for a person
  Applied applied = Applied::kUnknown;
  // Set when the server was too busy or too full to take the call and advised to wait this long;
  // the same call may succeed later.
  std::optional<std::chrono::milliseconds> retry_after;
  // False when at the end there was no connection to any server.
  bool connected = true;

  // One line: code, message, and what became of the writes.
  [[nodiscard]] std::string ToText() const;
};

// The three-way truth of a call: decided (a T), surely not applied, or unknown (a Failure says
// which).
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

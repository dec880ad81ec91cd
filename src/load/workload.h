// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "client/attempt.h"
#include "load/plan.h"

namespace tripla::load {

// How often operations ended how. What etcd and the null server do is a success.
struct Results {
  uint64_t success = 0;
  uint64_t error = 0;
  uint64_t no_entry = 0;
  uint64_t wrong_version = 0;
  uint64_t unreadable = 0;  // replies that are none

  void Add(const Results& other);
  [[nodiscard]] uint64_t operations() const;
};

// One call to be made.
struct Request {
  const std::string* method;  // "/package.Service/Method", which outlives the call
  grpc::ByteBuffer message;
  Effect effect;
};

// What the calls of a run ask, and what their answers mean. There are as many slots as calls in
// flight; a slot makes one call after the other.
//
// Thread-safety: calls for different slots may overlap; those for one slot do not.
class Workload {
 public:
  virtual ~Workload() = default;

  // The next call of this slot; nullopt when all has been asked.
  virtual std::optional<Request> Next(int slot) = 0;

  // Reads the reply to the slot's last call.
  virtual void Judge(int slot, grpc::ByteBuffer& reply, Results& results) = 0;
};

// What `plan` asks for.
[[nodiscard]] std::unique_ptr<Workload> MakeWorkload(const Plan& plan);

// What must be there before: it creates the entries that `plan` reads and changes. Null when it
// needs none.
[[nodiscard]] std::unique_ptr<Workload> MakeFill(const Plan& plan);

}  // namespace tripla::load

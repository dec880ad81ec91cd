// SPDX-License-Identifier: Apache-2.0
#include "check/batch.h"

#include "check/caller.h"
#include "client/wire.h"

namespace tripla::check {

v1::BatchRequest MakeBatch(std::span<const Operation> operations, const RequestIds& ids,
                           const RequestIds::Lease& lease) {
  v1::BatchRequest request;
  for (const Operation& operation : operations) {
    const uint64_t sequence = lease.first() + static_cast<uint64_t>(request.operations_size());
    v1::Operation& one = *request.add_operations();
    one = ToWire(operation);
    SetRequestId(one, MakeId(ids.client(), sequence, lease.first_unanswered()));
  }
  return request;
}

}  // namespace tripla::check

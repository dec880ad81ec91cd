// SPDX-License-Identifier: Apache-2.0
#include "load/workload.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "load/etcd.pb.h"
#include "load/keys.h"
#include "load/null.pb.h"
#include "model/limits.h"
#include "tripla/v1/tripla.pb.h"

namespace tripla::load {
namespace {

// Calls that fill are large, but such that all in flight fit into a server's queue.
constexpr size_t kFillBytes = size_t{64} << 20;
constexpr size_t kFillOperations = 32'000;
constexpr size_t kFillOperationsPerCall = 500;

constexpr uint64_t kNoEnd = uint64_t{1} << 62;

const std::string kSetMethod = "/tripla.v1.KeyValue/Set";
const std::string kGetMethod = "/tripla.v1.KeyValue/Get";
const std::string kTestAndSetMethod = "/tripla.v1.KeyValue/TestAndSet";
const std::string kBatchMethod = "/tripla.v1.KeyValue/Batch";
const std::string kNullMethod = "/tripla.internal.Null/Call";
const std::string kPutMethod = "/etcdserverpb.KV/Put";
const std::string kRangeMethod = "/etcdserverpb.KV/Range";

grpc::ByteBuffer Serialized(const google::protobuf::MessageLite& message) {
  grpc::Slice slice(message.ByteSizeLong());
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  return {&slice, 1};
}

void Count(const v1::Reply& reply, Results& results) {
  switch (reply.result()) {
    case v1::SUCCESS:
      ++results.success;
      break;
    case v1::ERROR:
      ++results.error;
      break;
    case v1::ERROR_NE:
      ++results.no_entry;
      break;
    case v1::ERROR_WV:
      ++results.wrong_version;
      break;
    default:
      ++results.unreadable;
  }
}

void Count(const v1::BatchReply& reply, Results& results) {
  for (const v1::Reply& one : reply.replies()) Count(one, results);
}

void Count(const internal::Nothing&, Results& results) { ++results.success; }
void Count(const etcdserverpb::PutResponse&, Results& results) { ++results.success; }
void Count(const etcdserverpb::RangeResponse& reply, Results& results) {
  ++(reply.kvs().empty() ? results.error : results.success);
}

std::string RandomBytes(size_t size) {
  std::mt19937_64 random(size);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

void SetData(v1::SetRequest& request, std::string data) { request.set_data(std::move(data)); }
void SetData(etcdserverpb::PutRequest& request, std::string data) {
  request.set_value(std::move(data));
}

void SetStale(v1::GetRequest& request) { request.set_consistency(v1::STALE); }
void SetStale(etcdserverpb::RangeRequest& request) { request.set_serializable(true); }

// What a slot uses again and again.
template <typename RequestMessage, typename ReplyMessage>
struct Slot {
  RequestMessage request;
  ReplyMessage reply;
  uint64_t number = 0;  // of the key asked for
  std::mt19937_64 random;
  v1::RequestId id;
};

// A slot is a client of its own, with one write at a time.
template <typename Slot, typename Write>
void Identify(Slot& slot, Write& write) {
  v1::RequestId& id = slot.id;
  while (id.client().size() < limits::kClientIdBytes) {
    id.mutable_client()->push_back(static_cast<char>(slot.random()));
  }
  id.set_sequence(id.sequence() + 1);
  id.set_first_unanswered(id.sequence());
  *write.mutable_request_id() = id;
}

// Calls of one kind.
template <typename RequestMessage, typename ReplyMessage>
class Exchanges : public Workload {
 public:
  Exchanges(const std::string& method, Effect effect, const Plan& plan)
      : plan_(plan), method_(method), effect_(effect), slots_(plan.in_flight) {
    std::random_device device;
    for (auto& slot : slots_) slot.random.seed(uint64_t{device()} << 32 | device());
  }

  void Judge(int slot, grpc::ByteBuffer& bytes, Results& results) override {
    ReplyMessage& reply = slots_[slot].reply;
    if (grpc::SerializationTraits<ReplyMessage>::Deserialize(&bytes, &reply).ok()) {
      Count(reply, results);
    } else {
      reply.Clear();
      ++results.unreadable;
    }
  }

 protected:
  Request ToRequest(int slot) const {
    return {&method_, Serialized(slots_[slot].request), effect_};
  }

  const Plan plan_;
  const std::string& method_;
  const Effect effect_;
  std::vector<Slot<RequestMessage, ReplyMessage>> slots_;
};

// Each call creates the entry with the next number.
template <typename RequestMessage, typename ReplyMessage>
class Creates : public Exchanges<RequestMessage, ReplyMessage> {
 public:
  Creates(const std::string& method, const Plan& plan, const Keys& keys, uint64_t count)
      : Exchanges<RequestMessage, ReplyMessage>(method, Effect::kWrites, plan),
        keys_(keys),
        numbers_(count) {
    for (auto& slot : this->slots_) SetData(slot.request, RandomBytes(plan.value_bytes));
  }

  std::optional<Request> Next(int slot) override {
    const std::optional<uint64_t> number = numbers_.Take();
    if (!number) return std::nullopt;
    RequestMessage& request = this->slots_[slot].request;
    keys_.Write(*number, *request.mutable_key());
    if constexpr (requires { request.mutable_request_id(); }) {
      if (this->plan_.request_ids) Identify(this->slots_[slot], request);
    }
    return this->ToRequest(slot);
  }

 private:
  const Keys keys_;
  Numbers numbers_;
};

// Each call reads an entry that chance chooses.
template <typename RequestMessage, typename ReplyMessage>
class Reads : public Exchanges<RequestMessage, ReplyMessage> {
 public:
  Reads(const std::string& method, const Plan& plan)
      : Exchanges<RequestMessage, ReplyMessage>(method, Effect::kReads, plan),
        keys_(Keys::Lasting(plan.value_bytes)) {
    if (!plan.stale) return;
    for (auto& slot : this->slots_) SetStale(slot.request);
  }

  std::optional<Request> Next(int slot) override {
    auto& own = this->slots_[slot];
    keys_.Write(own.random() % this->plan_.keys, *own.request.mutable_key());
    return this->ToRequest(slot);
  }

 private:
  const Keys keys_;
};

// Slot s has the keys s, s + slots, s + 2 slots and so on to itself, and so knows their versions.
class Changes : public Exchanges<v1::TestAndSetRequest, v1::Reply> {
 public:
  explicit Changes(const Plan& plan)
      : Exchanges(kTestAndSetMethod, Effect::kWrites, plan),
        keys_(Keys::Lasting(plan.value_bytes)),
        versions_(plan.keys, 1) {
    for (auto& slot : slots_) {
      slot.request.mutable_value()->set_data(RandomBytes(plan.value_bytes));
    }
  }

  std::optional<Request> Next(int slot) override {
    auto& own = slots_[slot];
    const uint64_t owned = (plan_.keys - slot - 1) / slots_.size() + 1;
    own.number = own.random() % owned * slots_.size() + slot;
    keys_.Write(own.number, *own.request.mutable_key());
    own.request.set_version(versions_[own.number]);
    if (plan_.request_ids) Identify(own, own.request);
    return ToRequest(slot);
  }

  void Judge(int slot, grpc::ByteBuffer& bytes, Results& results) override {
    Exchanges::Judge(slot, bytes, results);
    const v1::Reply& reply = slots_[slot].reply;
    if (!reply.has_value()) return;
    // The entry before a success; the one that is there now otherwise.
    versions_[slots_[slot].number] = reply.value().version() + (reply.result() == v1::SUCCESS);
  }

 private:
  const Keys keys_;
  std::vector<int64_t> versions_;
};

using Gets = Reads<v1::GetRequest, v1::Reply>;

// Reads and writes in turn.
class Mixed : public Workload {
 public:
  explicit Mixed(const Plan& plan)
      : reads_(kGetMethod, plan), changes_(plan), reading_(plan.in_flight, 0) {}

  std::optional<Request> Next(int slot) override {
    reading_[slot] ^= 1;
    return Of(slot).Next(slot);
  }
  void Judge(int slot, grpc::ByteBuffer& reply, Results& results) override {
    Of(slot).Judge(slot, reply, results);
  }

 private:
  Workload& Of(int slot) {
    if (reading_[slot] != 0) return reads_;
    return changes_;
  }

  Gets reads_;
  Changes changes_;
  std::vector<char> reading_;
};

// Each call creates the entries with the next numbers, the last one as many as are left.
class Batches : public Exchanges<v1::BatchRequest, v1::BatchReply> {
 public:
  Batches(const Plan& plan, const Keys& keys, uint64_t count)
      : Exchanges(kBatchMethod, Effect::kWrites, plan),
        keys_(keys),
        count_(count),
        numbers_((count - 1) / plan.batch_operations + 1) {
    const std::string data = RandomBytes(plan.value_bytes);
    for (auto& slot : slots_) {
      for (size_t i = 0; i < plan.batch_operations; ++i) {
        slot.request.add_operations()->mutable_set()->set_data(data);
      }
    }
  }

  std::optional<Request> Next(int slot) override {
    const std::optional<uint64_t> batch = numbers_.Take();
    if (!batch) return std::nullopt;
    uint64_t number = *batch * plan_.batch_operations;
    auto& operations = *slots_[slot].request.mutable_operations();
    while (static_cast<uint64_t>(operations.size()) > count_ - number) operations.RemoveLast();
    for (v1::Operation& operation : operations) {
      keys_.Write(number++, *operation.mutable_set()->mutable_key());
      if (plan_.request_ids) Identify(slots_[slot], *operation.mutable_set());
    }
    return ToRequest(slot);
  }

 private:
  const Keys keys_;
  const uint64_t count_;
  Numbers numbers_;
};

class Nulls : public Exchanges<internal::Nothing, internal::Nothing> {
 public:
  explicit Nulls(const Plan& plan) : Exchanges(kNullMethod, Effect::kReads, plan) {}
  std::optional<Request> Next(int slot) override { return ToRequest(slot); }
};

using Sets = Creates<v1::SetRequest, v1::Reply>;
using Puts = Creates<etcdserverpb::PutRequest, etcdserverpb::PutResponse>;
using Ranges = Reads<etcdserverpb::RangeRequest, etcdserverpb::RangeResponse>;

}  // namespace

void Results::Add(const Results& other) {
  success += other.success;
  error += other.error;
  no_entry += other.no_entry;
  wrong_version += other.wrong_version;
  unreadable += other.unreadable;
}

uint64_t Results::operations() const {
  return success + error + no_entry + wrong_version + unreadable;
}

std::unique_ptr<Workload> MakeWorkload(const Plan& plan) {
  const uint64_t fresh_keys = plan.fresh_keys == 0 ? kNoEnd : plan.fresh_keys;
  const bool etcd = plan.api == Api::kEtcd;
  switch (plan.verb) {
    case Verb::kSet:
      if (etcd) return std::make_unique<Puts>(kPutMethod, plan, Keys::Fresh(), fresh_keys);
      return std::make_unique<Sets>(kSetMethod, plan, Keys::Fresh(), fresh_keys);
    case Verb::kGet:
      if (etcd) return std::make_unique<Ranges>(kRangeMethod, plan);
      return std::make_unique<Gets>(kGetMethod, plan);
    case Verb::kCas:
      return std::make_unique<Changes>(plan);
    case Verb::kMixed:
      return std::make_unique<Mixed>(plan);
    case Verb::kBatch:
      return std::make_unique<Batches>(plan, Keys::Fresh(), fresh_keys);
    case Verb::kNull:
      return std::make_unique<Nulls>(plan);
  }
  return nullptr;
}

std::unique_ptr<Workload> MakeFill(const Plan& plan) {
  if (plan.verb != Verb::kGet && plan.verb != Verb::kCas && plan.verb != Verb::kMixed) {
    return nullptr;
  }
  const Keys keys = Keys::Lasting(plan.value_bytes);
  if (plan.api == Api::kEtcd) return std::make_unique<Puts>(kPutMethod, plan, keys, plan.keys);
  Plan fill = plan;
  fill.request_ids = false;
  const size_t operations = std::min(kFillOperations, kFillBytes / (plan.value_bytes + 1));
  fill.batch_operations =
      std::clamp<size_t>(operations / plan.in_flight, 1, kFillOperationsPerCall);
  return std::make_unique<Batches>(fill, keys, plan.keys);
}

}  // namespace tripla::load

// SPDX-License-Identifier: Apache-2.0
#include "server/formation.h"

#include <fmt/core.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <map>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "base/diagnostics.h"
#include "base/status_macros.h"
#include "log/ratis/starts.h"
#include "server/transport.h"
#include "service/peer_service.h"
#include "service/status_mapping.h"
#include "tripla/internal/peer.grpc.pb.h"
#include "tripla/v1/tripla.pb.h"

namespace tripla {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPeriod{100};
constexpr std::chrono::seconds kAnswerPatience{1};
// Servers that are started together are not reported as missing.
constexpr std::chrono::seconds kQuietTime{2};
constexpr int kReconnectMs = 100;

// Answers the others while the cluster is not formed here, and refuses clients.
class FormService {
 public:
  FormService(const Membership& membership, const Start& birth)
      : membership_(membership), birth_(birth) {}

  // It outlives the server.
  void AddTo(rpc::Methods& methods) {
    const auto& peer = *internal::FormRequest::descriptor()->file()->FindServiceByName("Peer");
    methods.Add<internal::FormRequest>(
        peer, "Form", [this](const rpc::CallPtr& call, const internal::FormRequest& request) {
          Form(*call, request);
        });
    methods.Add<internal::LogStateRequest>(
        peer, "LogState", [](const rpc::CallPtr& call, const internal::LogStateRequest&) {
          call->Finish({absl::StatusCode::kUnavailable,
                        "the cluster is not formed yet: prepare new members without --rebuild"});
        });
    const rpc::Status refusal = WriteError(
        absl::UnavailableError(
            "the cluster is not formed yet: all of its servers must be started once, and "
            "prepared alike; each prints for whom it waits, and why"),
        Applied::kNo);
    methods.RefuseOthers(peer, refusal);
    for (const char* const service : {"KeyValue", "Admin"}) {
      methods.RefuseOthers(*v1::SetRequest::descriptor()->file()->FindServiceByName(service),
                           refusal);
    }
  }

 private:
  void Form(rpc::Call& call, const internal::FormRequest& request) const {
    // No refusal for good: which of the two was prepared wrongly is not known.
    const std::string differs = WhyNoCluster(request);
    if (!differs.empty()) return call.Finish({absl::StatusCode::kUnavailable, differs});
    internal::FormReply reply;
    ToProto(birth_, *reply.mutable_start());
    call.Reply(reply);
  }

  [[nodiscard]] std::string WhyNoCluster(const internal::FormRequest& request) const {
    const rpc::Status agree = CheckMembersAgree(membership_, request.members());
    if (!agree.ok()) return agree.message;
    if (request.origin() == membership_.origin) return "";
    const auto text = [](const std::string& origin) { return origin.empty() ? "no data" : origin; };
    return fmt::format("{} was prepared with {}, {} with {}: prepare all from the same state",
                       membership_.node, text(membership_.origin), request.node(),
                       text(request.origin()));
  }

  const Membership& membership_;
  const Start birth_;
};

struct Other {
  std::string name;  // node and address
  std::unique_ptr<internal::Peer::Stub> stub;
};

std::map<std::string, Other> Connect(const Membership& membership) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  std::map<std::string, Other> others;
  for (const Member& member : membership.members) {
    if (member.node == membership.node) continue;
    others[member.node] = {
        .name = fmt::format("{} at {}", member.node, member.client_endpoint),
        .stub = internal::Peer::NewStub(grpc::CreateCustomChannel(
            "dns:///" + member.client_endpoint, grpc::InsecureChannelCredentials(), arguments))};
  }
  return others;
}

// Says what it waits for, once.
class Waiting {
 public:
  void Say(const std::vector<std::string>& missing) {
    const std::string now = absl::StrJoin(missing, ", ");
    if (now == said_ || Clock::now() - begin_ < kQuietTime) return;
    said_ = now;
    tripla::Say(Severity::kInfo,
                fmt::format("the cluster is formed when all of its servers have been started once; "
                            "waits for {}",
                            now));
  }

 private:
  const Clock::time_point begin_ = Clock::now();
  std::string said_;
};

class Formation {
 public:
  Formation(const Membership& membership, StartsRecord starts)
      : membership_(membership), starts_(std::move(starts)), others_(Connect(membership)) {}

  // Asks until the cluster is formed.
  absl::Status Await(DataDirectory& directory) {
    Waiting waiting;
    while (true) {
      TRIPLA_RETURN_IF_ERROR(directory.CheckHold());
      TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> missing, AskAll());
      if (membership_.is_formed()) return directory.CheckHold();
      waiting.Say(missing);
      std::this_thread::sleep_for(kPeriod);
    }
  }

  [[nodiscard]] const Membership& membership() const { return membership_; }
  [[nodiscard]] const StartsRecord& starts() const { return starts_; }

 private:
  // Those that did not answer, with the reason. All must answer in one round: who was prepared anew
  // since the last one has another nonce.
  absl::StatusOr<std::vector<std::string>> AskAll() {
    std::vector<std::string> missing;
    std::vector<uint64_t> births = {starts_.own.last().nonce};
    starts_.others.clear();
    for (const auto& [node, other] : others_) {
      internal::FormReply reply;
      const grpc::Status status = Ask(*other.stub, reply);
      if (status.error_code() == grpc::StatusCode::FAILED_PRECONDITION) {
        return absl::FailedPreconditionError(
            fmt::format("{} refuses this server: {}; if it takes the place of one that was lost, "
                        "prepare it with triplad init --rebuild (docs/operating.md)",
                        other.name, status.error_message()));
      }
      if (!status.ok()) {
        missing.push_back(fmt::format("{} ({})", other.name, status.error_message()));
        continue;
      }
      if (!reply.cluster().empty()) {
        Join(node, reply);
        return std::vector<std::string>();
      }
      starts_.others[node] = FromProto(reply.start());
      births.push_back(reply.start().nonce());
    }
    if (missing.empty()) membership_.cluster = ClusterIdOf(std::move(births));
    return missing;
  }

  grpc::Status Ask(internal::Peer::Stub& stub, internal::FormReply& reply) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kAnswerPatience);
    internal::FormRequest request;
    request.set_node(membership_.node);
    request.set_members(MembersText(membership_.members));
    request.set_birth(starts_.own.last().nonce);
    request.set_origin(membership_.origin);
    return stub.Form(&context, request, &reply);
  }

  // The cluster that this member has formed with this directory.
  void Join(const std::string& node, const internal::FormReply& reply) {
    membership_.cluster = reply.cluster();
    starts_.others.clear();
    for (const auto& [other, start] : reply.others()) starts_.others[other] = FromProto(start);
    starts_.others.erase(membership_.node);
    starts_.others[node] = FromProto(reply.start());
  }

  Membership membership_;
  StartsRecord starts_;
  const std::map<std::string, Other> others_;
};

}  // namespace

absl::StatusOr<Membership> FormCluster(DataDirectory& directory, const Membership& membership,
                                       const std::string& listen) {
  TRIPLA_ASSIGN_OR_RETURN(const StartsRecord record, ReadStarts(directory));
  FormService form_service(membership, record.own.last());
  TRIPLA_ASSIGN_OR_RETURN(
      const std::unique_ptr<Transport> transport,
      Transport::Start({.listen = listen, .reflection = false},
                       [&form_service](rpc::Methods& methods) { form_service.AddTo(methods); }));
  Formation formation(membership, record);
  const absl::Status formed = formation.Await(directory);
  if (formed.ok()) {
    TRIPLA_RETURN_IF_ERROR(JoinCluster(directory, formation.membership(), formation.starts()));
    Say(Severity::kInfo, fmt::format("cluster {} is formed", formation.membership().cluster));
  }
  transport->Stop();
  TRIPLA_RETURN_IF_ERROR(formed);
  return formation.membership();
}

}  // namespace tripla

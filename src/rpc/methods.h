// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/descriptor.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "rpc/call.h"
#include "rpc/wire_format.h"

namespace tripla::rpc {

// Why a call is refused before a handler has it.
enum class Refused {
  kTooLarge,    // above ConnectionLimits::message_bytes_max
  kOverloaded,  // there is no room for it now
  kUnusable,    // it is no call of this method, unreadable, compressed, late ...
};

// Gives the transport's own error, which a client gets when a call is refused, the details and the
// metadata that its method promises. Must not end the call.
using RefusalFn = std::function<Status(Call&, Refused, Status)>;

// One method with what answers it. Handlers must not block: they are called on the loop of the
// call's connection, those for large requests on a thread for these. Each ends its call by
// Finish(), now or later and also when it was cancelled.
struct Method {
  // Of a method that takes one request: called with its bytes when all of them are there.
  std::function<void(CallPtr, std::string_view request)> on_request;
  // Of a method whose client sends a stream: called when the call begins.
  std::function<void(CallPtr)> on_begin;
  RefusalFn refusal;
};

// That a request is unreadable or missing.
[[nodiscard]] Status UnreadableRequest();

// The methods that a server offers. Those of a service that has no handler here are UNIMPLEMENTED.
//
// Thread-safety: const ones from any thread.
class Methods {
 public:
  // The handler of a method with one request, for any number of answers. `name` is its name in
  // `service`; both are checked against the descriptor.
  template <typename Request>
  void Add(const google::protobuf::ServiceDescriptor& service, const std::string& name,
           std::function<void(CallPtr, Request)> handler, RefusalFn refusal = nullptr) {
    Insert(service, name, Request::descriptor(),
           {.on_request =
                [handler = std::move(handler), refusal](CallPtr call, std::string_view bytes) {
                  Request request;
                  // Without a message there is not even a prefix.
                  if (bytes.data() == nullptr ||
                      !request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
                    Status error = UnreadableRequest();
                    if (refusal != nullptr) {
                      error = refusal(*call, Refused::kUnusable, std::move(error));
                    }
                    return call->Finish(std::move(error));
                  }
                  handler(std::move(call), std::move(request));
                },
            .refusal = refusal});
  }

  // The handler of a method whose client sends a stream.
  void AddStream(const google::protobuf::ServiceDescriptor& service, const std::string& name,
                 std::function<void(CallPtr)> handler, RefusalFn refusal = nullptr);

  // Ends the calls of all other methods of this service with this error.
  void RefuseOthers(const google::protobuf::ServiceDescriptor& service, const Status& error);

  // `path` as it is in a call: "/tripla.v1.KeyValue/Set". Null when there is none.
  [[nodiscard]] const Method* Find(std::string_view path) const;

  // The full names of all services with a method.
  [[nodiscard]] const std::map<std::string, const google::protobuf::ServiceDescriptor*>& services()
      const {
    return services_;
  }

 private:
  void Insert(const google::protobuf::ServiceDescriptor& service, const std::string& name,
              const google::protobuf::Descriptor* request, Method method);

  std::map<std::string, Method, std::less<>> methods_;
  std::map<std::string, const google::protobuf::ServiceDescriptor*> services_;
};

}  // namespace tripla::rpc

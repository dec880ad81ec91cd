// SPDX-License-Identifier: Apache-2.0
#include "rpc/methods.h"

#include "base/check.h"

namespace tripla::rpc {

Status UnreadableRequest() {
  return {absl::StatusCode::kInvalidArgument,
          "the request is missing or cannot be parsed: its bytes are not the message that this "
          "method takes"};
}

void Methods::AddStream(const google::protobuf::ServiceDescriptor& service, const std::string& name,
                        std::function<void(CallPtr)> handler, RefusalFn refusal) {
  Insert(service, name, nullptr, {.on_begin = std::move(handler), .refusal = std::move(refusal)});
}

void Methods::RefuseOthers(const google::protobuf::ServiceDescriptor& service,
                           const Status& error) {
  services_[service.full_name()] = &service;
  for (int i = 0; i < service.method_count(); ++i) {
    // When it begins: nothing that is sent for it would be used.
    methods_.emplace("/" + service.full_name() + "/" + service.method(i)->name(),
                     Method{.on_begin = [error](const CallPtr& call) { call->Finish(error); }});
  }
}

const Method* Methods::Find(std::string_view path) const {
  const auto found = methods_.find(path);
  return found == methods_.end() ? nullptr : &found->second;
}

void Methods::Insert(const google::protobuf::ServiceDescriptor& service, const std::string& name,
                     const google::protobuf::Descriptor* request, Method method) {
  const google::protobuf::MethodDescriptor* const described = service.FindMethodByName(name);
  TRIPLA_CHECK(described != nullptr, "the service has a method of this name");
  TRIPLA_CHECK(described->client_streaming() == (request == nullptr),
               "a stream of requests needs a handler for one");
  TRIPLA_CHECK(request == nullptr || request == described->input_type(),
               "the handler takes the method's request");
  services_[service.full_name()] = &service;
  methods_["/" + service.full_name() + "/" + name] = std::move(method);
}

}  // namespace tripla::rpc

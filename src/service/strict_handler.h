// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <utility>

namespace tripla {

// Runs a unary method like gRPC's own handler, but answers a request that cannot be parsed with our
// own error. gRPC 1.51 would answer UNIMPLEMENTED without a message, as for an unknown method.
//
// gRPC has no public interface for this; the base class is the one its generated code uses. With a
// gRPC version that changes it, this does not compile.
//
// Thread-safety: gRPC calls it from many threads.
template <typename Request, typename Reply>
class StrictHandler final : public grpc::internal::MethodHandler {
 public:
  using Method = std::function<grpc::ServerUnaryReactor*(grpc::CallbackServerContext*,
                                                         const Request*, Reply*)>;

  StrictHandler(Method method, const grpc::Status& unreadable)
      : method_(std::move(method)),
        refuse_([unreadable](grpc::CallbackServerContext* context, const Request*, Reply*) {
          grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
          reactor->Finish(unreadable);
          return reactor;
        }) {}

  void RunHandler(const HandlerParameter& call) override {
    if (call.status.ok()) return method_.RunHandler(call);
    refuse_.RunHandler({call.call, call.server_context, call.request, grpc::Status::OK,
                        call.internal_data, call.call_requester});
  }

  void* Deserialize(grpc_call* call, grpc_byte_buffer* bytes, grpc::Status* status,
                    void** data) override {
    return method_.Deserialize(call, bytes, status, data);
  }

 private:
  using Handler = grpc::internal::CallbackUnaryHandler<Request, Reply>;
  Handler method_;
  Handler refuse_;
};

// Makes a handler for grpc::Service::MarkMethodCallback(), which takes ownership. `unreadable` is
// the error of a request that cannot be parsed.
template <typename Service, typename Request, typename Reply>
grpc::internal::MethodHandler* Strictly(Service* service,
                                        grpc::ServerUnaryReactor* (Service::*method)(
                                            grpc::CallbackServerContext*, const Request*, Reply*),
                                        const grpc::Status& unreadable) {
  return new StrictHandler<Request, Reply>(
      [service, method](grpc::CallbackServerContext* context, const Request* request,
                        Reply* reply) { return (service->*method)(context, request, reply); },
      unreadable);
}

}  // namespace tripla

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>

#include "rpc/wire_format.h"

namespace tripla::rpc {

class Call;
class Connection;

// nghttp2's session of one connection: how it is set up, which of the connection's functions it
// calls, and the headers of answers.
//
// Thread-safety: none.
class Session {
 public:
  // What a client is told first.
  struct Greeting {
    uint32_t calls_max = 0;
    uint32_t header_list_bytes_max = 0;
    int32_t window_bytes = 0;  // of the connection
  };

  Session(Connection& connection, const Greeting& greeting);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] nghttp2_session* get() const { return session_; }

  // Begins the answer of `call`; its messages are asked for when they can be sent.
  void Respond(int32_t stream, const Metadata& initial, Call& call);
  // The whole answer of a call without messages.
  void RespondOnly(int32_t stream, const Metadata& initial, const Status& status,
                   const Metadata& trailing);
  // What comes behind the messages.
  void SubmitTrailers(int32_t stream, const Status& status, const Metadata& trailing);
  // The answer of what is no call of gRPC.
  void RespondHttp(int32_t stream, int status);

 private:
  nghttp2_session* session_ = nullptr;
};

}  // namespace tripla::rpc

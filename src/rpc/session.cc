// SPDX-License-Identifier: Apache-2.0
#include "rpc/session.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "rpc/connection.h"

namespace tripla::rpc {
namespace {

// Cancelled calls are cheap here, and honest clients cancel many when their deadlines pass:
// nghttp2's own bound, 1,000 and 33 a second, would disconnect them.
constexpr uint64_t kResetsMax = 100'000;
constexpr uint64_t kResetsPerSecond = 20'000;

std::string_view Text(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

Connection& Of(void* user_data) { return *static_cast<Connection*>(user_data); }

nghttp2_option* MakeOptions() {
  nghttp2_option* options = nullptr;
  TRIPLA_CHECK(nghttp2_option_new(&options) == 0, "there is memory at the start");
  nghttp2_option_set_no_auto_window_update(options, 1);
  // header_check does it.
  nghttp2_option_set_no_http_messaging(options, 1);
  nghttp2_option_set_stream_reset_rate_limit(options, kResetsMax, kResetsPerSecond);
  return options;
}

// A list of headers for nghttp2, which copies what is not static.
class HeaderList {
 public:
  void AddStatic(std::string_view name, std::string_view value) {
    Add(name, value, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE);
  }
  void Add(std::string_view name, std::string_view value, uint8_t flags = 0) {
    list_.push_back({const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(name.data())),
                     const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(value.data())),
                     name.size(), value.size(), flags});
  }
  // `kept` holds values that were encoded.
  void Add(const Metadata& metadata, std::vector<std::string>& kept) {
    for (const auto& [name, value] : metadata) {
      if (IsBinaryName(name)) {
        Add(name, kept.emplace_back(Base64Encode(value)));
      } else {
        Add(name, value);
      }
    }
  }
  void Add(const Status& status, std::vector<std::string>& kept) {
    if (status.ok()) return AddStatic("grpc-status", "0");
    Add("grpc-status", kept.emplace_back(std::to_string(static_cast<int>(status.code))));
    if (!status.message.empty()) {
      Add("grpc-message", kept.emplace_back(PercentEncode(status.message)));
    }
    if (!status.details.empty()) {
      Add("grpc-status-details-bin", kept.emplace_back(Base64Encode(status.details)));
    }
  }
  void AddResponse() {
    AddStatic(":status", "200");
    AddStatic("content-type", "application/grpc");
    AddStatic("grpc-accept-encoding", "identity");
  }

  [[nodiscard]] const nghttp2_nv* data() const { return list_.data(); }
  [[nodiscard]] size_t size() const { return list_.size(); }

 private:
  std::vector<nghttp2_nv> list_;
};

// Enough for all that a list may need, so that what was encoded does not move.
std::vector<std::string> Keep(const Metadata& initial, const Metadata& trailing) {
  constexpr size_t kOfStatus = 3;
  std::vector<std::string> kept;
  kept.reserve(initial.size() + trailing.size() + kOfStatus);
  return kept;
}

ssize_t NextOutput(nghttp2_session*, int32_t, uint8_t*, size_t length, uint32_t* flags,
                   nghttp2_data_source* source, void* user_data) {
  return Of(user_data).NextOutput(*static_cast<Call*>(source->ptr), length, *flags);
}

// For people with a browser. `source->fd` counts what was sent.
ssize_t HttpBody(nghttp2_session*, int32_t, uint8_t* to, size_t length, uint32_t* flags,
                 nghttp2_data_source* source, void*) {
  constexpr std::string_view kText = "This server speaks gRPC only.\n";
  const size_t sent =
      kText.copy(reinterpret_cast<char*>(to), length, static_cast<size_t>(source->fd));
  source->fd += static_cast<int>(sent);
  if (static_cast<size_t>(source->fd) == kText.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(sent);
}

nghttp2_session_callbacks* MakeCallbacks() {
  nghttp2_session_callbacks* calls = nullptr;
  TRIPLA_CHECK(nghttp2_session_callbacks_new(&calls) == 0, "there is memory at the start");
  nghttp2_session_callbacks_set_send_callback(
      calls, [](nghttp2_session*, const uint8_t* data, size_t length, int, void* user_data) {
        return Of(user_data).TakeOutput(Text(data, length));
      });
  nghttp2_session_callbacks_set_send_data_callback(
      calls, [](nghttp2_session*, nghttp2_frame*, const uint8_t* header, size_t length,
                nghttp2_data_source* source, void* user_data) {
        Of(user_data).TakeMessages(*static_cast<Call*>(source->ptr), Text(header, 9), length);
        return 0;
      });
  nghttp2_session_callbacks_set_on_begin_frame_callback(
      calls, [](nghttp2_session*, const nghttp2_frame_hd* header, void* user_data) -> int {
        return Of(user_data).MayBegin(*header) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
      });
  nghttp2_session_callbacks_set_on_begin_headers_callback(
      calls, [](nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
        Of(user_data).BeginHeaders(*frame);
        return 0;
      });
  nghttp2_session_callbacks_set_on_header_callback(
      calls,
      [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
         const uint8_t* value, size_t value_size, uint8_t, void* user_data) -> int {
        const bool taken = Of(user_data).TakeHeader(frame->hd.stream_id, Text(name, name_size),
                                                    Text(value, value_size));
        return taken ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
      });
  nghttp2_session_callbacks_set_on_frame_recv_callback(
      calls, [](nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
        Of(user_data).TakeFrame(*frame);
        return 0;
      });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      calls, [](nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t length,
                void* user_data) {
        Of(user_data).TakeData(stream, Text(data, length));
        return 0;
      });
  nghttp2_session_callbacks_set_on_frame_send_callback(
      calls, [](nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
        Of(user_data).NoteSent(*frame);
        return 0;
      });
  nghttp2_session_callbacks_set_on_stream_close_callback(
      calls, [](nghttp2_session*, int32_t stream, uint32_t, void* user_data) {
        Of(user_data).EndStream(stream);
        return 0;
      });
  return calls;
}

}  // namespace

Session::Session(Connection& connection, const Greeting& greeting) {
  static const nghttp2_option* const options = MakeOptions();
  static const nghttp2_session_callbacks* const callbacks = MakeCallbacks();
  TRIPLA_CHECK(nghttp2_session_server_new2(&session_, callbacks, &connection, options) == 0,
               "there is memory");
  const std::array<nghttp2_settings_entry, 3> settings{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, greeting.calls_max},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, greeting.header_list_bytes_max},
      // A tree of priorities is work that a client can make as large as it likes, and no client of
      // gRPC uses one. Without it nghttp2 keeps no closed streams either.
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  }};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, greeting.window_bytes);
}

Session::~Session() { nghttp2_session_del(session_); }

void Session::Respond(int32_t stream, const Metadata& initial, Call& call) {
  HeaderList headers;
  std::vector<std::string> kept = Keep(initial, {});
  headers.AddResponse();
  headers.Add(initial, kept);
  const nghttp2_data_provider messages{.source = {.ptr = &call}, .read_callback = NextOutput};
  nghttp2_submit_response(session_, stream, headers.data(), headers.size(), &messages);
}

void Session::RespondOnly(int32_t stream, const Metadata& initial, const Status& status,
                          const Metadata& trailing) {
  HeaderList headers;
  std::vector<std::string> kept = Keep(initial, trailing);
  headers.AddResponse();
  headers.Add(initial, kept);
  headers.Add(status, kept);
  headers.Add(trailing, kept);
  nghttp2_submit_response(session_, stream, headers.data(), headers.size(), nullptr);
}

void Session::SubmitTrailers(int32_t stream, const Status& status, const Metadata& trailing) {
  HeaderList headers;
  std::vector<std::string> kept = Keep({}, trailing);
  headers.Add(status, kept);
  headers.Add(trailing, kept);
  nghttp2_submit_trailer(session_, stream, headers.data(), headers.size());
}

void Session::RespondHttp(int32_t stream, int status) {
  HeaderList headers;
  const std::string text = std::to_string(status);
  headers.Add(":status", text);
  headers.AddStatic("content-type", "text/plain");
  const nghttp2_data_provider body{.source = {.fd = 0}, .read_callback = HttpBody};
  nghttp2_submit_response(session_, stream, headers.data(), headers.size(), &body);
}

}  // namespace tripla::rpc

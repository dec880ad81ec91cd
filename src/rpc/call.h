// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rpc/event_loop.h"
#include "rpc/header_check.h"
#include "rpc/wire_format.h"

namespace google::protobuf {
class MessageLite;
}  // namespace google::protobuf

namespace tripla::rpc {

class Call;
class Connection;
enum class Refused;
struct Method;
using CallPtr = std::shared_ptr<Call>;

// A call that a client has made: one stream of HTTP/2.
//
// A handler answers it by any number of Write() and one Finish(), at once or later and from any
// thread; or by Reply(), which is both. It must end every call, also one that was cancelled; what
// it writes then is dropped. It may keep the call longer than its connection lives.
//
// Thread-safety: one thread at a time for a handler; its connection's loop works beside it.
// Callbacks are called on the loop and must not block.
class Call : public std::enable_shared_from_this<Call> {
 public:
  using Clock = EventLoop::Clock;
  // Takes the client's next message; nullopt when there is none any more, because the client has
  // said so or because the call is over.
  using ReadFn = std::function<void(std::optional<std::string> message)>;
  // All that was written before is under way (true), or the call is over.
  using WrittenFn = std::function<void(bool)>;

  Call(EventLoop& loop, Connection& connection, int32_t stream);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // "/tripla.v1.KeyValue/Set"
  [[nodiscard]] const std::string& path() const { return path_; }
  // What the client sent besides what gRPC itself uses.
  [[nodiscard]] const Metadata& metadata() const { return metadata_; }
  // The first value of this name.
  [[nodiscard]] std::optional<std::string_view> FindMetadata(std::string_view name) const;
  // max() without one.
  [[nodiscard]] Clock::time_point deadline() const { return deadline_; }
  // The address of the client.
  [[nodiscard]] const std::string& peer() const { return peer_; }
  // Whether nobody waits for the answer any more.
  [[nodiscard]] bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }

  // Calls `cancelled` once when the client gives up, its connection ends, or its deadline passes,
  // before Finish(); at once when that was before.
  void OnCancel(std::function<void()> cancelled);
  // Calls `closed` once the stream is gone: all of the answer is under way, or never will be. At
  // once when that was before. For what must be counted until then.
  void OnClosed(std::function<void()> closed);
  // Drops what the client has not taken of the answer, and resets the stream.
  void CutOff();

  // Metadata of the answer: before the first Write(), and before Finish().
  void AddInitialMetadata(std::string name, std::string value);
  void AddTrailingMetadata(std::string name, std::string value);

  // Asks for the next message of a method whose client sends a stream. One at a time.
  void Read(ReadFn read);
  // Sends a message. A client that reads slowly holds up `written`, not this.
  void Write(const google::protobuf::MessageLite& message, WrittenFn written = nullptr);
  // Ends the call.
  void Finish(Status status = {});
  // Sends the one answer of a call that has succeeded, and ends it.
  void Reply(const google::protobuf::MessageLite& message);

 private:
  friend class Connection;

  // In which of its connection's lists it is.
  enum class Place { kNone, kUploading, kWaiting, kOrphaned };

  // Runs `work` on the loop, in the order of these calls.
  template <typename Work>
  void OnLoop(Work work) {
    // What another thread has posted for this call comes first.
    if (loop_.IsHere() && posted_.load(std::memory_order_acquire) == 0) return work();
    Post(std::move(work));
  }
  void Post(std::function<void()> work);

  // The rest is the loop's, in the order of a call's life.

  void TakeHeader(std::string_view name, std::string_view value);
  void TakeMetadata(std::string_view name, std::string_view value);
  // All headers are there.
  void Begin();
  // The answer that the headers get alone, if they are not those of a call that can be made.
  [[nodiscard]] std::optional<Status> CheckHeaders() const;
  void TakeData(std::string_view bytes);
  // Takes the message that begins at `at` of `in_`, and moves `at` behind it. False when it is not
  // there yet, or the call was refused.
  [[nodiscard]] bool TakeMessage(size_t& at);
  [[nodiscard]] bool TakePrefix(const Prefix& prefix);
  // The client sends no more.
  void EndRequest();
  void HandleRequest();
  void GiveMessages();
  // Says to its connection what it holds now.
  void Account();
  // Whether its client has to send more, or to take more, before anything can be done.
  [[nodiscard]] bool IsUploading() const;

  void WriteHere(std::string encoded, WrittenFn written);
  void FinishHere(Status status);
  // Ends the call without its handler: a fault of the client, its deadline, an overload.
  void Refuse(Refused why, Status status);
  // Decides how the call ends on the wire.
  void End(Status status);
  // Appends to `to` the next `bytes` of what is to be sent.
  void TakeOutput(size_t bytes, std::string& to);
  // All that was written is under way.
  void TellWritten();
  // The stream is gone.
  void Close();
  // Tells the handler that nobody waits any more.
  void Cancel();

  EventLoop& loop_;
  Connection* connection_;  // null once it is gone
  const int32_t stream_;
  Place place_ = Place::kNone;
  std::list<CallPtr>::iterator position_;

  // The request.
  std::string path_;
  std::string http_method_;
  std::string content_type_;
  std::string encoding_;
  std::string peer_;
  Metadata metadata_;
  HeaderCheck header_check_;
  std::optional<Status> header_fault_;
  bool headers_too_large_ = false;
  Clock::time_point deadline_ = Clock::time_point::max();
  const Method* method_ = nullptr;
  bool begun_ = false;  // its handler has it
  bool request_ended_ = false;
  bool deferred_ = false;  // waits until its client takes other answers
  std::list<CallPtr>::iterator deferred_at_;
  std::string in_;                       // what has arrived of the next message, and its prefix
  std::optional<size_t> message_bytes_;  // of that message, once its prefix is there
  bool wants_room_ = false;              // for a large one
  size_t room_held_ = 0;                 // once there was
  bool had_message_ = false;
  std::deque<std::string> messages_;  // of a stream, until they are read
  size_t messages_bytes_ = 0;
  ReadFn read_;
  bool giving_ = false;    // messages to its handler
  size_t held_bytes_ = 0;  // in its connection's account
  Clock::time_point due_;  // of what is held

  // The answer.
  Metadata initial_metadata_;
  Metadata trailing_metadata_;
  std::deque<std::string> out_;
  size_t out_at_ = 0;       // of the first one
  size_t out_bytes_ = 0;    // of all, less what was sent
  size_t noted_bytes_ = 0;  // of these, in its connection's account
  Clock::time_point out_due_;
  std::vector<WrittenFn> written_;
  bool responded_ = false;  // headers were given to the session
  bool stalled_ = false;    // the session waits for more to send
  std::optional<Status> end_;
  bool handler_done_ = false;
  std::atomic<bool> cancelled_ = false;
  bool closed_ = false;
  std::function<void()> on_cancel_;
  std::function<void()> on_closed_;
  std::atomic<int> posted_ = 0;  // by other threads, and not run yet
};

}  // namespace tripla::rpc

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nghttp2/nghttp2.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rpc/byte_stream.h"
#include "rpc/call.h"
#include "rpc/event_loop.h"
#include "rpc/frame_guard.h"
#include "rpc/large_requests.h"
#include "rpc/listener.h"
#include "rpc/memory_budget.h"
#include "rpc/session.h"

namespace tripla::rpc {

class Methods;

// What each connection and each call may take.
struct ConnectionLimits {
  size_t message_bytes_max = size_t{4} << 20;  // of a request
  uint32_t calls_max = 10'000;                 // at once
  // Names, values and 32 bytes for each (RFC 9113, section 6.5.2).
  uint32_t header_list_bytes_max = 16'384;
  // A client that has sent nothing for this long is asked by a PING ...
  std::chrono::milliseconds keepalive{10'000};
  // ... and disconnected when it sends nothing for this long after it. The same for a client that
  // takes nothing of what is to be sent.
  std::chrono::milliseconds keepalive_timeout{5'000};
  // The longest until a client has said that it speaks HTTP/2.
  std::chrono::milliseconds greeting_max{10'000};
  // Clients are asked to connect anew after about this long, and disconnected so much later; zero:
  // never.
  std::chrono::milliseconds age{0};
  std::chrono::milliseconds age_grace{0};
};

// What the connections of a server share.
struct Shared {
  Shared(const Methods& methods, const ConnectionLimits& limits, size_t incoming_bytes_max,
         size_t unsent_bytes_max)
      : methods(methods), limits(limits), incoming(incoming_bytes_max), unsent(unsent_bytes_max) {}

  const Methods& methods;
  const ConnectionLimits limits;
  MemoryBudget incoming;
  MemoryBudget unsent;
  LargeRequests large_requests{incoming};
};

// One client's connection. HTTP/2 is nghttp2's; this is what stands between it, the socket and the
// calls: windows, times, GOAWAY, and what the client may make the server hold.
//
// The window of a stream takes a small message. For a larger one it is widened to the message's
// length once there is room for it, so that what has arrived in part is bounded. The connection's
// own window bounds nothing.
//
// Nothing is read from a client that does not take what it is sent, and its further requests wait
// once it has some megabytes of answers to take.
//
// Thread-safety: its loop's thread.
class Connection final : public EventSource {
 public:
  // `loop` and `shared` outlive it.
  Connection(EventLoop& loop, Shared& shared, ByteStream stream, std::string peer,
             Admission::Place place);
  ~Connection() override;

  // Ends calls in flight as their deadlines and `deadline` allow, takes no new ones, and removes
  // itself. RFC 9113, section 6.8: first it says that it will, so that calls that are on their way
  // are not lost.
  void OnStop(Clock::time_point deadline) override;

  [[nodiscard]] int fd() const override { return stream_.fd(); }
  void OnReady(uint32_t events) override;
  void OnTime() override;
  void OnTurnEnd() override;

  [[nodiscard]] const std::string& peer() const { return peer_; }

  // What nghttp2 calls.
  // False: such a frame cannot be there.
  [[nodiscard]] bool MayBegin(const nghttp2_frame_hd& header);
  void BeginHeaders(const nghttp2_frame& frame);
  // False: there are too many for this connection to go on.
  [[nodiscard]] bool TakeHeader(int32_t stream, std::string_view name, std::string_view value);
  void TakeFrame(const nghttp2_frame& frame);
  void TakeData(int32_t stream, std::string_view bytes);
  void EndStream(int32_t stream);
  void NoteSent(const nghttp2_frame& frame);
  // How many bytes of messages are to be sent now, of `bytes` at most.
  [[nodiscard]] ssize_t NextOutput(Call& call, size_t bytes, uint32_t& flags);
  // Sends a frame's header and that much of messages.
  void TakeMessages(Call& call, std::string_view header, size_t bytes);
  // Sends any other bytes; returns their number, or an error when it is enough for this turn.
  [[nodiscard]] ssize_t TakeOutput(std::string_view bytes);

 private:
  friend class Call;

  enum class State {
    kOpen,
    kAnnounced,  // the end was said; the client may have sent more calls before it knew
    kEnding,     // new calls are ignored
    kFailed,     // what the client sends is ignored
    kLingering,  // all was sent; waits for the client to hang up, so that it can read it
  };

  // For its calls.
  [[nodiscard]] Shared& shared() const { return shared_; }
  void RefuseHttp(Call& call, int status);
  // Resets a call that is not HTTP/2's request.
  void RefuseMalformed(Call& call);
  void NoteDeadline(Clock::time_point deadline);
  void NoteHeld(Call& call, size_t bytes);
  void NoteOutput(Call& call);
  void NoteTaken(Call& call, size_t bytes);
  // So that the message that has begun can arrive, if there is room for it.
  void WidenWindow(Call& call);
  [[nodiscard]] bool TakeRoom(Call& call, size_t bytes);
  void EndRoom(Call& call);
  void Consume(Call& call, size_t bytes);
  void Forget(Call& call);
  void CutOff(Call& call);
  // Whether there is room for an answer whose size nobody knows yet. Else the request may wait.
  [[nodiscard]] bool MayAnswer() const;
  void Defer(Call& call);
  void EndDefer(Call& call);

  [[nodiscard]] Call* FindCall(int32_t stream) const;
  void OpenCall(int32_t stream);
  void CloseCall(const CallPtr& call);
  void CloseCalls();
  void MoveTo(Call::Place place, Call& call);
  std::list<CallPtr>& ListOf(Call::Place place);

  void Receive();
  [[nodiscard]] bool Feed(std::string_view bytes);
  void Discard();
  void Send();
  // Sends what the socket did not take at once. False: it still does not.
  [[nodiscard]] bool SendPending();
  void Write(std::string_view bytes);
  void TellWritten();
  void Respond(Call& call);
  void AccountForHeld();
  void AccountForUnsent();
  void RetryForRoom();
  void RunDeferred();
  void CutHeld(size_t bytes);
  void CutUnsent(size_t bytes);

  void Announce(Clock::time_point deadline);
  void TakePong(const nghttp2_ping& pong);
  // NGHTTP2_NO_ERROR: once the calls in flight are answered.
  void EndSoon(uint32_t error, std::string_view why);
  void Linger();
  void Close();
  void EndOverdueCalls(Clock::time_point now);
  // Whether the client is silent for too long; asks it by a PING before.
  [[nodiscard]] bool IsLost(Clock::time_point now);
  void PlanTime();

  EventLoop& loop_;
  Shared& shared_;
  ByteStream stream_;
  const std::string peer_;
  const Admission::Place place_;
  Session session_;
  FrameGuard guard_;
  // Its address as long as it lives, for what other threads post to it.
  const std::shared_ptr<Connection*> self_ = std::make_shared<Connection*>(this);
  MemoryBudget::Account incoming_;
  MemoryBudget::Account unsent_;

  State state_ = State::kOpen;
  CallPtr opening_;  // its headers are not complete
  size_t header_list_bytes_ = 0;
  std::list<CallPtr> uploading_;  // those for whose client to go on, the longest first
  std::list<CallPtr> waiting_;
  std::list<CallPtr> orphaned_;  // whose streams are gone, and handlers are not done
  std::deque<CallPtr> wanting_room_;
  std::list<CallPtr> deferred_;
  size_t held_bytes_ = 0;

  std::string* sending_ = nullptr;  // where nghttp2's bytes go
  std::string pending_;             // what the socket did not take
  size_t pending_at_ = 0;
  std::vector<CallPtr> fresh_;                          // have output since the last turn
  std::set<std::pair<Clock::time_point, Call*>> slow_;  // have output for longer, by their due time
  std::vector<CallPtr> written_;                        // all their output is under way
  size_t unsent_bytes_ = 0;
  size_t told_bytes_ = 0;  // of these, to the budget

  bool greeted_ = false;
  const Clock::time_point opened_ = Clock::now();
  Clock::time_point heard_ = opened_;  // the client has sent or taken something
  Clock::time_point asked_ = Clock::time_point::max();
  Clock::time_point age_end_ = Clock::time_point::max();
  Clock::time_point announced_;
  Clock::time_point end_ = Clock::time_point::max();  // of everything
  Clock::time_point next_deadline_ = Clock::time_point::max();
  Clock::time_point next_look_;  // for deadlines
};

}  // namespace tripla::rpc

// SPDX-License-Identifier: Apache-2.0
#include "rpc/connection.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <random>

#include "base/diagnostics.h"
#include "rpc/methods.h"

namespace tripla::rpc {
namespace {

using std::chrono::milliseconds;

// What one turn sends of one connection, so that the others have theirs.
constexpr size_t kSendBytesPerTurn = size_t{256} << 10;

// Bounds nothing: each stream has its own window, and what arrives is taken at once.
constexpr int32_t kConnectionWindowBytes = 16 << 20;

// A connection that brings more work without effect in one read than this rests between reads.
constexpr int kIdleWorkMax = 128;

// The longest between the announcement of the end and the end of new calls.
constexpr milliseconds kAnnouncedMax{1'000};
// How long a client has for reading the last bytes.
constexpr milliseconds kLingerMax{1'000};
// Deadlines are looked at as often as this at most, and those who wait for room as well.
constexpr milliseconds kDeadlineStep{10};
// All calls are walked for it, so that with many it is more seldom.
constexpr std::chrono::microseconds kDeadlineStepOfACall{10};
constexpr milliseconds kRoomStep{250};

constexpr uint64_t kPingOfKeepalive = 1;
constexpr uint64_t kPingOfEnd = 2;

// HTTP/2's code for why the guard wants a client disconnected.
uint32_t ErrorOf(const absl::Status& status) {
  if (absl::IsResourceExhausted(status)) return NGHTTP2_ENHANCE_YOUR_CALM;
  return absl::IsFailedPrecondition(status) ? NGHTTP2_STREAM_CLOSED : NGHTTP2_PROTOCOL_ERROR;
}

std::array<uint8_t, 8> PingData(uint64_t number) {
  std::array<uint8_t, 8> data{};
  data.back() = static_cast<uint8_t>(number);
  return data;
}

// A tenth more or less, so that connections made together do not end together.
milliseconds About(milliseconds time) {
  thread_local std::minstd_rand chance{std::random_device()()};
  const auto tenth = time.count() / 10;
  return milliseconds(
      std::uniform_int_distribution(time.count() - tenth, time.count() + tenth)(chance));
}

}  // namespace

Connection::Connection(EventLoop& loop, Shared& shared, ByteStream stream, std::string peer,
                       Admission::Place place)
    : loop_(loop),
      shared_(shared),
      stream_(std::move(stream)),
      peer_(std::move(peer)),
      place_(std::move(place)),
      session_(*this, {.calls_max = shared.limits.calls_max,
                       .header_list_bytes_max = shared.limits.header_list_bytes_max,
                       .window_bytes = kConnectionWindowBytes}),
      guard_(Clock::now()),
      incoming_(shared.incoming, {.cut =
                                      [&loop, self = self_](size_t bytes) {
                                        loop.Post([=] {
                                          if (*self != nullptr) (*self)->CutHeld(bytes);
                                        });
                                      },
                                  .room =
                                      [&loop, self = self_] {
                                        loop.Post([=] {
                                          if (*self != nullptr) (*self)->RetryForRoom();
                                        });
                                      }}),
      unsent_(shared.unsent, {.cut =
                                  [&loop, self = self_](size_t bytes) {
                                    loop.Post([=] {
                                      if (*self != nullptr) (*self)->CutUnsent(bytes);
                                    });
                                  },
                              .room = [] {}}) {
  if (shared.limits.age.count() > 0) age_end_ = opened_ + About(shared.limits.age);
}

Connection::~Connection() {
  *self_ = nullptr;
  for (std::list<CallPtr>* const calls : {&uploading_, &waiting_, &orphaned_}) {
    for (const CallPtr& call : *calls) call->connection_ = nullptr;
  }
}

void Connection::OnReady(uint32_t) {
  if (state_ == State::kLingering || state_ == State::kFailed) {
    Discard();
    if (!pending_.empty()) loop_.AskTurnEnd(*this);
    return;
  }
  // What the socket did not take goes first; errors show there as well.
  if (!pending_.empty()) return loop_.AskTurnEnd(*this);
  Receive();
}

void Connection::Receive() {
  EventLoop::Input& input = loop_.input();
  const ByteStream::Result got = stream_.Read(input.data(), input.size());
  if (got.ended) return Close();
  if (got.bytes == 0) return;
  heard_ = loop_.now();
  asked_ = Clock::time_point::max();
  bool fed = true;
  const absl::Status status =
      guard_.Read({input.data(), got.bytes}, loop_.now(),
                  [this, &fed](std::string_view bytes) { return fed = Feed(bytes); });
  if (!status.ok()) {
    EndSoon(ErrorOf(status), std::string(status.message()));
  } else if (fed && guard_.idle_work() > kIdleWorkMax) {
    loop_.Rest(*this);
  }
  loop_.AskTurnEnd(*this);
}

bool Connection::Feed(std::string_view bytes) {
  const ssize_t taken = nghttp2_session_mem_recv(
      session_.get(), reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (taken >= 0 && state_ != State::kFailed) return true;
  // Not HTTP/2 at all, or a flood that nghttp2 knows: what it has queued says which.
  EndSoon(NGHTTP2_PROTOCOL_ERROR, taken < 0 ? nghttp2_strerror(static_cast<int>(taken)) : "");
  return false;
}

void Connection::OnTurnEnd() {
  if (state_ == State::kLingering) return;
  Send();
  if (state_ == State::kLingering) return;
  TellWritten();
  RunDeferred();
  AccountForHeld();
  PlanTime();
}

void Connection::Send() {
  if (!SendPending()) return;
  std::string& out = loop_.scratch();
  out.clear();
  sending_ = &out;
  const int error = nghttp2_session_send(session_.get());
  sending_ = nullptr;
  if (!out.empty()) Write(out);
  if (error != 0) return Close();
  if (!pending_.empty()) return;
  if (out.size() >= kSendBytesPerTurn) return loop_.AskTurnEnd(*this);
  const bool over = nghttp2_session_want_read(session_.get()) == 0;
  // Calls in flight are waited for, unless the client has failed.
  if ((over || state_ == State::kFailed) && nghttp2_session_want_write(session_.get()) == 0) {
    Linger();
  }
}

bool Connection::SendPending() {
  if (pending_.empty()) return true;
  const ByteStream::Result sent = stream_.Write(std::string_view(pending_).substr(pending_at_));
  if (sent.ended) {
    Close();
    return false;
  }
  if (sent.bytes > 0) {
    heard_ = loop_.now();
    asked_ = Clock::time_point::max();  // the PING is behind what is being taken
  }
  pending_at_ += sent.bytes;
  if (pending_at_ < pending_.size()) return false;
  pending_ = {};
  pending_at_ = 0;
  loop_.SetEvents(*this, EPOLLIN);
  return true;
}

void Connection::Write(std::string_view bytes) {
  const ByteStream::Result sent = stream_.Write(bytes);
  // The end shows when it is read or written next.
  if (sent.bytes == bytes.size()) return;
  pending_.assign(bytes.substr(sent.bytes));
  pending_at_ = 0;
  loop_.SetEvents(*this, EPOLLOUT);
}

ssize_t Connection::TakeOutput(std::string_view bytes) {
  if (sending_->size() >= kSendBytesPerTurn) return NGHTTP2_ERR_WOULDBLOCK;
  sending_->append(bytes);
  return static_cast<ssize_t>(bytes.size());
}

void Connection::TellWritten() {
  for (const CallPtr& call : std::exchange(written_, {})) call->TellWritten();
  for (const CallPtr& call : std::exchange(fresh_, {})) {
    if (call->out_bytes_ == 0 || call->place_ == Call::Place::kOrphaned) continue;
    slow_.erase({call->out_due_, call.get()});
    call->out_due_ = MemoryBudget::Due(loop_.now(), call->out_bytes_);
    slow_.emplace(call->out_due_, call.get());
  }
}

void Connection::AccountForHeld() {
  incoming_.Hold(held_bytes_,
                 uploading_.empty() ? Clock::time_point::max() : uploading_.front()->due_);
  AccountForUnsent();
}

void Connection::AccountForUnsent() {
  told_bytes_ = unsent_bytes_;
  Clock::time_point due = slow_.empty() ? Clock::time_point::max() : slow_.begin()->first;
  if (!pending_.empty()) due = std::min(due, heard_ + MemoryBudget::kPatience);
  unsent_.Hold(unsent_bytes_ + pending_.size(), due);
}

void Connection::EndOverdueCalls(Clock::time_point now) {
  if (now < std::max(next_deadline_, next_look_)) return;
  next_look_ = now + kDeadlineStep + (uploading_.size() + waiting_.size()) * kDeadlineStepOfACall;
  std::vector<CallPtr> overdue;
  next_deadline_ = Clock::time_point::max();
  for (const std::list<CallPtr>* const calls : {&uploading_, &waiting_}) {
    for (const CallPtr& call : *calls) {
      if (call->end_) continue;
      if (call->deadline_ <= now) {
        overdue.push_back(call);
      } else {
        next_deadline_ = std::min(next_deadline_, call->deadline_);
      }
    }
  }
  for (const CallPtr& call : overdue) {
    call->Refuse(Refused::kUnusable,
                 {absl::StatusCode::kDeadlineExceeded, "the deadline of the call has passed"});
  }
}

bool Connection::IsLost(Clock::time_point now) {
  const ConnectionLimits& limits = shared_.limits;
  if (!greeted_) return now >= opened_ + limits.greeting_max;
  if (asked_ != Clock::time_point::max()) return now >= asked_ + limits.keepalive_timeout;
  if (now < heard_ + limits.keepalive) return false;
  nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, PingData(kPingOfKeepalive).data());
  asked_ = now;
  loop_.AskTurnEnd(*this);
  return false;
}

void Connection::OnTime() {
  const Clock::time_point now = loop_.now();
  if (now >= end_ || (state_ == State::kLingering && now >= announced_ + kLingerMax)) {
    return Close();
  }
  if (state_ == State::kLingering) return PlanTime();
  if (IsLost(now)) return Close();
  EndOverdueCalls(now);
  if (!wanting_room_.empty()) {
    shared_.incoming.CutOverdue(now);
    RetryForRoom();
  }
  if (!deferred_.empty()) loop_.AskTurnEnd(*this);
  if (now >= age_end_) {
    const milliseconds grace = shared_.limits.age_grace;
    Announce(grace.count() > 0 ? now + grace : Clock::time_point::max());
  }
  if (state_ == State::kAnnounced && now >= announced_ + kAnnouncedMax) {
    EndSoon(NGHTTP2_NO_ERROR, "");
  }
  PlanTime();
}

void Connection::PlanTime() {
  const ConnectionLimits& limits = shared_.limits;
  Clock::time_point next = std::min(end_, age_end_);
  if (state_ == State::kLingering) {
    next = std::min(next, announced_ + kLingerMax);
  } else if (!greeted_) {
    next = std::min(next, opened_ + limits.greeting_max);
  } else if (asked_ != Clock::time_point::max()) {
    next = std::min(next, asked_ + limits.keepalive_timeout);
  } else {
    next = std::min(next, heard_ + limits.keepalive);
  }
  if (state_ == State::kAnnounced) next = std::min(next, announced_ + kAnnouncedMax);
  if (!wanting_room_.empty() || !deferred_.empty()) {
    next = std::min(next, loop_.now() + kRoomStep);
  }
  if (next_deadline_ != Clock::time_point::max()) {
    next = std::min(next, std::max({next_deadline_, next_look_, loop_.now() + kDeadlineStep}));
  }
  loop_.WakeAt(*this, next);
}

void Connection::OnStop(Clock::time_point deadline) { Announce(deadline); }

void Connection::Announce(Clock::time_point deadline) {
  end_ = std::min(end_, deadline);
  age_end_ = Clock::time_point::max();
  if (state_ == State::kOpen) {
    state_ = State::kAnnounced;
    announced_ = loop_.now();
    nghttp2_submit_shutdown_notice(session_.get());
    nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, PingData(kPingOfEnd).data());
    loop_.AskTurnEnd(*this);
  }
  // One that has said nothing yet does not know HTTP/2 perhaps, and has no calls.
  if (!greeted_) return Close();
  PlanTime();
}

void Connection::TakePong(const nghttp2_ping& pong) {
  // Whatever the client sent before it knew of the end is there now.
  if (state_ == State::kAnnounced && pong.opaque_data[7] == kPingOfEnd) {
    EndSoon(NGHTTP2_NO_ERROR, "");
  }
}

void Connection::EndSoon(uint32_t error, std::string_view why) {
  if (state_ == State::kFailed || state_ == State::kLingering) return;
  if (state_ == State::kEnding && error == NGHTTP2_NO_ERROR) return;
  state_ = error == NGHTTP2_NO_ERROR ? State::kEnding : State::kFailed;
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_.get()), error,
                        reinterpret_cast<const uint8_t*>(why.data()), why.size());
  if (state_ == State::kFailed) {
    end_ = std::min(end_, loop_.now() + kLingerMax);
    Say(Severity::kDebug, fmt::format("disconnects {}: {}", peer_, why));
  }
  loop_.AskTurnEnd(*this);
}

void Connection::Linger() {
  CloseCalls();
  state_ = State::kLingering;
  announced_ = loop_.now();
  stream_.EndWriting();
  loop_.SetEvents(*this, EPOLLIN);
  PlanTime();
}

void Connection::Discard() {
  // Closed with bytes unread, the socket would take back those that the client has not read yet
  // (RFC 9112, section 9.6, says it of HTTP/1.1; it is TCP's).
  EventLoop::Input& input = loop_.input();
  if (stream_.Read(input.data(), input.size()).ended) Close();
}

void Connection::Close() {
  CloseCalls();
  state_ = State::kLingering;
  loop_.Remove(*this);
}

}  // namespace tripla::rpc

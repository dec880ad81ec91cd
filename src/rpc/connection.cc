// SPDX-License-Identifier: Apache-2.0
#include "rpc/connection.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <limits>
#include <random>

#include "base/check.h"
#include "base/diagnostics.h"
#include "rpc/methods.h"

namespace tripla::rpc {
namespace {

using std::chrono::milliseconds;

// What one turn sends of one connection, so that the others have theirs.
constexpr size_t kSendBytesPerTurn = size_t{256} << 10;

// Bounds nothing: each stream has its own window, and what arrives is taken at once.
constexpr int32_t kConnectionWindowBytes = 16 << 20;

// What may arrive in part without being asked for: about what a stream's first window takes.
constexpr size_t kSmallMessageBytes = size_t{64} << 10;

// The answers that a client may leave untaken before its further requests wait.
constexpr size_t kUntakenBytesMax = size_t{4} << 20;
// What may have been written since the budget was told.
constexpr size_t kUntoldBytesMax = size_t{256} << 10;

// A connection that brings more frames without effect in one read than this rests between reads.
constexpr int kIdleWorkMax = 128;

// The longest between the announcement of the end and the end of new calls.
constexpr milliseconds kAnnouncedMax{1'000};
// How long a client has for reading the last bytes.
constexpr milliseconds kLingerMax{1'000};
// Deadlines are looked at as often as this at most, and those who wait for room as well.
constexpr milliseconds kDeadlineStep{10};
constexpr milliseconds kRoomStep{250};

Status Overloaded() {
  return {
      absl::StatusCode::kResourceExhausted,
      "the server is overloaded: requests that have arrived in part take all the room, and this "
      "one is the slowest"};
}

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
      guard_(loop.now()),
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
  if (state_ == State::kLingering || state_ == State::kFailed) return Discard();
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
  if (sent.bytes > 0) heard_ = loop_.now();
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

void Connection::CutHeld(size_t bytes) {
  const size_t before = held_bytes_;
  while (!uploading_.empty() && before - held_bytes_ < bytes) {
    const CallPtr slowest = uploading_.front();
    slowest->Refuse(Overloaded());
  }
  loop_.AskTurnEnd(*this);
}

void Connection::CutUnsent(size_t bytes) {
  if (!pending_.empty()) return Close();
  const size_t before = unsent_bytes_;
  while (!slow_.empty() && before - unsent_bytes_ < bytes) {
    Call& slowest = *slow_.begin()->second;
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, slowest.stream_,
                              NGHTTP2_ENHANCE_YOUR_CALM);
    const CallPtr call = slowest.shared_from_this();
    NoteTaken(slowest, std::exchange(slowest.out_bytes_, 0));
    slowest.Close();
  }
  loop_.AskTurnEnd(*this);
}

void Connection::RetryForRoom() {
  for (const CallPtr& call : std::exchange(wanting_room_, {})) {
    if (call->wants_room_) WidenWindow(*call);
  }
}

void Connection::WidenWindow(Call& call) {
  const size_t all = kPrefixBytes + *call.message_bytes_;
  const size_t coming = all - std::min(all, call.in_.size());
  const int32_t used =
      nghttp2_session_get_stream_effective_recv_data_length(session_.get(), call.stream_);
  const int32_t window =
      nghttp2_session_get_stream_effective_local_window_size(session_.get(), call.stream_);
  if (used < 0 || window < 0 || used + coming <= static_cast<size_t>(window)) return;
  if (all > kSmallMessageBytes && call.room_held_ == 0 && !TakeRoom(call, coming)) return;
  const size_t most = std::numeric_limits<int32_t>::max();
  nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, call.stream_,
                                        static_cast<int32_t>(std::min(most, used + coming)));
  loop_.AskTurnEnd(*this);
}

bool Connection::TakeRoom(Call& call, size_t bytes) {
  call.wants_room_ = !incoming_.TryMore(bytes);
  if (call.wants_room_) {
    if (std::ranges::find(wanting_room_, &call, &CallPtr::get) == wanting_room_.end()) {
      wanting_room_.push_back(call.shared_from_this());
    }
    loop_.WakeAt(*this, loop_.now() + kRoomStep);
    return false;
  }
  call.room_held_ = kPrefixBytes + *call.message_bytes_;
  call.in_.reserve(call.room_held_);
  call.due_ = MemoryBudget::Due(loop_.now(), call.room_held_);
  call.Account();
  return true;
}

void Connection::EndRoom(Call& call) {
  if (std::exchange(call.room_held_, 0) != 0) incoming_.EndMore();
}

void Connection::Consume(Call& call, size_t bytes) {
  nghttp2_session_consume_stream(session_.get(), call.stream_, bytes);
  loop_.AskTurnEnd(*this);
}

void Connection::NoteHeld(Call& call, size_t bytes) {
  held_bytes_ += bytes - call.held_bytes_;
  call.held_bytes_ = bytes;
  if (call.place_ == Call::Place::kNone || call.place_ == Call::Place::kOrphaned) return;
  MoveTo(call.IsUploading() ? Call::Place::kUploading : Call::Place::kWaiting, call);
}

std::list<CallPtr>& Connection::ListOf(Call::Place place) {
  if (place == Call::Place::kUploading) return uploading_;
  return place == Call::Place::kWaiting ? waiting_ : orphaned_;
}

void Connection::MoveTo(Call::Place place, Call& call) {
  if (call.place_ == place) return;
  std::list<CallPtr>& to = ListOf(place);
  to.splice(to.end(), ListOf(call.place_), call.position_);
  call.place_ = place;
}

void Connection::NoteDeadline(Clock::time_point deadline) {
  next_deadline_ = std::min(next_deadline_, deadline);
  loop_.WakeAt(*this, deadline);
}

void Connection::NoteOutput(Call& call) {
  if (!call.responded_) {
    Respond(call);
  } else if (std::exchange(call.stalled_, false)) {
    nghttp2_session_resume_data(session_.get(), call.stream_);
  }
  if (call.out_bytes_ > call.noted_bytes_) {
    unsent_bytes_ += call.out_bytes_ - call.noted_bytes_;
    call.noted_bytes_ = call.out_bytes_;
    fresh_.push_back(call.shared_from_this());
    if (unsent_bytes_ > told_bytes_ + kUntoldBytesMax) AccountForUnsent();
  }
  loop_.AskTurnEnd(*this);
}

void Connection::Respond(Call& call) {
  call.responded_ = true;
  if (call.end_ && call.out_bytes_ == 0) {
    return session_.RespondOnly(call.stream_, call.initial_metadata_, *call.end_,
                                call.trailing_metadata_);
  }
  session_.Respond(call.stream_, call.initial_metadata_, call);
}

void Connection::RefuseHttp(Call& call, int status) {
  call.responded_ = true;
  call.end_ = Status{absl::StatusCode::kUnknown, ""};
  call.Account();
  session_.RespondHttp(call.stream_, status);
  loop_.AskTurnEnd(*this);
}

ssize_t Connection::NextOutput(Call& call, size_t bytes, uint32_t& flags) {
  const size_t next = std::min(bytes, call.out_bytes_);
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (next == call.out_bytes_ && call.end_) {
    flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    session_.SubmitTrailers(call.stream_, *call.end_, call.trailing_metadata_);
  } else if (next == 0) {
    call.stalled_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(next);
}

void Connection::TakeMessages(Call& call, std::string_view header, size_t bytes) {
  // Not bounded, for what was counted by NextOutput() must be sent at once; one frame is little.
  sending_->append(header);
  call.TakeOutput(bytes, *sending_);
  guard_.EarnBySending();
}

ssize_t Connection::TakeOutput(std::string_view bytes) {
  if (sending_->size() >= kSendBytesPerTurn) return NGHTTP2_ERR_WOULDBLOCK;
  sending_->append(bytes);
  return static_cast<ssize_t>(bytes.size());
}

void Connection::NoteSent(const nghttp2_frame& frame) {
  // A client that goes on sending a request that has been answered is told to stop (RFC 9113,
  // section 8.1).
  if (frame.hd.type != NGHTTP2_HEADERS || (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
  const Call* const call = FindCall(frame.hd.stream_id);
  if (call == nullptr || call->request_ended_ || call->method_ == nullptr) return;
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, frame.hd.stream_id,
                            NGHTTP2_NO_ERROR);
}

void Connection::NoteTaken(Call& call, size_t bytes) {
  if (bytes == 0) return;
  unsent_bytes_ -= bytes;
  call.noted_bytes_ -= bytes;
  if (call.out_bytes_ > 0) return;
  slow_.erase({call.out_due_, &call});
  if (!call.written_.empty()) written_.push_back(call.shared_from_this());
}

bool Connection::MayAnswer() const {
  return deferred_.empty() && unsent_bytes_ <= kUntakenBytesMax && !shared_.unsent.IsOver();
}

void Connection::Defer(Call& call) {
  deferred_.push_back(call.shared_from_this());
  loop_.WakeAt(*this, loop_.now() + kRoomStep);
}

void Connection::RunDeferred() {
  while (!deferred_.empty() && unsent_bytes_ <= kUntakenBytesMax && !shared_.unsent.IsOver()) {
    const CallPtr call = std::move(deferred_.front());
    deferred_.pop_front();
    if (call->deferred_ && !call->end_) call->HandleRequest();
  }
}

void Connection::Forget(Call& call) {
  call.place_ = Call::Place::kNone;
  orphaned_.erase(call.position_);
}

Call* Connection::FindCall(int32_t stream) const {
  return static_cast<Call*>(nghttp2_session_get_stream_user_data(session_.get(), stream));
}

bool Connection::MayBegin(const nghttp2_frame_hd& header) {
  // nghttp2 ignores HEADERS of streams that are not there any more, for they may be trailers. No
  // client of gRPC sends any, so they are calls out of their order (RFC 9113, section 5.1.1).
  if (header.type != NGHTTP2_HEADERS ||
      header.stream_id > nghttp2_session_get_last_proc_stream_id(session_.get()) ||
      nghttp2_session_find_stream(session_.get(), header.stream_id) != nullptr) {
    return true;
  }
  EndSoon(NGHTTP2_PROTOCOL_ERROR, "streams must be opened in their order");
  return false;
}

void Connection::BeginHeaders(const nghttp2_frame& frame) {
  header_list_bytes_ = 0;
  if (frame.headers.cat == NGHTTP2_HCAT_REQUEST) OpenCall(frame.hd.stream_id);
}

void Connection::OpenCall(int32_t stream) {
  // nghttp2 has found a fault in the headers of the one before, and is about to reset it.
  if (opening_ != nullptr) {
    nghttp2_session_set_stream_user_data(session_.get(), opening_->stream_, nullptr);
    opening_.reset();
  }
  // Handlers whose clients have gone count as well: resetting calls must not buy more of them.
  if (uploading_.size() + waiting_.size() + orphaned_.size() >= shared_.limits.calls_max) {
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, NGHTTP2_REFUSED_STREAM);
    return;
  }
  opening_ = std::make_shared<Call>(loop_, *this, stream);
  nghttp2_session_set_stream_user_data(session_.get(), stream, opening_.get());
  // Answers of one connection take turns, as none is more urgent.
  const nghttp2_extpri priority{.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
  nghttp2_session_change_extpri_stream_priority(session_.get(), stream, &priority, 1);
}

bool Connection::TakeHeader(int32_t stream, std::string_view name, std::string_view value) {
  constexpr size_t kEntryBytes = 32;
  header_list_bytes_ += name.size() + value.size() + kEntryBytes;
  // Within a compressed block a byte can stand for thousands.
  constexpr size_t kEndAbove = 4;
  const size_t most = shared_.limits.header_list_bytes_max;
  if (header_list_bytes_ > kEndAbove * most) {
    EndSoon(NGHTTP2_ENHANCE_YOUR_CALM, "too many headers");
    return false;
  }
  if (opening_ == nullptr || opening_->stream_ != stream) return true;
  if (header_list_bytes_ <= most) {
    opening_->TakeHeader(name, value);
  } else {
    opening_->header_fault_ = {absl::StatusCode::kResourceExhausted,
                               fmt::format("the headers have more than {} bytes", most)};
  }
  return true;
}

void Connection::TakeFrame(const nghttp2_frame& frame) {
  const bool has_end = frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA;
  const bool ends = has_end && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame.hd.type == NGHTTP2_SETTINGS) {
    greeted_ = true;
  } else if (frame.hd.type == NGHTTP2_PING && (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0) {
    if (state_ == State::kAnnounced && frame.ping.opaque_data[7] == kPingOfEnd) {
      EndSoon(NGHTTP2_NO_ERROR, "");
    }
  } else if (has_end) {
    Call* const call = FindCall(frame.hd.stream_id);
    if (call == nullptr) return;
    const CallPtr self = call->shared_from_this();
    if (call == opening_.get()) {
      call->due_ = MemoryBudget::Due(loop_.now(), 0);
      call->place_ = Call::Place::kUploading;
      call->position_ = uploading_.insert(uploading_.end(), std::move(opening_));
      call->Begin();
      if (!ends) call->Account();
    }
    if (ends) call->EndRequest();
  }
}

void Connection::TakeData(int32_t stream, std::string_view bytes) {
  nghttp2_session_consume_connection(session_.get(), bytes.size());
  if (Call* const call = FindCall(stream); call != nullptr) {
    const CallPtr self = call->shared_from_this();
    call->TakeData(bytes);
  }
}

void Connection::EndStream(int32_t stream) {
  if (Call* const call = FindCall(stream); call != nullptr) CloseCall(call->shared_from_this());
}

void Connection::CloseCall(const CallPtr& call) {
  NoteTaken(*call, std::exchange(call->out_bytes_, 0));
  EndRoom(*call);
  if (call == opening_) return opening_.reset();
  NoteHeld(*call, 0);
  if (call->begun_ && !call->handler_done_) {
    MoveTo(Call::Place::kOrphaned, *call);
  } else if (call->place_ != Call::Place::kNone) {
    ListOf(std::exchange(call->place_, Call::Place::kNone)).erase(call->position_);
  }
  call->Close();
}

void Connection::CloseCalls() {
  for (std::list<CallPtr>* const calls : {&uploading_, &waiting_}) {
    while (!calls->empty()) CloseCall(CallPtr(calls->front()));
  }
}

void Connection::EndOverdueCalls(Clock::time_point now) {
  if (now < next_deadline_) return;
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
    call->Refuse({absl::StatusCode::kDeadlineExceeded, "the deadline of the call has passed"});
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
    next = std::min(next, std::max(next_deadline_, loop_.now() + kDeadlineStep));
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

void Connection::EndSoon(uint32_t error, std::string_view why) {
  if (state_ != State::kOpen && state_ != State::kAnnounced) return;
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

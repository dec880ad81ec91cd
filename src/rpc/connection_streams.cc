// SPDX-License-Identifier: Apache-2.0
//
// What a connection does for its streams: opening and closing calls, their windows, their answers,
// and what is held for them.
#include <algorithm>
#include <limits>

#include "rpc/connection.h"
#include "rpc/methods.h"

namespace tripla::rpc {
namespace {

// What may arrive in part without being asked for: about what a stream's first window takes.
constexpr size_t kSmallMessageBytes = size_t{64} << 10;

// The answers that a client may leave untaken before its further requests wait.
constexpr size_t kUntakenBytesMax = size_t{4} << 20;
// What may have been written since the budget was told.
constexpr size_t kUntoldBytesMax = size_t{256} << 10;

Status Overloaded() {
  return {
      absl::StatusCode::kResourceExhausted,
      "the server is overloaded: requests that have arrived in part take all the room, and this "
      "one is the slowest"};
}

}  // namespace

void Connection::CutHeld(size_t bytes) {
  const size_t before = held_bytes_;
  while (!uploading_.empty() && before - held_bytes_ < bytes) {
    const CallPtr slowest = uploading_.front();
    slowest->Refuse(Refused::kOverloaded, Overloaded());
  }
  loop_.AskTurnEnd(*this);
}

void Connection::CutUnsent(size_t bytes) {
  if (!pending_.empty()) return Close();
  const size_t before = unsent_bytes_;
  while (!slow_.empty() && before - unsent_bytes_ < bytes) CutOff(*slow_.begin()->second);
}

void Connection::CutOff(Call& call) {
  // CANCEL, for clients of gRPC take ENHANCE_YOUR_CALM as RESOURCE_EXHAUSTED, and what the call did
  // is not known to them.
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, call.stream_, NGHTTP2_CANCEL);
  const CallPtr self = call.shared_from_this();
  NoteTaken(call, std::exchange(call.out_bytes_, 0));
  call.Close();
  loop_.AskTurnEnd(*this);
}

void Connection::RetryForRoom() {
  // In their order: the first that does not fit keeps the others waiting, so that small ones of
  // this connection do not pass a large one for ever.
  while (!wanting_room_.empty()) {
    const CallPtr call = wanting_room_.front();
    wanting_room_.pop_front();
    if (!std::exchange(call->wants_room_, false)) continue;
    WidenWindow(*call);
    if (!call->wants_room_) continue;
    wanting_room_.pop_back();
    return wanting_room_.push_front(call);
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
  if (!incoming_.TryMore(bytes)) {
    if (!std::exchange(call.wants_room_, true)) wanting_room_.push_back(call.shared_from_this());
    loop_.AskTurnEnd(*this);
    return false;
  }
  call.wants_room_ = false;
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
  // When to wake is planned at the end of the turn.
  next_deadline_ = std::min(next_deadline_, deadline);
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

void Connection::RefuseMalformed(Call& call) {
  // RFC 9113, section 8.1.1.
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, call.stream_,
                            NGHTTP2_PROTOCOL_ERROR);
  if (&call == opening_.get()) {
    nghttp2_session_set_stream_user_data(session_.get(), call.stream_, nullptr);
    opening_.reset();
  } else {
    call.responded_ = true;
    call.Refuse(Refused::kUnusable, {absl::StatusCode::kInternal, "the request is malformed"});
  }
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

void Connection::NoteSent(const nghttp2_frame& frame) {
  // A client that goes on sending a request that has been answered is told to stop (RFC 9113,
  // section 8.1).
  const bool has_end = frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA;
  if (!has_end || (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
  const Call* const call = FindCall(frame.hd.stream_id);
  if (call == nullptr || call->request_ended_) return;
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
  call.deferred_ = true;
  call.deferred_at_ = deferred_.insert(deferred_.end(), call.shared_from_this());
  loop_.AskTurnEnd(*this);
}

void Connection::EndDefer(Call& call) {
  if (std::exchange(call.deferred_, false)) deferred_.erase(call.deferred_at_);
}

void Connection::RunDeferred() {
  while (!deferred_.empty() && unsent_bytes_ <= kUntakenBytesMax && !shared_.unsent.IsOver()) {
    const CallPtr call = deferred_.front();
    EndDefer(*call);
    call->Account();
    call->HandleRequest();
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
  Call* const call = FindCall(stream);
  if (call == nullptr) return true;
  call->header_check_.Take(name, value);
  // No client of gRPC sends trailers; they are only looked at.
  if (call != opening_.get()) return true;
  if (!call->header_check_.is_sound()) return true;
  if (header_list_bytes_ <= most) {
    call->TakeHeader(name, value);
  } else {
    call->headers_too_large_ = true;
  }
  return true;
}

void Connection::TakeFrame(const nghttp2_frame& frame) {
  const bool has_end = frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA;
  const bool ends = has_end && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame.hd.type == NGHTTP2_SETTINGS) {
    greeted_ = true;
  } else if (frame.hd.type == NGHTTP2_PING && (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0) {
    TakePong(frame.ping);
  } else if (has_end) {
    Call* const call = FindCall(frame.hd.stream_id);
    if (call == nullptr) return;
    const CallPtr self = call->shared_from_this();
    const bool is_sound = call->header_check_.is_sound() && call->header_check_.IsComplete();
    if (frame.hd.type == NGHTTP2_HEADERS && (!is_sound || (call != opening_.get() && !ends))) {
      return RefuseMalformed(*call);
    }
    if (call == opening_.get()) {
      call->header_check_.EndHeaders();
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
  EndDefer(*call);
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

}  // namespace tripla::rpc

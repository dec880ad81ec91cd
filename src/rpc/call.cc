// SPDX-License-Identifier: Apache-2.0
#include "rpc/call.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"
#include "rpc/connection.h"
#include "rpc/memory_budget.h"
#include "rpc/methods.h"

namespace tripla::rpc {
namespace {

// What a call takes besides its bytes: itself, nghttp2's stream, its headers.
constexpr size_t kCallBytes = 2048;
constexpr size_t kQueuedMessageBytes = 64;

// What errors show of a client's own text: a byte of compressed headers can stand for thousands.
std::string_view Quoted(std::string_view text) {
  constexpr size_t kQuotedBytesMax = 100;
  return text.substr(0, kQuotedBytesMax);
}

// gRPC's PROTOCOL-HTTP2.md: "application/grpc" [("+proto" / "+json" / {custom})]. Not gRPC-Web's.
bool IsGrpc(std::string_view content_type) {
  constexpr std::string_view kType = "application/grpc";
  if (!content_type.starts_with(kType)) return false;
  const std::string_view rest = content_type.substr(kType.size());
  return rest.empty() || rest.front() == '+' || rest.front() == ';';
}

// The values of a binary header, which may be joined by commas (gRPC's PROTOCOL-HTTP2.md).
bool TakeBinary(std::string_view name, std::string_view value, Metadata& to) {
  while (true) {
    const size_t comma = value.find(',');
    std::optional<std::string> bytes = Base64Decode(value.substr(0, comma));
    if (!bytes) return false;
    to.emplace_back(name, *std::move(bytes));
    if (comma == std::string_view::npos) return true;
    value.remove_prefix(comma + 1);
  }
}

}  // namespace

Call::Call(EventLoop& loop, Connection& connection, int32_t stream)
    : loop_(loop), connection_(&connection), stream_(stream), peer_(connection.peer()) {}

std::optional<std::string_view> Call::FindMetadata(std::string_view name) const {
  const auto found = std::ranges::find(metadata_, name, &Metadata::value_type::first);
  if (found == metadata_.end()) return std::nullopt;
  return found->second;
}

void Call::Post(std::function<void()> work) {
  posted_.fetch_add(1, std::memory_order_relaxed);
  loop_.Post([self = shared_from_this(), work = std::move(work)] {
    self->posted_.fetch_sub(1, std::memory_order_release);
    work();
  });
}

void Call::OnCancel(std::function<void()> cancelled) {
  OnLoop([this, cancelled = std::move(cancelled)] {
    if (this->cancelled()) return cancelled();
    on_cancel_ = cancelled;
  });
}

void Call::OnClosed(std::function<void()> closed) {
  OnLoop([this, closed = std::move(closed)] {
    if (closed_) return closed();
    on_closed_ = closed;
  });
}

void Call::CutOff() {
  OnLoop([this] {
    if (!closed_ && connection_ != nullptr) connection_->CutOff(*this);
  });
}

void Call::AddInitialMetadata(std::string name, std::string value) {
  OnLoop([this, name = std::move(name), value = std::move(value)] {
    initial_metadata_.emplace_back(name, value);
  });
}

void Call::AddTrailingMetadata(std::string name, std::string value) {
  OnLoop([this, name = std::move(name), value = std::move(value)] {
    trailing_metadata_.emplace_back(name, value);
  });
}

void Call::Read(ReadFn read) {
  OnLoop([this, read = std::move(read)] {
    TRIPLA_CHECK(read_ == nullptr, "one read at a time");
    read_ = read;
    GiveMessages();
  });
}

void Call::Write(const google::protobuf::MessageLite& message, WrittenFn written) {
  OnLoop([this, encoded = Encode(message), written = std::move(written)]() mutable {
    WriteHere(std::move(encoded), std::move(written));
  });
}

void Call::Finish(Status status) {
  OnLoop([this, status = std::move(status)]() mutable { FinishHere(std::move(status)); });
}

void Call::Reply(const google::protobuf::MessageLite& message) {
  OnLoop([this, encoded = Encode(message)]() mutable {
    WriteHere(std::move(encoded), nullptr);
    FinishHere({});
  });
}

void Call::TakeHeader(std::string_view name, std::string_view value) {
  if (name == ":path") {
    path_ = value;
  } else if (name == ":method") {
    http_method_ = value;
  } else if (name == "content-type") {
    content_type_ = value;
  } else if (name == "grpc-encoding") {
    encoding_ = value;
  } else if (name == "grpc-timeout") {
    const auto timeout = ParseTimeout(value);
    if (timeout) {
      deadline_ = Clock::now() + *timeout;
    } else {
      header_fault_ = {absl::StatusCode::kInvalidArgument, "grpc-timeout is no time"};
    }
  } else if (name != "te" && name != "grpc-accept-encoding" && name.front() != ':') {
    TakeMetadata(name, value);
  }
}

void Call::TakeMetadata(std::string_view name, std::string_view value) {
  if (!IsBinaryName(name)) {
    metadata_.emplace_back(name, value);
  } else if (!TakeBinary(name, value, metadata_)) {
    header_fault_ = {absl::StatusCode::kInvalidArgument,
                     fmt::format("the value of {} is no base64", Quoted(name))};
  }
}

std::optional<Status> Call::CheckHeaders() const {
  if (header_fault_) return header_fault_;
  if (!encoding_.empty() && encoding_ != "identity") {
    return Status{
        absl::StatusCode::kUnimplemented,
        fmt::format("this server takes no compressed requests (grpc-encoding {}): a small "
                    "one could hold more than there is memory",
                    Quoted(encoding_))};
  }
  if (method_ == nullptr) {
    return Status{absl::StatusCode::kUnimplemented,
                  fmt::format("this server has no method {}", Quoted(path_))};
  }
  return std::nullopt;
}

void Call::Begin() {
  // RFC 9110 has names for what is no call of gRPC at all.
  constexpr int kMethodNotAllowed = 405;
  constexpr int kUnsupportedMediaType = 415;
  method_ = connection_->shared().methods.Find(path_);
  // First, for then the others are not all there.
  if (headers_too_large_) {
    return Refuse(Refused::kTooLarge,
                  {absl::StatusCode::kResourceExhausted,
                   fmt::format("the headers have more than {} bytes",
                               connection_->shared().limits.header_list_bytes_max)});
  }
  if (http_method_ != "POST") return connection_->RefuseHttp(*this, kMethodNotAllowed);
  if (!IsGrpc(content_type_)) return connection_->RefuseHttp(*this, kUnsupportedMediaType);
  if (const std::optional<Status> fault = CheckHeaders()) return Refuse(Refused::kUnusable, *fault);
  if (deadline_ != Clock::time_point::max()) connection_->NoteDeadline(deadline_);
  if (method_->on_begin == nullptr) return;
  begun_ = true;
  loop_.Hold();
  method_->on_begin(shared_from_this());
}

bool Call::TakePrefix(const Prefix& prefix) {
  if (prefix.compressed) {
    Refuse(Refused::kUnusable,
           {absl::StatusCode::kInternal, "a message is marked as compressed without an encoding"});
    return false;
  }
  const size_t most = connection_->shared().limits.message_bytes_max;
  if (prefix.message_bytes > most) {
    Refuse(Refused::kTooLarge,
           {absl::StatusCode::kResourceExhausted,
            fmt::format("the message has {} bytes; this server takes {} at most",
                        prefix.message_bytes, most)});
    return false;
  }
  message_bytes_ = prefix.message_bytes;
  return true;
}

void Call::TakeData(std::string_view bytes) {
  header_check_.TakeBody(bytes.size());
  if (end_ || method_ == nullptr) return;
  if (in_.empty()) due_ = MemoryBudget::Due(loop_.now(), 0);
  in_.append(bytes);
  size_t at = 0;
  while (TakeMessage(at)) {
  }
  if (end_) return;
  in_.erase(0, at);
  Account();
  if (message_bytes_) connection_->WidenWindow(*this);
  GiveMessages();
}

bool Call::TakeMessage(size_t& at) {
  const std::string_view left = std::string_view(in_).substr(at);
  if (!message_bytes_) {
    if (left.size() < kPrefixBytes) return false;
    const std::optional<Prefix> prefix = ReadPrefix(left);
    if (!prefix) {
      Refuse(Refused::kUnusable,
             {absl::StatusCode::kInternal, "what was sent is no message of gRPC"});
      return false;
    }
    if (!TakePrefix(*prefix)) return false;
  }
  const size_t all = kPrefixBytes + *message_bytes_;
  if (method_->on_request != nullptr) {
    if (left.size() > all) {
      Refuse(Refused::kUnusable,
             {absl::StatusCode::kInternal, "this method takes one request, and there are more"});
    }
    // It stays where it is.
    had_message_ = left.size() == all;
    return false;
  }
  if (left.size() < all) return false;
  had_message_ = true;
  messages_.emplace_back(left.substr(kPrefixBytes, *message_bytes_));
  messages_bytes_ += *message_bytes_ + kQueuedMessageBytes;
  at += all;
  message_bytes_.reset();
  wants_room_ = false;
  connection_->EndRoom(*this);
  due_ = MemoryBudget::Due(loop_.now(), 0);
  return true;
}

bool Call::IsUploading() const {
  if (end_) return false;
  return deferred_ || (!request_ended_ && (!in_.empty() || !had_message_));
}

void Call::Account() {
  const size_t arrived = std::max<size_t>(in_.size(), room_held_) + messages_bytes_;
  const bool holds = !end_ && (!request_ended_ || deferred_ || messages_bytes_ > 0);
  connection_->NoteHeld(*this, holds ? kCallBytes + arrived : 0);
}

void Call::EndRequest() {
  if (request_ended_) return;
  request_ended_ = true;
  if (!header_check_.BodyFits()) return connection_->RefuseMalformed(*this);
  if (end_ || method_ == nullptr) return;
  connection_->EndRoom(*this);
  const bool one = method_->on_request != nullptr;
  const bool defers = one && had_message_ && !connection_->MayAnswer();
  if (defers) connection_->Defer(*this);
  Account();
  if (defers) return;
  if (!in_.empty() && (!one || !had_message_)) {
    return Refuse(Refused::kUnusable,
                  {absl::StatusCode::kInternal, "the request ends within a message"});
  }
  if (one) return HandleRequest();
  GiveMessages();
}

void Call::HandleRequest() {
  begun_ = true;
  loop_.Hold();
  std::string request = std::move(in_);
  in_.clear();
  if (request.size() < LargeRequests::kBytesMin) {
    std::string_view message(request);
    message = had_message_ ? message.substr(kPrefixBytes) : std::string_view();
    return method_->on_request(shared_from_this(), message);
  }
  const size_t bytes = request.size();
  connection_->shared().large_requests.Run(
      bytes,
      [self = shared_from_this(), kept = std::make_shared<const std::string>(std::move(request))] {
        self->method_->on_request(self, std::string_view(*kept).substr(kPrefixBytes));
      });
}

void Call::GiveMessages() {
  // A handler may ask for the next message while it takes one.
  if (giving_) return;
  giving_ = true;
  while (read_ != nullptr && (!messages_.empty() || request_ended_ || end_ || cancelled())) {
    const ReadFn read = std::exchange(read_, nullptr);
    if (messages_.empty() || end_ || cancelled()) {
      read(std::nullopt);
      continue;
    }
    std::string message = std::move(messages_.front());
    messages_.pop_front();
    messages_bytes_ -= message.size() + kQueuedMessageBytes;
    if (connection_ != nullptr) {
      Account();
      if (!request_ended_) connection_->Consume(*this, kPrefixBytes + message.size());
    }
    read(std::move(message));
  }
  giving_ = false;
}

void Call::WriteHere(std::string encoded, WrittenFn written) {
  TRIPLA_CHECK(!handler_done_, "nothing is written behind the end");
  if (end_ || cancelled()) {
    if (written != nullptr) written(false);
    return;
  }
  if (written != nullptr) written_.push_back(std::move(written));
  out_bytes_ += encoded.size();
  out_.push_back(std::move(encoded));
  connection_->NoteOutput(*this);
}

void Call::FinishHere(Status status) {
  TRIPLA_CHECK(begun_ && !handler_done_, "a call ends once");
  handler_done_ = true;
  loop_.Release();
  on_cancel_ = nullptr;
  read_ = nullptr;
  if (connection_ == nullptr) return;
  if (place_ == Place::kOrphaned) return connection_->Forget(*this);
  if (!end_) End(std::move(status));
}

void Call::Refuse(Refused why, Status status) {
  if (end_) return;
  if (!begun_ && method_ != nullptr && method_->refusal != nullptr) {
    status = method_->refusal(*this, why, std::move(status));
  }
  out_.clear();
  connection_->NoteTaken(*this, std::exchange(out_bytes_, 0));
  out_at_ = 0;
  const CallPtr self = shared_from_this();
  End(std::move(status));
  Cancel();
}

void Call::End(Status status) {
  end_ = std::move(status);
  in_.clear();
  in_.shrink_to_fit();
  messages_.clear();
  messages_bytes_ = 0;
  wants_room_ = false;
  connection_->EndDefer(*this);
  connection_->EndRoom(*this);
  Account();
  connection_->NoteOutput(*this);
}

void Call::TakeOutput(size_t bytes, std::string& to) {
  out_bytes_ -= bytes;
  connection_->NoteTaken(*this, bytes);
  while (bytes > 0) {
    const std::string& first = out_.front();
    const size_t part = std::min(bytes, first.size() - out_at_);
    to.append(first, out_at_, part);
    out_at_ += part;
    bytes -= part;
    if (out_at_ < first.size()) return;
    out_.pop_front();
    out_at_ = 0;
  }
}

void Call::TellWritten() {
  if (out_bytes_ > 0 || end_ || cancelled()) return;
  for (const WrittenFn& written : std::exchange(written_, {})) written(true);
}

void Call::Cancel() {
  if (!begun_ || handler_done_ || cancelled_.exchange(true, std::memory_order_acq_rel)) return;
  const CallPtr self = shared_from_this();
  for (const WrittenFn& written : std::exchange(written_, {})) written(false);
  GiveMessages();
  if (const auto tell = std::exchange(on_cancel_, nullptr); tell != nullptr) tell();
}

void Call::Close() {
  in_ = {};
  wants_room_ = false;
  messages_.clear();
  messages_bytes_ = 0;
  out_.clear();
  out_bytes_ = 0;
  const CallPtr self = shared_from_this();
  Cancel();
  closed_ = true;
  if (const auto tell = std::exchange(on_closed_, nullptr); tell != nullptr) tell();
}

}  // namespace tripla::rpc

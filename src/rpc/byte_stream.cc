// SPDX-License-Identifier: Apache-2.0
#include "rpc/byte_stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace tripla::rpc {
namespace {

bool IsOnlyNow(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

ByteStream::~ByteStream() {
  if (fd_ >= 0) close(fd_);
}

ByteStream::Result ByteStream::Read(char* to, size_t bytes) {
  const ssize_t count = recv(fd_, to, bytes, 0);
  if (count > 0) return {.bytes = static_cast<size_t>(count)};
  return {.ended = count == 0 || !IsOnlyNow(errno)};
}

ByteStream::Result ByteStream::Write(std::string_view bytes) {
  const ssize_t count = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (count >= 0) return {.bytes = static_cast<size_t>(count)};
  return {.ended = !IsOnlyNow(errno)};
}

void ByteStream::EndWriting() { shutdown(fd_, SHUT_WR); }

}  // namespace tripla::rpc

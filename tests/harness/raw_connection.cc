// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/raw_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace tripla {
namespace {

using std::string_literals::operator""s;

using http2::kAck;
using http2::kData;
using http2::kEndHeaders;
using http2::kEndStream;
using http2::kHeaders;
using http2::kPing;
using http2::kSettings;
using http2::kWindowUpdate;
constexpr size_t kFrameHeaderBytes = 9;

// Reads so many bytes, within the patience; "" if they do not come.
std::string ReadBytes(int fd, size_t bytes, std::chrono::milliseconds patience) {
  const timeval time{.tv_sec = patience.count() / 1000, .tv_usec = patience.count() % 1000 * 1000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
  std::string read(bytes, '\0');
  const auto size = static_cast<ssize_t>(bytes);
  return recv(fd, read.data(), bytes, MSG_WAITALL) == size ? read : "";
}

}  // namespace

std::string BigEndian(uint32_t number) {
  return {static_cast<char>(number >> 24), static_cast<char>(number >> 16),
          static_cast<char>(number >> 8), static_cast<char>(number)};
}

std::string Http2Frame(char type, char flags, uint32_t stream, const std::string& payload) {
  return BigEndian(static_cast<uint32_t>(payload.size())).substr(1) + type + flags +
         BigEndian(stream) + payload;
}

RawConnection::RawConnection(const std::string& endpoint) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
  const size_t colon = endpoint.rfind(':');
  sockaddr_in address{.sin_family = AF_INET};
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(endpoint.substr(colon + 1))));
  inet_pton(AF_INET, endpoint.substr(0, colon).c_str(), &address.sin_addr);
  connected_ =
      fd_ >= 0 && connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
}

RawConnection::RawConnection(RawConnection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}

RawConnection::~RawConnection() {
  if (fd_ >= 0) close(fd_);
}

bool RawConnection::Send(const std::string& bytes) const {
  return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

bool RawConnection::AwaitRead() const {
  if (!Send(Http2Frame(kPing, 0, 0, "12345678"))) return false;
  while (true) {
    unsigned char header[9];
    if (recv(fd_, header, sizeof(header), MSG_WAITALL) != sizeof(header)) return false;
    std::string payload(header[0] << 16 | header[1] << 8 | header[2], '\0');
    const auto size = static_cast<ssize_t>(payload.size());
    if (size > 0 && recv(fd_, payload.data(), payload.size(), MSG_WAITALL) != size) return false;
    if (header[3] == kPing && header[4] == kAck) return true;
  }
}

bool RawConnection::AwaitEnd(std::chrono::milliseconds patience) const {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < deadline) {
    const timeval time{.tv_sec = 0, .tv_usec = 100'000};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    std::string bytes(1 << 16, '\0');
    const ssize_t count = recv(fd_, bytes.data(), bytes.size(), 0);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return true;
  }
  return false;
}

std::string RawConnection::ReadFrame(std::chrono::milliseconds patience) const {
  const std::string header = ReadBytes(fd_, kFrameHeaderBytes, patience);
  if (header.empty()) return "";
  const auto byte = [&](size_t i) { return static_cast<size_t>(header[i]) & 0xff; };
  const size_t bytes = byte(0) << 16 | byte(1) << 8 | byte(2);
  return header + (bytes == 0 ? "" : ReadBytes(fd_, bytes, patience));
}

std::string Http2Greeting(uint32_t window_bytes) {
  const std::string initial_window = "\x00\x04"s + BigEndian(window_bytes);
  constexpr uint32_t kWindowOfAConnection = 65'535;  // until it is updated (RFC 9113, 6.9.2)
  std::string greeting =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Http2Frame(kSettings, 0, 0, initial_window);
  if (window_bytes > kWindowOfAConnection) {
    greeting += Http2Frame(kWindowUpdate, 0, 0, BigEndian(window_bytes - kWindowOfAConnection));
  }
  return greeting;
}

std::string CallHeaders(const std::string& method, uint32_t stream) {
  const auto text = [](const std::string& value) {
    return static_cast<char>(value.size()) + value;  // HPACK string without Huffman (RFC 7541)
  };
  return Http2Frame(kHeaders, kEndHeaders, stream,
                    "\x83\x86"s +  // :method POST, :scheme http
                        "\x04"s + text(method) + "\x01"s + text("tripla") + "\x00"s +
                        text("content-type") + text("application/grpc") + "\x00"s + text("te") +
                        text("trailers"));
}

std::string CallMessage(const std::string& bytes, uint32_t message_bytes, uint32_t stream) {
  const char flags = bytes.size() == message_bytes ? kEndStream : 0;
  return Http2Frame(kData, flags, stream, "\x00"s + BigEndian(message_bytes) + bytes);
}

}  // namespace tripla

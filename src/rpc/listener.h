// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "rpc/byte_stream.h"
#include "rpc/event_loop.h"
#include "rpc/listening_socket.h"

namespace tripla::rpc {

// Counts the connections of a server, in all and from each address.
//
// Thread-safety: any thread.
class Admission {
 public:
  struct Limits {
    size_t connections = 0;
    size_t from_one_address = 0;
  };

  // One connection, until it is destroyed.
  class Place {
   public:
    Place(Place&& other) noexcept;
    Place& operator=(Place&&) = delete;
    ~Place();

   private:
    friend class Admission;
    Place(Admission& admission, std::string address);
    Admission* admission_;
    std::string address_;
  };

  // It outlives its places.
  explicit Admission(const Limits& limits) : limits_(limits) {}

  // nullopt when there are too many; that is counted.
  [[nodiscard]] std::optional<Place> Enter(const std::string& address);
  // Counts a connection that was refused because the system had nothing left for it.
  void CountRefused();
  // Says how many were refused since it has said so last, once a second at most. True when it is to
  // be called again for some.
  [[nodiscard]] bool SayRefused();

  [[nodiscard]] size_t connections();

 private:
  const Limits limits_;
  Mutex mutex_;
  size_t connections_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, size_t> of_address_ ABSL_GUARDED_BY(mutex_);
  size_t refused_ ABSL_GUARDED_BY(mutex_) = 0;
  EventLoop::Clock::time_point said_ ABSL_GUARDED_BY(mutex_);
};

// How many connections this process has descriptors for, with some kept for its files; `wanted` at
// most.
[[nodiscard]] size_t ConnectionsMax(size_t wanted);

// A socket on which clients connect. When the system refuses one, for lack of descriptors or
// memory, the listener goes on: it closes that connection, and takes the next.
//
// Thread-safety: its loop's thread.
class Listener final : public EventSource {
 public:
  // Takes a connection; its address is for messages.
  using AcceptedFn = std::function<void(ByteStream, std::string peer, Admission::Place)>;

  // `admission` and `loop` outlive it.
  Listener(ListeningSocket socket, EventLoop& loop, Admission& admission, AcceptedFn accepted);
  ~Listener() override;

  [[nodiscard]] int fd() const override { return socket_.fd(); }
  void OnReady(uint32_t events) override;
  void OnTime() override;
  void OnTurnEnd() override {}
  void OnStop(Clock::time_point deadline) override;

 private:
  void Accept(int fd, const sockaddr_storage& address);
  // Takes and closes the next connection although there is no descriptor for it. False: there was
  // none.
  [[nodiscard]] bool RefuseOne();

  const ListeningSocket socket_;
  int spare_fd_;  // given up to be able to refuse
  EventLoop& loop_;
  Admission& admission_;
  const AcceptedFn accepted_;
};

}  // namespace tripla::rpc

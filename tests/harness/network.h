// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/process.h"

namespace tripla {

// A network of its own, in the kernel: each server on a machine of its own, this process and what
// else it starts on another, all at one switch. What goes from one to another can be cut, each way
// apart: it is lost without a word.
//
//   Network network(3);
//   if (!network.made()) GTEST_SKIP() << network.why_not();
//   network.Cut(0, 1);  // what 0 sends to 1 is lost; what 1 sends to 0 arrives
//
// Cut packets are sent to a hardware address that nobody has, so that nothing is needed but ip(8).
//
// Thread-safety: one thread, before any other thread of the process opens a socket.
class Network {
 public:
  // In place of a machine's number: this process, and those it starts without a launcher.
  static constexpr int kClients = -1;

  explicit Network(int machines);

  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // False when this machine lets nobody make networks who is not root.
  [[nodiscard]] bool made() const { return why_not_.empty(); }
  [[nodiscard]] const std::string& why_not() const { return why_not_; }

  [[nodiscard]] std::string host(int machine) const;
  // The words before a command that make it run there.
  [[nodiscard]] std::vector<std::string> launcher(int machine) const;

  void Cut(int from, int to) { SetWay(from, to, "02:00:00:00:ff:ff"); }
  void Heal(int from, int to) { SetWay(from, to, HardwareAddress(to)); }
  void CutBothWays(int one, int other);
  void HealAll();

  // What a server sends and receives goes at so many bytes a second, each way. What has waited for
  // 400 ms is lost.
  void SlowDown(int machine, uint64_t bytes_a_second);
  void SpeedUp(int machine);

 private:
  [[nodiscard]] std::string HardwareAddress(int machine) const;
  void SetWay(int from, int to, const std::string& hardware_address);
  void AddMachine(int machine);
  // Fails the test, and says why nothing was made, when a command does.
  void Run(std::vector<std::string> launcher, const std::string& command);

  std::string why_not_;
  // A machine is there as long as somebody is on it.
  std::vector<std::unique_ptr<Process>> residents_;
};

}  // namespace tripla

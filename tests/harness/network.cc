// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/network.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_split.h"

namespace tripla {
namespace {

constexpr char kOwnDevice[] = "hub";
constexpr char kMachineDevice[] = "net0";

// Read without following it: the name of a namespace, not a file.
std::string NetworkOf(const std::string& process) {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/" + process + "/ns/net", ignored).string();
}

// At the switch.
std::string PortOf(int machine) { return "port" + std::to_string(machine); }

}  // namespace

Network::Network(int machines) {
  if (unshare(CLONE_NEWNET) != 0) {
    why_not_ = std::string("cannot make networks: ") + std::strerror(errno);
    return;
  }
  const std::string own = kOwnDevice;
  Run({}, "ip link set lo up");
  Run({}, "ip link add " + own + " address " + HardwareAddress(kClients) + " type bridge");
  Run({}, "ip address add " + host(kClients) + "/24 dev " + own);
  Run({}, "ip link set " + own + " up");
  for (int machine = 0; machine < machines && made(); ++machine) AddMachine(machine);
  if (made()) HealAll();
}

void Network::AddMachine(int machine) {
  residents_.push_back(std::make_unique<Process>(
      std::vector<std::string>{"/usr/bin/unshare", "--net", "/bin/sleep", "infinity"}));
  const std::string resident = std::to_string(residents_.back()->pid());
  while (NetworkOf(resident) == NetworkOf("self")) sched_yield();
  const std::string port = PortOf(machine);
  const std::string device = kMachineDevice;
  Run({}, "ip link add " + port + " type veth peer name " + device + " address " +
              HardwareAddress(machine) + " netns " + resident);
  Run({}, "ip link set " + port + " master " + kOwnDevice + " up");
  Run(launcher(machine), "ip link set lo up");
  Run(launcher(machine), "ip address add " + host(machine) + "/24 dev " + device);
  Run(launcher(machine), "ip link set " + device + " up");
}

std::string Network::host(int machine) const {
  return "10.99.0." + std::to_string(machine == kClients ? 100 : machine + 1);
}

std::string Network::HardwareAddress(int machine) const {
  return "02:00:00:00:00:" + std::to_string(machine == kClients ? 50 : machine + 10);
}

std::vector<std::string> Network::launcher(int machine) const {
  if (machine == kClients) return {};
  const std::string pid = std::to_string(residents_[static_cast<size_t>(machine)]->pid());
  return {"/usr/bin/nsenter", "--net=/proc/" + pid + "/ns/net"};
}

void Network::CutBothWays(int one, int other) {
  Cut(one, other);
  Cut(other, one);
}

void Network::HealAll() {
  const int machines = static_cast<int>(residents_.size());
  for (int from = kClients; from < machines; ++from) {
    for (int to = kClients; to < machines; ++to) {
      if (from != to) Heal(from, to);
    }
  }
}

void Network::SlowDown(int machine, uint64_t bytes_a_second) {
  const std::string queue =
      " root tbf rate " + std::to_string(bytes_a_second) + "bps burst 16kb latency 400ms";
  Run(launcher(machine), "tc qdisc replace dev " + std::string(kMachineDevice) + queue);
  Run({}, "tc qdisc replace dev " + PortOf(machine) + queue);
}

void Network::SpeedUp(int machine) {
  Run(launcher(machine), "tc qdisc delete dev " + std::string(kMachineDevice) + " root");
  Run({}, "tc qdisc delete dev " + PortOf(machine) + " root");
}

void Network::SetWay(int from, int to, const std::string& hardware_address) {
  Run(launcher(from), "ip neighbour replace " + host(to) + " lladdr " + hardware_address +
                          " nud permanent dev " + (from == kClients ? kOwnDevice : kMachineDevice));
}

void Network::Run(std::vector<std::string> launcher, const std::string& command) {
  if (!made()) return;
  launcher.push_back("/usr/bin/env");
  for (const auto word : absl::StrSplit(command, ' ')) launcher.emplace_back(word);
  Process process(launcher);
  if (process.Wait() != 0) why_not_ = command + ": " + process.output();
  EXPECT_TRUE(made()) << why_not_;
}

}  // namespace tripla

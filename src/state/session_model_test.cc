// SPDX-License-Identifier: Apache-2.0
//
// The memory of request ids against a simple model of the rules in docs/operating.md, with limits
// so small that all of them are reached often (R13, R13a).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/little_endian.h"
#include "state/state_machine.h"
#include "state/state_test_commands.h"

namespace tripla {
namespace {

constexpr uint64_t kRowBytes = 128;

// What a server remembers of one client.
struct Remembered {
  struct Answer {
    std::string body;
    std::string again;  // what it says when it is asked for again
    uint64_t bytes = 0;
  };
  uint64_t floor = 0;
  uint64_t last_use = 0;
  uint64_t doubt = 0;
  uint64_t highest = 0;
  bool finished = false;
  std::map<uint64_t, Answer> answers;
  std::set<uint64_t> dropped;

  // The last ids of the runs of dropped ids.
  [[nodiscard]] std::vector<uint64_t> RunEnds() const {
    std::vector<uint64_t> ends;
    for (const uint64_t id : dropped) {
      if (!dropped.contains(id + 1)) ends.push_back(id);
    }
    return ends;
  }
  void DropLowestAnswer() {
    if (answers.begin()->first >= floor) dropped.insert(answers.begin()->first);
    answers.erase(answers.begin());
  }
  void DropLowestRun() {
    floor = std::max(floor, RunEnds().front() + 1);
    dropped.erase(dropped.begin(), dropped.upper_bound(floor - 1));
  }
};

// The whole memory of request ids, without regard to speed.
class Model {
 public:
  explicit Model(const SessionBounds& bounds) : bounds_(bounds) {}

  // The answer that the server must give without executing the request; "" if it must execute it.
  std::string Decide(const RequestId& id, const std::string& body) {
    const auto found = clients_.find(id.client);
    if (found == clients_.end()) {
      return id.sent_before && forgotten_through_ != 0 ? "refused 4" : "";
    }
    const Remembered& client = found->second;
    if (const auto answer = client.answers.find(id.sequence); answer != client.answers.end()) {
      return answer->second.body == body ? answer->second.again : "refused 2";
    }
    if (id.sequence < client.floor || client.dropped.contains(id.sequence)) return "refused 3";
    return id.sent_before && id.sequence <= client.doubt ? "refused 4" : "";
  }

  // Updates the memory after Decide(). `answer` is set if the request was executed.
  void Take(const RequestId& id, std::optional<Remembered::Answer> answer) {
    if (!answer && !clients_.contains(id.client)) return;
    const auto [found, added] = clients_.try_emplace(id.client);
    Remembered& client = found->second;
    if (added) client.doubt = forgotten_through_;
    if (answer) {
      client.answers[id.sequence] = *answer;
      client.highest = std::max(client.highest, id.sequence);
    }
    const uint64_t received = std::min(id.first_unanswered, id.sequence);
    if (received > client.floor) {
      client.floor = received;
      client.highest = std::max(client.highest, received);
      client.answers.erase(client.answers.begin(), client.answers.lower_bound(received));
      client.dropped.erase(client.dropped.begin(), client.dropped.lower_bound(received));
    }
    client.finished = id.first_unanswered > std::max(client.highest, id.sequence);
    client.last_use = ++uses_;
    KeepBounds(id.client);
  }

  // After Take() of a command that a server short of disk has taken.
  void MakeRoom(uint64_t map_bytes) {
    const uint64_t allowed = std::max(map_bytes, bounds_.data_bytes_short_of_disk);
    const auto has_answers = [](const auto& client) { return !client.second.answers.empty(); };
    while (true) {
      uint64_t answers = 0;
      uint64_t data_bytes = 0;
      for (const auto& [name, client] : clients_) {
        answers += client.answers.size();
        for (const auto& [sequence, answer] : client.answers)
          data_bytes += answer.bytes - kRowBytes;
      }
      if (data_bytes <= allowed || answers <= 1) return;
      DropAnswerOf(First(has_answers)->second);
      ++dropped_for_disk_;
    }
  }

  [[nodiscard]] int dropped_for_disk() const { return dropped_for_disk_; }
  [[nodiscard]] int runs_dropped() const { return runs_dropped_; }
  [[nodiscard]] std::string Counts() const {
    uint64_t answers = 0;
    uint64_t runs = 0;
    for (const auto& [name, client] : clients_) {
      answers += client.answers.size();
      runs += client.RunEnds().size();
    }
    return Text(clients_.size(), answers, runs, forgotten_through_);
  }
  static std::string Text(uint64_t clients, uint64_t answers, uint64_t runs, uint64_t forgotten) {
    return std::to_string(clients) + " clients, " + std::to_string(answers) + " answers, " +
           std::to_string(runs) + " runs, forgotten through " + std::to_string(forgotten);
  }

 private:
  using Clients = std::map<ClientId, Remembered>;

  [[nodiscard]] uint64_t Bytes() const {
    uint64_t bytes = 0;
    for (const auto& [name, client] : clients_) {
      for (const auto& [sequence, answer] : client.answers) bytes += answer.bytes;
      bytes += kRowBytes * client.RunEnds().size();
    }
    return bytes;
  }

  // The client to be forgotten first, of those for which `may` is true.
  template <typename May>
  Clients::iterator First(May may) {
    auto first = clients_.end();
    for (auto client = clients_.begin(); client != clients_.end(); ++client) {
      if (!may(*client)) continue;
      const auto order = [](const auto& c) {
        return std::pair(!c->second.finished, c->second.last_use);
      };
      if (first == clients_.end() || order(client) < order(first)) first = client;
    }
    return first;
  }

  void Forget(Clients::iterator client) {
    forgotten_through_ = std::max(forgotten_through_, client->second.highest);
    clients_.erase(client);
  }

  void KeepRuns(Remembered& client) {
    while (client.RunEnds().size() > bounds_.runs_per_client()) {
      client.DropLowestRun();
      ++runs_dropped_;
    }
  }
  void DropAnswerOf(Remembered& client) {
    client.DropLowestAnswer();
    KeepRuns(client);
  }

  void KeepBounds(const ClientId& current) {
    Remembered& mine = clients_[current];
    while (mine.answers.size() > bounds_.answers_per_client) mine.DropLowestAnswer();
    while (Bytes() > bounds_.answer_bytes) {
      const auto next = First([](const auto& client) { return !client.second.answers.empty(); });
      if (next == clients_.end()) break;
      DropAnswerOf(next->second);
    }
    KeepRuns(mine);
    while (Bytes() > bounds_.answer_bytes) {
      Forget(First([&](const auto& client) {
        return client.first != current && !client.second.dropped.empty();
      }));
    }
    while (clients_.size() > bounds_.clients) {
      Forget(First([&](const auto& client) { return client.first != current; }));
    }
  }

  const SessionBounds bounds_;
  Clients clients_;
  uint64_t uses_ = 0;
  uint64_t forgotten_through_ = 0;
  int runs_dropped_ = 0;
  int dropped_for_disk_ = 0;
};

// One client program: it numbers its writes, sends them in any order, loses requests and answers,
// and repeats requests. It reports attempts and received answers correctly.
class Sender {
 public:
  // `name` is unique and never reused.
  Sender(uint64_t name, uint64_t outstanding_max, uint64_t stride, bool tells)
      : outstanding_max_(outstanding_max), stride_(stride), tells_(tells) {
    StoreLittleEndian(client_.data(), name);
  }

  // The next request, or nullopt when it was lost on its way.
  std::optional<Command> Next(std::mt19937_64& random) {
    while (outstanding_.size() < outstanding_max_ && random() % 50 != 0) {
      outstanding_[next_] = {};
      next_ += 1 + (stride_ > 1 ? random() % stride_ : 0);
    }
    if (outstanding_.empty()) outstanding_[next_++] = {};
    auto one = outstanding_.begin();
    std::advance(one, random() % outstanding_.size());
    Command command = CommandOf(one->first);
    command.request_id->sent_before = one->second.sent;
    // Sometimes an id is reused for a different request, which must change nothing.
    if (one->second.sent && random() % 100 == 0) command.data += "other";
    one->second.sent = true;
    if (random() % 8 == 0) return std::nullopt;
    return command;
  }

  // The answer or refusal has arrived, or is lost, and then the request stays open.
  void Answered(uint64_t sequence, std::mt19937_64& random) {
    if (random() % 3 != 0) outstanding_.erase(sequence);
  }

  // For the server, requests that are given up count as answered.
  void GiveUp(std::mt19937_64& random) {
    if (!outstanding_.empty() && random() % 50 == 0) outstanding_.erase(outstanding_.begin());
  }

  [[nodiscard]] bool keeps_within(const SessionBounds& bounds) const {
    return stride_ == 1 && outstanding_max_ <= bounds.answers_per_client;
  }
  [[nodiscard]] const ClientId& client() const { return client_; }

 private:
  struct Open {
    bool sent = false;
  };

  [[nodiscard]] Command CommandOf(uint64_t sequence) const {
    Command command = Make(static_cast<CommandKind>(sequence % 2 == 0 ? 1 : 3),
                           std::to_string(sequence % 7), 0, std::string(sequence % 5 * 40, 'd'));
    command.request_id = {.client = client_, .sequence = sequence};
    if (tells_) {
      command.request_id->first_unanswered = outstanding_.begin()->first;
      // A last request: no other is open.
      if (sequence % 11 == 0 && outstanding_.size() == 1) {
        command.request_id->first_unanswered = sequence + 1;
      }
    }
    return command;
  }

  ClientId client_{};
  uint64_t outstanding_max_;
  uint64_t stride_;
  bool tells_;
  uint64_t next_ = 1;
  std::map<uint64_t, Open> outstanding_;
};

class SessionModel : public testing::Test {
 protected:
  SessionModel() {
    const char* given = std::getenv("TRIPLA_SEED");
    const uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device()();
    std::cout << "TRIPLA_SEED=" << seed << "\n";
    random_.seed(seed);
  }

  // Sends `requests` in all from clients with up to `outstanding` open ids each.
  void Run(const SessionBounds& bounds, uint64_t outstanding, int requests) {
    bounds_ = bounds;
    machine_ = std::make_unique<StateMachine>(bounds);
    Model model(bounds);
    std::vector<Sender> senders;
    for (uint64_t i = 0; i < bounds.clients + 2; ++i) senders.push_back(NewSender(outstanding));
    for (int i = 0; i < requests; ++i) {
      // Some clients pause for a while and are forgotten.
      Sender& sender = senders[random_() % (i / 500 % 3 == 0 ? senders.size() : 2)];
      if (random_() % (300 + outstanding) == 0) sender = NewSender(outstanding);
      sender.GiveUp(random_);
      std::optional<Command> command = sender.Next(random_);
      if (!command) continue;
      command->short_of_disk = i / 1000 % 3 == 2;  // for a while
      ASSERT_NO_FATAL_FAILURE(Send(model, sender, *command)) << "request " << i;
      if (i % 97 == 0) machine_->CheckInvariants();
      if (i % 1009 == 0) {
        ASSERT_NO_FATAL_FAILURE(GoThroughAnImage());
      }
    }
    machine_->CheckInvariants();
    runs_dropped_ = model.runs_dropped();
    dropped_for_disk_ = model.dropped_for_disk();
  }

  void ExpectThatEverythingWasReached() {
    for (const char* outcome : {"executed", "again", "refused 2", "refused 3", "refused 4"}) {
      EXPECT_GT(outcomes_[outcome], 0) << outcome << " was never seen";
    }
    EXPECT_GT(dropped_for_disk_, 0) << "no answer was dropped for want of disk";
    EXPECT_GT(runs_dropped_, 0) << "the bound of runs was never reached";
  }

 private:
  Sender NewSender(uint64_t outstanding) {
    const uint64_t name = ++names_;
    return Sender(name, 1 + random_() % outstanding, name % 4 == 3 ? 5 : 1, name % 5 != 0);
  }

  void Send(Model& model, Sender& sender, const Command& command) {
    const RequestId& id = *command.request_id;
    const std::string body =
        std::to_string(static_cast<int>(command.kind)) + command.key.ToText() + command.data;
    const std::string expected = model.Decide(id, body);
    const Outcome outcome = machine_->Apply({.index = ++index_}, {{command}}).front();
    const std::string said = Text(outcome);
    const auto name = std::pair(id.client, id.sequence);
    const bool refused = expected.starts_with("refused");
    ++outcomes_[expected.empty() ? "executed" : refused ? expected : "again"];
    if (expected.empty()) {
      ASSERT_TRUE(outcome.refusal == Refusal::kNone && !outcome.replayed) << said;
      ASSERT_TRUE(executed_.insert(name).second) << "a request was executed twice";
      const uint64_t bytes = outcome.entry ? outcome.entry->payload_bytes() : 0;
      Outcome again = outcome;
      again.replayed = true;
      model.Take(id, Remembered::Answer{body, Text(again), kRowBytes + bytes});
    } else {
      ASSERT_EQ(said, expected);
      if (outcome.refusal == Refusal::kAnswerForgotten && sender.keeps_within(bounds_)) {
        ASSERT_TRUE(executed_.contains(name)) << "what never came was refused as forgotten";
      }
      model.Take(id, std::nullopt);
    }
    if (command.short_of_disk) model.MakeRoom(machine_->GetSummary().payload_bytes);
    sender.Answered(id.sequence, random_);
    const StateSummary now = machine_->GetSummary();
    ASSERT_EQ(Model::Text(now.sessions, now.answers, now.runs, now.forgotten_through),
              model.Counts());
  }

  // The state loaded from an image is the same and continues in the same way.
  void GoThroughAnImage() {
    absl::StatusOr<std::unique_ptr<StateMachine>> loaded = Reload(machine_->Freeze(), bounds_);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    ASSERT_EQ((*loaded)->GetSummary(), machine_->GetSummary());
    if (random_() % 2 == 0) {
      machine_ = *std::move(loaded);
    } else {
      auto other = std::make_unique<StateMachine>(bounds_);
      other->Install(*std::move(loaded));
      machine_ = std::move(other);
    }
    machine_->CheckInvariants();
  }

  std::mt19937_64 random_;
  SessionBounds bounds_;
  std::unique_ptr<StateMachine> machine_;
  LogIndex index_ = 0;
  uint64_t names_ = 0;
  std::map<std::string, int> outcomes_;
  int dropped_for_disk_ = 0;
  int runs_dropped_ = 0;
  std::set<std::pair<ClientId, uint64_t>> executed_;
};

TEST_F(SessionModel, R13a_FewAnswersOfFewClientsAgreeWithTheModel) {
  Run({.clients = 4,
       .answers_per_client = 8,
       .answer_bytes = 4096,
       .data_bytes_short_of_disk = 150},
      12, 40'000);
  ExpectThatEverythingWasReached();
}

TEST_F(SessionModel, R13a_ClientsWithThousandsOfIdsOpenInAnyOrderAgreeWithTheModel) {
  Run({.clients = 2,
       .answers_per_client = 200,
       .answer_bytes = 60'000,
       .data_bytes_short_of_disk = 1000},
      4000, 20'000);
}

TEST_F(SessionModel, R13a_OneClientAtATimeAgreesWithTheModel) {
  Run({.clients = 1, .answers_per_client = 2, .answer_bytes = 1024, .data_bytes_short_of_disk = 0},
      4, 20'000);
}

}  // namespace
}  // namespace tripla

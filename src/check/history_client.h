// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "check/caller.h"
#include "check/history.h"
#include "check/trial.h"

namespace tripla::check {

// How the clients of a history behave.
struct HistoryManners {
  std::vector<std::string> endpoints;  // where they connect to
  std::chrono::milliseconds patience;  // for one attempt
  bool gives_up = false;               // sometimes at the first failure, never to know
};

// One of many clients that meet on a few keys. It records what it called and what it was told.
//
// A write that was not answered is sent again under its request id, as a client should; one that
// was answered sometimes too, as an impatient client does, which must be told the same.
//
// Thread-safety: none; a thread has its own.
class HistoryClient {
 public:
  // `trial` outlives it.
  HistoryClient(Trial& trial, int number, HistoryManners manners);

  // Calls `calls` operations of chance on `keys` and adds them to the history.
  void Play(const std::vector<Key>& keys, int calls, std::mt19937_64& chance);

  // What it has recorded since the last time.
  History TakeHistory();

  // Sends the writes that it gave up once more, by `caller`, until they are decided: none of them
  // is on its way any more. The history has them as unknown all the same.
  void SettleGivenUp(Caller& caller);

 private:
  // A write that was sent and not answered.
  struct GivenUp {
    v1::Operation request;
    std::shared_ptr<RequestIds::Lease> lease;
  };

  Operation Choose(const std::vector<Key>& keys, std::mt19937_64& chance);
  void CallOne(const Operation& operation, std::mt19937_64& chance);
  void CallBatch(const std::vector<Key>& keys, std::mt19937_64& chance);

  // Attempts, each over a new connection, until there is an answer or the time for one call is
  // over. Of what it returns `applied` speaks for all attempts.
  template <typename Send>
  auto Persist(const Send& send, bool may_give_up);
  template <typename Message>
  void LeaveUnknown(const std::vector<Operation>& operations,
                    const std::vector<v1::Operation>& requests,
                    const std::shared_ptr<RequestIds::Lease>& lease, HistoryCall::Time began,
                    const Told<Message>& told, bool may_give_up);
  // nullopt when the trial has failed.
  std::optional<Decided> Read(const v1::Reply& message, bool may_be_replayed);
  void SendAgain(const Operation& operation, const v1::Operation& request, const Decided& first);
  void Record(const Operation& operation, HistoryCall::Time began, std::optional<Decided> reply);
  void Connect();

  Trial& trial_;
  const int number_;
  const HistoryManners manners_;
  const std::shared_ptr<RequestIds> ids_ = std::make_shared<RequestIds>();
  std::unique_ptr<Caller> caller_;
  History history_;
  std::map<Key, Decided> seen_;  // what it was last told of a key
  std::vector<GivenUp> given_up_;
  uint64_t written_ = 0;  // makes the data of each write its own
};

}  // namespace tripla::check

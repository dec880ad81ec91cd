// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tests/check/wrong_server.h"

namespace tripla::check {

// The forms that faults are made of.

// Changes what the server believes it was asked.
template <typename Change>
WrongServer::Behaviour Asked(Change change) {
  return [change](const v1::Operation& request, v1::Reply& reply, const WrongServer::Right& right) {
    v1::Operation other = request;
    change(other);
    return right(other, reply);
  };
}

// Changes what is answered to what was decided rightly.
template <typename Change>
WrongServer::Behaviour Answered(Change change) {
  return [change](const v1::Operation& request, v1::Reply& reply, const WrongServer::Right& right) {
    const grpc::Status status = right(request, reply);
    if (status.ok()) change(request, reply);
    return status;
  };
}

// Whether the answer tells of a change made now.
inline bool Changes(const v1::Operation& request, const v1::Reply& reply) {
  return !request.has_get() && reply.result() == v1::SUCCESS && !reply.replayed();
}

inline void ForgetId(v1::Operation& request) {
  if (request.has_set()) request.mutable_set()->clear_request_id();
  if (request.has_del()) request.mutable_del()->clear_request_id();
  if (request.has_del_version()) request.mutable_del_version()->clear_request_id();
  if (request.has_test_and_set()) request.mutable_test_and_set()->clear_request_id();
}

inline void SetWithoutData(v1::Operation& request, bool without_data) {
  if (request.has_set()) request.mutable_set()->set_without_data(without_data);
  if (request.has_del()) request.mutable_del()->set_without_data(without_data);
  if (request.has_del_version()) request.mutable_del_version()->set_without_data(without_data);
  if (request.has_test_and_set()) request.mutable_test_and_set()->set_without_data(without_data);
}

inline std::string KeyBytesOf(const v1::Operation& request) {
  if (request.has_set()) return request.set().key();
  if (request.has_get()) return request.get().key();
  if (request.has_del()) return request.del().key();
  if (request.has_del_version()) return request.del_version().key();
  return request.test_and_set().key();
}

// What the key holds.
inline v1::Reply Now(const std::string& key, const WrongServer::Right& right) {
  v1::Operation get;
  get.mutable_get()->set_key(key);
  v1::Reply reply;
  (void)right(get, reply);
  return reply;
}

inline v1::Reply DelNow(const std::string& key, const WrongServer::Right& right) {
  v1::Operation del;
  del.mutable_del()->set_key(key);
  v1::Reply reply;
  (void)right(del, reply);
  return reply;
}

// True for one call in `n`.
inline bool Sometimes(int& count, int n) { return ++count % n == 0; }

}  // namespace tripla::check

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

// What the attacks are made on: a server of the transport alone (attacked_transport.cc), or triplad
// (attacked_triplad.cc).
namespace tripla::attacked {

// Starts it on a free port; it may keep files in `directory`.
std::vector<std::string> Command(const std::string& directory);
// Makes it ready for the requests below.
void Prepare(const std::shared_ptr<grpc::Channel>& channel);

// A small call, and one with some megabytes: whether it succeeds.
bool Call(const std::shared_ptr<grpc::Channel>& channel);
bool CallWithMuch(const std::shared_ptr<grpc::Channel>& channel);

// A method with one request and one answer; its requests for answers of about a kilobyte, and of a
// megabyte.
std::string Method();
std::string RequestOfAKilobyte();
std::string RequestOfAMegabyte();
// A method whose client sends a stream.
std::string StreamMethod();

// What requests that are not complete may take in all.
uint64_t IncomingBytesMax();

}  // namespace tripla::attacked

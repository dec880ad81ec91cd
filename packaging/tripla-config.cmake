# SPDX-License-Identifier: Apache-2.0
# find_package(tripla): the target tripla::client is the client library. It needs C++20 and, of Debian
# 12, libgrpc++-dev, libprotobuf-dev, libabsl-dev, libfmt-dev, libspdlog-dev and libgmp-dev.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(absl)
find_dependency(Protobuf)
find_dependency(gRPC CONFIG)
find_dependency(fmt)
find_dependency(spdlog)
include(${CMAKE_CURRENT_LIST_DIR}/tripla-targets.cmake)

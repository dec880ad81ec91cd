// SPDX-License-Identifier: Apache-2.0
// What one fdatasync of 4 KiB costs on files that were prepared in different ways: the figures of
// docs/decisions/0003-zero-filled-segments.md.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "base/check.h"
#include "bench/scratch_directory.h"

namespace tripla {
namespace {

constexpr off_t kPieceBytes = 4096;
constexpr size_t kPieces = 500;
constexpr off_t kFileBytes = off_t{16} << 20;  // as a segment

class RawFile {
 public:
  RawFile() : fd_(open((scratch_.path() + "/file").c_str(), O_RDWR | O_CREAT, 0600)) {
    TRIPLA_CHECK(fd_ >= 0, "a file to measure");
  }
  ~RawFile() { close(fd_); }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  void Reserve() { TRIPLA_CHECK(posix_fallocate(fd_, 0, kFileBytes) == 0, "the disk has room"); }
  void Write(off_t offset, const std::string& bytes) {
    const ssize_t written = pwrite(fd_, bytes.data(), bytes.size(), offset);
    TRIPLA_CHECK(written == static_cast<ssize_t>(bytes.size()), "the disk has room");
  }
  void Sync() { TRIPLA_CHECK(fdatasync(fd_) == 0, "the disk works"); }

 private:
  ScratchDirectory scratch_;
  int fd_;
};

// Writes and syncs one piece behind the other.
void SyncEachPiece(benchmark::State& state, RawFile& file) {
  file.Sync();
  const std::string piece(kPieceBytes, 'x');
  off_t offset = 0;
  for (auto _ : state) {
    file.Write(offset, piece);
    file.Sync();
    offset += kPieceBytes;
  }
}

void SyncZeroFilled(benchmark::State& state) {
  RawFile file;
  file.Reserve();
  file.Write(0, std::string(kFileBytes, '\0'));
  SyncEachPiece(state, file);
}
BENCHMARK(SyncZeroFilled)->UseRealTime()->Iterations(kPieces);

void SyncReserved(benchmark::State& state) {
  RawFile file;
  file.Reserve();
  SyncEachPiece(state, file);
}
BENCHMARK(SyncReserved)->UseRealTime()->Iterations(kPieces);

void SyncGrowing(benchmark::State& state) {
  RawFile file;
  SyncEachPiece(state, file);
}
BENCHMARK(SyncGrowing)->UseRealTime()->Iterations(kPieces);

}  // namespace
}  // namespace tripla

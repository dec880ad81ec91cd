// SPDX-License-Identifier: Apache-2.0
// A library to preload into a real server: its disk goes wrong at one step, or is slow. The server
// is the one that is shipped; what it calls in the C library is replaced.
//
//   LD_PRELOAD=libbad_disk.so BAD_DISK=kill@17 triplad --data-dir D …
//
// BAD_DISK  kill@N   the process is killed at step N, a write is half done by then
//           EIO@N    step N fails so; a write is half done
//           ENOSPC@N the same
//           short@N  a write is half done, and says so
//           each of these also with CALL:END for N, as in kill@unlink:.image.partial: at the first
//           such call of a file whose path ends so, or with a * behind it holds it
//
//           slow@N   every step takes N times as long as it would, at most 2 ms * N longer: on a
//                    busy machine a step also waits for a core
//
//           EMFILE@F every open that would make a file fails so while the file F exists; and so for
//                    ENFILE, ENOMEM, EFBIG, EDQUOT, ENOSPC with a path that begins with a slash
//
//           hold@F   every sync, and every look into a directory, waits while another process has a
//                    lock on the file F; one that has to says so: "bad disk: a sync waits", "bad
//                    disk: a listing waits"
//
//           undo@D   renamings that a power cut could undo are recorded in the directory D, until
//                    their directory is synced; tests/harness/unsynced_names.h undoes them
//
// A step is a call that changes the file system or makes it durable; they count from 1, over all
// threads. With BAD_DISK_PIECES=once, of writes that follow one another to a file which has no name
// yet (.partial, next.wal) only the first counts: a new segment is filled by 64 of them. The one
// that goes wrong says so on standard error: "bad disk: step 17: pwrite /d/log/1.wal".
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

enum class Fault { kNone, kKill, kError, kShort };

struct Plan {
  Fault fault = Fault::kNone;
  int error = 0;
  long step = 0;
  std::string call;  // if not empty: which one goes wrong, instead of `step`
  std::string path_end;
  long slowdown = 1;
  const char* held_by = nullptr;
  const char* no_new_files_while = nullptr;
  bool pieces_once = false;
  const char* undo_directory = nullptr;
};

int ErrorNamed(std::string_view name) {
  static constexpr std::pair<std::string_view, int> kErrors[] = {
      {"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EMFILE", EMFILE}, {"ENFILE", ENFILE},
      {"ENOMEM", ENOMEM}, {"EFBIG", EFBIG},   {"EDQUOT", EDQUOT}};
  for (const auto& [known, error] : kErrors) {
    if (name == known) return error;
  }
  std::abort();
}

Plan ReadPlan() {
  Plan plan;
  const char* text = std::getenv("BAD_DISK");
  const char* at = text == nullptr ? nullptr : std::strchr(text, '@');
  if (at == nullptr) return plan;
  if (std::strncmp(text, "hold@", 5) == 0) {
    plan.held_by = at + 1;
    return plan;
  }
  if (std::strncmp(text, "undo@", 5) == 0) {
    plan.undo_directory = at + 1;
    return plan;
  }
  if (at[1] == '/') {
    plan.no_new_files_while = at + 1;
    plan.error = ErrorNamed({text, static_cast<size_t>(at - text)});
    return plan;
  }
  plan.pieces_once = std::getenv("BAD_DISK_PIECES") != nullptr;
  plan.step = std::atol(at + 1);
  if (const char* end = std::strchr(at, ':'); end != nullptr) {
    plan.call.assign(at + 1, end);
    plan.path_end = end + 1;
  }
  const size_t length = at - text;
  const auto is = [&](const char* word) { return std::strncmp(text, word, length) == 0; };
  if (is("slow")) {
    plan.slowdown = plan.step;
  } else if (is("kill")) {
    plan.fault = Fault::kKill;
  } else if (is("short")) {
    plan.fault = Fault::kShort;
  } else {
    plan.fault = Fault::kError;
    plan.error = ErrorNamed({text, length});
  }
  return plan;
}

const Plan& ThePlan() {
  static const Plan plan = ReadPlan();
  return plan;
}

// Whether a step is one of several writes to the same file without a name, and not the first.
bool IsNextPiece(const char* call, const char* path) {
  static std::mutex mutex;
  static std::string last;
  const std::lock_guard lock(mutex);
  const std::string previous = last;
  last = std::strcmp(call, "pwrite") == 0 ? path : "";
  return !last.empty() && last == previous &&
         (last.ends_with(".partial") || last.ends_with("/next.wal"));
}

bool IsPlanned(long step, const char* call, std::string_view path) {
  static std::atomic<bool> met{false};
  const Plan& plan = ThePlan();
  if (plan.call.empty()) return step == plan.step;
  std::string_view part = plan.path_end;
  const bool anywhere = part.ends_with('*');
  if (anywhere) part.remove_suffix(1);
  const bool fits = anywhere ? path.find(part) != path.npos : path.ends_with(part);
  return plan.call == call && fits && !met.exchange(true);
}

// Counts a step; what is to happen at it.
Fault Step(const char* call, const char* path) {
  static std::atomic<long> steps{0};
  const Plan& plan = ThePlan();
  if (plan.pieces_once && IsNextPiece(call, path)) return Fault::kNone;
  const long step = ++steps;
  if (!IsPlanned(step, call, path) || plan.fault == Fault::kNone) return Fault::kNone;
  char message[600];
  const int length =
      std::snprintf(message, sizeof(message), "bad disk: step %ld: %s %s\n", step, call, path);
  if (write(STDERR_FILENO, message, length) < 0) std::abort();
  return plan.fault;
}

std::string PathOf(int file) {
  char link[40];
  char path[500];
  std::snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof(path));
  return {path, static_cast<size_t>(length < 0 ? 0 : length)};
}

Fault Step(const char* call, int file) { return Step(call, PathOf(file).c_str()); }

[[noreturn]] void Kill() {
  kill(getpid(), SIGKILL);
  while (true) pause();
}

template <typename Function>
Function Real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

// `what` is a sync or a listing.
void WaitIfHeld(const char* what) {
  const Plan& plan = ThePlan();
  if (plan.held_by == nullptr) return;
  const int file = open(plan.held_by, O_RDONLY | O_CLOEXEC);
  if (flock(file, LOCK_SH | LOCK_NB) != 0) {
    const std::string message = std::string("bad disk: a ") + what + " waits\n";
    if (write(STDERR_FILENO, message.data(), message.size()) < 0) std::abort();
    flock(file, LOCK_SH);
  }
  close(file);
}

// Renamings in directories that are not synced yet, for undo@D. N.path in D holds the new path, and
// N.file is the file that had this path before, if there was one. The last one is undone first.
class Unsynced {
 public:
  // Runs `call`, which is about to change what `path` names.
  template <typename Call>
  int Change(const char* path, Call call) {
    const std::lock_guard lock(mutex_);
    const std::string record =
        std::string(ThePlan().undo_directory) + "/" + std::to_string(++last_);
    if (link(path, (record + ".file").c_str()) != 0 && errno != ENOENT) std::abort();
    FILE* const file = fopen((record + ".path").c_str(), "w");
    if (file == nullptr || fputs(path, file) < 0 || fclose(file) != 0) std::abort();
    records_.emplace_back(DirectoryOf(path), record);
    return call();
  }

  // Runs `sync`, which syncs this file. A renaming that comes meanwhile may not be synced by it.
  template <typename Sync>
  int Forget(int file, Sync sync) {
    const std::string synced = PathOf(file);
    const long last = Last();
    const int result = sync();
    if (result != 0) return result;
    const std::lock_guard lock(mutex_);
    std::erase_if(records_, [&](const auto& record) {
      if (record.first != synced || NumberOf(record.second) > last) return false;
      std::remove((record.second + ".path").c_str());
      std::remove((record.second + ".file").c_str());
      return true;
    });
    return result;
  }

 private:
  long Last() {
    const std::lock_guard lock(mutex_);
    return last_;
  }
  static long NumberOf(const std::string& record) {
    return std::stol(record.substr(record.rfind('/') + 1));
  }
  static std::string DirectoryOf(std::string path) { return path.substr(0, path.rfind('/')); }

  std::mutex mutex_;
  long last_ = 0;
  std::vector<std::pair<std::string, std::string>> records_;  // a directory, and the record
};

Unsynced& TheUnsynced() {
  static auto& unsynced = *new Unsynced;
  return unsynced;
}

// For a call that changes what a path names.
template <typename Call>
int Naming(const char* path, Call call) {
  return ThePlan().undo_directory == nullptr ? call() : TheUnsynced().Change(path, call);
}

// For a call that syncs a file.
template <typename Call>
int Syncing(int file, Call call) {
  return ThePlan().undo_directory == nullptr ? call() : TheUnsynced().Forget(file, call);
}

constexpr std::chrono::steady_clock::duration kStepMax = std::chrono::milliseconds(2);

// Does what a step does, on a disk that may be slow.
template <typename Call>
auto AtItsPace(Call call) {
  const long slowdown = ThePlan().slowdown;
  if (slowdown == 1) return call();
  const auto start = std::chrono::steady_clock::now();
  const auto result = call();
  const int error = errno;
  const auto taken = std::chrono::steady_clock::now() - start;
  std::this_thread::sleep_for((slowdown - 1) * std::min(taken, kStepMax));
  errno = error;
  return result;
}

// False, with errno set, while no file can be made.
bool MayMakeFiles() {
  const char* const until = ThePlan().no_new_files_while;
  if (until == nullptr || access(until, F_OK) != 0) return true;
  errno = ThePlan().error;
  return false;
}

// The third argument of open(), which is there only for a file that may be made.
mode_t ModeOf(int flags, va_list arguments) {
  return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : mode_t{0};
}

// For a call that happens whole or not at all.
template <typename What, typename Call>
int WholeStep(const char* name, What what, Call call) {
  switch (Step(name, what)) {
    case Fault::kKill:
      Kill();
    case Fault::kError:
      errno = ThePlan().error;
      return -1;
    default:
      return AtItsPace(call);
  }
}

}  // namespace

extern "C" {

ssize_t pwrite(int file, const void* bytes, size_t size, off_t offset) {
  static const auto real = Real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  const Fault fault = Step("pwrite", file);
  if (fault == Fault::kNone) return AtItsPace([&] { return real(file, bytes, size, offset); });
  const ssize_t half = real(file, bytes, size / 2, offset);
  if (fault == Fault::kKill) Kill();
  if (fault == Fault::kShort) return half;
  errno = ThePlan().error;
  return -1;
}

int fdatasync(int file) {
  static const auto real = Real<int (*)(int)>("fdatasync");
  WaitIfHeld("sync");
  return WholeStep("fdatasync", file, [&] { return Syncing(file, [&] { return real(file); }); });
}

int fsync(int file) {
  static const auto real = Real<int (*)(int)>("fsync");
  WaitIfHeld("sync");
  return WholeStep("fsync", file, [&] { return Syncing(file, [&] { return real(file); }); });
}

dirent* readdir(DIR* directory) {
  static const auto real = Real<dirent* (*)(DIR*)>("readdir");
  WaitIfHeld("listing");
  return real(directory);
}

int ftruncate(int file, off_t size) noexcept {
  static const auto real = Real<int (*)(int, off_t)>("ftruncate");
  return WholeStep("ftruncate", file, [&] { return real(file, size); });
}

int posix_fallocate(int file, off_t offset, off_t size) {
  static const auto real = Real<int (*)(int, off_t, off_t)>("posix_fallocate");
  // Unlike the others it returns its error.
  const int result = WholeStep("posix_fallocate", file, [&] { return real(file, offset, size); });
  return result < 0 ? errno : result;
}

int rename(const char* from, const char* to) noexcept {
  static const auto real = Real<int (*)(const char*, const char*)>("rename");
  return WholeStep("rename", from, [&] {
    // `from` is not recorded: servers write it anew.
    return Naming(to, [&] { return real(from, to); });
  });
}

int unlink(const char* path) noexcept {
  static const auto real = Real<int (*)(const char*)>("unlink");
  return WholeStep("unlink", path, [&] { return real(path); });
}

int mkdir(const char* path, mode_t mode) noexcept {
  static const auto real = Real<int (*)(const char*, mode_t)>("mkdir");
  return WholeStep("mkdir", path, [&] { return real(path, mode); });
}

int open(const char* path, int flags, ...) {
  static const auto real = Real<int (*)(const char*, int, mode_t)>("open");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  if ((flags & O_CREAT) == 0) return real(path, flags, mode);
  if (!MayMakeFiles()) return -1;
  return WholeStep("open", path, [&] { return real(path, flags, mode); });
}

// Java calls this one. The files that it makes do not count as steps.
int open64(const char* path, int flags, ...) {
  static const auto real = Real<int (*)(const char*, int, mode_t)>("open64");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  if ((flags & O_CREAT) != 0 && !MayMakeFiles()) return -1;
  return real(path, flags, mode);
}

}  // extern "C"

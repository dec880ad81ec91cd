// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/jvm.h"

#include <dlfcn.h>
#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace tripla {
namespace {

using CreateFn = jint(JNICALL*)(JavaVM**, void**, void*);
namespace fs = std::filesystem;

constexpr jint kJniVersion = JNI_VERSION_10;
constexpr char kLibrary[] = "lib/server/libjvm.so";

std::atomic<JavaVM*> the_jvm{nullptr};

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The directories that may be a Java installation, the likeliest first.
std::vector<fs::path> Homes() {
  std::vector<fs::path> homes;
  if (const std::string home = Environment("JAVA_HOME"); !home.empty()) homes.emplace_back(home);
  std::error_code ignored;
  std::istringstream path(Environment("PATH"));
  for (std::string directory; std::getline(path, directory, ':');) {
    const fs::path java = fs::canonical(fs::path(directory) / "java", ignored);
    if (!ignored) homes.push_back(java.parent_path().parent_path());
  }
  std::vector<fs::path> installed;
  for (const auto& entry : fs::directory_iterator("/usr/lib/jvm", ignored)) {
    installed.push_back(entry.path());
  }
  std::ranges::sort(installed, std::greater());
  homes.insert(homes.end(), installed.begin(), installed.end());
  return homes;
}

absl::StatusOr<CreateFn> LoadLibrary() {
  std::string tried;
  for (const fs::path& home : Homes()) {
    const std::string path = (home / kLibrary).string();
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (library != nullptr) {
      return reinterpret_cast<CreateFn>(dlsym(library, "JNI_CreateJavaVM"));
    }
    tried += (tried.empty() ? "" : ", ") + path;
  }
  return absl::UnavailableError(fmt::format(
      "a replica needs Java 17 or newer, and none was found ({}); install "
      "openjdk-17-jre-headless, or set JAVA_HOME",
      tried.empty() ? "no JAVA_HOME, no java on PATH, nothing in /usr/lib/jvm" : "tried " + tried));
}

absl::StatusOr<JavaVM*> Create(CreateFn create, std::vector<std::string> texts) {
  std::istringstream more(Environment("TRIPLA_JVM_OPTIONS"));
  for (std::string text; more >> text;) texts.push_back(text);
  std::vector<JavaVMOption> options;
  for (std::string& text : texts) options.push_back({.optionString = text.data()});
  JavaVMInitArgs arguments{.version = kJniVersion,
                           .nOptions = static_cast<jint>(options.size()),
                           .options = options.data(),
                           .ignoreUnrecognized = JNI_FALSE};
  JavaVM* jvm = nullptr;
  void* env = nullptr;
  if (const jint error = create(&jvm, &env, &arguments); error != JNI_OK) {
    return absl::UnavailableError(
        fmt::format("Java does not start (error {}); what it says is above; check JAVA_HOME and "
                    "TRIPLA_JVM_OPTIONS",
                    error));
  }
  jvm->DetachCurrentThread();
  return jvm;
}

// Leaves Java when its thread ends.
struct Attachment {
  JNIEnv* env = nullptr;
  ~Attachment() {
    if (env != nullptr) the_jvm.load()->DetachCurrentThread();
  }
};

}  // namespace

absl::Status StartJvm(const std::vector<std::string>& options) {
  TRIPLA_CHECK(the_jvm == nullptr, "a process has one Java virtual machine");
  TRIPLA_ASSIGN_OR_RETURN(const CreateFn create, LoadLibrary());
  // Else Java 17 finds no file whose path is not ASCII, where no locale is set, as under systemd.
  setenv("LC_ALL", "C.UTF-8", 1);
  absl::StatusOr<JavaVM*> jvm;
  // Not on the main thread, the stack of which Java would guard in its own way.
  std::thread([&] { jvm = Create(create, options); }).join();
  TRIPLA_RETURN_IF_ERROR(jvm.status());
  the_jvm = *jvm;
  return absl::OkStatus();
}

JNIEnv* Java() {
  thread_local JNIEnv* known = nullptr;
  if (known != nullptr) return known;
  JavaVM* jvm = the_jvm.load();
  TRIPLA_CHECK(jvm != nullptr, "Java was started");
  void* env = nullptr;
  if (jvm->GetEnv(&env, kJniVersion) == JNI_OK) return known = static_cast<JNIEnv*>(env);
  thread_local Attachment attachment;
  TRIPLA_CHECK(jvm->AttachCurrentThreadAsDaemon(&env, nullptr) == JNI_OK,
               "Java takes another thread");
  attachment.env = static_cast<JNIEnv*>(env);
  return known = attachment.env;
}

}  // namespace tripla

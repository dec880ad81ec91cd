// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/replica.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/diagnostics.h"
#include "base/status_macros.h"
#include "disk/disk_reserve.h"
#include "log/ratis/jni_call.h"

namespace tripla {

struct Replica::Bridge {
  ReplicaCallbacks callbacks;
  jobject object = nullptr;
  bool closed = false;
  bool ended = false;  // in order: nothing of it calls back any more
  jmethodID submit, submit_later, read_index, confirm_read_index, tell_committed, leads, leader,
      describe, describe_member, troubles_of, set_image, purge, hand_over, disconnect, close;

  // By `submit` or `submit_later`.
  void Submit(jmethodID method, uint64_t batch, std::string_view bytes) const {
    JNIEnv* env = Java();
    const JavaFrame frame(env);
    jbyteArray copy = ToJavaBytes(env, bytes);
    if (copy != nullptr) env->CallVoidMethod(object, method, static_cast<jlong>(batch), copy);
    if (absl::Status status = TakeException(env); !status.ok()) {
      callbacks.failed(batch, true, std::string(status.message()));
    }
  }
};

namespace {

const ReplicaCallbacks& Callbacks(jlong log) {
  return *reinterpret_cast<const ReplicaCallbacks*>(log);
}

LogPosition Position(jlong term, jlong index) {
  return {.term = static_cast<uint64_t>(term), .index = static_cast<LogIndex>(index)};
}

jboolean ApplySubmitted(JNIEnv*, jclass, jlong log, jlong batch, jlong term, jlong index) {
  return static_cast<jboolean>(
      Callbacks(log).apply_submitted(static_cast<uint64_t>(batch), Position(term, index)));
}

void Apply(JNIEnv* env, jclass, jlong log, jlong term, jlong index, jobject buffer, jint size) {
  const auto* bytes = static_cast<const char*>(env->GetDirectBufferAddress(buffer));
  Callbacks(log).apply(Position(term, index), {bytes, static_cast<size_t>(size)});
}

void Skip(JNIEnv*, jclass, jlong log, jlong term, jlong index) {
  Callbacks(log).skip(Position(term, index));
}

void Failed(JNIEnv* env, jclass, jlong log, jlong batch, jboolean appended, jstring why) {
  Callbacks(log).failed(static_cast<uint64_t>(batch), appended != JNI_FALSE, ToText(env, why));
}

void Confirmed(JNIEnv*, jclass, jlong log, jlong index) {
  Callbacks(log).confirmed(index < 0 ? std::nullopt
                                     : std::optional<LogIndex>(static_cast<LogIndex>(index)));
}

jboolean HasRoom(JNIEnv*, jclass, jlong log, jlong bytes) {
  return static_cast<jboolean>(Callbacks(log).has_room(static_cast<uint64_t>(bytes)));
}

void HoldImages(JNIEnv*, jclass, jlong log) { Callbacks(log).hold_images(); }

void ReleaseImages(JNIEnv*, jclass, jlong log) { Callbacks(log).release_images(); }

jstring Install(JNIEnv* env, jclass, jlong log, jlongArray term_and_index) {
  const ImageFile image = Callbacks(log).install();
  const jlong place[] = {static_cast<jlong>(image.position.term),
                         static_cast<jlong>(image.position.index)};
  env->SetLongArrayRegion(term_and_index, 0, 2, place);
  return ToJava(env, image.path);
}

// Null when the piece is good.
jstring CheckPiece(JNIEnv* env, jclass, jlong log, jlong image, jlong image_bytes, jlong offset,
                   jbyteArray bytes) {
  std::string content(env->GetArrayLength(bytes), '\0');
  env->GetByteArrayRegion(bytes, 0, static_cast<jsize>(content.size()),
                          reinterpret_cast<jbyte*>(content.data()));
  const absl::Status good =
      Callbacks(log).check_piece({.image = static_cast<LogIndex>(image),
                                  .image_bytes = static_cast<uint64_t>(image_bytes),
                                  .offset = static_cast<uint64_t>(offset),
                                  .content = content});
  return good.ok() ? nullptr : ToJava(env, std::string(good.message()));
}

void ImageRefused(JNIEnv*, jclass, jlong log) { Callbacks(log).image_refused(); }

// Null when this is the directory that is known, or a later start of it.
jstring WhyOutdated(JNIEnv* env, jclass, jlong log, jstring node, jlong count, jlongArray nonces) {
  Starts said{.count = static_cast<uint64_t>(count)};
  said.nonces.resize(env->GetArrayLength(nonces));
  env->GetLongArrayRegion(nonces, 0, static_cast<jsize>(said.nonces.size()),
                          reinterpret_cast<jlong*>(said.nonces.data()));
  const absl::Status noted = Callbacks(log).note_starts(ToText(env, node), said);
  if (noted.ok()) return nullptr;
  if (absl::IsFailedPrecondition(noted)) return ToJava(env, std::string(noted.message()));
  env->ThrowNew(env->FindClass("java/io/IOException"), std::string(noted.message()).c_str());
  return nullptr;
}

void MarkSaid(JNIEnv* env, jclass, jlong log) {
  const absl::Status marked = Callbacks(log).mark_said();
  if (marked.ok()) return;
  env->ThrowNew(env->FindClass("java/io/IOException"), std::string(marked.message()).c_str());
}

jlongArray LevelsOf(JNIEnv* env, jclass, jlong log) {
  const Levels levels = Callbacks(log).levels();
  return ToJavaLongs(env, {levels.reached, levels.lowest, levels.highest});
}

void EndAsOutdated(JNIEnv* env, jclass, jlong log, jstring why) {
  Callbacks(log).end_as_outdated(ToText(env, why));
}

void DieOf(JNIEnv* env, jclass, jstring why) { Die(ToText(env, why)); }

void SayFromJava(JNIEnv* env, jclass, jint severity, jstring message) {
  Say(static_cast<Severity>(severity), ToText(env, message));
}

absl::Status RegisterNatives(JNIEnv* env) {
  jclass native = env->FindClass("io/tripla/bridge/Native");
  TRIPLA_RETURN_IF_ERROR(TakeException(env));
  const auto method = [](const char* name, const char* signature, auto* function) {
    return JNINativeMethod{.name = const_cast<char*>(name),
                           .signature = const_cast<char*>(signature),
                           .fnPtr = reinterpret_cast<void*>(function)};
  };
  const JNINativeMethod methods[] = {
      method("applySubmitted", "(JJJJ)Z", &ApplySubmitted),
      method("apply", "(JJJLjava/nio/ByteBuffer;I)V", &Apply),
      method("skip", "(JJJ)V", &Skip),
      method("failed", "(JJZLjava/lang/String;)V", &Failed),
      method("confirmed", "(JJ)V", &Confirmed),
      method("hasRoom", "(JJ)Z", &HasRoom),
      method("holdImages", "(J)V", &HoldImages),
      method("releaseImages", "(J)V", &ReleaseImages),
      method("install", "(J[J)Ljava/lang/String;", &Install),
      method("checkPiece", "(JJJJ[B)Ljava/lang/String;", &CheckPiece),
      method("imageRefused", "(J)V", &ImageRefused),
      method("whyOutdated", "(JLjava/lang/String;J[J)Ljava/lang/String;", &WhyOutdated),
      method("markSaid", "(J)V", &MarkSaid),
      method("levels", "(J)[J", &LevelsOf),
      method("endAsOutdated", "(JLjava/lang/String;)V", &EndAsOutdated),
      method("die", "(Ljava/lang/String;)V", &DieOf),
      method("say", "(ILjava/lang/String;)V", &SayFromJava),
  };
  env->RegisterNatives(native, methods, static_cast<jint>(std::size(methods)));
  return TakeException(env);
}

// The bridge and all it needs stand in ../lib/tripla from this program.
std::filesystem::path Library() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  return program.parent_path().parent_path() / "lib" / "tripla";
}

// In the order of the archive of classes, which Java compares (ratis-bridge/archive-classes). The
// bridge comes before Ratis, because it replaces two classes of it.
absl::StatusOr<std::string> ClassPath() {
  const std::filesystem::path directory = Library();
  std::error_code error;
  std::vector<std::string> jars;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".jar") jars.push_back(entry.path().string());
  }
  std::ranges::sort(jars, std::greater());
  if (!jars.empty()) return absl::StrJoin(jars, ":");
  return absl::UnavailableError(fmt::format(
      "{} holds no jars, which a replica needs; install tripla with them", directory.string()));
}

// A large entry is in memory several times: as it comes, in the log, on its way to the others.
std::string HeapOption(size_t entry_bytes_max) {
  constexpr size_t kCopies = 8;
  return fmt::format("-Xmx{}m", std::max<size_t>(384, 256 + (kCopies * entry_bytes_max >> 20)));
}

std::vector<std::string> JvmOptions(const std::string& class_path, size_t entry_bytes_max) {
  std::vector<std::string> options = {
      "-Djava.class.path=" + class_path,
      "-Xms48m",
      HeapOption(entry_bytes_max),
      "-XX:+UseSerialGC",  // least overhead at this size
      "-XX:-UsePerfData",
      "-XX:ReservedCodeCacheSize=64m",
      "-XX:TieredStopAtLevel=1",      // full speed at once (docs/performance-cluster.md)
      "-XX:+ExitOnOutOfMemoryError",  // half a replica is worse than none
      "-Dsun.net.inetaddr.ttl=1",     // a member may move: ask for its address anew each second
  };
  std::error_code error;
  if (const auto archive = Library() / "classes.jsa"; std::filesystem::exists(archive, error)) {
    options.push_back("-XX:SharedArchiveFile=" + archive.string());
    // One of another Java, or of another place, is not used; that it would be quicker is no
    // warning.
    options.insert(options.end(), {"-Xlog:cds=off", "-Xlog:class+path=off"});
  }
  return options;
}

// What Ratis says of a damaged log becomes DataLoss.
absl::Status StartError(const absl::Status& status) {
  const std::string message(status.message());
  for (const char* damage : {"ChecksumException", "CorruptedFileException"}) {
    if (message.find(damage) == std::string::npos) continue;
    return absl::DataLossError(fmt::format("the log is damaged: {}; {}", message, kRebuild));
  }
  return absl::Status(status.code(), fmt::format("Ratis does not start: {}", message));
}

// Else a full disk would end a replica, or keep it from taking entries that fit.
absl::Status CheckEntryRoom(JNIEnv* env) {
  jclass type = env->FindClass("io/tripla/bridge/LogRoom");
  TRIPLA_RETURN_IF_ERROR(TakeException(env));
  const jfieldID field = env->GetStaticFieldID(type, "ENTRY_BYTES", "J");
  TRIPLA_RETURN_IF_ERROR(TakeException(env));
  const jlong of_jar = env->GetStaticLongField(type, field);
  if (of_jar == jlong{DiskReserve::kEntryRoomBytes}) return absl::OkStatus();
  return absl::InternalError(fmt::format(
      "triplad and its jar are not of one version: to one of them entries need {} bytes "
      "beside their own, to the other {}; install both anew",
      DiskReserve::kEntryRoomBytes, of_jar));
}

}  // namespace

absl::Status Replica::CheckInstalled() { return ClassPath().status(); }

Replica::Replica(std::unique_ptr<Bridge> bridge) : bridge_(std::move(bridge)) {}
Replica::~Replica() {
  Close();
  Java()->DeleteGlobalRef(bridge_->object);
  if (!bridge_->ended) bridge_.release();  // Java may call back still
}

absl::StatusOr<std::unique_ptr<Replica>> Replica::Start(const Options& options,
                                                        ReplicaCallbacks callbacks) {
  TRIPLA_ASSIGN_OR_RETURN(const std::string class_path, ClassPath());
  TRIPLA_RETURN_IF_ERROR(StartJvm(JvmOptions(class_path, options.entry_bytes_max)));
  JNIEnv* env = Java();
  const JavaFrame frame(env);
  TRIPLA_RETURN_IF_ERROR(RegisterNatives(env));
  jclass type = env->FindClass("io/tripla/bridge/Replica");
  TRIPLA_RETURN_IF_ERROR(TakeException(env));
  auto bridge = std::make_unique<Bridge>();
  bridge->callbacks = std::move(callbacks);
  const auto method = [&](const char* name, const char* signature) {
    return env->GetMethodID(type, name, signature);
  };
  const jmethodID construct =
      method("<init>",
             "(JLjava/lang/String;Ljava/lang/String;J[JJ[Ljava/lang/String;Ljava/lang/String;"
             "Ljava/lang/String;Ljava/lang/String;JJIIZ)V");
  bridge->submit = method("submit", "(J[B)V");
  bridge->submit_later = method("submitLater", "(J[B)V");
  bridge->read_index = method("readIndex", "()J");
  bridge->confirm_read_index = method("confirmReadIndex", "()V");
  bridge->tell_committed = method("tellCommitted", "(J)V");
  bridge->leads = method("leads", "()Z");
  bridge->leader = method("leader", "()Ljava/lang/String;");
  bridge->describe = method("describe", "()[J");
  bridge->describe_member = method("describeMember", "(Ljava/lang/String;)[J");
  bridge->troubles_of = method("troublesOf", "(Ljava/lang/String;)[Ljava/lang/String;");
  bridge->set_image = method("setImage", "(Ljava/lang/String;JJ)V");
  bridge->purge = method("purge", "(JZ)V");
  bridge->hand_over = method("handOver", "(Ljava/lang/String;)Z");
  bridge->disconnect = method("disconnect", "(Ljava/lang/String;)V");
  bridge->close = method("close", "()V");
  TRIPLA_RETURN_IF_ERROR(TakeException(env));
  TRIPLA_RETURN_IF_ERROR(CheckEntryRoom(env));
  std::vector<std::string> members;
  for (const Member& member : options.membership.members) {
    members.push_back(member.node + "=" + member.raft_endpoint);
  }
  jobject object = env->NewObject(
      type, construct, reinterpret_cast<jlong>(&bridge->callbacks),
      ToJava(env, options.membership.cluster), ToJava(env, options.membership.node),
      static_cast<jlong>(options.starts.count), ToJavaLongs(env, options.starts.nonces),
      static_cast<jlong>(options.membership.votes_from), ToJava(env, members),
      ToJava(env, options.listen), ToJava(env, options.log_directory),
      options.image ? ToJava(env, options.image->path) : nullptr,
      static_cast<jlong>(options.image ? options.image->position.term : 0),
      static_cast<jlong>(options.image ? options.image->position.index : 0),
      static_cast<jint>(options.entry_bytes_max), static_cast<jint>(options.own_entry_bytes_max),
      static_cast<jboolean>(IsSaid(Severity::kDebug)));
  if (absl::Status status = TakeException(env); !status.ok()) {
    bridge.release();  // Ratis may have threads that call back still
    return StartError(status);
  }
  bridge->object = env->NewGlobalRef(object);
  return std::unique_ptr<Replica>(new Replica(std::move(bridge)));
}

void Replica::Submit(uint64_t batch, std::string_view bytes) {
  bridge_->Submit(bridge_->submit, batch, bytes);
}

void Replica::SubmitLater(uint64_t batch, std::string_view bytes) {
  bridge_->Submit(bridge_->submit_later, batch, bytes);
}

std::optional<LogIndex> Replica::ReadIndex() const {
  JNIEnv* env = Java();
  const jlong index = env->CallLongMethod(bridge_->object, bridge_->read_index);
  if (DropException(env) || index < 0) return std::nullopt;
  return static_cast<LogIndex>(index);
}

void Replica::ConfirmReadIndex() {
  JNIEnv* env = Java();
  env->CallVoidMethod(bridge_->object, bridge_->confirm_read_index);
  if (DropException(env)) bridge_->callbacks.confirmed(std::nullopt);
}

void Replica::TellCommitted(LogIndex index) {
  JNIEnv* env = Java();
  env->CallVoidMethod(bridge_->object, bridge_->tell_committed, static_cast<jlong>(index));
  (void)DropException(env);  // then they learn it later
}

bool Replica::Leads() const {
  JNIEnv* env = Java();
  const bool leads = env->CallBooleanMethod(bridge_->object, bridge_->leads) != JNI_FALSE;
  return !DropException(env) && leads;
}

std::string Replica::Leader() const {
  JNIEnv* env = Java();
  const JavaFrame frame(env);
  auto* leader = static_cast<jstring>(env->CallObjectMethod(bridge_->object, bridge_->leader));
  return TakeException(env).ok() ? ToText(env, leader) : "";
}

Replica::State Replica::GetState() const {
  JNIEnv* env = Java();
  const JavaFrame frame(env);
  auto* described =
      static_cast<jlongArray>(env->CallObjectMethod(bridge_->object, bridge_->describe));
  if (!TakeException(env).ok()) return {.role = "candidate"};
  jlong values[4];
  env->GetLongArrayRegion(described, 0, 4, values);
  const char* const kRoles[] = {"leader", "follower", "candidate"};
  return {.role = kRoles[values[0]],
          .term = static_cast<uint64_t>(values[1]),
          .first = static_cast<LogIndex>(values[2]),
          .last = static_cast<LogIndex>(std::max<jlong>(values[3], 0))};
}

Log::MemberStatus Replica::GetMember(const std::string& node) const {
  JNIEnv* env = Java();
  const JavaFrame frame(env);
  Log::MemberStatus member{.node = node};
  const jstring name = ToJava(env, node);
  const auto described = static_cast<jlongArray>(
      env->CallObjectMethod(bridge_->object, bridge_->describe_member, name));
  if (DropException(env)) return member;
  const auto troubles =
      static_cast<jobjectArray>(env->CallObjectMethod(bridge_->object, bridge_->troubles_of, name));
  if (DropException(env)) return member;
  const auto trouble = [&](jsize at) {
    return ToText(env, static_cast<jstring>(env->GetObjectArrayElement(troubles, at)));
  };
  jlong values[6];
  env->GetLongArrayRegion(described, 0, 6, values);
  const auto [silence, acknowledged, image, bytes, percent, attempt] = values;
  if (silence >= 0) member.silence = std::chrono::milliseconds(silence);
  member.trouble = trouble(0);
  if (acknowledged >= 0) member.acknowledged = static_cast<LogIndex>(acknowledged);
  if (image < 0) return member;
  member.image = {.index = static_cast<LogIndex>(image),
                  .bytes = static_cast<uint64_t>(bytes),
                  .percent = static_cast<uint64_t>(percent),
                  .attempt = static_cast<uint64_t>(attempt),
                  .trouble = trouble(1)};
  return member;
}

absl::Status Replica::SetImage(const ImageFile& image) {
  JNIEnv* env = Java();
  const JavaFrame frame(env);
  env->CallVoidMethod(bridge_->object, bridge_->set_image, ToJava(env, image.path),
                      static_cast<jlong>(image.position.term),
                      static_cast<jlong>(image.position.index));
  return TakeException(env);
}

absl::Status Replica::Purge(LogIndex through, bool all) {
  JNIEnv* env = Java();
  const JavaFrame frame(env);
  env->CallVoidMethod(bridge_->object, bridge_->purge, static_cast<jlong>(through),
                      static_cast<jboolean>(all));
  return TakeException(env);
}

absl::Status Replica::HandOver(const std::string& successor) {
  JNIEnv* env = Java();
  const JavaFrame frame(env);
  const bool done = env->CallBooleanMethod(bridge_->object, bridge_->hand_over,
                                           ToJava(env, successor)) != JNI_FALSE;
  TRIPLA_RETURN_IF_ERROR(TakeException(env));
  if (done) return absl::OkStatus();
  return absl::InternalError("no other node took over in time; ask again");
}

void Replica::Disconnect(const std::string& node) {
  JNIEnv* env = Java();
  const JavaFrame frame(env);
  env->CallVoidMethod(bridge_->object, bridge_->disconnect, ToJava(env, node));
  (void)DropException(env);  // it closes what it can
}

void Replica::Close() {
  if (std::exchange(bridge_->closed, true)) return;
  JNIEnv* env = Java();
  const JavaFrame frame(env);
  env->CallVoidMethod(bridge_->object, bridge_->close);
  const absl::Status status = TakeException(env);
  bridge_->ended = status.ok();
  if (!status.ok()) {
    Say(Severity::kWarning,
        fmt::format("Ratis did not end in order: {}", std::string(status.message())));
  }
}

}  // namespace tripla

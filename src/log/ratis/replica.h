// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "log/log.h"
#include "log/ratis/membership.h"
#include "log/ratis/starts.h"
#include "model/level.h"
#include "model/log_position.h"

namespace tripla {

// An image in force, as Ratis must know it.
struct ImageFile {
  LogPosition position;
  std::string path;
};

// A part of an image that is on its way from another replica.
struct ImagePiece {
  LogIndex image = 0;        // the last record that it holds
  uint64_t image_bytes = 0;  // of the whole
  uint64_t offset = 0;       // 0 begins an image; else it follows the piece before
  std::string_view content;
};

// What Ratis calls, on threads of Java's. All of these must return soon.
struct ReplicaCallbacks {
  // Applies a batch that was given to Submit() and is durable now. False when its submission was
  // taken out already; then `apply` follows. This, `apply` and `skip` come in the order of the log,
  // and none of them beside `install`.
  std::function<bool(uint64_t batch, LogPosition)> apply_submitted;
  std::function<void(LogPosition, std::string_view bytes)> apply;
  // The entry at this index is one of Ratis's own.
  std::function<void(LogPosition)> skip;
  // A batch that was given to Submit() will not be passed to `apply_submitted`. If `appended`, it
  // is in the log and may still be applied.
  std::function<void(uint64_t batch, bool appended, std::string why)> failed;
  // Answers ConfirmReadIndex(): the index, or nothing when this server does not lead.
  std::function<void(std::optional<LogIndex>)> confirmed;
  // Whether entries of so many bytes, which a leader has sent, may be added to the log.
  std::function<bool(uint64_t bytes)> has_room;
  // Waits until no image is being written. None is written then before `install`, or
  // `release_images` when there is nothing to install.
  std::function<void()> hold_images;
  std::function<void()> release_images;
  // Replaces the state by the image from another replica that lies in ReceivedImagesPath().
  std::function<ImageFile()> install;
  // Verifies a piece before Ratis takes it, one at a time. After an error the image is given up.
  std::function<absl::Status(const ImagePiece&)> check_piece;
  // Another replica has refused the image of this one. Said once an image.
  std::function<void()> image_refused;
  // Another member says these of its directory: as MemberStarts::Note().
  std::function<absl::Status(const std::string& node, const Starts&)> note_starts;
  // As MemberStarts::MarkSaid().
  std::function<absl::Status()> mark_said;
  // The level of the state, and those that this program knows.
  std::function<Levels()> levels;
  // Another member says that this server's directory is outdated. Does not return.
  std::function<void(const std::string& why)> end_as_outdated;
};

// One replica of the log in Ratis: the C++ face of io.tripla.bridge.Replica, which holds no logic.
// Hidden behind it is everything Java.
//
// Thread-safety: any thread.
class Replica {
 public:
  struct Options {
    Membership membership;
    Starts starts;       // of this server's directory
    std::string listen;  // HOST:PORT where it takes the connections of the others
    std::string log_directory;
    std::optional<ImageFile> image;  // what the state was loaded from
    // Of one batch that any server has submitted; memory of this size is taken at once.
    size_t entry_bytes_max = 0;
    size_t own_entry_bytes_max = 0;  // of one given to Submit()
  };

  // Starts Java and Ratis. It takes votes and entries from when this returns, and callbacks may
  // come before. `callbacks` stay valid until Close() has returned.
  //
  // Errors: Unavailable without Java; Internal with what Ratis says, for example that the log is
  // damaged.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Replica>> Start(const Options& options,
                                                                      ReplicaCallbacks callbacks);
  ~Replica();

  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  // Gives a batch, under a number that never comes twice, to the log. `apply_submitted` or `failed`
  // follows, perhaps before this returns. May wait while Ratis changes its role.
  void Submit(uint64_t batch, std::string_view bytes);
  // The same without waiting, on a thread of Java's.
  void SubmitLater(uint64_t batch, std::string_view bytes);

  // The place a linearizable read must see, told by the leader's lease; nothing when this server
  // does not lead, or cannot be sure to.
  [[nodiscard]] std::optional<LogIndex> ReadIndex() const;

  // The same without the lease, by a round of acknowledgements; `confirmed` follows, perhaps before
  // this returns. Not while another one is under way.
  void ConfirmReadIndex();

  // On the leader: lets followers that do not know it yet know that all up to `index` is committed.
  void TellCommitted(LogIndex index);

  // Whether this program has what a start needs beside Java itself: the jars.
  // Errors: Unavailable or Unimplemented, which says what is missing and what to do.
  [[nodiscard]] static absl::Status CheckInstalled();

  [[nodiscard]] bool Leads() const;
  // The leader's node id; empty when none is known.
  [[nodiscard]] std::string Leader() const;

  struct State {
    std::string role;  // leader, follower or candidate
    uint64_t term = 0;
    LogIndex first = 0;  // held
    LogIndex last = 0;
  };
  [[nodiscard]] State GetState() const;

  // Another member, as this one sees it.
  [[nodiscard]] Log::MemberStatus GetMember(const std::string& node) const;

  // From now on this is the image in force: what a replica that lags too far behind is sent.
  // Errors: Internal when Ratis cannot link to it.
  [[nodiscard]] absl::Status SetImage(const ImageFile& image);

  // Lets the log forget entries up to `through`, by whole files; unless `all`, it keeps those that
  // a replica needs which is being sent an image. Errors: Internal when that failed, or takes
  // longer than ten seconds.
  [[nodiscard]] absl::Status Purge(LogIndex through, bool all);

  // Transfers leadership, if this node leads, to `successor`; empty: to any. Errors: Internal with
  // the reason when no other node leads then.
  [[nodiscard]] absl::Status HandOver(const std::string& successor);

  // Closes the connections with a member whose directory was replaced. Later ones are asked for.
  void Disconnect(const std::string& node);

  // Applies what is committed and fails what still waits. No callback comes afterwards, this node
  // does not lead, and ReadIndex() returns nothing. Idempotent.
  void Close();

 private:
  struct Bridge;  // what is Java's
  explicit Replica(std::unique_ptr<Bridge> bridge);
  std::unique_ptr<Bridge> bridge_;
};

}  // namespace tripla

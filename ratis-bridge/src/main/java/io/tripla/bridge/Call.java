// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotReplyProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteReplyProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionReplyProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionRequestProto;
import org.apache.ratis.thirdparty.com.google.protobuf.MessageLite;
import org.apache.ratis.thirdparty.com.google.protobuf.Parser;

/** The calls between nodes. The numbers are on the wire: add, never change. */
enum Call {
  REQUEST_VOTE(1, Purpose.VOTES, RequestVoteRequestProto.parser(), RequestVoteReplyProto.parser()),
  APPEND_ENTRIES(
      2, Purpose.ENTRIES, AppendEntriesRequestProto.parser(), AppendEntriesReplyProto.parser()),
  INSTALL_SNAPSHOT(
      3,
      Purpose.SNAPSHOTS,
      InstallSnapshotRequestProto.parser(),
      InstallSnapshotReplyProto.parser()),
  START_ELECTION(
      4,
      Purpose.VOTES,
      StartLeaderElectionRequestProto.parser(),
      StartLeaderElectionReplyProto.parser()),
  /** The leader frees a follower of its promise, so that it can vote for a successor. */
  RELEASE_PROMISE(
      5,
      Purpose.VOTES,
      StartLeaderElectionRequestProto.parser(),
      StartLeaderElectionReplyProto.parser());

  /** Each has a connection of its own, so that a large snapshot holds up no vote. */
  enum Purpose {
    VOTES,
    ENTRIES,
    SNAPSHOTS;

    /** The purpose of this name, or null. */
    static Purpose of(String name) {
      for (Purpose purpose : values()) {
        if (purpose.name().equals(name)) {
          return purpose;
        }
      }
      return null;
    }
  }

  final int number;
  final Purpose purpose;
  final Parser<? extends MessageLite> request;
  final Parser<? extends MessageLite> reply;

  Call(
      int number,
      Purpose purpose,
      Parser<? extends MessageLite> request,
      Parser<? extends MessageLite> reply) {
    this.number = number;
    this.purpose = purpose;
    this.request = request;
    this.reply = reply;
  }

  /** The call of this number, or null. */
  static Call of(int number) {
    for (Call call : values()) {
      if (call.number == number) {
        return call;
      }
    }
    return null;
  }
}

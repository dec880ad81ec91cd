// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.IOException;
import org.apache.ratis.proto.RaftProtos.RequestVoteReplyProto;

/**
 * One vote a term, for another node or for itself (the Raft paper, 5.2).
 *
 * <p>Ratis (3.3.0) does not see to it: LeaderElection locks a wrapper, not the server, so a candidate
 * raises its term and votes for itself while another thread votes for another candidate. Either vote may
 * then be given though the other was, or be written in place of the other.
 *
 * <p>Any thread.
 */
final class Ballot {
  /** Casts a vote, as far as Ratis wants to. */
  interface Vote {
    RequestVoteReplyProto cast() throws IOException;
  }

  private final String self;
  private final SocketRpcType.VoteFile file;
  private long term = -1;
  private String voted = "";

  Ballot(String self, SocketRpcType.VoteFile file) {
    this.self = self;
    this.file = file;
  }

  /**
   * Votes for another node.
   *
   * @throws IOException when another one has the vote of this term, or it could not be written
   */
  RequestVoteReplyProto cast(long ofTerm, String candidate, Vote vote) throws IOException {
    boolean isNew = reserve(ofTerm, candidate);
    boolean granted = false;
    try {
      RequestVoteReplyProto reply = vote.cast();
      granted = reply.getServerReply().getSuccess();
      if (granted) {
        file.ensure(ofTerm, candidate);
      }
      return reply;
    } finally {
      if (isNew && !granted) {
        release(ofTerm);
      }
    }
  }

  /**
   * Before this node asks others to vote for it in this term.
   *
   * @throws IOException when another one has its vote of this term, or it could not be written
   */
  void stand(long ofTerm) throws IOException {
    boolean isNew = reserve(ofTerm, self);
    boolean stands = false;
    try {
      file.ensure(ofTerm, self);
      stands = true;
    } finally {
      if (isNew && !stands) {
        release(ofTerm);
      }
    }
  }

  /**
   * Reserves the vote of this term before Ratis is asked: while Ratis decides, no lock is held that its
   * own threads wait for.
   *
   * @return false when the candidate had the vote before
   */
  private synchronized boolean reserve(long ofTerm, String candidate) throws IOException {
    if (ofTerm < term || ofTerm == term && !voted.isEmpty() && !voted.equals(candidate)) {
      throw new IOException("its vote of term " + term + " is " + voted + "'s");
    }
    boolean isNew = ofTerm > term || voted.isEmpty();
    term = ofTerm;
    voted = candidate;
    return isNew;
  }

  private synchronized void release(long ofTerm) {
    if (term == ofTerm) {
      voted = "";
    }
  }
}
